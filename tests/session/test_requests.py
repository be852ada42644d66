"""The frontend's messages, as transcripts."""

from __future__ import annotations

import pytest

from hoopfast.wire import frontend
from tests.session.scripted import Player, play


def test_a_refused_query_is_made_to_fail_by_the_backend() -> None:
    player = play(
        """
        F Query(b"drop")
        > refusal
        B error(b"42601", b"syntax error")
        < ours("42501", "no DDL here", 3)
        B ReadyForQuery(b"I")
        < same
        """
    )
    assert player.recorder.story() == [("drop", "refused")]
    assert player.recorder.endings[1].sqlstate == "42501"
    assert player.recorder.transactions == []


def test_a_refusal_in_a_pipeline_rolls_back_what_came_before() -> None:
    # Soundness 39: swallowing the refused message and forwarding Sync would commit the INSERT.
    player = play(
        """
        F Parse(b"", b"write", ())
        > same
        F Bind(b"", b"", (), (), ())
        > same
        F Execute(b"", 0)
        > same
        F Parse(b"", b"drop", ())
        > refusal
        F Bind(b"", b"", (), (), ())
        > drop
        F Execute(b"", 0)
        > drop
        F Sync()
        > same
        B ParseComplete()
        < same
        B BindComplete()
        < same
        B CommandComplete(b"INSERT 0 1")
        < same
        B error(b"42601", b"syntax error")
        < ours("42501", "no DDL here", 3)
        B ReadyForQuery(b"I")
        < same
        F Query(b"read")
        > same
        """
    )
    assert player.recorder.story() == [("write", "completed"), ("drop", "refused"), ("read", "open")]
    assert player.recorder.transactions == [(1, 1, "rolled back")]


def test_what_needs_approval_is_refused() -> None:
    play(
        """
        F Query(b"hold")
        > refusal
        B error(b"42601", b"syntax error")
        < ours("42501", "needs approval")
        B ReadyForQuery(b"E")
        < same
        """
    )


@pytest.mark.parametrize("name", ["Execute(b'nobody', 0)", "Bind(b'', b'nobody', (), (), ())", "Describe(b'S', b'no')"])
def test_a_name_that_nobody_saw_is_refused(name: str) -> None:
    # Soundness 5: opened by a function.
    player = Player(0)
    sqlstate = "34000" if name.startswith("Execute") else "26000"
    what = "portal" if name.startswith("Execute") else "prepared statement"
    shown = "no" if "b'no')" in name else "nobody"
    player.play(
        f"""
        F {name}
        > refusal
        F Sync()
        > same
        B error(b"42601", b"syntax error")
        < ours("{sqlstate}", '{what} "{shown}" does not exist')
        B ReadyForQuery(b"I")
        < same
        """
    )


def test_copy_from_stdin_holds_everything_until_the_backend_answers() -> None:
    # Soundness 41, when COPY is accepted: the first Sync is dropped, one ReadyForQuery comes.
    play(
        """
        F Parse(b"", b"copy in", ())
        > same
        F Bind(b"", b"", (), (), ())
        > same
        F Execute(b"", 0)
        > same
        F Sync()
        > drop
        B ParseComplete()
        < same
        B BindComplete()
        < same
        B CopyInResponse(0, (0,))
        < same
        F CopyData(b"1\\n")
        > same
        F CopyDone()
        > same
        F Sync()
        > same
        B CommandComplete(b"COPY 1")
        < same
        B ReadyForQuery(b"I")
        < same
        """
    )


def test_copy_from_stdin_that_fails_answers_both_syncs() -> None:
    # Soundness 41, when COPY fails: its data are dropped, two ReadyForQuery come.
    play(
        """
        F Parse(b"", b"copy in", ())
        > same
        F Bind(b"", b"", (), (), ())
        > same
        F Execute(b"", 0)
        > same
        F Sync()
        > drop
        F CopyData(b"1\\n")
        > drop
        F CopyDone()
        > drop
        B ParseComplete()
        < same
        B BindComplete()
        < same
        B error(b"42501", b"permission denied")
        < same
        > Sync()
        F Sync()
        > same
        B ReadyForQuery(b"I")
        < same
        B ReadyForQuery(b"I")
        < same
        """
    )


def test_copy_by_simple_query() -> None:
    play(
        """
        F Query(b"copy in")
        > same
        B CopyInResponse(0, (0,))
        < same
        F CopyData(b"1\\n")
        > same
        F CopyFail(b"no")
        > same
        B error(b"57014", b"COPY from stdin failed: no")
        < same
        B ReadyForQuery(b"I")
        < same
        F Query(b"copy out")
        > same
        B CopyOutResponse(0, (0,))
        < same
        B CopyData(b"1\\n")
        < same
        B CopyDone()
        < same
        B CommandComplete(b"COPY 1")
        < same
        B ReadyForQuery(b"I")
        < same
        """
    )


def test_function_calls_by_the_fast_path_are_refused() -> None:
    player = Player(0)
    player.conversation.frontend_data(frontend.FunctionCall(1, (), (), 0).encode())
    assert player.recorder.executions == [""]


def test_an_execute_waits_for_a_catalog_that_has_grown_old_since_bind() -> None:
    # Its plan is made of the statement's description, and what that means the catalog says.
    player = Player(0)
    player.play(
        """
        F Parse(b"s", b"read", ())
        > same
        F Describe(b"S", b"s")
        > same
        F Sync()
        > same
        B ParseComplete()
        < same
        B ParameterDescription(())
        < same
        B text_columns((1, 1))
        < same
        B ReadyForQuery(b"I")
        < same
        F Bind(b"", b"s", (), (), ())
        > same
        """
    )
    player.policy.version = None
    player.play('F Execute(b"", 0)\n> drop')
    assert player.catalog_asked == 1
    assert player.recorder.story() == []
    player.policy.version = 1
    player.play('! resume\n> Execute(b"", 0)')
    assert player.recorder.story() == [("read", "open")]
