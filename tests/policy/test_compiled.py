"""A policy in a catalog, and what a decision rests on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hoopfast.policy.engine import PolicyEngine
from tests.policy.clinic import KNOWN, Clinic, Fixed, policy


def test_it_is_compiled_once_per_policy_and_catalog(clinic: Clinic) -> None:
    engine, config = PolicyEngine(), policy()
    first = engine.compiled("nightly", config, clinic.catalog)
    assert engine.compiled("nightly", config, clinic.catalog) is first
    assert engine.compiled("nightly", policy(writes="allow"), clinic.catalog) is not first
    assert engine.compiled("other", config, clinic.catalog) is not first


def test_functions_that_the_policy_lists(clinic: Clinic) -> None:
    compiled = clinic.compiled(functions=["public.fn_*"])
    assert compiled.listed("public", "fn_unread")
    assert not compiled.listed("shadow", "fn_unread")


@pytest.mark.parametrize(
    "other",
    [
        replace(KNOWN, schemas=None),
        replace(KNOWN, schemas=("pg_catalog", "shadow")),
        replace(KNOWN, role="postgres"),
        replace(KNOWN, catalog_dirty=True),
        replace(KNOWN, parameters={**KNOWN.parameters, "client_encoding": "LATIN1"}),
        replace(KNOWN, parameters={**KNOWN.parameters, "standard_conforming_strings": "off"}),
    ],
    ids=["unknown path", "path", "role", "changing", "encoding", "strings"],
)
def test_3_the_basis_holds_all_that_a_decision_rests_on(clinic: Clinic, other: object) -> None:
    session = PolicyEngine().session("nightly", policy(), Fixed(clinic.catalog))
    assert session.basis(KNOWN) != session.basis(other)  # type: ignore[arg-type]
    assert session.basis(KNOWN) == session.basis(replace(KNOWN, in_transaction=True))
