"""Protection of views: bare, derived, clean, and not to be analysed (soundness 30, 31)."""

from __future__ import annotations

import pytest

from hoopfast.policy.views import columns_used
from tests.policy.clinic import Clinic

EXPECTED = {
    "v_patients": {"full_name": "redact", "ssn": "keep_last"},
    "v_contacts": {"label": "redact", "code": "keep_last"},
    "v_head": {"head": "redact"},
    "v_pub": {},
    "v_whole": {"rec": "redact"},
    "v_union": {"val": "redact"},
    "v_totals": {},
    "mv_hash": {"h": "redact"},
}


@pytest.mark.parametrize("version", [pytest.param(15, marks=pytest.mark.needs_postgres15), 18])
@pytest.mark.parametrize(("view", "expected"), EXPECTED.items(), ids=EXPECTED)
def test_columns_of_views(request: pytest.FixtureRequest, version: int, view: str, expected: dict[str, str]) -> None:
    clinic: Clinic = request.getfixturevalue(f"clinic{version}")
    relation, protection = clinic.relation(view), clinic.compiled().protection
    found = {
        column.name: guard.own.name
        for column in relation.columns
        if (guard := protection.guard((relation.oid, column.number))) is not None
    }
    assert found == expected


def test_30_a_derived_column_of_a_view_never_gets_the_columns_own_mask(clinic: Clinic) -> None:
    relation = clinic.relation("v_head")
    guard = clinic.compiled().protection.guard((relation.oid, 2))
    assert guard is not None
    assert guard.own.name == "redact"


def test_31_a_view_over_unread_code_is_protected(clinic: Clinic) -> None:
    relation, protection = clinic.relation("v_unread"), clinic.compiled().protection
    assert protection.guard((relation.oid, 1)) is None
    assert protection.tainted([(relation.oid, 2)])
    assert protection.hidden_code(relation)
    listed = clinic.compiled(functions=["public.fn_unread"]).protection
    assert not listed.tainted([(relation.oid, 2)])
    assert not listed.hidden_code(relation)


def test_a_definition_that_cannot_be_analysed_protects_the_whole_view(clinic: Clinic) -> None:
    from hoopfast.policy.catalog import Catalog
    from hoopfast.policy.compiled import Compiled
    from tests.policy.clinic import policy

    relation = clinic.relation("v_totals")
    for text in ("SELECT FROM FROM", "SELECT s.dept, s.nope FROM public.staff s", "SELECT 1 AS a, 2 AS b"):
        results = dict(clinic.catalog._results)
        results["views"] = [[row[0], text, None] if row[0] == str(relation.oid) else row for row in results["views"]]
        protection = Compiled("x", policy(), Catalog.build(results)).protection
        assert protection.tainted([(relation.oid, 1)]), text


def test_columns_used(clinic: Clinic) -> None:
    relation = clinic.relation("patients")
    numbers = {relation.by_name[name].number for name in ("ssn", "mrn")}
    assert columns_used("(ssn || mrn)", relation) == numbers
    assert columns_used("(nope)", relation) is None
    assert columns_used("((", relation) is None
