"""hoopfast/sandbox/postgres.py: real servers, started and stopped."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from hoopfast.sandbox.postgres import ThrowawayPostgres, check_bin_directory, wheel_bin_directory
from hoopfast.sandbox.process import SandboxError


def test_server_accepts_connections_and_leaves_nothing() -> None:
    with ThrowawayPostgres(settings={"max_prepared_transactions": "3"}) as server:
        folder, pid = server.folder, server.pid
        with psycopg.connect(server.dsn()) as connection:
            assert connection.execute("SHOW max_prepared_transactions").fetchone() == ("3",)
        assert folder.exists()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_version_and_tls(postgres: ThrowawayPostgres) -> None:
    assert postgres.version in (15, 18)
    assert postgres.psql("SHOW server_version_num").startswith(str(postgres.version))
    with psycopg.connect(postgres.dsn()) as connection:
        row = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    assert row == (postgres.tls,)


def test_roles_and_databases(
    postgres: ThrowawayPostgres, new_database: Callable[[ThrowawayPostgres, str], str]
) -> None:
    name = new_database(postgres, "CREATE TABLE t (a int)")
    assert postgres.has_database(name)
    assert not postgres.has_database("nobody's")
    assert postgres.psql("SELECT rolsuper FROM pg_roles WHERE rolname = 'hoop_app'").strip() == "f"


def test_password_authentication() -> None:
    with ThrowawayPostgres(authentication=["host all all 127.0.0.1/32 scram-sha-256"]) as server:
        server.create_role("caller", password="it's secret")
        with psycopg.connect(server.dsn(user="caller", password="it's secret")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.dsn(user="caller", password="other"))


def test_wrong_setting_is_named() -> None:
    server = ThrowawayPostgres(settings={"wal_levle": "logical"})
    with pytest.raises(SandboxError, match="wal_levle"):
        server.start()
    assert not server.folder.exists()


def test_failed_statement_is_an_error(postgres18: ThrowawayPostgres) -> None:
    with pytest.raises(SandboxError, match="no_such_table"):
        postgres18.psql("SELECT * FROM no_such_table")


def test_directory_without_programs(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="holds no postgres, initdb, psql"):
        check_bin_directory(tmp_path)


def test_tls_where_the_server_has_none() -> None:
    with pytest.raises(SandboxError, match="without TLS"):
        ThrowawayPostgres(tls=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the server another user")
def test_programs_in_a_closed_folder(tmp_path: Path) -> None:
    original = wheel_bin_directory().parent
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = closed / original.parent.name
    shutil.copytree(original, package / original.name, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    shutil.copytree(original.parent.with_suffix(".libs"), closed / f"{original.parent.name}.libs")
    with ThrowawayPostgres(package / original.name / "bin") as server:
        assert server.psql("SELECT 1").strip() == "1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the server another user")
def test_machine_without_a_user_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh machine or container has root and nobody."""
    known = pwd.getpwnam

    def getpwnam(name: str) -> pwd.struct_passwd:
        if name == "postgres":
            raise KeyError(name)
        return known(name)

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    with ThrowawayPostgres() as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == known("nobody").pw_uid
        assert server.psql("SELECT 1").strip() == "1"


def test_a_role_without_any_right_is_given_all(
    postgres: ThrowawayPostgres, new_database: Callable[[ThrowawayPostgres, str], str]
) -> None:
    made = """CREATE TABLE a (x int); CREATE SCHEMA "Odd one"; CREATE TABLE "Odd one".b (y serial);
      CREATE VIEW v AS SELECT * FROM a"""
    rights = """SELECT has_table_privilege('hoop_app', 'a', 'SELECT'), has_table_privilege('hoop_app', 'v', 'DELETE'),
      has_table_privilege('hoop_app', '"Odd one".b', 'INSERT'), has_schema_privilege('hoop_app', 'Odd one', 'USAGE'),
      has_sequence_privilege('hoop_app', '"Odd one".b_y_seq', 'USAGE')"""
    database = new_database(postgres, made)
    postgres.open_to("hoop_app", database)
    assert postgres.psql(rights, database).strip() == "t|t|t|t|t"
    database = new_database(postgres, made + "; GRANT SELECT (x) ON a TO hoop_app")
    postgres.open_to("hoop_app", database)
    assert postgres.psql(rights, database).strip() == "f|f|f|f|f"
    postgres.open_to("hoop_app", new_database(postgres, ""))
