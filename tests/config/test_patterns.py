"""Patterns over names: identifiers as PostgreSQL folds them, and globs."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopfast.config.patterns import ColumnPattern, ExceptPattern, FunctionPattern, RelationPattern, split


@pytest.mark.parametrize(
    ("text", "names", "matches"),
    [
        ("public.patients.ssn", ("public", "patients", "ssn"), True),
        ("Public.Patients.SSN", ("public", "patients", "ssn"), True),
        ("public.patients.ssn", ("public", "Patients", "ssn"), False),
        ('public."Patients"."SSN"', ("public", "Patients", "SSN"), True),
        ('public."Patients"."SSN"', ("public", "patients", "ssn"), False),
        ('public."Patients"."Full Name"', ("public", "Patients", "Full Name"), True),
        ('public."a.b"."c""d"', ("public", "a.b", 'c"d'), True),
        ("public.patients.*", ("public", "patients", "anything at all\n"), True),
        ("*.*.ssn", ("x", "y", "ssn"), True),
        ("*.*.ssn", ("x", "y", "ssn2"), False),
        ("public.*_raw.c?", ("public", "visits_raw", "c1"), True),
        ("public.*_raw.c?", ("public", "visits_raw", "c"), False),
        ('public."a*".b', ("public", "a*", "b"), True),
        ('public."a*".b', ("public", "ab", "b"), False),
        ("public.größe.ÄB", ("public", "größe", "Äb"), True),
    ],
)
def test_columns(text: str, names: tuple[str, str, str], matches: bool) -> None:
    pattern = ColumnPattern.parse(text)
    assert pattern.matches(*names) is matches
    assert pattern == text


@pytest.mark.parametrize(
    "value",
    [
        "ssn",
        "patients.ssn",
        "a.b.c.d",
        "",
        "a..b",
        ".a.b",
        "a.b.",
        'a.b."c',
        'a.b.""',
        "a.b c.d",
        "a.b.c-d",
        "a.b.1c",
        3,
        None,
        "a.b.[xy]",
        "a.b.c\0",
    ],
)
def test_what_is_no_column(value: object) -> None:
    with pytest.raises(ValueError, match=r"schema\.table\.column, such as public\.patients\.ssn"):
        ColumnPattern.parse(value)


def test_a_name_that_no_catalog_can_hold_is_refused() -> None:
    ColumnPattern.parse("a.b." + "c" * 63)
    with pytest.raises(ValueError, match="at most 63 bytes"):
        ColumnPattern.parse("a.b." + "c" * 64)
    with pytest.raises(ValueError, match="at most 63 bytes"):
        ColumnPattern.parse("a.b." + "ä" * 32)


def test_the_other_forms() -> None:
    assert RelationPattern.parse("staging.*").matches("staging", "visits")
    assert FunctionPattern.parse("public.fn_total").matches("public", "fn_total")
    assert ExceptPattern.parse("id").matches("id")
    with pytest.raises(ValueError, match=r"schema\.table"):
        RelationPattern.parse("staging")
    with pytest.raises(ValueError, match="of the form column"):
        ExceptPattern.parse("patients.id")


def test_parts() -> None:
    pattern = ColumnPattern.parse('Public.*."SSN"')
    assert (pattern.schema.text, pattern.table.text, pattern.column.text) == ("public", "*", "SSN")
    assert pattern.is_glob
    assert not ColumnPattern.parse("a.b.c").is_glob


def test_the_more_specific_is_higher() -> None:
    texts = ["*.*.*", "public.*.*", "public.patients.*", "*.*.ssn*", "*.*.ssn", "public.*.ssn", "public.patients.ssn"]
    by_specificity = sorted(map(ColumnPattern.parse, texts), key=lambda pattern: pattern.specificity)
    assert by_specificity.index(ColumnPattern("public.patients.ssn")) == len(texts) - 1
    assert by_specificity[0] == "*.*.*"
    assert by_specificity.index(ColumnPattern("public.patients.*")) > by_specificity.index(ColumnPattern("public.*.*"))


def test_it_survives_copies() -> None:
    pattern = ColumnPattern.parse('public."Patients".*')
    for twin in (copy.deepcopy(pattern), pickle.loads(pickle.dumps(pattern))):
        assert twin == pattern
        assert twin.matches("public", "Patients", "x")


@given(st.text(max_size=20))
def test_quoting_makes_any_name_exact(name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    parts = split(f"public.{quoted}")
    if not name or "\0" in name:
        assert parts is None
    else:
        assert parts is not None
        assert parts[1].text == name
        assert parts[1].matches(name)
        assert not parts[1].matches(name + "x")
