"""The bridge to a recorder in Python: what C says reaches it, and what it raises is not lost."""

from __future__ import annotations

import pytest

from hoopfast.errors import JournalUnavailable
from hoopfast.policy.model import Statement
from hoopfast.session.boundary import Outcome
from hoopfast.wire import frontend
from hoopfast.wire.bridge import RecorderBridge
from tests.session.scripted import READ, ListRecorder
from tests.session.steady_session import (
    BOUND,
    COLUMNS,
    PARSED,
    READY,
    ROW,
    SteadySession,
    command_complete,
    extended,
    query,
)

TEXT = COLUMNS + ROW + command_complete(b"SELECT 1") + READY


class NotedRecorder(ListRecorder):
    """Keeps parameters too."""

    def execution(self, statement: Statement, *, protocol: str, parameters: tuple[bytes | None, ...] = ()) -> int:
        """Note the parameters."""
        self.noted.append((protocol, parameters))
        return super().execution(statement, protocol=protocol, parameters=parameters)

    noted: list[tuple[str, tuple[bytes | None, ...]]] = []  # noqa: RUF012 - replaced by each test


def test_what_c_says_reaches_the_recorder() -> None:
    recorder = NotedRecorder()
    recorder.noted = []
    session = SteadySession(recorder)
    session.ask(query(b"read"))
    session.answer(TEXT)
    session.ask(extended(b"read", b"7", None, b""))
    session.answer(PARSED + BOUND + TEXT)
    assert session.core.active
    assert recorder.noted[1:] == [("simple", ()), ("extended", (b"7", None, b""))]
    assert [outcome.tag for outcome in recorder.endings.values()][1:] == ["SELECT 1", "SELECT 1"]
    assert recorder.transactions == [(1, 1, "committed"), (2, 2, "committed"), (3, 3, "committed")]


@pytest.mark.parametrize("asked", [query(b"read"), extended(b"read", b"1")])
def test_a_recorder_that_cannot_begin_forwards_nothing(asked: bytes) -> None:
    recorder = ListRecorder()
    session = SteadySession(recorder)
    for text, answer in ((query(b"read"), TEXT), (extended(b"read", b"1"), PARSED + BOUND + TEXT)):
        session.ask(text)
        session.answer(answer)
    recorder.broken = JournalUnavailable("the disk is full")
    effects = session.conversation.frontend_data(asked)
    sent = b"".join(effects.to_backend)
    assert b"E\x00\x00\x00\x09" not in sent
    assert query(b"read") not in sent
    assert effects.close
    assert session.conversation.failure is recorder.broken


class Forgetful(ListRecorder):
    """Cannot record an end any more once `full`."""

    full = False

    def ended(self, sequence: int, outcome: Outcome) -> None:
        """Fail."""
        if self.full:
            raise JournalUnavailable("the disk is full")
        super().ended(sequence, outcome)


def test_a_recorder_that_cannot_end_closes_the_session() -> None:
    recorder = Forgetful()
    session = SteadySession(recorder)
    session.ask(query(b"read"))
    session.answer(TEXT)
    session.ask(query(b"read"))
    recorder.full = True
    effects = session.conversation.backend_data(bytearray(TEXT))
    assert effects.close
    assert not effects.to_backend
    assert isinstance(session.conversation.failure, JournalUnavailable)


def test_a_template_stands_for_its_statement() -> None:
    assert "hoopfast.recording.template" in repr(RecorderBridge.template(READ))


def test_a_bridge_says_what_was_raised() -> None:
    class Broken:
        def execution(self, statement: object, extended: bool, parameters: bytes | None) -> int:
            return 1

        def completed(self, *told: object) -> None:
            raise RuntimeError

        def transaction(self, first: int, last: int, committed: bool) -> None:
            raise RuntimeError

    bridge = RecorderBridge(Broken())
    assert bridge.error is None
    assert "hoopfast.recording" in repr(bridge.recording)
    assert frontend.Sync().encode()
