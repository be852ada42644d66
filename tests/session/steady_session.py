"""A session of the scripted policy in its steady state, for tests of what runs there."""

from __future__ import annotations

import time

from hoopfast.audit.journal import Journal
from hoopfast.audit.recorder import SessionRecorder
from hoopfast.policy.model import Command, Kind, Rows
from hoopfast.session.boundary import Recorder
from hoopfast.session.conversation import Conversation
from hoopfast.session.steady import Shapes, SteadyPorts
from hoopfast.wire import backend, frontend
from hoopfast.wire.freshness import Freshness
from hoopfast.wire.steady import Steady
from tests.session.scripted import OWN_ANSWER, PROTECTED, ListRecorder, ScriptedPolicy, allow, text_columns


def looked(freshness: Freshness) -> Freshness:
    """Someone has just compared the catalog, which is good for a second."""
    freshness.looked(freshness.epoch, took=1000, valid_until=time.monotonic_ns() + 10**9)
    return freshness


READY = backend.ReadyForQuery(b"I").encode()
SYNC = frontend.Sync().encode()
COLUMNS = text_columns((1, 1), PROTECTED)
ROW = backend.DataRow((b"shown", b"secret")).encode()
MASKED_ROW = backend.DataRow((b"shown", b"x")).encode()


def command_complete(tag: bytes) -> bytes:
    """The end of a command."""
    return backend.CommandComplete(tag).encode()


def session_recorder(journal: Journal, session: str = "0192f000-0000-7000-8000-000000000000") -> SessionRecorder:
    """A real recorder."""
    return SessionRecorder(journal, session, b"k" * 32)


class SteadySession:
    """One conversation whose effective schemas are known, so that C is in charge."""

    def __init__(
        self,
        recorder: Recorder | None = None,
        shapes: Shapes | None = None,
        freshness: Freshness | None = None,
    ) -> None:
        self.policy = ScriptedPolicy()
        self.policy.statements["select secret"] = allow(
            "select secret", Command("SELECT", Kind.READ, Rows.BY_ORIGIN, clean=False)
        )
        self.policy.statements["insert"] = allow("insert", Command("INSERT", Kind.WRITE, clean=True))
        self.recorder = recorder if recorder is not None else ListRecorder()
        self.freshness = freshness if freshness is not None else Freshness.always()
        ports = SteadyPorts(self.freshness, shapes if shapes is not None else Shapes(), self.recorder)
        self.conversation = Conversation(self.policy, self.recorder, steady=ports)
        assert self.conversation.core is not None
        self.core: Steady = self.conversation.core
        self.conversation.frontend_data(frontend.Query(b"read").encode())
        self.conversation.backend_data(OWN_ANSWER)
        self.conversation.backend_data(command_complete(b"SELECT 0") + READY)
        assert self.core.active

    def ask(self, data: bytes) -> bytes:
        """What reaches the backend of bytes of the frontend."""
        effects = self.conversation.frontend_data(bytearray(data))
        assert not effects.to_frontend
        assert not effects.close
        return b"".join(effects.to_backend)

    def answer(self, data: bytes) -> bytes:
        """What reaches the frontend of bytes of the backend."""
        effects = self.conversation.backend_data(bytearray(data))
        assert not effects.to_backend
        assert not effects.close
        return b"".join(effects.to_frontend)


def query(text: bytes) -> bytes:
    """A Query."""
    return frontend.Query(text).encode()


def extended(text: bytes, *parameters: bytes | None, describe: bool = True) -> bytes:
    """What libpq's PQexecParams sends."""
    return (
        frontend.Parse(b"", text, ()).encode()
        + frontend.Bind(b"", b"", (), parameters, ()).encode()
        + (frontend.Describe(b"P", b"").encode() if describe else b"")
        + frontend.Execute(b"", 0).encode()
        + SYNC
    )


PARSED = backend.ParseComplete().encode()
BOUND = backend.BindComplete().encode()
