"""Arguments that decide: only literals that the server reads as they are written."""

from __future__ import annotations

import pytest

from hoopfast.policy.arguments import judge_set_config, literal, location_of, note_notify
from hoopfast.policy.facts import Facts
from hoopfast.policy.parse import Node, parse


def expression(sql: str) -> Node:
    """The first target of a SELECT."""
    return parse(f"SELECT {sql}").commands[0].targetList[0].val


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("'a'", "a"),
        ("'a'::text", "a"),
        ("CAST('a' AS varchar)", "a"),
        ("'a'::pg_catalog.text", "a"),
        ("'session_replication_role.x'::varchar(24)", None),  # the server cuts it
        ("'a'::text[]", None),
        ("'a'::name", None),
        ("'a' || 'b'", None),
        ("$1", None),
        ("NULL", None),
        ("1", None),
    ],
)
def test_what_counts_as_a_literal(sql: str, expected: str | None) -> None:
    assert literal(expression(sql)) == expected


@pytest.mark.parametrize(
    ("sql", "refused"),
    [
        ("set_config('timezone', $1, false)", False),
        ("set_config('role', 'x', false)", True),
        ("set_config($1, 'x', false)", True),
        ("set_config('session_replication_role.x'::varchar(24), 'replica', false)", True),
        ("set_config(name, 'x', false)", True),
    ],
)
def test_the_name_of_a_setting_decides(sql: str, refused: bool) -> None:
    facts = Facts()
    judge_set_config(list(expression(sql).args), None, facts, 0)
    assert bool(facts.refusals) is refused
    assert facts.settings is not refused


def test_only_literal_notifications_are_noted() -> None:
    facts = Facts()
    note_notify(list(expression("pg_notify('c', 'p')").args), facts)
    note_notify(list(expression("pg_notify('c', $1)").args), facts)
    assert facts.notifies == [("c", "p")]


@pytest.mark.parametrize(("sql", "place"), [("a", 7), ("a || b", 7), ("(a IS NULL) AND b", 8), ("a::text", 7)])
def test_an_expression_begins_with_its_first_word(sql: str, place: int) -> None:
    assert location_of(expression(sql)) == place
