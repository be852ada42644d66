"""hoopfast/cli/sandbox.py as programs use it: one JSON line, an end with standard input, nothing left behind."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import psycopg
import pytest

from hoopfast.cli.sandbox import parse_settings
from hoopfast.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = """
[[access]]
claims   = { sub = "*", ref = ["refs/heads/*", "refs/tags/*"] }
database = "shop"
policy   = "p"
[policy.p]
writes = "deny"
[[policy.p.mask]]
columns = ["public.customers.iban"]
with    = "keep_last(4)"
"""
SCHEMA = """
CREATE TABLE customers (id int PRIMARY KEY, iban text);
COPY customers FROM STDIN;
1\tDE89370400440532013000
\\.
GRANT SELECT ON customers TO PUBLIC;
"""


@contextmanager
def _started(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    program = subprocess.Popen(
        [sys.executable, "-m", "hoopfast.cli", "sandbox", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    assert program.stderr is not None
    with program.stdin, program.stdout, program.stderr:
        try:
            readable, _, _ = select.select([program.stdout], [], [], 60)
            line = program.stdout.readline() if readable else ""
            if not line:
                program.kill()
                pytest.fail(f"no line on standard output: {program.stderr.read()}")
            yield program, json.loads(line)
        finally:
            program.kill()
            program.wait(10)


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    file = tmp_path / "hoopfast.toml"
    file.write_text(CONFIGURATION)
    return file


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    file = tmp_path / "schema.sql"
    file.write_text(SCHEMA)
    return file


def _pids(line: dict[str, Any]) -> list[int]:
    return [line["pids"]["postgres"], *line["pids"]["gateway"]]


def _gone(line: dict[str, Any]) -> bool:
    until = time.monotonic() + 15
    while time.monotonic() < until:
        alive = [pid for pid in _pids(line) if Path(f"/proc/{pid}").exists()]
        folders = [one for one in (line["audit_dir"], line["issuer_key"]) if Path(one).exists()]
        if not alive and not folders:
            return True
        time.sleep(0.1)
    return False


def test_the_line_and_both_connections(configuration: Path, schema: Path) -> None:
    with _started("--config", configuration, "--schema", schema, "--set", "max_connections=33") as (program, line):
        assert set(line) == {"gateway_dsn", "direct_dsn", "control_url", "issuer_key", "audit_dir", "pids"}
        assert line["control_url"] is None
        assert Path(line["issuer_key"]).is_file()
        assert Path(line["audit_dir"]).is_dir()
        gateway, direct = urlsplit(line["gateway_dsn"]), urlsplit(line["direct_dsn"])
        assert (gateway.hostname, gateway.username, gateway.path) == ("127.0.0.1", "hoop_app", "/shop")
        assert direct.hostname == "127.0.0.1"
        claims = jwt.decode(gateway.password or "", options={"verify_signature": False})
        assert claims["exp"] - time.time() > 7.9 * 3600
        assert claims["ref"].startswith("refs/heads/")
        with psycopg.connect(line["direct_dsn"]) as connection:
            assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (
                True,
            )
            assert connection.execute("SHOW max_connections").fetchone() == ("33",)
            role = "SELECT rolsuper, rolcanlogin FROM pg_roles WHERE rolname = 'hoop_app'"
            assert connection.execute(role).fetchone() == (False, True)
        with psycopg.connect(line["gateway_dsn"]) as connection:
            assert connection.execute("SELECT iban FROM customers").fetchone() == ("******************3000",)
        assert program.stdin is not None
        program.stdin.close()
        assert program.wait(15) == 0
        assert program.stdout is not None
        assert program.stdout.read() == ""
        assert _gone(line)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """As a script's shell has it for what it starts in the background; inherited by programs."""
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, ours)


def test_an_interrupt_ends_it_in_the_background_too(configuration: Path) -> None:
    with _deaf_to_interrupts(), _started("--config", configuration) as (program, line):
        program.send_signal(signal.SIGINT)
        assert program.wait(15) == 0
        assert _gone(line)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signals_leave_nothing(configuration: Path, number: signal.Signals) -> None:
    with _started("--config", configuration) as (program, line):
        program.send_signal(number)
        assert program.wait(15) == (-9 if number is signal.SIGKILL else 0)
        assert _gone(line)


def test_database_made_after_the_start(configuration: Path) -> None:
    with _started("--config", configuration, "--role", "etl", "--superuser") as (_, line):
        assert urlsplit(line["gateway_dsn"]).username == "etl"
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(line["gateway_dsn"])
        for _ in range(2):  # dropped and made again while the gateway runs
            with psycopg.connect(line["direct_dsn"], autocommit=True) as direct:
                direct.execute("DROP DATABASE IF EXISTS shop WITH (FORCE)")
                direct.execute("CREATE DATABASE shop")
            with psycopg.connect(line["direct_dsn"], dbname="shop") as direct:
                direct.execute("CREATE TABLE customers (id int, iban text)")
                direct.execute("INSERT INTO customers VALUES (1, 'DE89370400440532013000')")
            with psycopg.connect(line["gateway_dsn"]) as connection:
                assert connection.execute("SELECT iban FROM customers").fetchone() == ("******************3000",)


@pytest.mark.needs_postgres15
def test_tls_on_both_sides(configuration: Path, schema: Path) -> None:
    programs = Path("/usr/lib/postgresql/15/bin")
    if not programs.exists():
        pytest.skip("skipped for want of PostgreSQL 15 (make system-packages)")
    with _started("--config", configuration, "--schema", schema, "--postgres-bin", programs, "--tls") as (_, line):
        for dsn in (line["gateway_dsn"], line["direct_dsn"]):
            with psycopg.connect(dsn) as connection:
                assert connection.pgconn.ssl_in_use
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(line["gateway_dsn"], sslmode="disable")


def test_wrong_configuration_names_the_users_file(tmp_path: Path) -> None:
    file = tmp_path / "hoopfast.toml"
    file.write_text(CONFIGURATION.replace("writes", "wirtes"))
    done = subprocess.run(
        [sys.executable, "-m", "hoopfast.cli", "sandbox", "--config", file],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert str(file) in done.stderr
    assert "writes" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings() -> None:
    assert parse_settings(["a=1", "b = x=y"]) == {"a": "1", "b": " x=y"}
    with pytest.raises(ConfigError, match="NAME=VALUE"):
        parse_settings(["autovacuum"])
