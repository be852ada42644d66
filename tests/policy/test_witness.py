"""The second witness: what a RowDescription can add, and what it cannot clear."""

from __future__ import annotations

import pytest

from hoopfast.policy.model import PASS, CellAction, CellRule, Origin, ResultColumn
from hoopfast.policy.witness import Witness
from tests.policy.clinic import KNOWN, Clinic

KEEP = CellRule(CellAction.KEEP_LAST, n=4)
STARS = CellRule(CellAction.FIXED, fixed=b"***")


def column(source: tuple[int, int], type_oid: int = 25) -> ResultColumn:
    return ResultColumn("x", source[0], source[1], type_oid, -1, -1, 0)


def test_own_mask_needs_both_to_say_bare(clinic: Clinic) -> None:
    witness, ssn = Witness(clinic.compiled()), clinic.source("patients.ssn")
    assert witness.rule(Origin(frozenset((ssn,)), bare=True), column(ssn)) == KEEP
    assert witness.rule(Origin(frozenset((ssn,))), column(ssn)) == STARS
    assert witness.rule(Origin(frozenset((ssn,)), bare=True), column((0, 0))) == STARS
    assert witness.rule(Origin(frozenset((ssn,)), bare=True), column(ssn, 1043)) == STARS


def test_9_an_origin_outside_the_analysers_sources_masks(clinic: Clinic) -> None:
    witness, name, ssn = Witness(clinic.compiled()), clinic.source("staff.name"), clinic.source("patients.ssn")
    bare = Origin(frozenset((name,)), bare=True)
    assert witness.rule(bare, column(name)) == PASS
    assert witness.rule(bare, column(ssn)) == STARS
    assert witness.rule(bare, column(clinic.source("staff.dept"))) == STARS
    assert witness.rule(bare, column((name[0], 99))) == STARS
    assert witness.rule(bare, column((999_999, 1))) == STARS
    assert witness.rule(Origin(frozenset()), column(name)) == STARS


def test_a_constant_has_no_origin(clinic: Clinic) -> None:
    witness = Witness(clinic.compiled())
    assert witness.rule(Origin(frozenset()), column((0, 0))) == PASS
    assert witness.rule(Origin(frozenset(((0, 0),))), column((0, 0))) == STARS


def test_clean_statements_are_witnessed_too(clinic: Clinic) -> None:
    witness = Witness(clinic.compiled())
    assert witness.clean(column((0, 0))) == PASS
    assert witness.clean(column(clinic.source("staff.name"))) == PASS
    assert witness.clean(column(clinic.source("patients.ssn"))) == STARS
    assert witness.clean(column((clinic.relation("patients").oid, 0))) == STARS


def test_derived_masks_differ_by_column(clinic: Clinic) -> None:
    witness, card = Witness(clinic.compiled()), clinic.source("billing.card")
    assert witness.rule(Origin(frozenset((card,))), column((0, 0))).action is CellAction.NULL


@pytest.mark.parametrize("version", [pytest.param(15, marks=pytest.mark.needs_postgres15), 18])
@pytest.mark.parametrize(
    ("sql", "actions"),
    [
        ("SELECT id, ssn, full_name FROM patients", "PASS KEEP_LAST FIXED"),
        ("SELECT x.a, x.b FROM (SELECT ssn AS a, id AS b FROM patients) x", "KEEP_LAST PASS"),
        ("SELECT * FROM v_contacts", "PASS FIXED KEEP_LAST"),
        ("SELECT head FROM v_head", "FIXED"),
        ("SELECT h FROM mv_hash", "FIXED"),
        ("SELECT full_name FROM people", "FIXED"),
        ("SELECT a.id, a.ssn, b.ssn FROM patients a JOIN staff b USING (id)", "PASS KEEP_LAST PASS"),
        ("SELECT ctid, tableoid, id FROM patients", "PASS PASS PASS"),
        ("SELECT dob, who, feeling, weight, zip FROM patients", "FIXED NULL NULL PASS PASS"),
        ("WITH t AS (SELECT ssn FROM patients) SELECT * FROM t", "KEEP_LAST"),
        ("SELECT complaint FROM encounters", "FIXED"),
        ("SELECT attname, attmissingval FROM pg_attribute", "PASS NULL"),
    ],
)
def test_with_the_servers_own_description(request: pytest.FixtureRequest, version: int, sql: str, actions: str) -> None:
    clinic: Clinic = request.getfixturevalue(f"clinic{version}")
    session = clinic.session()
    statement = session.decide(sql.encode(), (), KNOWN)
    rules = session.cell_rules(statement, statement.commands[0], clinic.described(sql), this_execution=True)
    assert " ".join(rule.action.name for rule in rules) == actions


def test_1_a_description_made_under_another_path_masks(clinic: Clinic) -> None:
    session = clinic.session()
    statement = session.decide(b"SELECT ssn FROM shadow.staff", (), KNOWN)
    before = clinic.described("SELECT ssn FROM public.staff")
    rules = session.cell_rules(statement, statement.commands[0], before, this_execution=False)
    assert rules == (STARS,)


def test_another_number_of_columns_masks_all(clinic: Clinic) -> None:
    session = clinic.session()
    statement = session.decide(b"SELECT id FROM patients", (), KNOWN)
    columns = clinic.described("SELECT id, mrn FROM patients")
    rules = session.cell_rules(statement, statement.commands[0], columns, this_execution=True)
    assert PASS not in rules
