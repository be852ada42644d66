"""Command tags, compared with the server's CommandComplete."""

from __future__ import annotations

import re

import psycopg
import pytest

from hoopfast.policy.parse import parse
from hoopfast.policy.tags import tag
from tests.policy.clinic import Clinic

STATEMENTS = [
    "INSERT INTO staff VALUES (9, 'x')",
    "UPDATE staff SET name = 'x'",
    "DELETE FROM visits",
    "BEGIN",
    "START TRANSACTION",
    "MERGE INTO audit_log USING staff s ON false WHEN MATCHED THEN DELETE",
    "TRUNCATE audit_log",
    "CREATE TABLE n (i int)",
    "CREATE INDEX ON staff (name)",
    "CREATE VIEW nv AS SELECT 1",
    "CREATE SEQUENCE ns",
    "CREATE SCHEMA nsch",
    "CREATE TYPE nt AS (i int)",
    "CREATE TYPE ne AS ENUM ('a')",
    "CREATE DOMAIN nd AS int",
    "DROP TABLE triggered",
    "DROP VIEW v_totals",
    "DROP MATERIALIZED VIEW mv_hash",
    "ALTER TABLE staff ADD COLUMN z int",
    "ALTER TABLE staff RENAME COLUMN dept TO d",
    "ALTER TABLE staff SET SCHEMA legacy",
    "ALTER VIEW v_pub RENAME TO vp",
    "GRANT SELECT ON staff TO PUBLIC",
    "REVOKE SELECT ON staff FROM PUBLIC",
    "COMMENT ON TABLE staff IS 'x'",
    "REFRESH MATERIALIZED VIEW mv_hash",
    "CREATE FUNCTION nf() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DROP FUNCTION fn_rows",
    "CREATE PROCEDURE np() LANGUAGE sql AS ''",
    "CREATE RULE nr AS ON DELETE TO staff DO NOTHING",
    "LOCK TABLE staff",
    "SET work_mem = '5MB'",
    "RESET work_mem",
    "DISCARD PLANS",
    "LISTEN x",
    "NOTIFY x",
    "UNLISTEN *",
    "DEALLOCATE ALL",
    "CLOSE ALL",
    "DECLARE c CURSOR FOR SELECT 1",
    "PREPARE ps AS SELECT 1",
    "DO 'BEGIN END'",
    "SET CONSTRAINTS ALL DEFERRED",
    "CREATE EXTENSION IF NOT EXISTS plpgsql",
    "ALTER SEQUENCE audit_log_id_seq RESTART",
    "REINDEX TABLE staff",
    "ANALYZE staff",
    "CREATE STATISTICS nst ON id, name FROM staff",
    "CREATE POLICY npol ON staff USING (true)",
    "SAVEPOINT s",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "CREATE AGGREGATE nag(int) (SFUNC = int4pl, STYPE = int)",
]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_the_servers_tag(clinic: Clinic, sql: str) -> None:
    (command,) = parse(sql).commands
    with psycopg.connect(clinic.dsn) as connection:
        cursor = connection.execute(sql.encode())
        status = re.sub(r" \d+( \d+)?$", "", cursor.statusmessage or "")
        connection.rollback()
    mine = tag(command)
    assert mine in {
        status,
        "DEALLOCATE" if status == "DEALLOCATE ALL" else "",
        "CLOSE CURSOR" if status == "CLOSE CURSOR ALL" else "",
    }


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", "SELECT"),
        ("SELECT 1 INTO x", "SELECT INTO"),
        ("CREATE TABLE x AS SELECT 1", "CREATE TABLE AS"),
        ("CREATE MATERIALIZED VIEW x AS SELECT 1 AS a", "CREATE MATERIALIZED VIEW"),
        ("VACUUM staff", "VACUUM"),
        ("DISCARD ALL", "DISCARD ALL"),
        ("COMMIT PREPARED 'x'", "COMMIT PREPARED"),
        ("COPY staff TO STDOUT", "COPY"),
        ("ALTER SYSTEM SET work_mem = '1MB'", "ALTER SYSTEM"),
        ("DROP DATABASE x", "DROP DATABASE"),
        ("CREATE ROLE x", "CREATE ROLE"),
        ("GRANT a TO b", "GRANT ROLE"),
        ("MOVE 1 c", "MOVE"),
        ("EXECUTE x", "EXECUTE"),
    ],
)
def test_tags_of_what_cannot_be_tried(sql: str, expected: str) -> None:
    (command,) = parse(sql).commands
    assert tag(command) == expected
