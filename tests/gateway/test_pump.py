"""Tests of hoopfast/gateway/pump.pyx: what passes by the relay, on real sockets, and what does not."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Any, cast

import uvloop

from hoopfast.gateway.inbox import Hooks
from hoopfast.gateway.links import Link, ReadBuffer
from hoopfast.gateway.pump import Pump
from hoopfast.gateway.relay import Relay
from hoopfast.session.conversation import MOST_OWED, Conversation
from hoopfast.session.effects import Effects
from hoopfast.session.steady import Shapes, SteadyPorts
from hoopfast.wire import backend, frontend
from hoopfast.wire.freshness import Freshness
from tests.session.scripted import OWN_ANSWER, OWN_QUESTION, ListRecorder, ScriptedPolicy, text_columns

QUERY = frontend.Query(b"read").encode()
ROW = backend.DataRow((b"a cell",)).encode()
END = backend.CommandComplete(b"SELECT 1").encode() + backend.ReadyForQuery(b"I").encode()
ANSWER = text_columns((0, 0)) + ROW + END
HOOPFAST = str(Path(sys.modules["hoopfast"].__file__ or "").parent)


class Stand:
    """Stands in for a relay: it carries effects out at once, and remembers what it was asked."""

    def __init__(self, links: tuple[Link, Link], peers: tuple[socket.socket, socket.socket]) -> None:
        self.frontend_link, self.backend_link = links
        self.frontend, self.backend = peers
        self.recorder = ListRecorder()
        self.freshness = Freshness.always()
        self.asked: list[str] = []
        self.conversation = Conversation(
            ScriptedPolicy(), self.recorder, steady=SteadyPorts(self.freshness, Shapes(), self.recorder)
        )
        self.failure: BaseException | None = None
        for link, received in ((links[0], self.from_frontend), (links[1], self.from_backend)):
            link.receiver = Hooks(received, lambda: False, lambda _: None, lambda _: self.flow())

    def begin(self, *, freshness: Freshness | None = None) -> Pump:
        """Let the pump begin."""
        relay = cast(Relay, self)
        core = self.conversation.core
        self.pump = Pump(relay, self.frontend_link, self.backend_link, core, freshness or self.freshness)
        self.pump.start()
        self.pump.direct = True
        return self.pump

    def from_frontend(self, data: memoryview) -> None:
        self._step("from frontend", self.conversation.frontend_data, data)

    def from_backend(self, data: memoryview) -> None:
        self._step("from backend", self.conversation.backend_data, data)

    def woken_by_frontend(self) -> None:
        self._step("woken by frontend", self.conversation.frontend_woken)

    def woken_by_backend(self) -> None:
        self._step("woken by backend", self.conversation.backend_woken)

    def steady_failed(self) -> None:
        self._step("failed", self.conversation.steady_failed)

    def flow(self) -> None:
        self.asked.append("flow")
        self.backend_link.read(not self.frontend_link.full)
        self.frontend_link.read(not self.backend_link.full and self.conversation.reads_frontend)

    def fail(self, error: BaseException) -> None:
        self.failure = error
        self.pump.stop()

    def _step(self, name: str, step: Callable[..., Effects], *given: object) -> None:
        self.asked.append(name)
        effects = step(*given)
        if effects.to_backend:
            self.backend_link.send(effects.to_backend)
        if effects.to_frontend:
            self.frontend_link.send(effects.to_frontend)

    # -- the two peers

    async def says(self, peer: socket.socket, data: bytes, other: socket.socket, heard: bytes) -> None:
        """One peer sends; the other hears exactly this."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(peer, data)
        arrived = b""
        while len(arrived) < len(heard):
            arrived += await asyncio.wait_for(loop.sock_recv(other, 1 << 20), 5)
        assert arrived == heard

    async def settle(self) -> None:
        """The statement becomes known, its description too."""
        await self.says(self.frontend, QUERY, self.backend, OWN_QUESTION)
        await self.says(self.backend, OWN_ANSWER, self.backend, QUERY)
        await self.says(self.backend, ANSWER, self.frontend, ANSWER)
        await self.exchange()

    async def exchange(self) -> None:
        """A statement, and its answer."""
        await self.says(self.frontend, QUERY, self.backend, QUERY)
        await self.says(self.backend, ANSWER, self.frontend, ANSWER)


