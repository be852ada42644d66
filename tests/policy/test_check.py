"""What `check --connect` says about a policy in a database."""

from __future__ import annotations

from hoopfast.policy.check import findings
from tests.policy.clinic import Clinic, policy


def test_a_policy_that_fits_has_nothing_to_say(clinic: Clinic) -> None:
    assert list(findings("nightly", policy(), clinic.catalog)) == []


def test_what_does_less_than_it_seems(clinic: Clinic) -> None:
    config = policy(
        mask=[
            {"columns": ["public.patients.gone"], "with": "redact"},
            {"columns": ["public.patients.dob"], "with": "keep_last(4)"},
        ],
        functions=["public.nothing"],
        rule=[{"name": "r", "relations": ["staging.*"], "action": "allow"}],
    )
    said = [(finding.level, finding.where, finding.message) for finding in findings("nightly", config, clinic.catalog)]
    assert [level for level, _where, _message in said] == ["warning"] * 4
    assert said[0][1] == "policy.nightly.mask[0]"
    assert all(message.startswith("in policy_clinic: ") for _level, _where, message in said)
    assert [message.split()[2] for _level, _where, message in said] == [
        "public.patients.gone",
        "public.patients.dob",
        "staging.*",
        "public.nothing",
    ]
