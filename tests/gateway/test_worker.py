"""Tests of hoopfast/gateway/worker.py: one worker, its words with the supervisor, its failures."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvloop

from hoopfast.errors import ShuttingDown
from hoopfast.gateway.relay import Relay
from hoopfast.policy.engine import SessionPolicy
from hoopfast.session.conversation import Conversation
from tests.gateway.in_process import InProcess, running_worker
from tests.gateway.running import Gateway, Place
from tests.support import protocol
from tests.support.protocol import Frontend, Message


def talk(place: Place, running: InProcess, *data: bytes) -> list[Message]:
    """Sign in (in a thread), send, and read to the end."""
    dsn = f"postgresql://job:{place.token()}@127.0.0.1:{running.port}/db"
    with Frontend.connect(dsn) as frontend:
        frontend.send(*data)
        return frontend.read_to_end()


async def in_thread(function: Any, *arguments: Any) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)


def test_it_says_that_it_is_ready(place: Place) -> None:
    place.write()

    async def scenario() -> None:
        async with running_worker(place) as running:
            assert running.said == [{"word": "ready"}]
            running.worker.hear({"word": "reload"})
            running.worker.hear({"word": "no such word"})
            await asyncio.sleep(0.05)
            assert running.said[1:] == [{"word": "reloaded"}]

    uvloop.run(asyncio.wait_for(scenario(), 20))


@pytest.mark.parametrize("method", ["frontend_woken", "backend_woken"])
def test_a_failure_of_ours_ends_both_directions(
    place: Place, monkeypatch: pytest.MonkeyPatch, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # Not one byte passes after it; the frontend is told; the text of the exception is not logged.
    def fails(self: Conversation) -> object:
        raise RuntimeError("value 778-83-4281")

    place.write()

    async def scenario() -> None:
        async with running_worker(place) as running:
            monkeypatch.setattr(Conversation, method, fails)
            seen = await in_thread(talk, place, running, protocol.query("SELECT 1"))
            assert [m.type for m in seen] == ["E"]
            assert seen[0].sqlstate == "XX000"
            assert "4281" not in str(seen[0].fields)

    uvloop.run(asyncio.wait_for(scenario(), 20))
    output = capsys.readouterr()
    assert "session failed" in output.out + output.err
    assert "4281" not in output.out + output.err


def test_sessions_are_counted_out(place: Place) -> None:
    place.write()

    async def scenario() -> None:
        async with running_worker(place) as running:
            seen = await in_thread(talk, place, running, protocol.query("SELECT 1"), protocol.TERMINATE)
            assert protocol.types(seen) == "TDCZ"
            await asyncio.sleep(0.1)
            assert not running.worker._relays
            assert not running.worker.cancel_keys._sessions

    uvloop.run(asyncio.wait_for(scenario(), 20))


def test_notifications_pass_between_workers(two_workers: Gateway) -> None:
    def worker(frontend: Frontend) -> int:
        return int.from_bytes(frontend.backend_key[:4], "big") >> 20

    with contextlib.ExitStack() as stack:
        frontends = [stack.enter_context(Frontend.connect(two_workers.dsn())) for _ in range(12)]
        listening = frontends[0]
        notifying = next(one for one in frontends if worker(one) != worker(listening))
        listening.run(protocol.query("LISTEN news"))
        notifying.run(protocol.query("NOTIFY news, 'from the other worker'"))
        [notification] = listening.read_until("A")
        assert notification.body[4:] == b"news\0from the other worker\0"


def test_one_session_that_fails_takes_no_other_s_time_limit_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(gateway={"session_limit": "2s"})
    healthy = Relay._look_at_clock
    failed: list[Relay] = []

    def fails_once(self: Relay, now: float) -> None:
        if not failed:
            failed.append(self)
            raise OSError("this link is strange")
        healthy(self, now)

    monkeypatch.setattr(Relay, "_look_at_clock", fails_once)

    async def scenario() -> None:
        async with running_worker(place) as running:
            first, second = await asyncio.gather(*(in_thread(talk, place, running) for _ in range(2)))
            assert sorted(message.sqlstate for message in first + second) == ["57P01", "XX000"]

    uvloop.run(asyncio.wait_for(scenario(), 20))


def slowly(decide: Callable[..., None], began: list[str], seconds: float) -> Callable[..., None]:
    def slow(*given: Any) -> None:
        began.append(threading.current_thread().name)
        time.sleep(seconds)
        decide(*given)

    return slow


LONG = protocol.query("SELECT 7 " + "-- a comment that takes long to read\n" * 1000)


def test_a_decision_that_takes_long_holds_up_no_other_session(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[str] = []
    place.write()

    def others(running: InProcess) -> tuple[float, list[Message]]:
        while not began:
            time.sleep(0.01)
        start = time.monotonic()
        seen = talk(place, running, protocol.query("SELECT 1"), protocol.TERMINATE)
        return time.monotonic() - start, seen

    async def scenario() -> None:
        async with running_worker(place) as running:
            await in_thread(talk, place, running, protocol.query("SELECT 1"), protocol.TERMINATE)
            monkeypatch.setattr(SessionPolicy, "_work", slowly(SessionPolicy._work, began, 3.0))
            slow = in_thread(talk, place, running, LONG, protocol.query("SELECT 8"), protocol.TERMINATE)
            seen, (took, between) = await asyncio.gather(slow, in_thread(others, running))
            assert protocol.types(seen) == "TDCZTDCZ"  # in order, though the second was known at once
            assert protocol.types(between) == "TDCZ"
            assert took < 2.5
            assert all(name.startswith("thinking") for name in began)

    uvloop.run(asyncio.wait_for(scenario(), 30))


def test_a_session_that_ends_while_its_statement_is_decided(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    began: list[str] = []
    place.write()

    def leaves(running: InProcess) -> None:
        dsn = f"postgresql://job:{place.token()}@127.0.0.1:{running.port}/db"
        with Frontend.connect(dsn) as frontend:
            frontend.run(protocol.query("SELECT 1"))
            frontend.send(LONG)
            while not began:
                time.sleep(0.01)
            frontend.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async def scenario() -> None:
        async with running_worker(place) as running:
            monkeypatch.setattr(SessionPolicy, "_work", slowly(SessionPolicy._work, began, 1.0))
            await in_thread(leaves, running)
            await asyncio.sleep(1.5)
            assert not running.worker._relays
            began.clear()
            ended = in_thread(talk, place, running, LONG)

            async def end_it() -> None:
                while not began:
                    await asyncio.sleep(0.01)
                [relay] = running.worker._relays
                relay.terminate(ShuttingDown("enough"))

            seen, _ = await asyncio.gather(ended, end_it())
            assert [message.sqlstate for message in seen] == ["57P01"]
            await asyncio.sleep(1.2)  # the decision is made, and nobody wants it

    uvloop.run(asyncio.wait_for(scenario(), 30))
    output = capsys.readouterr()
    assert "failed" not in output.out + output.err
