"""The backend's side of the steady state: what it takes, what it leaves to Python, and what it records."""

from __future__ import annotations

import pytest

from hoopfast.errors import BackendProtocolError
from hoopfast.session.boundary import Ending
from hoopfast.wire import backend, frontend
from hoopfast.wire.steady import DONE, WAKE
from tests.session.scripted import ListRecorder, error
from tests.session.steady_session import (
    BOUND,
    COLUMNS,
    PARSED,
    READY,
    ROW,
    SYNC,
    SteadySession,
    command_complete,
    extended,
    query,
)

TEXT = COLUMNS + ROW + command_complete(b"SELECT 1") + READY
IN_TRANSACTION = backend.ReadyForQuery(b"T").encode()


def asked(text: bytes) -> SteadySession:
    """A session that has sent `text` as a Query in its steady state, and awaits the answer."""
    session = SteadySession()
    session.ask(query(text))
    session.answer(TEXT)
    session.ask(query(text))
    assert session.core.active
    return session


@pytest.mark.parametrize(
    "data",
    [
        error(b"22012", b"division by zero"),
        backend.NoticeResponse({"S": b"NOTICE", "C": b"00000", "M": b"x"}).encode(),
        backend.NotificationResponse(1, b"c", b"p").encode(),
        backend.ParameterStatus(b"TimeZone", b"UTC").encode(),
        COLUMNS[:-1] + b"\x01",  # another format
        PARSED,
        BOUND,
        backend.CloseComplete().encode(),
        backend.PortalSuspended().encode(),
        backend.NoData().encode(),
        backend.EmptyQueryResponse().encode(),
        READY,  # before CommandComplete
        command_complete(b"SELECT \xff"),
        command_complete(b"x" * 65),
        command_complete(b'a"b'),
        b"C\x00\x00\x00\x04",
        ROW,  # before its description
        b"W\x00\x00\x00\x04",
    ],
)
def test_what_the_head_does_not_plainly_allow_is_left_to_python(data: bytes) -> None:
    session = asked(b"read")
    assert session.core.feed_backend(bytearray(data)) == WAKE
    assert session.core.take_output() == b""


def test_a_second_command_complete_is_left_to_python() -> None:
    session = asked(b"read")
    assert session.core.feed_backend(bytearray(COLUMNS + ROW + command_complete(b"SELECT 1"))) == DONE
    assert session.core.feed_backend(command_complete(b"SELECT 1")) == WAKE


def test_an_answer_to_nothing_closes_the_session() -> None:
    session = SteadySession()
    effects = session.conversation.backend_data(PARSED)
    assert effects.close
    assert isinstance(session.conversation.failure, BackendProtocolError)


def test_an_error_is_the_statements_that_it_answers() -> None:
    session = asked(b"select secret")
    failed = error(b"22012", b"division by zero: secret")
    assert b"secret" not in session.answer(failed + READY)
    recorder = session.recorder
    assert isinstance(recorder, ListRecorder)
    assert recorder.endings[3].ending is Ending.ERROR
    assert recorder.endings[3].sqlstate == "22012"
    assert recorder.transactions[-1] == (3, 3, "rolled back")
    assert session.core.active  # and goes on


def test_taint_is_handed_to_python() -> None:
    session = SteadySession()
    session.ask(query(b"begin"))
    session.answer(command_complete(b"BEGIN") + IN_TRANSACTION)
    for _ in range(2):
        session.ask(query(b"select secret"))
        session.answer(COLUMNS + ROW + command_complete(b"SELECT 1") + IN_TRANSACTION)
    session.ask(query(b"read"))
    session.answer(TEXT[: -len(READY)] + IN_TRANSACTION)
    assert session.core.active
    session.ask(query(b"read"))
    passed = session.answer(error(b"22012", b"of what ran before: secret"))  # a clean statement's, in a tainted one
    assert b"secret" not in passed


def test_what_passed_is_counted_and_recorded() -> None:
    session = asked(b"select secret")
    session.answer(COLUMNS + ROW * 3 + command_complete(b"SELECT 3") + READY)
    recorder = session.recorder
    assert isinstance(recorder, ListRecorder)
    outcome = recorder.endings[3]
    assert (outcome.ending, outcome.tag, outcome.rows, outcome.masked_cells) == (
        Ending.COMPLETED, "SELECT 3", 3, 3,
    )  # fmt: skip
    assert outcome.received_bytes == 3 * len(ROW)
    assert outcome.delivered_bytes == 3 * (len(ROW) - len("secret") + len("x"))
    assert recorder.transactions[-1] == (3, 3, "committed")


def test_a_suspended_execution_ends_when_its_portal_goes() -> None:
    session = SteadySession()
    session.ask(query(b"begin"))
    session.answer(command_complete(b"BEGIN") + IN_TRANSACTION)
    session.ask(extended(b"read"))
    session.answer(PARSED + BOUND + COLUMNS + ROW + command_complete(b"SELECT 1") + IN_TRANSACTION)
    some = frontend.Bind(b"c", b"", (), (), ()).encode() + frontend.Execute(b"c", 1).encode() + SYNC
    session.ask(some)
    session.answer(BOUND + ROW + backend.PortalSuspended().encode() + IN_TRANSACTION)
    session.ask(frontend.Execute(b"c", 1).encode() + SYNC)
    session.answer(ROW + backend.PortalSuspended().encode() + IN_TRANSACTION)
    assert session.core.active
    recorder = session.recorder
    assert isinstance(recorder, ListRecorder)
    assert recorder.story()[-1] == ("read", "open")
    session.ask(query(b"commit"))
    session.answer(command_complete(b"COMMIT") + READY)
    suspended = recorder.endings[4]
    assert (suspended.tag, suspended.rows) == ("SUSPENDED", 2)
    assert all(ending == "completed" for _, ending in recorder.story())


def test_a_commit_that_rolls_back_is_recorded_as_that() -> None:
    session = SteadySession()
    for text, tag, status in ((b"begin", b"BEGIN", IN_TRANSACTION), (b"commit", b"ROLLBACK", READY)) * 2:
        session.ask(query(text))
        session.answer(command_complete(tag) + status)
    recorder = session.recorder
    assert isinstance(recorder, ListRecorder)
    assert [outcome for _, _, outcome in recorder.transactions[-2:]] == ["rolled back", "rolled back"]
