"""hoopfast/sandbox/claims.py: the examples match what they are made from, as auth/ compares them."""

from __future__ import annotations

import pytest

from hoopfast.auth.access import claims_match
from hoopfast.config.fields import parse_claims
from hoopfast.sandbox import claims


@pytest.mark.parametrize(
    "wanted",
    [
        {"sub": "*"},
        {"sub": 7},
        {"ref": "refs/heads/*", "repository": "acme/?tl"},
        {"branch": "release[1]"},
        {"repository": ["acme/etl", "acme/web"], "run": 7, "admin": True},
        {"org": {"unit": "d?v", "kubernetes.io": {"pod": "*-0"}}},
        {"org.unit": "x"},
    ],
)
def test_example_is_let_in(wanted: dict[str, object]) -> None:
    assert claims_match(parse_claims(wanted), claims.example(wanted))


def test_first_of_a_list() -> None:
    assert claims.example({"repository": ["acme/etl", "acme/web"]}) == {"repository": "acme/etl"}
