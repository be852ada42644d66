"""Which columns are protected, and how it flows."""

from __future__ import annotations

import pytest

from hoopfast.policy.protection import Protection, weakest
from hoopfast.policy.scope import OPAQUE_SOURCE
from tests.policy.clinic import Clinic


def own(protection: Protection, source: tuple[int, int]) -> str | None:
    guard = protection.guard(source)
    return str(guard.own.name) if guard is not None else None


def test_rules_bind_to_columns(clinic: Clinic) -> None:
    protection = clinic.compiled().protection
    assert own(protection, clinic.source("patients.ssn")) == "keep_last"
    assert own(protection, clinic.source("patients.full_name")) == "redact"
    assert own(protection, clinic.source("patients.mrn")) is None
    assert own(protection, clinic.source("Patients.SSN")) == "keep_last"
    assert own(protection, clinic.source("Patients.ssn")) is None
    assert own(protection, clinic.source("staff.ssn")) is None


def test_28_protection_flows_up_and_down(clinic: Clinic) -> None:
    protection = clinic.compiled().protection
    assert own(protection, clinic.source("people_vip.full_name")) == "redact"
    assert own(protection, clinic.source("encounters.complaint")) == "constant", "the rule names a partition"


def test_29_generated_columns_take_the_lineage_of_their_expression(clinic: Clinic) -> None:
    protection = clinic.compiled().protection
    assert own(protection, clinic.source("patients.initials")) == "redact"
    assert own(protection, clinic.source("patients.room")) is None


def test_the_more_specific_rule_wins_and_except_clears(clinic: Clinic) -> None:
    protection = clinic.compiled(
        mask=[
            {"columns": ["public.patients.*"], "except": ["id", "mrn"], "with": "null"},
            {"columns": ["public.patients.ssn"], "with": "keep_first(3)"},
        ]
    ).protection
    found = {name: own(protection, clinic.source(f"patients.{name}")) for name in ("id", "mrn", "dob", "ssn")}
    assert found == {"id": None, "mrn": None, "dob": "null", "ssn": "keep_first"}


def test_unlisted_columns_can_be_masked(clinic: Clinic) -> None:
    protection = clinic.compiled(
        unlisted="mask", mask=[{"columns": ["public.visits.*"], "except": ["id", "cost"], "with": "redact"}]
    ).protection
    assert own(protection, clinic.source("staff.name")) == "redact"
    assert own(protection, clinic.source("visits.cost")) is None
    assert protection.guard((clinic.relation("pg_class", "pg_catalog").oid, 2)) is None


def test_what_is_not_known_is_protected(clinic: Clinic) -> None:
    protection = clinic.compiled().protection
    staff = clinic.relation("staff").oid
    assert protection.tainted([OPAQUE_SOURCE])
    assert protection.tainted([(999_999, 1)])
    assert protection.tainted([(staff, 99)])
    assert protection.tainted([(staff, -9)])
    assert not protection.tainted([(staff, -1), (staff, 0), (staff, 1)])
    assert protection.tainted([(clinic.relation("patients").oid, 0)])


@pytest.mark.parametrize(
    ("relation", "column", "protected"),
    [
        ("pg_class", "relname", False),
        ("pg_attribute", "attname", False),
        ("pg_attribute", "attmissingval", True),
        ("pg_statistic", "stavalues1", True),
        ("pg_stats", "most_common_vals", True),
        ("pg_authid", "rolpassword", True),
        ("pg_shadow", "passwd", True),
        ("pg_user_mappings", "umoptions", True),
        ("pg_largeobject", "data", True),
        ("pg_stat_activity", "query", True),
        ("pg_stat_activity", "pid", False),
        ("pg_prepared_statements", "statement", True),
        ("pg_cursors", "name", True),
        ("pg_statistic_ext_data", "stxdmcv", True),
        ("pg_hba_file_rules", "address", True),
        ("pg_proc", "prosrc", False),
    ],
)
def test_37_columns_of_the_servers_relations_are_an_allow_list(
    clinic: Clinic, relation: str, column: str, protected: bool
) -> None:
    found = clinic.relation(relation, "pg_catalog")
    source = (found.oid, found.by_name[column].number)
    assert clinic.compiled().protection.tainted([source]) is protected


def test_foreign_tables_are_opaque_and_taint_their_parents(clinic: Clinic) -> None:
    results = dict(clinic.catalog._results)
    results["relations"] = [["f" if i == 3 and row[2] == "encounters_2024" else cell for i, cell in enumerate(row)]
                            for row in results["relations"]]  # fmt: skip
    from hoopfast.policy.catalog import Catalog
    from hoopfast.policy.compiled import Compiled
    from tests.policy.clinic import policy

    protection = Compiled("x", policy(mask=[]), Catalog.build(results)).protection
    assert protection.tainted([clinic.source("encounters_2024.id")])
    assert protection.tainted([clinic.source("encounters.id")])
    assert not protection.tainted([clinic.source("visits.id")])


def test_searching_and_guessing(clinic: Clinic) -> None:
    protection = clinic.compiled().protection
    assert protection.not_searchable([clinic.source("patients.ssn")]) == clinic.source("patients.ssn")
    assert protection.not_searchable([clinic.source("billing.card"), clinic.source("patients.id")]) is None
    assert protection.guessable(*clinic.source("patients.ssn")) == "public.patients.ssn"
    assert protection.guessable(*clinic.source("patients.full_name")) is None
    everything = clinic.compiled(predicates="allow").protection
    assert everything.guessable(*clinic.source("patients.ssn")) is None


def test_warnings(clinic: Clinic) -> None:
    protection = clinic.compiled(
        mask=[
            {"columns": ["public.patients.nope"], "with": "redact"},
            {"columns": ["public.nothing.*"], "with": "redact"},
            {"columns": ["public.patients.dob"], "with": "keep_last(4)"},
            {"columns": ["public.patients.gone"], "with": "redact", "optional": True},
        ]
    ).protection
    assert [warning.rule for warning in protection.warnings] == [0, 1, 2, 3]
    assert "is of type date" in protection.warnings[2].message
    assert protection.unmatched == ["public.patients.nope"]


def test_masks_of_several_columns(clinic: Clinic) -> None:
    protection = clinic.compiled().protection
    ssn, card = protection.guard(clinic.source("patients.ssn")), protection.guard(clinic.source("billing.card"))
    assert ssn is not None
    assert card is not None
    assert weakest([card.derived, card.derived]).name == "null"
    assert weakest([card.derived, ssn.derived]).name == "redact"
