"""Kinds of statement by syntax tree (docs/design.md §5.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hoopfast.policy.model import Kind, Verdict
from tests.policy.clinic import KNOWN, Clinic, Named

KINDS = {
    Kind.READ: [
        "SELECT 1",
        "VALUES (1)",
        "TABLE staff",
        "SHOW work_mem",
        "EXPLAIN SELECT 1",
        "EXPLAIN DELETE FROM staff",
        "EXPLAIN (ANALYZE false) DELETE FROM staff",
        "COPY staff TO STDOUT",
        "LOCK TABLE staff IN ACCESS SHARE MODE",
    ],
    Kind.SESSION: [
        "SET work_mem = '5MB'",
        "RESET ALL",
        "DISCARD ALL",
        "DEALLOCATE x",
        "LISTEN x",
        "NOTIFY x, 'y'",
        "UNLISTEN *",
        "DECLARE c CURSOR FOR SELECT 1",
        "CLOSE c",
        "PREPARE s AS SELECT 1",
        "CREATE TEMP TABLE t (i int)",
        "CREATE TEMP TABLE t AS SELECT 1 AS a",
        "DROP TABLE IF EXISTS pg_temp.nothing",
        "SET CONSTRAINTS ALL IMMEDIATE",
    ],
    Kind.TRANSACTION: ["BEGIN READ ONLY", "COMMIT", "ROLLBACK", "SAVEPOINT s", "RELEASE s", "ROLLBACK TO s"],
    Kind.WRITE: [
        "INSERT INTO staff VALUES (1)",
        "UPDATE staff SET name = 'x'",
        "DELETE FROM staff",
        "TRUNCATE visits",
        "MERGE INTO staff USING visits v ON false WHEN MATCHED THEN DELETE",
        "COPY staff FROM STDIN",
        "SELECT nextval('audit_log_id_seq')",
        "SELECT setval('audit_log_id_seq', 1)",
        "SELECT id FROM staff FOR UPDATE",
        "SELECT id FROM staff FOR SHARE",
        "SELECT fn_unread(1)",
        "CALL fn_unread(1)",
        "DO 'BEGIN END'",
        "WITH x AS (DELETE FROM staff RETURNING id) SELECT 1",
        "WITH x AS (UPDATE staff SET name = 'x') SELECT 1",
        "SELECT 1 FROM staff WHERE fn_unread(id) > 0",
        "SELECT id FROM staff ORDER BY fn_unread(id)",
        "EXPLAIN ANALYZE DELETE FROM staff",
        "EXPLAIN (ANALYZE) UPDATE staff SET name = 'x'",
        "PREPARE TRANSACTION 'x'",
        "COMMIT PREPARED 'x'",
        "ROLLBACK PREPARED 'x'",
        "LOCK TABLE staff",
        "COPY (DELETE FROM visits RETURNING id) TO STDOUT",
        "SELECT lo_create(1)",
        "SELECT x FROM v_unread",
        "SELECT id FROM secured",
        "EXPLAIN SELECT fn_unread(1)",
        "DELETE FROM v_totals",
        "INSERT INTO audit_log DEFAULT VALUES",
    ],
    Kind.DDL: [
        "CREATE TABLE x (i int)",
        "CREATE TABLE x AS SELECT 1",
        "SELECT 1 AS a INTO x",
        "DROP TABLE staff",
        "DROP TABLE IF EXISTS nope, staff",
        "ALTER TABLE staff ADD COLUMN z int",
        "CREATE INDEX ON staff (name)",
        "CREATE VIEW x AS SELECT 1",
        "GRANT SELECT ON staff TO PUBLIC",
        "CREATE ROLE x",
        "COMMENT ON TABLE staff IS 'x'",
        "ALTER SYSTEM SET work_mem = '5MB'",
        "CREATE FUNCTION x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE EXTENSION hstore",
        "REFRESH MATERIALIZED VIEW mv_hash",
        "CREATE DATABASE x",
        "IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c",
        "CREATE MATERIALIZED VIEW x AS SELECT 1",
        "CREATE STATISTICS x ON id, name FROM staff",
        "CREATE PUBLICATION x",
        "REASSIGN OWNED BY a TO b",
        "DROP OWNED BY a",
        "SECURITY LABEL ON TABLE staff IS 'x'",
        "CREATE TEMP TABLE x () INHERITS (patients)",
    ],
    Kind.UTILITY: [
        "VACUUM staff",
        "ANALYZE staff",
        "CLUSTER",
        "REINDEX TABLE staff",
        "CHECKPOINT",
        "ANALYZE (VERBOSE) staff",
    ],
}
PAIRS = [(kind, sql) for kind, statements in KINDS.items() for sql in statements]


@pytest.mark.parametrize(("kind", "sql"), PAIRS, ids=[sql for _kind, sql in PAIRS])
def test_kinds(clinic: Clinic, kind: Kind, sql: str) -> None:
    assert clinic.draft(sql).kind is kind


@pytest.mark.parametrize(
    "sql", [sql for kind, sql in PAIRS if kind in (Kind.WRITE, Kind.DDL, Kind.UTILITY)], ids=lambda sql: sql
)
def test_nothing_that_changes_anything_is_allowed_by_default(clinic: Clinic, sql: str) -> None:
    assert clinic.decide(sql).verdict is Verdict.DENY


@pytest.mark.parametrize(
    "sql", [sql for kind, sql in PAIRS if kind in (Kind.TRANSACTION, Kind.SESSION)], ids=lambda sql: sql
)
def test_sessions_and_transactions_are_free(clinic: Clinic, sql: str) -> None:
    assert clinic.decide(sql).verdict is Verdict.ALLOW


def test_67_row_locks_can_be_allowed(clinic: Clinic) -> None:
    sql = "SELECT id FROM staff FOR UPDATE"
    assert clinic.decide(sql).verdict is Verdict.DENY
    assert clinic.decide(sql, row_locks="allow").verdict is Verdict.ALLOW


def test_copy(clinic: Clinic) -> None:
    assert clinic.decide("COPY staff TO STDOUT").commands[0].copy == "out"
    assert clinic.decide("COPY staff FROM STDIN", writes="allow").commands[0].copy == "in"
    for sql in ("COPY staff FROM '/etc/passwd'", "COPY staff TO PROGRAM 'cat'", "COPY (SELECT 1) TO '/tmp/x'"):
        statement = clinic.decide(sql, writes="allow")
        assert statement.verdict is Verdict.DENY
        assert "on the server" in statement.message
    assert clinic.decide("COPY staff TO STDOUT (ENCODING 'SJIS')").verdict is Verdict.DENY
    assert clinic.decide("COPY patients (id, weight) TO STDOUT").verdict is Verdict.ALLOW
    assert clinic.decide("COPY v_pub TO STDOUT").verdict is Verdict.DENY


def test_50_copy_leaves_generated_columns_out(clinic: Clinic) -> None:
    output = clinic.draft("COPY patients TO STDOUT").output
    assert output is not None
    assert output.columns is not None
    assert "initials" not in [name for name, _origin in output.columns]


def test_explain_of_what_may_be_read(clinic: Clinic) -> None:
    assert clinic.decide("EXPLAIN SELECT id, ssn FROM patients").verdict is Verdict.ALLOW
    assert clinic.decide("EXPLAIN SELECT upper(ssn) FROM patients").verdict is Verdict.DENY
    assert clinic.decide("EXPLAIN SELECT code FROM v_contacts").verdict is Verdict.DENY
    assert not clinic.decide("EXPLAIN SELECT id, ssn FROM patients").clean


def test_14_a_parameter_of_an_unread_type_is_unread_code(clinic: Clinic) -> None:
    noted = clinic.catalog.type_named("public", "noted")
    assert noted is not None
    session = clinic.session()
    assert session.decide(b"SELECT $1", (noted.oid,), KNOWN).verdict is Verdict.DENY
    assert session.decide(b"SELECT $1", (25,), KNOWN).verdict is Verdict.ALLOW


def test_create_table_as_execute_is_refused(clinic: Clinic) -> None:
    names = Named(statements={"s": clinic.decide("SELECT 1")})
    assert clinic.decide("CREATE TEMP TABLE x AS EXECUTE s", replace(KNOWN, names=names)).verdict is Verdict.DENY
