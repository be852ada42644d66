"""Names between sections: found wrong even where the rest of the file is."""

from __future__ import annotations

from typing import Any

import pytest

from hoopfast.config.problems import Problem
from hoopfast.config.references import problems_of


def keys(raw: dict[str, Any], *, lenient: bool = False) -> list[str]:
    return [problem.key for problem in problems_of(raw, lenient=lenient)]


def test_several_issuers_must_be_told_apart() -> None:
    issuers = [{"name": "a", "url": "https://a"}, {"name": "b", "url": "https://b"}]
    raw = {
        "issuer": issuers,
        "access": [{"policy": "p", "database": "d"}],
        "policy": {"p": {}},
        "database": [{"name": "d"}],
    }
    assert problems_of(raw, lenient=False) == [
        Problem(("access", 0, "issuer"), "is missing where there are several issuers: name one of a, b")
    ]


def test_a_name_or_an_issuer_twice() -> None:
    raw = {
        "database": [{"name": "d"}, {"name": "d"}],
        "issuer": [{"name": "a", "url": "https://a"}, {"name": "b", "url": "https://a"}],
    }
    assert keys(raw) == ["database[1].name", "issuer[1].url"]


def test_lenient_leaves_policies_and_notifiers_checked() -> None:
    raw = {
        "access": [{"policy": "x", "database": "d", "issuer": "i"}],
        "policy": {"p": {"approval": {"notify": ["slack"]}}},
    }
    assert keys(raw, lenient=True) == ["access[0].policy", "policy.p.approval.notify[0]"]
    assert set(keys(raw)) == {
        "access[0].policy",
        "access[0].database",
        "access[0].issuer",
        "policy.p.approval.notify[0]",
    }


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"access": 1},
        {"access": [1]},
        {"access": [{"policy": 1}]},
        {"policy": []},
        {"policy": {"p": 1}},
        {"issuer": {"a": 1}},
        {"policy": {"p": {"approval": {"notify": [1]}}}},
        {"database": [{"name": []}]},
    ],
)
def test_wrong_types_are_somebody_elses(raw: dict[str, Any]) -> None:
    problems_of(raw, lenient=True)
