"""The state in C changing hands: what Python told it comes back, and so does what happened in between."""

from __future__ import annotations

import gc
import sys

import pytest

from hoopfast.session.names import Portal, Prepared
from hoopfast.session.replies import Reply
from hoopfast.wire import backend, frontend, protocol
from hoopfast.wire.framer import Framer
from hoopfast.wire.freshness import Freshness
from hoopfast.wire.shapes import KnownStatement, ShapeTable
from hoopfast.wire.steady import Steady
from hoopfast.wire.steady_state import Scratch, Spilled, SteadyState
from tests.session.scripted import READ
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


def spilled(session: SteadySession) -> Spilled:
    """What C knows, with plain tuples for the session's objects."""
    return session.core.spill(
        lambda *told: ("prepared", *told), lambda *told: ("portal", *told), lambda prepared, body: None
    )


def busy_session() -> SteadySession:
    """A session in the middle of a pipeline, all of it in C."""
    session = SteadySession()
    session.ask(extended(b"read", b"7"))
    session.answer(PARSED + BOUND + TEXT)
    session.ask(
        frontend.Parse(b"s", b"read", ()).encode()
        + frontend.Bind(b"p", b"s", (), (b"42", None), (1,)).encode()
        + frontend.Execute(b"p", 5).encode()
    )
    assert session.core.active
    return session


def test_everything_that_is_under_way_comes_back() -> None:
    session = busy_session()
    state = spilled(session)
    assert [reply.kind for reply in state.replies] == ["parse", "bind", "execute"]
    prepared = state.replies[0].prepared
    assert prepared[1:4] == (b"s", b"read", b"")
    ((name, portal),) = state.expected_portals
    assert (name, portal[1]) == (b"p", b"p")
    assert portal[2] is prepared  # one object for one thing
    assert portal[4:6] == (b"\0\1\0\1", b"\0\2\0\0\0\x0242\xff\xff\xff\xff")
    assert portal[-1] == state.replies[2].sequence == 3
    assert [execution.sequence for execution in state.open] == [3]
    assert state.unsynced
    assert not session.core.active
    assert session.core.owed == 0


def test_what_was_spilled_is_python_objects_in_a_conversation() -> None:
    session = busy_session()
    session.conversation.frontend_woken()
    state = session.conversation._state
    assert [entry.kind for entry in state.queue._entries] == [Reply.PARSE, Reply.BIND, Reply.EXECUTE]
    prepared, portal = state.names.prepared(b"s"), state.names.portal(b"p")
    assert isinstance(prepared, Prepared)
    assert isinstance(portal, Portal)
    assert (portal.parameters, portal.result_formats) == ((b"42", None), (1,))
    assert portal.prepared is prepared
    assert session.answer(PARSED + BOUND + ROW) == PARSED + BOUND + ROW
    assert session.answer(backend.PortalSuspended().encode()) == backend.PortalSuspended().encode()


def test_a_prepared_statement_is_made_once() -> None:
    session = SteadySession()
    session.ask(frontend.Parse(b"s", b"read", (23,)).encode() + SYNC)
    session.answer(PARSED + READY)
    names = session.conversation._state.names
    made = names.prepared(b"s")
    for _ in range(3):
        session.conversation.frontend_woken()
        assert session.core.active  # handed back and taken over again
        assert names.prepared(b"s") is made
    asked = frontend.Bind(b"", b"s", (), (b"1",), ()).encode() + frontend.Execute(b"", 0).encode() + SYNC
    assert session.ask(asked) == asked
    assert session.core.active


def test_statements_of_python_are_let_go_with_their_names() -> None:
    session = SteadySession()
    session.ask(frontend.Parse(b"s", b"read", ()).encode() + SYNC)
    session.answer(PARSED + READY)
    session.conversation.frontend_woken()
    made = session.conversation._state.names.prepared(b"s")
    assert made is not None
    session.ask(frontend.Close(b"S", b"s").encode() + SYNC)
    session.answer(backend.CloseComplete().encode() + READY)
    session.conversation.frontend_woken()
    gc.collect()
    assert session.conversation._state.names.prepared(b"s") is None
    assert sys.getrefcount(made) == 2  # this test's, and the call's


def test_a_portal_that_python_holds_is_found_again() -> None:
    session = SteadySession()
    status = backend.ReadyForQuery(b"T").encode()
    session.ask(query(b"begin"))
    session.answer(command_complete(b"BEGIN") + status)
    session.ask(query(b"declare"))
    session.answer(command_complete(b"DECLARE CURSOR") + status)
    session.ask(query(b"read"))
    assert session.core.active
    session.answer(TEXT[: -len(READY)] + status)
    assert session.ask(query(b"fetch")) == query(b"fetch")  # of the cursor


def test_a_portal_that_was_replaced_in_c_is_gone_from_python() -> None:
    session = SteadySession()
    status = backend.ReadyForQuery(b"T").encode()
    session.ask(query(b"begin") + query(b"declare"))
    session.answer(command_complete(b"BEGIN") + status + command_complete(b"DECLARE CURSOR") + status)
    session.ask(frontend.Parse(b"", b"read", ()).encode() + SYNC)
    session.answer(PARSED + status)
    session.ask(frontend.Bind(b"c", b"", (), (), ()).encode() + SYNC)
    session.answer(BOUND + status)
    assert session.core.active
    session.ask(frontend.Close(b"P", b"c").encode() + SYNC)
    session.answer(backend.CloseComplete().encode() + status)
    assert session.core.active
    session.conversation.frontend_woken()
    assert session.conversation._state.names.portal(b"c") is None


def empty_state() -> SteadyState:
    """A state without a conversation."""
    sizes = {"max_message": 1 << 20, "max_control": 1 << 16}
    frontend_framer = Framer(protocol.FRONTEND_VERDICTS, frontend=True, **sizes)
    backend_framer = Framer(protocol.BACKEND_VERDICTS, frontend=False, **sizes)
    recording = SteadySession().conversation._handover
    assert recording is not None
    bridge = recording._bridge
    assert bridge is not None
    kept.append(bridge)
    return Steady(frontend_framer, backend_framer, Freshness.always(), Scratch(), bridge.recording)


kept: list[object] = []  # bridges outlive what uses them


def test_it_is_handed_over_once() -> None:
    session = SteadySession()
    with pytest.raises(AssertionError):
        session.core.adopt(
            ShapeTable(), segment=0, status=b"I", tainted=False, foreign_portals=False, books=(0, 0, 0, False)
        )


@pytest.mark.parametrize("name", [b"x" * 64, "é".encode()])
def test_names_that_c_may_not_hold(name: bytes) -> None:
    known = KnownStatement(
        READ, clean=True, returns_rows=True, rows_clean=True, describe_always=False, planned=True, transaction=0,
        template=None, literals_matter=True,
    )  # fmt: skip
    state = empty_state()
    with pytest.raises(ValueError, match="not a name"):
        state.put_prepared(name, object(), known, None)
    state.remove_prepared(name)


def test_what_it_holds_is_released_with_it() -> None:
    known = KnownStatement(
        READ, clean=True, returns_rows=True, rows_clean=True, describe_always=False, planned=True, transaction=0,
        template=None, literals_matter=True,
    )  # fmt: skip
    state, held = empty_state(), object()
    state.put_prepared(b"a", held, known, None)
    state.put_prepared(b"b", held, known, None)
    state.put_prepared(b"b", held, known, None)
    state.remove_prepared(b"a")
    assert sys.getrefcount(held) > 2
    state.forget_prepared()
    del state
    assert sys.getrefcount(held) == 2