def on_stage(scenario: Callable[[Stand], Awaitable[None]], *, buffer: int = 1 << 18) -> None:
    """Run a scenario with two links, on the loop that the product has."""

    async def run() -> None:
        loop, links, peers = asyncio.get_running_loop(), [], []
        shared = ReadBuffer(buffer)
        for _ in range(2):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                link = Link(shared, 1, cast(Any, None))
                await loop.create_connection(lambda link=link: link, *listener.getsockname())  # type: ignore[misc]
                peer, _ = listener.accept()
                peer.setblocking(False)
                links.append(link)
                peers.append(peer)
        stand = Stand((links[0], links[1]), (peers[0], peers[1]))
        try:
            await scenario(stand)
        finally:
            for link, peer in zip(links, peers, strict=True):
                link.abort()
                await link.gone()
                peer.close()

    uvloop.run(asyncio.wait_for(run(), 30))


def test_what_is_known_passes_without_python() -> None:
    async def scenario(stand: Stand) -> None:
        stand.begin()
        await stand.settle()
        stand.asked.clear()
        called: list[str] = []

        def profile(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and frame.f_code.co_filename.startswith(HOOPFAST):
                called.append(frame.f_code.co_qualname)

        # What records in this test is Python; what the gateway has is not.
        expected = {"_Target.execution", "_Target.completed", "_Target.transaction", "parameter_values"}
        sys.setprofile(profile)
        try:
            for _ in range(20):
                await stand.exchange()
        finally:
            sys.setprofile(None)
        assert stand.asked == []
        assert {name for name in called if "<listcomp>" not in name} <= expected
        assert stand.recorder.executions == ["read"] * 22

    on_stage(scenario)


def test_while_something_waits_the_receivers_hear_it_all() -> None:
    async def scenario(stand: Stand) -> None:
        pump = stand.begin()
        await stand.settle()
        stand.asked.clear()
        pump.direct = False
        await stand.exchange()
        assert stand.asked == ["from frontend", "from backend"]

    on_stage(scenario)


def test_rows_wait_for_python_if_the_catalog_has_grown_old() -> None:
    async def scenario(stand: Stand) -> None:
        stand.begin(freshness=Freshness())  # nobody has looked
        await stand.settle()
        stand.asked.clear()
        await stand.exchange()
        assert stand.asked == ["from backend"]

    on_stage(scenario)


def test_what_is_not_known_wakes_python() -> None:
    async def scenario(stand: Stand) -> None:
        stand.begin()
        await stand.settle()
        stand.asked.clear()
        other = frontend.Query(b"other").encode()
        await stand.says(stand.frontend, QUERY + other, stand.backend, QUERY + other)
        assert "woken by frontend" in stand.asked
        await stand.says(stand.backend, ANSWER + ANSWER, stand.frontend, ANSWER + ANSWER)
        assert "woken by backend" in stand.asked
        stand.asked.clear()
        await stand.exchange()
        assert stand.asked == []

    on_stage(scenario)


def test_any_split_of_any_message_passes() -> None:
    async def scenario(stand: Stand) -> None:
        stand.begin()
        await stand.settle()
        for size in (1, 2, 3, 7, 20):
            for data, peer, other in ((QUERY, stand.frontend, stand.backend), (ANSWER, stand.backend, stand.frontend)):
                for start in range(0, len(data), size):
                    await asyncio.get_running_loop().sock_sendall(peer, data[start : start + size])
                    await asyncio.sleep(0.001)
                await stand.says(peer, b"", other, data)

    on_stage(scenario)


def test_rows_for_a_frontend_that_reads_slowly_keep_their_order() -> None:
    async def scenario(stand: Stand) -> None:
        stand.begin()
        await stand.settle()
        await stand.says(stand.frontend, QUERY, stand.backend, QUERY)
        loop = asyncio.get_running_loop()
        rows = b"".join(backend.DataRow((b"%08d" % n + b"x" * (n % 500),)).encode() for n in range(60_000))
        answer = text_columns((0, 0)) + rows + END
        sending = asyncio.create_task(loop.sock_sendall(stand.backend, answer))
        await asyncio.sleep(0.3)
        transport = stand.frontend_link.transport
        assert transport is not None
        assert not sending.done()  # it is not read on as long as this frontend does not read
        assert transport.get_write_buffer_size() <= 1 << 19
        received = bytearray()
        while len(received) < len(answer):
            received += await loop.sock_recv(stand.frontend, 50_000)
        await sending
        assert received == answer
        assert set(stand.asked[-4:]) == {"flow"}
        stand.asked.clear()
        await stand.exchange()
        assert stand.asked == []

    on_stage(scenario)


def test_a_frontend_that_asks_without_end_is_read_no_further() -> None:
    async def scenario(stand: Stand) -> None:
        stand.begin()
        await stand.settle()
        stand.asked.clear()
        loop = asyncio.get_running_loop()
        asks = asyncio.create_task(loop.sock_sendall(stand.frontend, QUERY * (MOST_OWED + 400_000)))
        took, deadline = 0, time.monotonic() + 10
        while time.monotonic() < deadline and stand.frontend_link.reading:
            took += len(await loop.sock_recv(stand.backend, 1 << 20))
        assert not stand.frontend_link.reading
        assert not asks.done()
        assert "flow" in stand.asked
        core = stand.conversation.core
        assert core is not None
        before = core.owed
        assert before >= MOST_OWED
        answered = before - MOST_OWED + 1
        answers = asyncio.create_task(loop.sock_sendall(stand.backend, ANSWER * answered))
        heard = 0
        while heard < answered * len(ANSWER):
            heard += len(await loop.sock_recv(stand.frontend, 1 << 20))
        await answers
        await asyncio.sleep(0.05)
        assert core.owed >= MOST_OWED  # it was read again, until it was too much again
        asks.cancel()

    on_stage(scenario)


def test_a_core_that_fails_forwards_nothing() -> None:
    async def scenario(stand: Stand) -> None:
        stand.begin()
        await stand.settle()
        stand.asked.clear()
        stand.recorder.broken = RuntimeError("no room for records")
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(stand.frontend, QUERY)
        answer = await asyncio.wait_for(loop.sock_recv(stand.frontend, 1 << 16), 5)
        assert answer[:1] == b"E"
        assert stand.asked[0] in {"failed", "woken by frontend"}
        stand.backend_link.finish()
        assert await asyncio.wait_for(loop.sock_recv(stand.backend, 1 << 16), 5) == b""

    on_stage(scenario)


def test_a_failure_in_python_ends_it() -> None:
    async def scenario(stand: Stand) -> None:
        stand.begin()
        await stand.settle()
        stand.asked.clear()

        def fails() -> None:
            raise OSError("this conversation is strange")

        stand.woken_by_frontend = fails  # type: ignore[method-assign]
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(stand.frontend, frontend.Query(b"other").encode())
        await asyncio.sleep(0.05)
        assert isinstance(stand.failure, OSError)
        await loop.sock_sendall(stand.frontend, QUERY)
        await loop.sock_sendall(stand.backend, ANSWER)
        await asyncio.sleep(0.05)
        assert stand.asked == []
        for link in (stand.frontend_link, stand.backend_link):
            link.finish()
        for peer in (stand.frontend, stand.backend):
            assert await asyncio.wait_for(loop.sock_recv(peer, 1 << 16), 5) == b""

    on_stage(scenario)


def test_peers_that_reset_end_the_links_and_no_more() -> None:
    async def scenario(stand: Stand) -> None:
        stand.begin()
        await stand.settle()
        await stand.says(stand.frontend, QUERY, stand.backend, QUERY)
        stand.frontend.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        stand.frontend.close()
        loop = asyncio.get_running_loop()
        for _ in range(5):
            await loop.sock_sendall(stand.backend, ANSWER if _ == 0 else ROW)
            await asyncio.sleep(0.01)
        await asyncio.wait_for(stand.frontend_link.gone(), 5)
        assert stand.backend_link.connected

    on_stage(scenario)


def test_it_knows_when_somebody_last_said_something() -> None:
    async def scenario(stand: Stand) -> None:
        pump = stand.begin()
        assert abs(time.monotonic() - pump.active_at) < 1
        await stand.settle()
        await asyncio.sleep(0.2)
        assert time.monotonic() - pump.active_at >= 0.15
        await stand.says(stand.frontend, QUERY, stand.backend, QUERY)
        assert time.monotonic() - pump.active_at < 0.15

    on_stage(scenario)
