"""hoopfast/sandbox/toml.py: what it writes, tomllib reads back."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopfast.sandbox import toml

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalar = st.one_of(text, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
value = st.recursive(
    scalar,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=12,
)


@given(st.dictionaries(text, value, max_size=5))
def test_round_trip(document: dict[str, Any]) -> None:
    assert tomllib.loads(toml.dumps(document)) == document


def test_form() -> None:
    document = {
        "gateway": {"listen": "127.0.0.1:0"},
        "access": [{"claims": {"sub": "*"}, "database": "d"}],
        "policy": {"p": {"writes": "deny", "mask": [{"columns": ["a.b.c"], "with": "redact"}]}},
    }
    assert toml.dumps(document).splitlines() == [
        "[gateway]",
        'listen = "127.0.0.1:0"',
        "",
        "[[access]]",
        'claims = { sub = "*" }',
        'database = "d"',
        "",
        "[policy]",
        "",
        "[policy.p]",
        'writes = "deny"',
        "",
        "[[policy.p.mask]]",
        'columns = ["a.b.c"]',
        'with = "redact"',
    ]


def test_what_toml_has_not() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        toml.dumps({"a": None})
