"""hoopfast/sandbox/sandbox.py: the parts together; the command's contract is in tests/cli/test_sandbox.py."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from hoopfast.errors import ConfigError
from hoopfast.sandbox.postgres import ThrowawayPostgres
from hoopfast.sandbox.process import SandboxError
from hoopfast.sandbox.sandbox import Sandbox
from tests.support.sandboxes import CONFIGURATION


def test_uris_reach_the_same_database(sandbox: Sandbox) -> None:
    with psycopg.connect(sandbox.gateway_dsn()) as gateway, psycopg.connect(sandbox.direct_dsn()) as direct:
        statement = "SELECT current_database()"
        assert gateway.execute(statement).fetchone() == direct.execute(statement).fetchone() == ("system",)


def test_direct_uri_before_the_database_exists(postgres18: ThrowawayPostgres, tmp_path: Path) -> None:
    file = tmp_path / "hoopfast.toml"
    file.write_text('[[access]]\nclaims = { sub = "x" }\ndatabase = "later"\npolicy = "p"\n[policy.p]\n')
    with Sandbox(file, server=postgres18) as box:
        assert box.direct_dsn().endswith("/postgres")
        folder = box.folder
    assert not folder.exists()
    assert postgres18.psql("SELECT 1").strip() == "1"  # a server that was lent is left running


def test_schema_that_fails(postgres18: ThrowawayPostgres, tmp_path: Path) -> None:
    schema = tmp_path / "schema.sql"
    schema.write_text("CREATE TABLE t (a no_such_type);")
    file = tmp_path / "hoopfast.toml"
    file.write_text('[[access]]\nclaims = { sub = "x" }\ndatabase = "broken"\npolicy = "p"\n[policy.p]\n')
    box = Sandbox(file, schema=schema, server=postgres18)
    with pytest.raises(SandboxError, match="no_such_type"):
        box.start()
    assert not box.folder.exists()
    postgres18.psql("DROP DATABASE broken")


def test_a_schema_without_grants_can_be_read(postgres18: ThrowawayPostgres, tmp_path: Path) -> None:
    schema = tmp_path / "schema.sql"
    schema.write_text("CREATE TABLE t AS SELECT 7 AS a;")
    file = tmp_path / "hoopfast.toml"
    file.write_text('[[access]]\nclaims = { sub = "x" }\ndatabase = "plain"\npolicy = "p"\n[policy.p]\n')
    try:
        with (
            Sandbox(file, schema=schema, server=postgres18) as box,
            psycopg.connect(box.gateway_dsn(), autocommit=True) as gateway,
        ):
            assert gateway.execute("SELECT a FROM t").fetchall() == [(7,)]
    finally:
        postgres18.psql("DROP DATABASE plain WITH (FORCE)")


def test_arguments_are_checked_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        Sandbox(CONFIGURATION, schema=tmp_path / "none.sql")
    with pytest.raises(ConfigError, match="postgres"):
        Sandbox(CONFIGURATION, role="postgres")
    with pytest.raises(ConfigError, match=r"none\.toml"):
        Sandbox(tmp_path / "none.toml")
