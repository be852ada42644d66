"""The steady state in C: what passes without Python, what wakes it, and that it makes no Python object."""

from __future__ import annotations

import gc
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from hoopfast.audit.journal import Journal
from hoopfast.wire import backend, frontend
from hoopfast.wire.steady import DONE, WAKE
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
    extended,
    query,
    session_recorder,
)

TEXT = COLUMNS + ROW + command_complete(b"SELECT 1") + READY
EXECUTE = frontend.Bind(b"", b"s", (), (b"1",), ()).encode() + frontend.Execute(b"", 0).encode() + SYNC
PREPARE = frontend.Parse(b"s", b"select secret", ()).encode() + SYNC
DESCRIBED = frontend.Describe(b"S", b"s").encode() + SYNC


@pytest.fixture
def journal() -> Iterator[Journal]:
    """A journal on disk, with room for all that a test writes."""
    with tempfile.TemporaryDirectory() as directory:
        opened = Journal.open(Path(directory), "steady", segment_size=64 * 1024 * 1024)
        yield opened
        opened.close()


def flows() -> dict[str, tuple[bytes, bytes]]:
    """What a frontend sends, and a backend answers, again and again."""
    rows = ROW * 20 + command_complete(b"SELECT 20") + READY
    described = backend.ParameterDescription((25,)).encode() + COLUMNS + READY
    return {
        "simple, clean": (query(b"read"), TEXT),
        "simple, masked": (query(b"select secret"), COLUMNS + rows),
        "simple, write": (query(b"insert"), command_complete(b"INSERT 0 1") + READY),
        "transaction": (
            query(b"begin") + query(b"insert") + query(b"commit"),
            command_complete(b"BEGIN") + backend.ReadyForQuery(b"T").encode()
            + command_complete(b"INSERT 0 1") + backend.ReadyForQuery(b"T").encode()
            + command_complete(b"COMMIT") + READY,
        ),
        "extended, clean": (extended(b"read", b"1", None), PARSED + BOUND + TEXT),
        "extended, masked": (extended(b"select secret", b"1"), PARSED + BOUND + COLUMNS + rows),
        "extended, described by the gateway": (
            extended(b"select secret", b"1", describe=False), PARSED + BOUND + COLUMNS + rows,
        ),
        "prepared": (EXECUTE, BOUND + COLUMNS + rows),
        "pipelined": (EXECUTE * 3, (BOUND + COLUMNS + rows) * 3),
        "described": (DESCRIBED, described),
        "named, parsed and closed": (
            frontend.Parse(b"t", b"read", (25,)).encode() + frontend.Close(b"S", b"t").encode() + SYNC,
            PARSED + backend.CloseComplete().encode() + READY,
        ),
    }  # fmt: skip


def warm(session: SteadySession, asked: bytes, answered: bytes) -> None:
    """Let Python see it once, and C twice."""
    session.ask(PREPARE)
    session.answer(PARSED + READY)
    for _ in range(3):
        session.ask(asked)
        session.answer(answered)
    assert session.core.active


@pytest.mark.parametrize("flow", flows())
def test_what_is_known_makes_no_object_and_calls_nothing(flow: str, journal: Journal) -> None:
    asked, answered = flows()[flow]
    session = SteadySession(session_recorder(journal))
    warm(session, asked, answered)
    core, calls = session.core, []
    data, reply = bytearray(asked), bytearray(answered)

    def seen(frame: FrameType, event: str, argument: Any) -> None:
        if event in ("call", "c_call"):
            calls.append((event, getattr(argument, "__qualname__", frame.f_code.co_name)))

    def round_trips(number: int) -> bool:
        for _ in range(number):
            reply[:] = answered  # rows are masked where they stand
            if core.feed_frontend(data) != DONE or core.feed_backend(reply) != DONE:
                return False
        return True

    assert round_trips(10)
    gc.collect()
    tracemalloc.start()
    try:
        before = sys.getallocatedblocks()
        assert round_trips(500)
        after = sys.getallocatedblocks()
    finally:
        tracemalloc.stop()
    assert after - before < 20  # of the loop itself; one for each statement would be 500
    sys.setprofile(seen)
    core.feed_frontend(data)
    reply[:] = answered
    core.feed_backend(reply)
    sys.setprofile(None)
    assert {name for _, name in calls} <= {"Steady.feed_frontend", "Steady.feed_backend", "setprofile"}
    assert core.active


def test_a_row_makes_no_object(journal: Journal) -> None:
    session = SteadySession(session_recorder(journal))
    few = COLUMNS + ROW + command_complete(b"SELECT 1") + READY
    warm(session, query(b"select secret"), few)
    many = bytearray(COLUMNS + ROW * 2000 + command_complete(b"SELECT 2000") + READY)
    core, asked = session.core, query(b"select secret")
    counts = []
    for reply in (bytearray(few), many):
        core.feed_frontend(asked)
        before = sys.getallocatedblocks()
        assert core.feed_backend(reply) == DONE
        counts.append(sys.getallocatedblocks() - before)
    assert abs(counts[1] - counts[0]) <= 2


