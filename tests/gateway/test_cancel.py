"""Tests of hoopfast/gateway/cancel.py: cancel keys, and cancelling across workers."""

from __future__ import annotations

import asyncio
import socket
import struct
import time

import pytest

from hoopfast.gateway.cancel import CancelKeys
from tests.gateway.running import Gateway
from tests.support import protocol
from tests.support.protocol import Frontend


def cancel(gateway: Gateway, key: bytes) -> None:
    """Send a CancelRequest and wait until the gateway hangs up."""
    with socket.create_connection((gateway.host, gateway.port), 10) as connection:
        connection.sendall(struct.pack("!II", 12 + len(key) - 4, 80877102) + key)
        assert connection.recv(1) == b""


def worker_of(key: bytes) -> int:
    (process_id,) = struct.unpack_from("!I", key)
    return int(process_id >> 20)


@pytest.mark.parametrize("minor", [0, 2])
def test_a_statement_is_cancelled(gateway: Gateway, minor: int) -> None:
    with Frontend.connect(gateway.dsn(), protocol=protocol.PROTOCOL_3_0 + minor) as frontend:
        assert len(frontend.backend_key) == (8 if minor == 0 else 36)
        frontend.send(protocol.query("SELECT pg_sleep(30)"))
        time.sleep(0.3)
        cancel(gateway, frontend.backend_key)
        assert [m.sqlstate for m in frontend.read_until("Z") if m.type == "E"] == ["57014"]
        assert frontend.rows(protocol.query("SELECT 1")) == [[b"1"]]


def test_whichever_worker_the_request_reaches(two_workers: Gateway) -> None:
    workers = set()
    for _ in range(12):  # the kernel chooses the workers
        with Frontend.connect(two_workers.dsn()) as frontend:
            workers.add(worker_of(frontend.backend_key))
            frontend.send(protocol.query("SELECT pg_sleep(30)"))
            time.sleep(0.2)
            cancel(two_workers, frontend.backend_key)
            assert [m.sqlstate for m in frontend.read_until("Z") if m.type == "E"] == ["57014"]
    assert workers == {0, 1}


@pytest.mark.parametrize("change", ["secret", "process", "length", "worker"])
def test_a_wrong_key_cancels_nothing(two_workers: Gateway, change: str) -> None:
    with Frontend.connect(two_workers.dsn()) as frontend:
        key = bytearray(frontend.backend_key)
        if change == "secret":
            key[-1] ^= 1
        elif change == "process":
            key[3] ^= 1
        elif change == "worker":
            key[1] |= 0x80
        else:
            key += b"\0"
        frontend.send(protocol.query("SELECT pg_sleep(1)"))
        time.sleep(0.2)
        cancel(two_workers, bytes(key))
        assert protocol.types(frontend.read_until("Z")) == "TDCZ"


def test_an_idle_session_is_not_touched(gateway: Gateway) -> None:
    with Frontend.connect(gateway.dsn()) as frontend:
        for _ in range(20):
            cancel(gateway, frontend.backend_key)
            assert frontend.rows(protocol.query("SELECT 1")) == [[b"1"]]


def test_keys_are_fresh_and_forgotten() -> None:
    class Session:
        cancelled = 0

        async def cancel(self) -> None:
            self.cancelled += 1

    async def scenario() -> None:
        sent: list[str] = []
        keys = CancelKeys(3, lambda word, **_: sent.append(word))
        made = [keys.reserve(long=False) for _ in range(2000)]
        assert len({process_id for process_id, _ in made}) == len(made)
        assert all(process_id >> 20 == 3 and len(secret) == 4 for process_id, secret in made)
        session = Session()
        process_id, secret = keys.reserve(long=True)
        await keys.request(process_id, secret)
        keys.register(process_id, secret, session)
        await keys.request(process_id, secret)
        await keys.request(process_id, secret[:-1])
        keys.forget(process_id)
        await keys.request(process_id, secret)
        assert session.cancelled == 1
        assert sent == []

    asyncio.run(scenario())


@pytest.mark.parametrize("process_id", [200 << 20 | 1, 0xFFFFFFFF, 2 << 20])
def test_keys_of_workers_that_do_not_exist_are_answered_at_once(gateway: Gateway, process_id: int) -> None:
    # A few dozen that wait would be all that may wait, and a real request would be dropped.
    began = time.monotonic()
    cancel(gateway, struct.pack("!II", process_id, 1))
    assert time.monotonic() - began < 2
