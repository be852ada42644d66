"""INSERT, UPDATE, DELETE, MERGE: taint into storage, the closure of what is written, RETURNING."""

from __future__ import annotations

import pytest

from hoopfast.policy.model import Verdict
from tests.policy.clinic import Clinic


def written(clinic: Clinic, sql: str) -> set[str]:
    return {relation.label for relation in clinic.draft(sql).facts.writes.values()}


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO audit_log (what) SELECT ssn FROM patients",
        "INSERT INTO audit_log (what) VALUES ((SELECT ssn FROM patients LIMIT 1))",
        "INSERT INTO audit_log (what) SELECT upper(full_name) FROM patients",
        "INSERT INTO legacy.patients TABLE patients",
        "UPDATE patients SET mrn = ssn",
        "UPDATE staff SET name = p.ssn FROM patients p WHERE p.id = staff.id",
        "UPDATE staff SET (name, dept) = (SELECT ssn, 'x' FROM patients LIMIT 1)",
        "INSERT INTO staff (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = (SELECT ssn FROM patients LIMIT 1)",
        "MERGE INTO staff s USING patients p ON s.id = p.id WHEN MATCHED THEN UPDATE SET name = p.ssn",
        "MERGE INTO staff s USING patients p ON s.id = p.id WHEN NOT MATCHED THEN INSERT (name) VALUES (p.ssn)",
        "WITH x AS (INSERT INTO audit_log (what) SELECT ssn FROM patients) SELECT 1",
    ],
)
def test_27_no_taint_into_storage(clinic: Clinic, sql: str) -> None:
    statement = clinic.decide(sql, writes="allow", predicates="allow")
    assert statement.verdict is Verdict.DENY
    assert "stored elsewhere" in statement.message


@pytest.mark.parametrize(
    ("sql", "relations"),
    [
        ("DELETE FROM patients", {"public.patients", "public.billing"}),
        ("UPDATE patients SET mrn = 'x'", {"public.patients"}),
        ("DELETE FROM staff", {"public.staff"}),
        ("UPDATE people SET id = 1", {"public.people", "public.people_vip"}),
        ("INSERT INTO encounters (id) VALUES (1)", {"public.encounters", "public.encounters_2024"}),
        ("DELETE FROM v_pub", {"public.v_pub", "public.patients", "public.billing"}),
        ("WITH x AS (DELETE FROM visits) INSERT INTO audit_log DEFAULT VALUES", {"public.visits", "public.audit_log"}),
    ],
)
def test_62_the_closure_of_what_is_written(clinic: Clinic, sql: str, relations: set[str]) -> None:
    assert written(clinic, sql) == relations


def test_36_guesses_into_a_unique_protected_column_need_approval(clinic: Clinic) -> None:
    guess = "INSERT INTO patients (id, mrn, ssn) VALUES (9, 'x', '977-13-4281')"
    assert clinic.decide(guess, writes="allow").verdict is Verdict.NEEDS_APPROVAL
    assert clinic.decide("UPDATE patients SET ssn = '1'", writes="allow").verdict is Verdict.NEEDS_APPROVAL
    assert clinic.decide("COPY patients (id, ssn) FROM STDIN", writes="allow").verdict is Verdict.NEEDS_APPROVAL
    assert clinic.decide("UPDATE patients SET full_name = 'x'", writes="allow").verdict is Verdict.ALLOW
    assert clinic.decide(guess, writes="allow", predicates="allow").verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("sql", "verdict"),
    [
        ("UPDATE patients SET weight = 1 WHERE id = 1 RETURNING ssn", Verdict.ALLOW),
        ("UPDATE patients SET weight = 1 RETURNING upper(ssn)", Verdict.DENY),
        ("UPDATE patients p SET weight = 1 RETURNING p", Verdict.DENY),
        ("DELETE FROM visits v USING patients p WHERE v.id = p.id RETURNING p.ssn", Verdict.ALLOW),
        ("INSERT INTO visits (id) VALUES (1) RETURNING id, cost + 1", Verdict.ALLOW),
        ("UPDATE patients SET weight = 1 RETURNING old.ssn, new.ssn", Verdict.ALLOW),
        ("UPDATE staff SET name = 'x' FROM patients old WHERE old.id = staff.id RETURNING old.ssn", Verdict.DENY),
    ],
)
def test_returning_is_plain_or_refused(clinic: Clinic, sql: str, verdict: Verdict) -> None:
    assert clinic.decide(sql, writes="allow").verdict is verdict


def test_38_old_is_the_alias_and_the_row(clinic: Clinic) -> None:
    draft = clinic.draft("UPDATE staff SET name = 'x' FROM patients old WHERE old.id = staff.id RETURNING old.ssn")
    assert draft.output is not None
    assert clinic.source("patients.ssn") in draft.output.rest.sources


def test_32_returning_behind_a_trigger_is_refused_and_the_write_is_not(clinic: Clinic) -> None:
    assert clinic.decide("INSERT INTO triggered VALUES (1, 'x') RETURNING v", writes="allow").verdict is Verdict.DENY
    statement = clinic.decide("INSERT INTO triggered VALUES (1, 'x')", writes="allow")
    assert statement.verdict is Verdict.ALLOW
    assert statement.commands[0].opaque
    assert not statement.clean


def test_32_rewrite_rules_are_unread_code(clinic: Clinic) -> None:
    assert clinic.decide("INSERT INTO ruled VALUES (1)", writes="allow").verdict is Verdict.DENY


def test_values_of_unread_types_are_unread_code(clinic: Clinic) -> None:
    assert clinic.decide("INSERT INTO visits (id, zip) VALUES (1, '94111')", writes="allow").clean


def test_merge_returns_the_source_first(clinic: Clinic) -> None:
    draft = clinic.draft("MERGE INTO audit_log a USING visits v ON a.id = v.id WHEN MATCHED THEN DELETE RETURNING *")
    assert draft.output is not None
    assert draft.output.columns is not None
    names = [name for name, _origin in draft.output.columns]
    assert names == ["id", "staff_id", "at", "cost", "zip", "id", "what"]
