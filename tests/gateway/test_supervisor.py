"""Tests of hoopfast/gateway/supervisor.py: workers, signals, draining."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time

import pytest

from hoopfast.sandbox.process import SandboxError
from tests.gateway.running import Gateway, Place, until
from tests.support import protocol
from tests.support.protocol import Frontend, SignInError


def signs_in(gateway: Gateway) -> bool:
    with contextlib.suppress(OSError, SignInError, protocol.HungUpError), Frontend.connect(gateway.dsn()) as frontend:
        return frontend.rows(protocol.query("SELECT 1")) == [[b"1"]]
    return False


def test_workers_share_the_port(two_workers: Gateway) -> None:
    assert len(two_workers.workers()) == 2
    assert sorted(two_workers.pids[1:]) == two_workers.workers()
    assert all(signs_in(two_workers) for _ in range(10))


def test_a_worker_that_dies_is_replaced(place: Place) -> None:
    with Gateway(place, gateway={"workers": 2}) as gateway:
        before = gateway.workers()
        with contextlib.ExitStack() as stack:
            frontends = [stack.enter_context(Frontend.connect(gateway.dsn())) for _ in range(8)]
            os.kill(before[0], signal.SIGKILL)
            # Nobody is refused meanwhile: connections wait in the socket that the supervisor holds.
            assert all(signs_in(gateway) for _ in range(10))
            assert until(lambda: len(gateway.workers()) == 2)
            assert before[0] not in gateway.workers()
            alive = 0
            for frontend in frontends:  # the other worker's sessions went on
                with contextlib.suppress(OSError, protocol.HungUpError):
                    alive += frontend.rows(protocol.query("SELECT 1")) == [[b"1"]]
            assert 0 < alive < 8


def test_a_restarted_worker_takes_its_journal_over(place: Place) -> None:
    with Gateway(place) as gateway:
        for _ in range(3):
            assert signs_in(gateway)
            os.kill(gateway.workers()[0], signal.SIGKILL)
        assert signs_in(gateway)


def test_draining_lets_busy_sessions_finish(place: Place) -> None:
    with Gateway(place) as gateway, contextlib.ExitStack() as stack:
        idle, busy, transaction = (stack.enter_context(Frontend.connect(gateway.dsn())) for _ in range(3))
        busy.send(protocol.query("SELECT pg_sleep(2), 'finished'"))
        transaction.run(protocol.query("BEGIN"))
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert [m.sqlstate for m in idle.read_to_end()] == ["57P01"]
        assert time.monotonic() - began < 1
        with pytest.raises(OSError, match=r"refused|reset"):
            socket.create_connection((gateway.host, gateway.port), 5)
        assert transaction.rows(protocol.query("SELECT 2")) == [[b"2"]]
        transaction.send(protocol.query("COMMIT"))
        seen = transaction.read_to_end()
        assert protocol.types(seen) == "CZE"
        assert seen[-1].sqlstate == "57P01"
        seen = busy.read_to_end()
        assert protocol.types(seen) == "TDCZE"
        assert gateway.ended()


def test_draining_has_an_end(place: Place) -> None:
    with Gateway(place, gateway={"drain_timeout": "1s"}) as gateway, Frontend.connect(gateway.dsn()) as busy:
        busy.send(protocol.query("SELECT pg_sleep(60)"))
        time.sleep(0.3)
        gateway.signal(signal.SIGTERM)
        seen = busy.read_to_end()
        assert [m.sqlstate for m in seen if m.type == "E"] == ["57P01"]
        assert gateway.ended()


def test_a_second_signal_ends_it_at_once(place: Place) -> None:
    with Gateway(place) as gateway, Frontend.connect(gateway.dsn()) as busy:
        busy.send(protocol.query("SELECT pg_sleep(60)"))
        time.sleep(0.3)
        gateway.signal(signal.SIGTERM)
        time.sleep(0.3)
        gateway.signal(signal.SIGTERM)
        assert gateway.ended(3)


def test_workers_end_with_their_supervisor(place: Place) -> None:
    with Gateway(place, gateway={"workers": 2}) as gateway:
        workers = gateway.workers()
        gateway.signal(signal.SIGKILL)
        assert until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers), 5)


def test_a_port_that_is_taken(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"cannot listen on 127.0.0.1:{port}"):
            Gateway(place, gateway={"listen": f"127.0.0.1:{port}"})


def test_a_worker_that_cannot_start_ends_the_gateway(place: Place) -> None:
    with pytest.raises(SandboxError, match="tls_cert"):
        Gateway(place, gateway={"tls": "require", "tls_cert": "missing.crt"})
