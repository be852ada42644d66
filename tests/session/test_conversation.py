"""The conversation's life, from its first message to its end."""

from __future__ import annotations

from hoopfast.errors import JournalUnavailable, ShuttingDown
from hoopfast.wire import backend, frontend
from tests.session.scripted import Player, play


def test_a_simple_query_passes() -> None:
    player = play(
        """
        F Query(b"read")
        > same
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
    assert player.recorder.story() == [("read", "completed")]
    assert player.recorder.transactions == [(1, 1, "committed")]
    assert player.recorder.endings[1].rows == 1


def test_nothing_is_forwarded_that_cannot_be_recorded() -> None:
    player = Player(0)
    player.recorder.broken = JournalUnavailable("the journal cannot be written")
    effects = player.conversation.frontend_data(frontend.Query(b"read").encode())
    assert effects.close
    assert not effects.to_backend
    assert b"58030" in b"".join(effects.to_frontend)


def test_the_session_ends_with_the_reason_that_the_gateway_gives() -> None:
    player = Player(0)
    effects = player.conversation.terminate(ShuttingDown("the gateway is shutting down"))
    assert effects.close
    assert b"57P01" in b"".join(effects.to_frontend)


def test_end_of_file_waits_for_what_was_asked() -> None:
    player = Player(0)
    player.play('F Query(b"read")\n> same')
    assert not player.conversation.frontend_eof().close
    answer = backend.CommandComplete(b"SELECT 0").encode() + backend.ReadyForQuery(b"I").encode()
    effects = player.conversation.backend_data(answer)
    assert effects.close
    assert b"".join(effects.to_frontend) == answer
    assert b"".join(effects.to_backend) == frontend.Terminate().encode()


def test_a_lost_backend_is_told() -> None:
    player = Player(0)
    player.play('F Query(b"read")\n> same')
    effects = player.conversation.backend_eof()
    assert b"08006" in b"".join(effects.to_frontend)
    assert player.recorder.story() == [("read", "unknown")]


def test_only_the_frontends_own_statements_can_be_cancelled() -> None:
    player = Player(0, learn=False)
    assert not player.conversation.cancellable
    player.conversation.frontend_data(frontend.Query(b"read").encode())
    assert not player.conversation.cancellable  # our own question is on the link
    player = Player(0)
    player.conversation.frontend_data(frontend.Query(b"read").encode())
    assert player.conversation.cancellable
