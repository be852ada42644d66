"""Tests of hoopfast/gateway/listener.py: who may stand at the door, how many, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
import struct

import pytest
import uvloop

from hoopfast.gateway import limits
from tests.gateway.in_process import peer, running_worker, sqlstates
from tests.gateway.running import Place
from tests.support.protocol import Frontend


def test_too_many_at_once_are_told_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PREAUTHENTICATED", 3)
    place.write()

    async def scenario() -> None:
        async with running_worker(place) as running:
            waiting = [await peer(running.port) for _ in range(3)]
            await asyncio.sleep(0.1)
            reader, writer = await peer(running.port)
            assert await sqlstates(reader) == ["53300"]
            writer.close()
            waiting[0][1].close()  # one leaves: the next may come
            await asyncio.sleep(0.1)
            reader, writer = await peer(running.port)
            writer.write(struct.pack("!II", 8, 80877104))
            assert await reader.read(1) == b"N"
            writer.close()
            for _, one in waiting:
                one.close()

    uvloop.run(asyncio.wait_for(scenario(), 20))


@pytest.mark.parametrize(
    "first", [b"", b"\0", struct.pack("!I", 100), struct.pack("!II", 8, 80877104)], ids=["none", "one", "length", "gss"]
)
def test_who_takes_too_long_is_turned_away(place: Place, monkeypatch: pytest.MonkeyPatch, first: bytes) -> None:
    monkeypatch.setattr(limits, "STARTUP", 0.4)
    place.write()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with running_worker(place) as running:
            reader, writer = await peer(running.port)
            writer.write(first)
            if first[4:]:
                assert await reader.readexactly(1) == b"N"
            began = loop.time()
            assert await sqlstates(reader) == ["57014"]
            assert loop.time() - began < 2
            writer.close()

    uvloop.run(asyncio.wait_for(scenario(), 20))


def test_a_byte_at_a_time_is_not_enough(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    # The deadline is for the whole of it: a byte now and then does not put it off.
    monkeypatch.setattr(limits, "STARTUP", 0.5)
    place.write()

    async def scenario() -> None:
        async with running_worker(place) as running:
            reader, writer = await peer(running.port)
            answer = asyncio.create_task(sqlstates(reader))
            for byte in struct.pack("!II", 100, 196608) + b"user\0name\0" * 5:
                if answer.done():
                    break
                writer.write(bytes([byte]))
                await asyncio.sleep(0.05)
            assert await asyncio.wait_for(answer, 1) == ["57014"]
            writer.close()

    uvloop.run(asyncio.wait_for(scenario(), 20))


def test_who_waits_is_turned_away_when_it_closes(place: Place) -> None:
    place.write()

    async def scenario() -> None:
        async with running_worker(place) as running:
            reader, writer = await peer(running.port)
            await asyncio.sleep(0.1)
            running.worker.hear({"word": "drain"})
            assert await sqlstates(reader) == ["57P01"]
            writer.close()

    uvloop.run(asyncio.wait_for(scenario(), 20))


def test_who_was_turned_away_counts_until_it_hangs_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise strangers who are refused, and stay, could use up the descriptors that sessions and journal need.
    monkeypatch.setattr(limits, "PREAUTHENTICATED", 2)
    place.write()

    async def scenario() -> None:
        async with running_worker(place) as running:
            refused = [await peer(running.port) for _ in range(2)]
            for reader, writer in refused:
                writer.write(struct.pack("!II", 8, 0))
                assert (await reader.readexactly(1)) == b"E"
            turned_away = [await peer(running.port) for _ in range(2)]
            for reader, _ in turned_away:
                assert await sqlstates(reader) == ["53300"]
            reader, writer = await peer(running.port)
            with contextlib.suppress(ConnectionError):
                assert await reader.read(-1) == b""  # without a word
            for _, one in [*refused, *turned_away, (reader, writer)]:
                one.close()
            await asyncio.sleep(0.1)
            reader, writer = await peer(running.port)
            writer.write(struct.pack("!II", 8, 80877104))
            assert await reader.read(1) == b"N"
            writer.close()

    uvloop.run(asyncio.wait_for(scenario(), 20))


def test_sessions_do_not_count(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PREAUTHENTICATED", 1)
    place.write()

    def several(dsn: str) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(Frontend.connect(dsn))

    async def scenario() -> None:
        async with running_worker(place) as running:
            dsn = f"postgresql://job:{place.token()}@127.0.0.1:{running.port}/db"
            await asyncio.to_thread(several, dsn)

    uvloop.run(asyncio.wait_for(scenario(), 20))
