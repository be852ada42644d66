"""Access: the first rule that matches decides, and who matches none learns nothing."""

from __future__ import annotations

import fnmatch
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopfast.auth.access import claims_match, match, values_of
from hoopfast.auth.identity import Identity
from hoopfast.config import Config, parse
from hoopfast.errors import AuthenticationFailed, HoopfastError, NoSuchDatabase

RAW: dict[str, Any] = {
    "issuer": [
        {"name": "github", "url": "https://github.example", "audience": "hoopfast"},
        {"name": "corp", "url": "https://corp.example", "audience": "hoopfast"},
    ],
    "database": [{"name": name, "host": "db", "user": "u"} for name in ("clinic", "billing", "secret")],
    "access": [
        {
            "issuer": "github",
            "claims": {"repository": "acme/etl", "ref": "refs/heads/main"},
            "database": "clinic",
            "policy": "main",
        },
        {"issuer": "github", "claims": {"repository": "acme/*"}, "database": "clinic", "policy": "branch"},
        {"issuer": "corp", "claims": {"groups": ["dba", "ops"]}, "database": "billing", "policy": "main"},
        {"issuer": "corp", "claims": {"groups": "root"}, "database": "secret", "policy": "main"},
    ],
    "policy": {"main": {}, "branch": {}},
}


def config(raw: dict[str, Any] = RAW, **options: Any) -> Config:
    return parse(raw, Path("/srv/hoopfast.toml"), **options)


def identity(issuer: str = "github", **claims: Any) -> Identity:
    return Identity(issuer, f"https://{issuer}.example", "job", claims, 0.0)


MAIN = identity(repository="acme/etl", ref="refs/heads/main")


def test_the_first_that_matches_decides() -> None:
    access = match(config(), MAIN, "clinic")
    assert (access.index, access.policy, access.database.name, access.issuer.name) == (0, "main", "clinic", "github")
    assert access.policy_config is not None
    other = match(config(), identity(repository="acme/etl", ref="refs/heads/x"), "clinic")
    assert (other.index, other.policy) == (1, "branch")


def test_any_element_of_a_list() -> None:
    assert match(config(), identity("corp", groups=["staff", "ops"]), "billing").index == 2


def test_claims_of_another_issuer_do_not_count() -> None:
    with pytest.raises(AuthenticationFailed):
        match(config(), identity("corp", repository="acme/etl", ref="refs/heads/main"), "clinic")


def test_who_has_no_access_cannot_tell_which_databases_there_are() -> None:
    stranger = identity(repository="evil/etl", ref="refs/heads/main")
    answers = set()
    for database in ("clinic", "billing", "secret", "nothing", ""):
        with pytest.raises(AuthenticationFailed) as caught:
            match(config(), stranger, database)
        answers.add((caught.value.sqlstate, caught.value.message, caught.value.hint))
    assert len(answers) == 1
    assert {answer[0] for answer in answers} == {"28000"}


def test_who_has_some_access_cannot_tell_either() -> None:
    answers = set()
    for database in ("billing", "secret", "nothing"):
        with pytest.raises(NoSuchDatabase) as caught:
            match(config(), MAIN, database)
        answers.add((caught.value.sqlstate, caught.value.message, caught.value.hint))
    assert len(answers) == 1
    assert {answer[0] for answer in answers} == {"3D000"}


def test_a_database_that_is_not_configured_yet() -> None:
    raw = {**RAW, "database": []}
    with pytest.raises(NoSuchDatabase):
        match(config(raw, lenient_databases=True), MAIN, "clinic")


def test_an_only_issuer_need_not_be_named() -> None:
    raw = {
        **RAW,
        "issuer": RAW["issuer"][:1],
        "access": [{"claims": {"sub": "*"}, "database": "clinic", "policy": "main"}],
    }
    assert match(config(raw), identity(sub="x"), "clinic").policy == "main"


