"""What commands without a query do to the session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hoopfast.policy.model import Command, Rows, Verdict
from hoopfast.policy.parse import parse
from hoopfast.policy.utility import setting_value
from tests.policy.clinic import KNOWN, Clinic


def command(clinic: Clinic, sql: str, **keys: Any) -> Command:
    statement = clinic.decide(sql, **keys)
    assert statement.verdict is Verdict.ALLOW, statement.message
    return statement.commands[0]


@pytest.mark.parametrize(
    ("sql", "attribute", "value"),
    [
        ("BEGIN", "transaction", "begin"),
        ("START TRANSACTION", "transaction", "begin"),
        ("END", "transaction", "commit"),
        ("ABORT", "transaction", "rollback"),
        ("ROLLBACK TO s", "transaction", "rollback to"),
        ("RELEASE s", "transaction", "release"),
        ("DEALLOCATE PREPARE x", "deallocates", "x"),
        ("DEALLOCATE ALL", "deallocates", ""),
        ("CLOSE c", "closes", "c"),
        ("CLOSE ALL", "closes", ""),
        ('CLOSE "C"', "closes", "C"),
        ("DISCARD ALL", "discards_all", True),
        ("DISCARD ALL", "changes_settings", True),
        ("DISCARD PLANS", "discards_all", False),
        ("SET search_path = shadow", "changes_settings", True),
        ("SET SCHEMA 'shadow'", "changes_settings", True),
        ("SET LOCAL search_path TO shadow, public", "changes_settings", True),
        ("RESET ALL", "changes_settings", True),
        ("RESET role", "changes_settings", True),
        ("SET work_mem = '5MB'", "changes_settings", False),
        ("SELECT set_config('search_path', '', false)", "changes_settings", True),
        ("NOTIFY ch, 'hello'", "notifies", (("ch", "hello"),)),
        ("SELECT pg_notify('ch', 'hello')", "notifies", (("ch", "hello"),)),
        ("SELECT pg_notify($1, $2)", "notifies", ()),
        ("CREATE TEMP TABLE t (i int)", "changes_catalog", True),
        ("CREATE TEMP TABLE t (i int)", "changes_settings", True),
    ],
)
def test_attributes(clinic: Clinic, sql: str, attribute: str, value: object) -> None:
    assert getattr(command(clinic, sql), attribute) == value


def test_ddl_changes_the_catalog(clinic: Clinic) -> None:
    for sql in ("CREATE TABLE x (i int)", "DROP TABLE visits", "GRANT SELECT ON staff TO PUBLIC", "CREATE ROLE x"):
        assert command(clinic, sql, ddl="allow").changes_catalog


def test_discard_all_changes_the_catalog_only_with_temporary_objects(clinic: Clinic) -> None:
    assert not command(clinic, "DISCARD ALL").changes_catalog
    temporary = replace(KNOWN, schemas=("pg_temp_3", "pg_catalog", "public"))
    assert clinic.decide("DISCARD ALL", temporary).commands[0].changes_catalog


def test_show_is_clean(clinic: Clinic) -> None:
    assert command(clinic, "SHOW ALL").rows is Rows.CLEAN


@pytest.mark.parametrize(
    "sql",
    [
        "SET client_encoding = 'LATIN1'; SELECT 1",
        "SET standard_conforming_strings = on; SELECT 1",
        "SET NAMES 'LATIN1'; SELECT 1",
        "RESET ALL; SELECT 1",
        "DISCARD ALL; SELECT 1",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; SET session_replication_role = replica",
        "SET standard_conforming_strings = off",
        "SET client_encoding = 'SJIS'",
        "ALTER SYSTEM SET session_preload_libraries = 'x'",
        "ALTER ROLE x SET session_replication_role = replica",
        "ALTER DATABASE x SET role = postgres",
        "LOAD 'auto_explain'",
        "ALTER TABLE patients ALTER COLUMN ssn TYPE text USING mrn",
        "ALTER TABLE patients SET SCHEMA legacy",
        "ALTER VIEW v_patients RENAME COLUMN ssn TO x",
        "ALTER TABLE encounters DETACH PARTITION encounters_2024",
        "CREATE TEMP VIEW x AS SELECT ssn FROM patients",
        "CREATE TEMP TABLE pg_proc (x int)",
        "CREATE TEMP SEQUENCE pg_class",
    ],
)
def test_refused_whatever_the_policy_allows(clinic: Clinic, sql: str) -> None:
    assert clinic.decide(sql, writes="allow", ddl="allow").verdict is Verdict.DENY


@pytest.mark.parametrize(
    "sql",
    [
        "SET TIME ZONE 'UTC'",
        "SET TIME ZONE INTERVAL '1' HOUR",
        "SET TIME ZONE DEFAULT",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET client_encoding = 'LATIN1'",
        "SET extra_float_digits = 3",
        "SET row_security = off",
        "SET app.tenant = '7'",
        "RESET client_encoding",
        "SHOW TRANSACTION ISOLATION LEVEL",
        "CREATE TEMP VIEW x AS SELECT name FROM staff",
    ],
)
def test_what_drivers_and_pools_send(clinic: Clinic, sql: str) -> None:
    assert clinic.decide(sql).verdict is Verdict.ALLOW


def test_truncate_cascade_writes_what_refers_to_it(clinic: Clinic) -> None:
    labels = {relation.label for relation in clinic.draft("TRUNCATE staff CASCADE").facts.writes.values()}
    assert labels == {"public.staff", "public.visits"}


def test_values_of_set() -> None:
    (node,) = parse("SET search_path = a, 'b', \"C\"").commands
    assert setting_value(node) == "a, b, C"
    (node,) = parse("SET work_mem = 5").commands
    assert setting_value(node) == "5"
    (node,) = parse("SET seq_page_cost = 1.5").commands
    assert setting_value(node) == "1.5"
