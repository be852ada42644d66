"""Facts: nothing shared between two commands; the exception's fields."""

from __future__ import annotations

from hoopfast.policy.facts import Facts, Finding, Unanalysable


def test_facts_are_separate() -> None:
    one, two = Facts(), Facts()
    one.refusals.append(Finding("x"))
    one.protected.add((1, 2))
    assert (two.refusals, two.protected) == ([], set())


def test_unanalysable_says_where_and_what_to_do() -> None:
    error = Unanalysable("x", 5, "y")
    assert (error.message, error.location, error.hint) == ("x", 5, "y")
