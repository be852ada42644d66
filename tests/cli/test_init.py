"""`hoopfast init`: a folder that `check` finds in order, and nothing ever overwritten."""

from __future__ import annotations

import os
import ssl
import subprocess
from pathlib import Path

import pytest

from hoopfast.audit.keys import load_key, public_pem
from hoopfast.cli.init import init
from hoopfast.config import load
from hoopfast.errors import ConfigError
from hoopfast.sandbox.postgres import ThrowawayPostgres
from tests.cli.run import hoopfast

FILES = ["audit.key", "audit.pub", "hoopfast.toml", "server.crt", "server.key", "upstream-role.sql"]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_what_it_writes_is_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "gateway"
    done = hoopfast("init", str(folder))
    assert done.returncode == 0, done.stderr
    assert sorted(contents(folder)) == FILES
    for private in ("audit.key", "server.key"):
        assert (folder / private).stat().st_mode & 0o777 == 0o600
    assert public_pem(load_key(folder / "audit.key").public_key()) == (folder / "audit.pub").read_bytes()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    assert load(folder / "hoopfast.toml").policy["nightly"].mask
    checked = hoopfast("check", "hoopfast.toml", cwd=folder, CLINIC_PASSWORD="x")
    assert checked.stdout == "hoopfast.toml: in order\n"
    assert checked.returncode == 0


def test_the_configuration_states_the_defaults(tmp_path: Path) -> None:
    init(tmp_path)
    path = tmp_path / "hoopfast.toml"
    gateway = load(path).gateway
    text = path.read_text()
    for key in ("workers", "idle_timeout", "session_limit", "max_message", "drain_timeout"):
        text = text.replace(f"# {key}", key)
    path.write_text(text)
    assert load(path).gateway == gateway


def test_it_refuses_where_anything_is(tmp_path: Path) -> None:
    (tmp_path / "server.key").write_text("mine")
    (tmp_path / "audit.key").symlink_to("nowhere")
    with pytest.raises(ConfigError, match=r"^audit.key, server.key in .* are there already: nothing was written$"):
        init(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.key", "server.key"]
    done = hoopfast("init", cwd=tmp_path)
    assert done.returncode == 1
    assert "--missing writes the others only" in done.stderr


def test_missing_writes_the_others_only(tmp_path: Path) -> None:
    init(tmp_path)
    before = contents(tmp_path)
    (tmp_path / "upstream-role.sql").unlink()
    (tmp_path / "hoopfast.toml").write_text("mine")
    done = hoopfast("init", "--missing", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "upstream-role.sql: written" in done.stdout
    assert "hoopfast.toml: kept" in done.stdout
    assert contents(tmp_path) == {**before, "hoopfast.toml": b"mine"}


def test_half_of_a_pair_is_not_made_up(tmp_path: Path) -> None:
    init(tmp_path)
    (tmp_path / "server.crt").unlink()
    (tmp_path / "audit.key").unlink()
    before = contents(tmp_path)
    init(tmp_path, missing=True)
    assert contents(tmp_path) == before


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        init(tmp_path / "file" / "below")


def test_the_role_is_a_plain_one() -> None:
    sql = (Path(__file__).resolve().parents[2] / "hoopfast" / "cli" / "init.sql").read_text()
    for word in ("NOSUPERUSER", "NOCREATEDB", "NOCREATEROLE", "NOREPLICATION", "NOBYPASSRLS"):
        assert word in sql


def test_the_sql_makes_a_role_that_can_sign_in(postgres18: ThrowawayPostgres, tmp_path: Path) -> None:
    init(tmp_path)
    postgres18.psql("CREATE ROLE clinic_owner LOGIN CREATEROLE")
    postgres18.create_database("clinic", owner="clinic_owner")
    psql = [str(postgres18.bin_directory / "psql"), "-X", postgres18.dsn("clinic", user="clinic_owner")]

    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        script = ["-f", str(tmp_path / "upstream-role.sql")]
        inherited = {name: value for name, value in os.environ.items() if name != "CLINIC_PASSWORD"}
        return subprocess.run(
            [*psql, *script], env=inherited | environment, capture_output=True, text=True, check=False, timeout=30
        )

    try:
        without = run()
        assert without.returncode != 0
        assert "export CLINIC_PASSWORD first" in without.stderr
        assert not postgres18.has_role("hoopfast")
        done = run(CLINIC_PASSWORD='it\'s \\ "good"')
        assert done.returncode == 0, done.stderr
        stored = postgres18.psql("SELECT rolpassword LIKE 'SCRAM%' FROM pg_authid WHERE rolname = 'hoopfast'")
        assert stored.strip() == "t"
    finally:
        postgres18.psql("DROP DATABASE clinic WITH (FORCE)")
        postgres18.psql("DROP ROLE IF EXISTS hoopfast; DROP ROLE clinic_owner")
