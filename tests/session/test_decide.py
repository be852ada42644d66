"""Decisions: what they wait for, and when they are taken again."""

from __future__ import annotations

from hoopfast.policy.model import Command, Kind, Origin, Statement, StatementSummary, Verdict
from hoopfast.session.decide import same_shape
from hoopfast.wire import frontend
from tests.session.scripted import Player, play


def test_a_name_that_an_unanswered_segment_may_change_is_waited_for() -> None:
    # Had the second Parse failed (the name exists), Bind would find the first statement.
    play(
        """
        F Parse(b"s", b"secret", ())
        > same
        F Sync()
        > same
        B ParseComplete()
        < same
        B ReadyForQuery(b"I")
        < same
        F Parse(b"s", b"read", ())
        > same
        F Sync()
        > same
        F Bind(b"", b"s", (), (), ())
        > drop
        F Execute(b"", 0)
        > drop
        B error(b"42P05", b"prepared statement \\"s\\" already exists")
        < same
        > Bind(b"", b"s", (), (), ())
        > Describe(b"P", b"")
        > Execute(b"", 0)
        B ReadyForQuery(b"I")
        < same
        """
    )


def test_statements_wait_for_the_catalog() -> None:
    player = Player(0)
    player.policy.version = None
    query = frontend.Query(b"read").encode()
    effects = player.conversation.frontend_data(query)
    assert effects.catalog_needed
    assert not effects.to_backend
    assert not player.conversation.reads_frontend
    player.policy.version = 1
    assert b"".join(player.conversation.resume().to_backend) == query
    assert player.conversation.reads_frontend


def test_a_prepared_statement_is_decided_again_when_the_catalog_has_changed() -> None:
    player = Player(0)
    player.play(
        """
        F Parse(b"s", b"read", ())
        > same
        F Sync()
        > same
        B ParseComplete()
        < same
        B ReadyForQuery(b"I")
        < same
        """
    )
    player.policy.version = 2
    player.policy.statements["read"] = player.policy.statements["drop"]
    player.play(
        """
        F Bind(b"", b"s", (), (), ())
        > own question
        B own answer
        > refusal
        """
    )


def _of_width(width: int | None) -> Statement:
    columns = None if width is None else (Origin(frozenset()),) * width
    return Statement(Verdict.ALLOW, (Command("SELECT", Kind.READ, columns=columns),), StatementSummary("", "0" * 16))


def test_results_with_other_numbers_of_columns_have_another_shape() -> None:
    assert same_shape(_of_width(2), _of_width(2))
    assert not same_shape(_of_width(2), _of_width(3))
    assert not same_shape(_of_width(0), _of_width(1))
    assert same_shape(_of_width(None), _of_width(3))  # not known: prepare it again
