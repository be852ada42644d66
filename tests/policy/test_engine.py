"""Whole decisions: which statement is allowed, refused, probed, and how its rows are treated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hoopfast.policy.engine import PolicyEngine
from hoopfast.policy.model import CellAction, Rows, Verdict
from tests.policy.clinic import KNOWN, UNKNOWN, Clinic, Fixed, Named, policy, read_catalog

PLAIN = [
    "SELECT id, ssn FROM patients",
    "SELECT * FROM patients p WHERE p.id = 1 ORDER BY id",
    "SELECT x FROM (SELECT ssn AS x FROM patients) q",
    "WITH t(a) AS (SELECT ssn FROM patients) SELECT a FROM t",
    "SELECT s.name, p.ssn FROM staff s JOIN patients p ON p.id = s.id",
    "SELECT s.name, p.ssn FROM staff s JOIN patients p USING (id)",
    "SELECT (p).* FROM patients p",
    "SELECT label, code FROM v_contacts",
    "SELECT id, complaint FROM encounters",
    "TABLE v_pub",
    "UPDATE staff SET name = 'x' FROM patients p WHERE p.id = staff.id RETURNING p.ssn",
    "SELECT card FROM billing WHERE card = '9999'",
]
CLEAN = [
    "SELECT 1",
    "SELECT ssn, upper(name) FROM staff WHERE ssn LIKE 'BADGE-1%' ORDER BY ssn",
    "SELECT g, g * 2 FROM generate_series(1, 10) g",
    "SELECT dept, count(*), max(ssn) FROM staff GROUP BY dept HAVING count(*) > 1",
    "WITH RECURSIVE r AS (SELECT id, boss FROM staff UNION ALL"
    " SELECT s.id, s.boss FROM staff s JOIN r ON s.boss = r.id) SELECT * FROM r",
    "SELECT row_to_json(s) FROM staff s",
    "SELECT fn_listed(21)",
    "SELECT relname FROM pg_class WHERE oid = 'public.patients'::regclass",
    "SELECT table_name FROM information_schema.tables",
    "SELECT ssn FROM legacy.patients",
    "SELECT current_setting('server_version'), now(), current_user",
]
REFUSED = [
    "SELECT upper(ssn) FROM patients",
    "SELECT count(*) FROM patients",
    "SELECT p FROM patients p",
    "SELECT p.label FROM patients p",
    "SELECT id FROM patients WHERE ssn = '1'",
    "SELECT id FROM patients ORDER BY ssn",
    "SELECT id, ssn FROM patients ORDER BY 2",
    "SELECT ssn AS x FROM patients ORDER BY x",
    "SELECT DISTINCT ssn FROM patients",
    "SELECT ssn FROM staff UNION ALL SELECT ssn FROM patients",
    "SELECT a.id FROM patients a JOIN staff b USING (ssn)",
    "SELECT a.id FROM patients a NATURAL JOIN staff b",
    "SELECT 1 FROM patients p, generate_series(1, ascii(p.ssn) - 50)",
    "SELECT id FROM staff FETCH FIRST (SELECT ascii(ssn) FROM patients) ROWS ONLY",
    "SELECT id FROM staff WHERE id IN (SELECT id FROM patients WHERE full_name > 'M')",
    "SELECT rank() OVER (ORDER BY ssn) FROM patients",
    "SELECT fn_unread(1)",
    "SELECT * FROM fn_rows()",
    "SELECT name #+# 'x' FROM staff",
    "SELECT 'x'::noted",
    "SELECT query_to_xml('SELECT 1', true, false, '')",
    "SELECT val FROM v_union WHERE val > 'a'",
    "SELECT x FROM v_unread",
    "SELECT id FROM secured",
    "SELECT set_config('role', 'postgres', false)",
    "SELECT set_config(name, 'x', false) FROM staff",
    "SET session_replication_role = replica",
    "INSERT INTO audit_log (what) SELECT ssn FROM patients",
    "UPDATE staff SET name = p.ssn FROM patients p",
    "CREATE TEMP TABLE t AS SELECT ssn FROM patients",
    "SELECT ssn INTO TEMP t FROM patients",
    "COPY patients TO STDOUT",
    "COPY (SELECT ssn FROM patients) TO STDOUT",
    "COPY staff TO '/tmp/x'",
    "COPY staff FROM PROGRAM 'id'",
    "DO 'BEGIN END'",
    "LOAD 'x'",
    "ALTER TABLE patients RENAME COLUMN ssn TO x",
    "CREATE TEMP TABLE pg_class (x text)",
    "SELECT most_common_vals FROM pg_stats WHERE tablename = 'x'",
]


@pytest.mark.parametrize("sql", PLAIN)
def test_plain_columns_go_through_masked_by_origin(clinic: Clinic, sql: str) -> None:
    statement = clinic.decide(sql, writes="allow")
    assert (statement.verdict, statement.message) == (Verdict.ALLOW, "")
    assert statement.commands[0].rows is Rows.BY_ORIGIN
    assert not statement.clean


@pytest.mark.parametrize("sql", CLEAN)
def test_what_touches_nothing_protected_is_clean(clinic: Clinic, sql: str) -> None:
    statement = clinic.decide(sql)
    assert (statement.verdict, statement.message) == (Verdict.ALLOW, "")
    assert statement.commands[0].rows is Rows.CLEAN
    assert statement.clean


@pytest.mark.parametrize("sql", REFUSED)
def test_everything_else_is_refused(clinic: Clinic, sql: str) -> None:
    statement = clinic.decide(sql, writes="allow", ddl="allow")
    assert statement.verdict is Verdict.DENY, statement.rule
    assert statement.message
    assert "977-13" not in statement.message + statement.hint + statement.summary.text


def test_a_refusal_says_where(clinic: Clinic) -> None:
    sql = "SELECT id FROM patients WHERE mrn = 'x' AND ssn = '1'"
    statement = clinic.decide(sql)
    assert statement.position == sql.index("ssn") + 1
    assert "public.patients.ssn" in statement.message


@pytest.mark.parametrize(
    "sql", ["SELEC 1", "SELECT 'x", "SELECT * FROM no_such", "SELECT nope FROM staff", "SELECT nope(1)"]
)
def test_what_the_server_would_not_understand_is_probed(clinic: Clinic, sql: str) -> None:
    assert clinic.decide(sql).verdict is Verdict.PROBE


def test_an_unknown_column_of_a_protected_relation_is_probed(clinic: Clinic) -> None:
    assert clinic.decide("SELECT nope FROM patients WHERE nope > 1").verdict is Verdict.PROBE


def test_an_empty_text_is_allowed(clinic: Clinic) -> None:
    assert clinic.decide("-- nothing") == clinic.decide("-- nothing")
    assert clinic.decide("").verdict is Verdict.ALLOW


def test_a_string_with_a_refused_command_is_refused_whole(clinic: Clinic) -> None:
    assert clinic.decide("SELECT 1; DELETE FROM staff").verdict is Verdict.DENY
    assert clinic.decide("SELECT 1; SELECT 2").verdict is Verdict.ALLOW


def test_the_path_is_not_known_behind_a_command_that_changes_it(clinic: Clinic) -> None:
    assert clinic.decide("SELECT name FROM staff").verdict is Verdict.ALLOW
    assert (
        clinic.decide("SELECT set_config('search_path', 'shadow', false); SELECT ssn FROM staff").verdict
        is Verdict.DENY
    )
    assert clinic.decide("SET search_path = shadow; SELECT ssn FROM public.staff").verdict is Verdict.ALLOW


def test_an_unknown_path_leaves_names_that_are_protected_nowhere(clinic: Clinic) -> None:
    assert clinic.decide("SELECT id FROM visits", UNKNOWN).verdict is Verdict.ALLOW
    assert clinic.decide("SELECT id FROM staff", UNKNOWN).verdict is Verdict.DENY


def test_names_resolve_along_the_path(clinic: Clinic) -> None:
    shadow = replace(KNOWN, schemas=("pg_catalog", "shadow", "public"))
    assert clinic.decide("SELECT id, ssn FROM staff", shadow).summary.protected == ("shadow.staff.ssn",)
    assert clinic.decide("SELECT id, ssn FROM staff").summary.protected == ()


def test_decisions_are_remembered_by_exact_text_and_basis(clinic: Clinic) -> None:
    session = clinic.session()
    first = session.decide(b"SELECT 1", (), KNOWN)
    assert session.decide(b"SELECT 1", (), KNOWN) is first
    assert session.decide(b"SELECT 1 ", (), KNOWN) is not first
    other = session.decide(b"SELECT 1", (), replace(KNOWN, schemas=("pg_catalog", "shadow")))
    assert other.basis != first.basis
    assert first.basis == session.basis(KNOWN)


def test_the_basis_moves_with_the_catalog(clinic: Clinic) -> None:
    source = Fixed(clinic.catalog)
    session = PolicyEngine().session("nightly", policy(), source)
    before = session.basis(KNOWN)
    source.catalog = read_catalog(clinic.dsn)
    assert session.basis(KNOWN) == before, "an unchanged catalog is the same"
    source.catalog = type(clinic.catalog)({**clinic.catalog._results, "policies": []})
    assert session.basis(KNOWN) != before


def test_execute_is_what_was_prepared(clinic: Clinic) -> None:
    inner = clinic.decide("SELECT ssn FROM patients")
    environment = replace(KNOWN, names=Named(statements={"s": inner}))
    statement = clinic.decide("EXECUTE s", environment)
    assert statement.verdict is Verdict.ALLOW
    assert statement.commands[0].rows is Rows.NAMED
    assert statement.commands[0].executes == "s"
    assert not statement.clean
    refused = replace(KNOWN, names=Named(statements={"s": clinic.decide("DELETE FROM staff")}))
    assert clinic.decide("EXECUTE s", refused).verdict is Verdict.DENY


def test_unknown_names_get_the_servers_words(clinic: Clinic) -> None:
    environment = replace(KNOWN, names=Named())
    assert (clinic.decide("EXECUTE s", environment).sqlstate, clinic.decide("FETCH c", environment).sqlstate) == (
        "26000",
        "34000",
    )
    assert clinic.decide("FETCH c", environment).message == 'cursor "c" does not exist'


def test_a_decision_about_names_is_not_remembered(clinic: Clinic) -> None:
    session = clinic.session()
    clean, masked = clinic.decide("SELECT 1"), clinic.decide("SELECT ssn FROM patients")
    first = session.decide(b"FETCH c", (), replace(KNOWN, names=Named(cursors={"c": clean})))
    second = session.decide(b"FETCH c", (), replace(KNOWN, names=Named(cursors={"c": masked})))
    assert first.clean
    assert not second.clean


def test_prepare_and_declare_carry_what_they_stand_for(clinic: Clinic) -> None:
    command = clinic.decide("PREPARE s AS SELECT ssn FROM patients").commands[0]
    assert command.prepared is not None
    assert command.prepared.commands[0].rows is Rows.BY_ORIGIN
    command = clinic.decide("DECLARE c CURSOR WITH HOLD FOR SELECT 1").commands[0]
    assert command.declared is not None
    assert (command.declares, command.holdable, command.declared.clean) == ("c", True, True)
    assert clinic.decide("PREPARE s AS DELETE FROM staff").verdict is Verdict.DENY


def test_a_rule_that_matches_nothing_any_more_closes_the_database(clinic: Clinic) -> None:
    source = Fixed(clinic.catalog)
    session = PolicyEngine().session("nightly", policy(), source)
    assert session.decide(b"SELECT 1", (), KNOWN).verdict is Verdict.ALLOW
    renamed = [
        [
            value.replace('"ssn"', '"code"') if i == 9 and value and row[2] == "patients" else value
            for i, value in enumerate(row)
        ]
        for row in clinic.catalog._results["relations"]
    ]
    source.catalog = type(clinic.catalog)({**clinic.catalog._results, "relations": renamed})
    assert session.decide(b"SELECT 1", (), KNOWN).verdict is Verdict.DENY
    assert session.decide(b"ROLLBACK", (), KNOWN).verdict is Verdict.ALLOW
    fresh = PolicyEngine().session("nightly", policy(), source)
    assert fresh.decide(b"SELECT 1", (), KNOWN).verdict is Verdict.ALLOW, "a column that never was is waited for"


def test_rows_are_not_read_while_the_catalog_is_being_changed(clinic: Clinic) -> None:
    dirty = replace(KNOWN, catalog_dirty=True, in_transaction=True)
    keys: dict[str, Any] = {"writes": "allow", "ddl": "allow"}
    assert clinic.decide("SELECT 1", dirty).verdict is Verdict.ALLOW
    assert clinic.decide("SELECT relname FROM pg_class", dirty).verdict is Verdict.ALLOW
    assert clinic.decide("SELECT name FROM staff", dirty).verdict is Verdict.DENY
    assert clinic.decide("UPDATE staff SET name = dept", dirty, **keys).verdict is Verdict.DENY
    assert clinic.decide("INSERT INTO just_made VALUES (1)", dirty, **keys).verdict is Verdict.ALLOW
    assert clinic.decide("CREATE TABLE a (i int); SELECT name FROM staff", **keys).verdict is Verdict.DENY


def test_unread_code_under_unknown_redact(clinic: Clinic) -> None:
    session = clinic.session(unknown="redact", writes="allow")
    statement = session.decide(b"SELECT fn_unread(1), 2", (), KNOWN)
    assert statement.verdict is Verdict.ALLOW
    assert statement.commands[0].opaque
    columns = clinic.described("SELECT public.fn_unread(1), 2")
    rules = session.cell_rules(statement, statement.commands[0], columns, this_execution=True)
    assert [rule.action for rule in rules] == [CellAction.FIXED, CellAction.FIXED]


def test_what_needs_a_description(clinic: Clinic) -> None:
    session = clinic.session()
    for sql, needed in (("SELECT 1", False), ("SELECT id, ssn FROM patients", False), ("BEGIN", False)):
        assert session.needs_description(clinic.decide(sql).commands[0]) is needed


TOOLS = [
    "SELECT a.attname, CASE WHEN a.atthasmissing AND NOT a.attisdropped THEN a.attmissingval ELSE null END"
    " AS attmissingval FROM pg_catalog.pg_attribute a WHERE a.attrelid = 1",  # pg_dump
    "SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings"
    " WHERE name = 'restrict_nonsystem_relation_kind'",
    "SELECT pg_catalog.set_config('search_path', '', false)",
    "SET row_security = off",
    "SELECT pg_catalog.pg_is_in_recovery()",
    "SELECT c.relname, pg_catalog.pg_get_userbyid(c.relowner), pg_catalog.obj_description(c.oid, 'pg_class')"
    " FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE pg_catalog.pg_table_is_visible(c.oid) AND c.relname OPERATOR(pg_catalog.~) '^(staff)$'"
    " COLLATE pg_catalog.default",
    "SELECT (information_schema._pg_expandarray(i.indkey)).n FROM pg_catalog.pg_index i",  # pgjdbc
    "SELECT typname, typarray, typsend, typelem FROM pg_type WHERE oid = ANY ($1::oid[])",  # asyncpg
    "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL",  # asyncpg
    "DISCARD ALL",  # pools
    "SHOW TRANSACTION ISOLATION LEVEL",  # SQLAlchemy
]


@pytest.mark.parametrize("sql", TOOLS)
def test_what_tools_and_drivers_send(clinic: Clinic, sql: str) -> None:
    statement = clinic.decide(sql)
    assert (statement.verdict, statement.message) == (Verdict.ALLOW, "")
