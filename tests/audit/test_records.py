"""Records: the words agree with those of the session's boundary, and the sums with their definition."""

from __future__ import annotations

import dataclasses
import time

from hoopfast.audit.records import KINDS, Ending, SessionStart, SignInRefused, Totals, now
from hoopfast.session.boundary import Ending as SessionEnding
from tests.audit.examples import EXAMPLES


def test_endings_are_those_of_the_session() -> None:
    assert [ending.value for ending in Ending] == [ending.value for ending in SessionEnding]


def test_every_ending_has_its_total() -> None:
    names = {item.name for item in dataclasses.fields(Totals)}
    assert {ending.value for ending in Ending} <= names


def test_totals_balance() -> None:
    assert Totals().balanced
    assert Totals(received=15, completed=1, error=2, skipped=3, refused=4, unknown=5).balanced
    assert not Totals(received=2, completed=1).balanced


def test_examples_cover_every_kind() -> None:
    assert {type(example) for example in EXAMPLES} == set(KINDS.values())


def test_time_is_microseconds() -> None:
    assert abs(now() - time.time() * 1e6) < 5e6


def test_no_record_has_a_field_for_a_secret() -> None:
    for kind in (SessionStart, SignInRefused):
        assert not {item.name for item in dataclasses.fields(kind)} & {"password", "secret", "jwt"}
