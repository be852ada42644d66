"""Interleavings that once hung a session, lost a reply or closed too early."""

from __future__ import annotations

import tracemalloc

from hoopfast.errors import JournalUnavailable
from hoopfast.session import plans, refusal
from hoopfast.session.boundary import Outcome
from hoopfast.session.steady import Shapes
from hoopfast.wire import backend, frontend
from tests.session.scripted import ListRecorder, Player, play, text_columns
from tests.session.steady_session import (
    BOUND,
    COLUMNS,
    MASKED_ROW,
    PARSED,
    READY,
    ROW,
    SYNC,
    SteadySession,
    command_complete,
    query,
)


class Unwritable(ListRecorder):
    """A recorder whose journal becomes full."""

    unwritable = False

    def ended(self, sequence: int, outcome: Outcome) -> None:
        """As long as there is room."""
        if self.unwritable:
            raise JournalUnavailable("the journal cannot be written")
        super().ended(sequence, outcome)


def test_an_error_of_an_earlier_statement_does_not_end_a_copy_that_has_not_begun() -> None:
    play(
        """
        F Query(b"read")
        > same
        F Query(b"copy in")
        > same
        B error(b"22012", b"division by zero")
        < same
        F CopyData(b"1")
        > drop
        B ReadyForQuery(b"I")
        < same
        B CopyInResponse(0, (0,))
        < same
        > CopyData(b"1")
        F CopyDone()
        > same
        """
    )


def test_a_probe_that_is_skipped_is_not_waited_for() -> None:
    play(
        """
        F Parse(b"s", b"read", ())
        > same
        F Parse(b"t", b"strange", ())
        > Parse(b"hoopfast probe", b"strange", ())
        > Flush()
        F Sync()
        > drop
        B error(b"42P05", b"exists")
        < same
        > Sync()
        B ReadyForQuery(b"I")
        < same
        F Parse(b"t", b"strange", ())
        > Parse(b"hoopfast probe", b"strange", ())
        > Flush()
        """
    )


def test_a_query_in_a_pipeline_is_not_probed() -> None:
    # The Sync behind the probe would end the implicit transaction, or answer for a Query that is skipped.
    play(
        """
        F Parse(b"s", b"read", ())
        > same
        F Query(b"strange")
        > refusal
        """
    )


def test_a_query_in_a_pipeline_does_not_end_it() -> None:
    # The gateway's own question ends with Sync, which would commit the implicit transaction.
    play(
        """
        F Parse(b"", b"set", ())
        > same
        F Bind(b"", b"", (), (), ())
        > same
        F Execute(b"", 0)
        > same
        F Query(b"read")
        > same
        B ParseComplete()
        < same
        B BindComplete()
        < same
        B CommandComplete(b"SET")
        < same
        B CommandComplete(b"SELECT 0")
        < same
        B ReadyForQuery(b"T")
        < same
        F Query(b"read")
        > same
        """
    )


def test_end_of_file_in_copy_in_ends_the_session() -> None:
    player = Player(0)
    player.play(
        """
        F Query(b"copy in")
        > same
        B CopyInResponse(0, (0,))
        < same
        """
    )
    player._feed("F", frontend.CopyData(b"12345678").encode()[:8])
    effects = player.conversation.frontend_eof()
    assert effects.close
    assert not effects.to_backend  # a Terminate would become data
    assert player.recorder.story() == [("copy in", "unknown")]


def test_terminate_waits_for_the_statements_before_it() -> None:
    player = play(
        """
        F Query(b"write")
        > same
        F Terminate()
        > drop
        B CommandComplete(b"INSERT 0 1")
        < same
        B ReadyForQuery(b"I")
        < same
        > Terminate()
        """
    )
    assert player.closed
    assert player.recorder.story() == [("write", "completed")]


def test_a_parse_of_what_was_decided_as_several_commands_closes_the_session() -> None:
    player = Player(0)
    player.play('F Parse(b"", b"both", ())\n> same')
    player._feed("B", b"1\0\0\0\4")
    assert player.closed


def test_a_plan_that_another_session_has_replaced_is_still_known_at_the_hand_over() -> None:
    shapes = Shapes()
    one, other = SteadySession(shapes=shapes), SteadySession(shapes=shapes)
    rows = COLUMNS + ROW + command_complete(b"SELECT 1") + READY
    one.conversation.frontend_data(query(b"select secret"))
    one.conversation.backend_data(rows)
    one.ask(query(b"select secret"))
    one.answer(COLUMNS)
    plans._plan.cache_clear()  # as 4,096 other plans do
    other.conversation.frontend_data(query(b"other") + query(b"select secret"))
    other.conversation.backend_data(command_complete(b"SELECT 0") + READY + rows)
    assert one.core.active
    one.conversation.frontend_data(query(b"write"))
    assert one.conversation.failure is None
    assert one.answer(ROW) == MASKED_ROW


def test_commit_and_chain_ends_the_cursors_that_python_holds() -> None:
    session = SteadySession()
    conversation = session.conversation
    in_block = backend.ReadyForQuery(b"T").encode()
    for text, tag in ((b"begin", b"BEGIN"), (b"commit", b"COMMIT"), (b"declare", b"DECLARE CURSOR")):
        conversation.frontend_data(query(text))
        conversation.backend_data(command_complete(tag) + in_block)
    assert session.ask(query(b"commit")) == query(b"commit")
    assert session.answer(command_complete(b"COMMIT") + in_block) == command_complete(b"COMMIT") + in_block
    assert session.core.active
    effects = conversation.frontend_data(query(b"fetch"))
    assert b"".join(effects.to_backend) == refusal.substitute_query()  # there is no such cursor


def test_a_burst_of_replies_leaves_no_memory_behind() -> None:
    session = SteadySession()
    session.ask(SYNC)
    session.answer(READY)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        session.ask(SYNC * 50_000)
        assert tracemalloc.get_traced_memory()[0] - before > 50_000 * 100
        session.answer(READY * 50_000)
        session.ask(SYNC)
        session.answer(READY)
        assert tracemalloc.get_traced_memory()[0] - before < 50_000 * 30
    finally:
        tracemalloc.stop()
    assert session.core.active


def test_a_record_that_fails_behind_half_a_row_says_nothing_in_its_middle() -> None:
    columns, row = text_columns((1, 1)), backend.DataRow((b"x" * 1000,)).encode()
    recorder = Unwritable()
    session = SteadySession(recorder=recorder)
    for _ in range(2):
        session.ask(query(b"read"))
        session.conversation.backend_data(columns + command_complete(b"SELECT 0") + READY)
    session.ask(query(b"read"))
    assert session.answer(columns + row[:500]) == columns + row[:500]
    assert session.core.active
    recorder.unwritable = True
    effects = session.conversation.backend_data(row[500:] + command_complete(b"SELECT 1") + READY)
    assert effects.close
    assert not effects.to_frontend  # it would be taken for the rest of the row


def test_portals_are_handed_over_before_they_are_many() -> None:
    session = SteadySession()
    in_block = backend.ReadyForQuery(b"T").encode()
    session.conversation.frontend_data(query(b"begin") + frontend.Parse(b"s", b"read", ()).encode() + SYNC)
    session.conversation.backend_data(command_complete(b"BEGIN") + in_block + PARSED + in_block)
    for number in range(3000):
        bind = frontend.Bind(b"p%d" % number, b"s", (), (), ()).encode() + SYNC
        assert session.ask(bind) == bind
        session.answer(BOUND + in_block)
    assert session.core.active
    assert len(session.conversation._state.names._portals) > 2000
