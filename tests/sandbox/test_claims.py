"""hoopfast/sandbox/claims.py: the examples match what they are made from."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from hoopfast.sandbox import claims


@pytest.mark.parametrize(
    "pattern",
    ["*", "refs/heads/*", "acme/?tl", "v[0-9].[!0-9]", "[!a-z]x", "plain", "[]]", "[!]0-z]", "a[b", "**", "[a-c]*?"],
)
def test_instance_matches_its_glob(pattern: str) -> None:
    made = claims.example({"c": pattern})["c"]
    assert isinstance(made, str)
    assert fnmatchcase(made, pattern)


def test_lists_numbers_and_nested_claims() -> None:
    wanted = {"repository": ["acme/etl", "acme/web"], "run": 7, "admin": True, "org": {"unit": "d?v"}}
    assert claims.example(wanted) == {"repository": "acme/etl", "run": 7, "admin": True, "org": {"unit": "dxv"}}