@pytest.mark.parametrize(
    ("wanted", "claims", "matches"),
    [
        ({"a": ("x",)}, {"a": "x"}, True),
        ({"a": ("x",)}, {"a": "X"}, False),
        ({"a": ("x",)}, {"a": "xx"}, False),
        ({"a": ("x",)}, {}, False),
        ({"a": ("*",)}, {}, False),
        ({"a": ("*",)}, {"a": None}, False),
        ({"a": ("*",)}, {"a": {"b": "c"}}, False),
        ({"a": ("*",)}, {"a": 1.5}, False),
        ({"a": ("*",)}, {"a": ""}, True),
        ({"a": ("x", "y")}, {"a": "y"}, True),
        ({"a": ("x",), "b": ("y",)}, {"a": "x", "b": "z"}, False),
        ({"a": ("refs/heads/*",)}, {"a": "refs/heads/f/1"}, True),
        ({"a": ("refs/heads/*",)}, {"a": "xrefs/heads/1"}, False),
        ({"a": ("v?",)}, {"a": "v1"}, True),
        ({"a": ("v?",)}, {"a": "v10"}, False),
        ({"a": ("[ab]",)}, {"a": "a"}, False),
        ({"a": ("[ab]",)}, {"a": "[ab]"}, True),
        ({"a": (".*",)}, {"a": "x"}, False),
        ({"a": ("x*",)}, {"a": "x\ny"}, True),
        ({"a": ("true",)}, {"a": True}, True),
        ({"a": ("1",)}, {"a": True}, False),
        ({"a": ("5",)}, {"a": 5}, True),
        ({"a": ("x",)}, {"a": ["w", "x"]}, True),
        ({"a": ("x",)}, {"a": [["x"]]}, False),
        ({"a.b": ("x",)}, {"a": {"b": "x"}}, True),
        ({"a.b": ("x",)}, {"a.b": "x"}, True),
        ({"a.b": ("x",)}, {"a": "x"}, False),
        ({"kubernetes.io.namespace": ("ci",)}, {"kubernetes.io": {"namespace": "ci"}}, True),
        ({"realm_access.roles": ("etl",)}, {"realm_access": {"roles": ["a", "etl"]}}, True),
    ],
)
def test_claims(wanted: dict[str, tuple[str, ...]], claims: dict[str, Any], matches: bool) -> None:
    assert claims_match(wanted, claims) is matches


def test_a_long_glob_is_no_burden() -> None:
    assert not claims_match({"a": ("*" * 5000 + "x",)}, {"a": "y" * 10000})


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.text(alphabet="xy/", max_size=4)


@given(st.text(alphabet="xy*?/", max_size=8), st.text(alphabet="xy/\n", max_size=8))
def test_globs_are_those_of_fnmatch_without_brackets(pattern: str, value: str) -> None:
    assert claims_match({"a": (pattern,)}, {"a": value}) is fnmatch.fnmatchcase(value, pattern)


@given(
    st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=3).map(tuple), min_size=1),
    st.dictionaries(NAMES, VALUES | st.lists(VALUES, max_size=3)),
)
def test_exact_claims_are_set_intersections(wanted: dict[str, tuple[str, ...]], claims: dict[str, Any]) -> None:
    expected = all(set(values) & set(values_of(claims, name)) for name, values in wanted.items())
    assert claims_match(wanted, claims) is expected


@given(
    st.lists(st.tuples(st.sampled_from(["clinic", "billing"]), NAMES, st.sampled_from(["main", "branch"])), max_size=5),
    st.sets(NAMES),
    st.sampled_from(["clinic", "billing", "nothing"]),
)
def test_top_down(rules: list[tuple[str, str, str]], held: set[str], database: str) -> None:
    raw = {**RAW, "access": [{"issuer": "corp", "claims": {"g": g}, "database": d, "policy": p} for d, g, p in rules]}
    caller = identity("corp", g=sorted(held))
    matching = [index for index, (_, group, _) in enumerate(rules) if group in held]
    here = [index for index in matching if rules[index][0] == database]
    if here:
        access = match(config(raw), caller, database)
        assert access.index == here[0]
        assert access.policy == rules[here[0]][2]
    else:
        with pytest.raises(HoopfastError) as caught:
            match(config(raw), caller, database)
        assert caught.value.sqlstate == ("3D000" if matching else "28000")


def test_a_claim_cannot_make_matching_slow() -> None:
    began = time.perf_counter()
    for pattern in ("*a*a*a*a*a*a*b", "a*" * 20 + "b", "*?*?*?*?*b"):
        assert not claims_match({"ref": (pattern,)}, {"ref": "a" * 8000})
    assert time.perf_counter() - began < 1