@pytest.mark.parametrize("flow", flows())
def test_every_split_comes_out_the_same(flow: str) -> None:
    asked, answered = flows()[flow]
    whole = SteadySession()
    warm(whole, asked, answered)
    expected = (whole.ask(asked), whole.answer(answered))
    session = SteadySession()
    warm(session, asked, answered)
    for cut in range(1, max(len(asked), min(len(answered), 400))):
        got = session.ask(asked[:cut]) + session.ask(asked[cut:])
        assert (got, session.answer(answered[:cut]) + session.answer(answered[cut:])) == expected
    assert session.core.active


def test_rows_are_masked() -> None:
    session = SteadySession()
    warm(session, query(b"select secret"), TEXT)
    assert session.ask(query(b"select secret")) == query(b"select secret")
    assert session.answer(TEXT) == TEXT.replace(ROW, MASKED_ROW)
    assert session.core.active


def test_a_described_portal_is_asked_for_where_the_frontend_does_not() -> None:
    session = SteadySession()
    asked = extended(b"select secret", b"1", describe=False)
    warm(session, asked, PARSED + BOUND + TEXT)
    assert session.ask(asked) == extended(b"select secret", b"1")
    assert session.answer(PARSED + BOUND + TEXT) == PARSED + BOUND + TEXT.replace(COLUMNS, b"").replace(ROW, MASKED_ROW)
    assert session.core.active


def woken(session: SteadySession, data: bytes) -> bool:
    """Whether the core leaves bytes of the frontend to Python."""
    return session.core.feed_frontend(data) == WAKE


@pytest.mark.parametrize(
    "data",
    [
        query(b"other"),  # not known yet
        query(b"drop"),  # refused
        query(b"set"),
        query(b"read")[:-1] + b"\x01",  # no zero byte at its end
        frontend.Query(b"read").encode()[:1] + b"\x00\x00\x00\x0a" + b"re\0d\0\0",
        frontend.Parse(b"x" * 64, b"read", ()).encode(),
        frontend.Parse(b"\xc3\xa9", b"read", ()).encode(),
        frontend.Parse(b"", b"read", (23,)).encode(),  # known, with other parameter types
        frontend.Bind(b"", b"nobody", (), (), ()).encode(),
        frontend.Execute(b"nobody", 0).encode(),
        frontend.Describe(b"P", b"nobody").encode(),
        frontend.Close(b"S", b"nobody").encode(),
        frontend.Terminate().encode(),
        b"S\x00\x00\x00\x05x",  # a Sync with a body
        b"B\x00\x00\x00\x04",
        b"y\x00\x00\x00\x04",
        b"Q\x00\x00\x00\x03",
    ],
)
def test_what_is_not_known_wakes_python_and_is_not_forwarded(data: bytes) -> None:
    session = SteadySession()
    warm(session, query(b"read"), TEXT)
    assert woken(session, data)
    assert session.core.take_output() == b""


@pytest.mark.parametrize("cut", range(1, 28))
def test_a_malformed_bind_wakes_python(cut: int) -> None:
    session = SteadySession()
    warm(session, EXECUTE, BOUND + COLUMNS + ROW + command_complete(b"SELECT 1") + READY)
    whole = frontend.Bind(b"", b"s", (0,), (b"12345", None), (0, 1)).encode()[5:]
    body = whole[:-cut]
    assert woken(session, b"B" + (len(body) + 4).to_bytes(4, "big") + body)


def test_another_catalog_wakes_python() -> None:
    session = SteadySession()
    warm(session, query(b"read"), TEXT)
    session.freshness.renew()
    assert woken(session, query(b"read"))


def test_another_catalog_before_the_description_wakes_python() -> None:
    session = SteadySession()
    warm(session, query(b"select secret"), TEXT)
    session.ask(query(b"select secret"))
    session.freshness.renew()
    assert session.core.feed_backend(bytearray(TEXT)) == WAKE
    assert session.core.take_output() == b""


def test_what_came_before_is_forwarded_when_python_is_woken() -> None:
    session = SteadySession()
    warm(session, query(b"read"), TEXT)
    assert woken(session, query(b"read") + query(b"set"))
    assert session.core.take_output() == query(b"read")
    effects = session.conversation.frontend_woken()
    assert b"".join(effects.to_backend) == query(b"set")  # Python goes on with the rest
    assert not session.core.active


def test_rows_pass_while_python_is_in_charge() -> None:
    session = SteadySession()
    session.ask(query(b"select secret"))
    assert not session.core.active
    assert session.answer(COLUMNS + ROW) == COLUMNS + MASKED_ROW
    assert session.core.feed_backend(bytearray(ROW * 3)) == DONE
    assert session.core.take_output() == MASKED_ROW * 3
    assert session.core.feed_backend(command_complete(b"SELECT 4")) == WAKE


def test_a_message_larger_than_any_read_is_taken_whole() -> None:
    session = SteadySession()
    text = b"read"
    warm(session, extended(text, b"1"), PARSED + BOUND + TEXT)
    asked = extended(text, b"v" * 1_000_000)
    sent = b"".join(session.ask(asked[at : at + 65536]) for at in range(0, len(asked), 65536))
    assert sent == asked
    assert session.core.active
