"""The fingerprint changes with what decisions rest on, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from hoopfast.policy.catalog import FINGERPRINT
from hoopfast.sandbox.postgres import ThrowawayPostgres
from tests.policy.clinic import rows

CHANGES = [
    "CREATE TABLE u (i int)",
    "ALTER TABLE t ADD COLUMN j int",
    "ALTER TABLE t RENAME COLUMN i TO k",
    "ALTER TABLE t SET SCHEMA s",
    "CREATE OR REPLACE VIEW v AS SELECT 2 AS x",
    "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
    "CREATE TABLE c () INHERITS (t)",
    "CREATE OPERATOR ## (FUNCTION = int4pl, LEFTARG = int, RIGHTARG = int)",
    "CREATE CAST (s.k AS text) WITH INOUT",
    "CREATE POLICY p ON t USING (true)",
    "ALTER TABLE t ADD CHECK (i > 0)",
    "ALTER TABLE t ALTER COLUMN i SET DEFAULT 1",
    "CREATE DOMAIN d AS int CHECK (VALUE > 0)",
    "DROP TABLE t CASCADE",
    "CREATE TEMP TABLE t (i int)",
]


@pytest.fixture
def connection(postgres: ThrowawayPostgres, new_database: Callable[..., str]) -> object:
    name = new_database(
        postgres,
        "CREATE SCHEMA s; CREATE TYPE s.k AS (i int); CREATE TABLE t (i int); CREATE VIEW v AS SELECT 1 AS x;"
        " CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    )
    return psycopg.connect(postgres.dsn(name), autocommit=True)


def test_it_moves_with_every_change(connection: psycopg.Connection[object]) -> None:
    with connection:
        before = rows(connection, FINGERPRINT)
        assert before[0][0]
        for sql in CHANGES:
            connection.execute("BEGIN")
            connection.execute(sql.encode())
            assert rows(connection, FINGERPRINT) != before, sql
            connection.execute("ROLLBACK")
        assert rows(connection, FINGERPRINT) == before


def test_it_stays_while_nothing_changes(connection: psycopg.Connection[object]) -> None:
    with connection:
        connection.execute("INSERT INTO t SELECT generate_series(1, 1000)")
        before = rows(connection, FINGERPRINT)
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("ANALYZE t")
        connection.execute("VACUUM t")
        assert rows(connection, FINGERPRINT) == before
