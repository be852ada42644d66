"""The backend's answers, as transcripts."""

from __future__ import annotations

import pytest

from hoopfast.wire import backend, frontend
from tests.session.scripted import Player, play


def test_what_follows_an_error_is_skipped_up_to_sync() -> None:
    player = play(
        """
        F Parse(b"", b"read", ())
        > same
        F Bind(b"", b"", (), (), ())
        > same
        F Execute(b"", 0)
        > same
        F Sync()
        > same
        F Query(b"read")
        > same
        B error(b"42P01", b"relation does not exist")
        < same
        B ReadyForQuery(b"I")
        < same
        B CommandComplete(b"SELECT 0")
        < same
        B ReadyForQuery(b"I")
        < same
        """
    )
    assert player.recorder.story() == [("read", "skipped"), ("read", "completed")]


def test_a_query_behind_a_failed_message_is_skipped_too() -> None:
    player = play(
        """
        F Parse(b"", b"read", ())
        > same
        F Query(b"write")
        > same
        B error(b"42P01", b"relation does not exist")
        < same
        F Query(b"write")
        > drop
        F Sync()
        > same
        B ReadyForQuery(b"I")
        < same
        """
    )
    assert player.recorder.story() == [("write", "skipped")]


def test_an_error_at_sync_skips_nothing() -> None:
    # Soundness 42: a deferred constraint.
    player = play(
        """
        F Parse(b"", b"write", ())
        > same
        F Bind(b"", b"", (), (), ())
        > same
        F Execute(b"", 0)
        > same
        F Sync()
        > same
        F Query(b"read")
        > same
        B ParseComplete()
        < same
        B BindComplete()
        < same
        B CommandComplete(b"INSERT 0 1")
        < same
        B error(b"23503", b"violates foreign key")
        < same
        B ReadyForQuery(b"I")
        < same
        B text_columns((1, 1))
        < same
        B DataRow((b"a",))
        < same
        B CommandComplete(b"SELECT 1")
        < same
        B ReadyForQuery(b"I")
        < same
        """
    )
    assert player.recorder.story() == [("write", "completed"), ("read", "completed")]
    assert player.recorder.transactions == [(1, 1, "rolled back"), (2, 2, "committed")]


def test_errors_of_unproven_statements_lose_their_text() -> None:
    play(
        """
        F Query(b"secret")
        > same
        B error(b"22P02", b"invalid input syntax for type integer: \\"777-65-9863\\"")
        < withheld(b"22P02", b"")
        B ReadyForQuery(b"I")
        < same
        """
    )


def test_copy_out_of_what_is_not_clean_closes_the_session() -> None:
    player = Player(0)
    player.play('F Query(b"copy secret")\n> same')
    effects = player.conversation.backend_data(backend.CopyOutResponse(0, (0,)).encode())
    assert effects.close
    assert b"08006" in b"".join(effects.to_frontend)


@pytest.mark.parametrize(
    "message",
    [
        backend.DataRow((b"a",)),
        backend.CommandComplete(b"SELECT 1"),
        backend.ReadyForQuery(b"I"),
        backend.ParseComplete(),
        backend.CopyInResponse(0, (0,)),
        backend.ErrorResponse({"S": b"ERROR", "V": b"ERROR", "C": b"22012", "M": b"x"}),
    ],
)
def test_an_answer_to_nothing_closes_the_session(message: backend.DataRow) -> None:
    player = Player(0)
    effects = player.conversation.backend_data(message.encode())
    assert effects.close
    assert b"08006" in b"".join(effects.to_frontend)
    assert not player.conversation.frontend_data(frontend.Query(b"read").encode()).to_backend


def test_a_row_of_another_width_closes_the_session() -> None:
    player = Player(0)
    player.play('F Query(b"secret")\n> same\nB text_columns(P)\n< same')
    effects = player.conversation.backend_data(backend.DataRow((b"a", b"b")).encode())
    assert effects.close
    assert all(bytes(part)[:1] == b"E" for part in effects.to_frontend)
    assert player.recorder.story() == [("secret", "unknown")]


def test_the_backends_last_word_is_passed_on_without_its_text() -> None:
    player = Player(0)
    fatal = backend.ErrorResponse({"S": b"FATAL", "V": b"FATAL", "C": b"57P01", "M": b"terminating secret"}).encode()
    told = b"".join(player.conversation.backend_data(fatal).to_frontend)
    assert b"57P01" in told
    assert b"secret" not in told
    assert player.conversation.backend_eof().close
