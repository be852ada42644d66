"""`hoopfast check`: the list, and the exit status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hoopfast.cli.init import init
from tests.auth.issuing import pem, signing_key
from tests.cli.run import hoopfast


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    init(tmp_path)
    return tmp_path


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "hoopfast.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_warnings_are_no_failure(folder: Path) -> None:
    edit(folder, "repository =", "actor =")
    done = hoopfast("check", "hoopfast.toml", cwd=folder)
    assert done.returncode == 0
    assert "warning: database.clinic.password: the environment variable CLINIC_PASSWORD is not set" in done.stdout
    assert "warning: access[0].claims: anybody can get such a token: pin repository or repository_owner" in done.stdout
    assert done.stdout.endswith("hoopfast.toml: in order, 2 warnings\n")


def test_a_configuration_that_cannot_be_read(folder: Path) -> None:
    edit(folder, "listen ", "lsten ")
    edit(folder, "keep_last(4)", "keep_lst(4)")
    done = hoopfast("check", "hoopfast.toml", cwd=folder)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == f"{folder / 'hoopfast.toml'}: 2 problems"
    assert 'gateway.lsten: is not a known key, did you mean "listen"?' in lines[1]
    assert 'there is no mask "keep_lst", did you mean "keep_last"?' in lines[2]
    assert len(lines) == 3
    assert done.stderr == ""


def test_no_file(tmp_path: Path) -> None:
    done = hoopfast("check", "nothing.toml", cwd=tmp_path)
    assert done.returncode == 1
    assert "nothing.toml: cannot be read: No such file or directory; `hoopfast init` writes a first one" in done.stdout


def swapped(folder: Path) -> None:
    (folder / "server.key").write_bytes(pem("p256"))


def unlinked(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def filled(name: str, content: bytes, *, mode: int = 0o600) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        (folder / name).write_bytes(content)
        (folder / name).chmod(mode)

    return fill


def with_keys(content: bytes | None) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        edit(folder, '# jwks_file = "keys.json"', 'jwks_file = "keys.json"')
        if content is not None:
            (folder / "keys.json").write_bytes(content)

    return spoil


def with_authority(folder: Path) -> None:
    edit(folder, '# tls_ca = "database-ca.crt"', 'tls_ca = "database-ca.crt"')


def with_password_file(folder: Path) -> None:
    edit(folder, '{ env = "CLINIC_PASSWORD" }', '{ file = "missing.txt" }')


@pytest.mark.parametrize(
    ("spoil", "where", "message"),
    [
        (unlinked("server.crt"), "gateway", "server.crt: No such file"),
        (unlinked("server.key"), "gateway", "server.key: No such file"),
        (filled("server.crt", b"nonsense"), "gateway", "server.crt"),
        (swapped, "gateway", "KEY_VALUES_MISMATCH"),
        (unlinked("audit.key"), "audit.signing_key", "audit.key: No such file"),
        (filled("audit.key", b"nonsense"), "audit.signing_key", "not an unencrypted private key"),
        (filled("audit.key", pem("p256")), "audit.signing_key", "another kind than Ed25519"),
        (filled("audit.key", pem("ed25519"), mode=0o644), "audit.signing_key", "lets others than its owner at it"),
        (with_keys(None), "issuer.github.jwks_file", "keys.json: No such file"),
        (with_keys(b"<html>"), "issuer.github.jwks_file", "the key set cannot be read"),
        (with_keys(b'{"keys": []}'), "issuer.github.jwks_file", "no usable key"),
        (with_authority, "database.clinic", "database-ca.crt: No such file"),
        (with_password_file, "database.clinic.password", "missing.txt cannot be read: No such file"),
    ],
)
def test_files_that_will_not_do(folder: Path, spoil: Callable[[Path], None], where: str, message: str) -> None:
    spoil(folder)
    done = hoopfast("check", "hoopfast.toml", cwd=folder, CLINIC_PASSWORD="x")
    errors = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stdout
    assert errors[0].startswith(f"error: {where}: ")
    assert message in errors[0]
    assert done.returncode == 1
    assert done.stdout.endswith("hoopfast.toml: 1 error, 0 warnings\n")
    assert len(done.stdout.splitlines()) <= 24
    assert done.stderr == ""


def test_a_key_file_in_order(folder: Path) -> None:
    with_keys(str(signing_key("rsa").jwks()).replace("'", '"').encode())(folder)
    assert hoopfast("check", "hoopfast.toml", cwd=folder, CLINIC_PASSWORD="x").stdout == "hoopfast.toml: in order\n"


def test_a_command_is_not_run(folder: Path) -> None:
    edit(folder, '{ env = "CLINIC_PASSWORD" }', '{ command = ["touch", "was-run"] }')
    assert hoopfast("check", "hoopfast.toml", cwd=folder).returncode == 0
    assert not (folder / "was-run").exists()
