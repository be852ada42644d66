"""Tests of hoopfast/gateway/relay.py: a running session, its flow control and its end."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from hoopfast.sandbox.postgres import ThrowawayPostgres
from tests.gateway.running import Gateway, Place, until
from tests.support import protocol
from tests.support.protocol import Frontend


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def running(server: ThrowawayPostgres, mark: str) -> bool:
    """Whether the server is at a statement that holds this mark."""
    found = server.psql(
        f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{mark}%'"
        " AND pid <> pg_backend_pid()"
    )
    return found.strip() != "0"


def test_bytes_pass_both_ways(gateway: Gateway) -> None:
    with psycopg.connect(gateway.dsn(), autocommit=True) as connection:
        assert connection.execute("SELECT 1, 'x'").fetchall() == [(1, "x")]
        rows = connection.execute("SELECT repeat('x', 1000) FROM generate_series(1, 20000)").fetchall()
        assert len(rows) == 20000
        assert {len(row[0]) for row in rows} == {1000}


def test_bytes_pass_both_ways_in_tls(place: Place) -> None:
    with (
        Gateway(place, place.with_tls()) as gateway,
        psycopg.connect(gateway.dsn(), autocommit=True) as connection,
    ):
        for _ in range(3):  # learnt, described, known
            rows = connection.execute("SELECT n, repeat('x', n % 3000) FROM generate_series(1, 20000) n").fetchall()
            assert [(number, len(text)) for number, text in rows] == [(n, n % 3000) for n in range(1, 20001)]
        value = os.urandom(2_000_000)
        assert connection.execute("SELECT %b::bytea", (value,)).fetchone() == (value,)


def test_a_large_value_passes_both_ways(gateway: Gateway) -> None:
    value = os.urandom(3_000_000)
    with psycopg.connect(gateway.dsn(), autocommit=True) as connection:
        row = connection.execute("SELECT %b::bytea, length(%b)", (value, value)).fetchone()
    assert row == (value, len(value))


def test_a_reader_that_sleeps_costs_no_memory(gateway: Gateway) -> None:
    [worker] = gateway.workers()
    with Frontend.connect(gateway.dsn()) as warm:
        warm.run(protocol.query("SELECT repeat('x', 1000) FROM generate_series(1, 20000)"))
        before = resident(worker)
        with Frontend.connect(gateway.dsn()) as slow:
            slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            slow.send(protocol.query("SELECT repeat('x', 10000) FROM generate_series(1, 100000)"))
            time.sleep(3)
            grown = resident(worker) - before
            assert warm.rows(protocol.query("SELECT 1")) == [[b"1"]]
            received = sum(len(m.body) for m in slow.read_until("Z"))
    assert received > 1_000_000_000
    assert grown <= 1 << 20


def test_a_frontend_that_goes_cancels_what_it_left(gateway: Gateway, postgres18: ThrowawayPostgres) -> None:
    frontend = Frontend.connect(gateway.dsn())
    frontend.send(protocol.query("SELECT pg_sleep(60), 'left alone'"))
    assert until(lambda: running(postgres18, "left alone"))
    frontend.close()
    assert until(lambda: not running(postgres18, "left alone"), 5)


def test_a_reset_frontend_cancels_what_it_left(gateway: Gateway, postgres18: ThrowawayPostgres) -> None:
    frontend = Frontend.connect(gateway.dsn())
    frontend.send(protocol.query("SELECT pg_sleep(60), 'reset'"))
    assert until(lambda: running(postgres18, "reset"))
    frontend.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    frontend.close()
    assert until(lambda: not running(postgres18, "reset"), 5)


def test_a_half_closed_frontend_gets_its_answers(gateway: Gateway) -> None:
    with Frontend.connect(gateway.dsn()) as frontend:
        frontend.send(protocol.query("SELECT pg_sleep(0.5), 1"), protocol.query("SELECT 'second'"))
        frontend.socket.shutdown(socket.SHUT_WR)
        seen = frontend.read_to_end()
    assert protocol.types(seen) == "TDCZTDCZ"


def test_a_lost_backend_is_told(gateway: Gateway, postgres18: ThrowawayPostgres) -> None:
    with Frontend.connect(gateway.dsn()) as frontend:
        [[pid]] = frontend.rows(protocol.query("SELECT pg_backend_pid()"))
        assert pid is not None
        postgres18.psql(f"SELECT pg_terminate_backend({pid.decode()})")
        seen = frontend.read_to_end()
    assert [m.sqlstate for m in seen if m.type == "E"] == ["57P01"]


def test_terminate_ends_the_upstream_session(gateway: Gateway, postgres18: ThrowawayPostgres) -> None:
    with Frontend.connect(gateway.dsn(), application_name="said goodbye") as frontend:
        frontend.run(protocol.query("SELECT 1"))
        frontend.send(protocol.TERMINATE)
        assert frontend.read_to_end() == []
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'said goodbye'"
    assert until(lambda: postgres18.psql(count).strip() == "0")


@pytest.mark.parametrize(
    "hostile",
    [b"Q\0\0\0\3", b"Q\x7f\xff\xff\xff", b"Q\x80\0\0\0", b"\0\0\0\0\4", b"p\0\0\0\5\0", b"Q\0\0\0\0"],
    ids=["length 3", "length 2^31-1", "negative", "unknown type", "wrong phase", "length 0"],
)
def test_hostile_bytes_end_one_session_only(gateway: Gateway, hostile: bytes) -> None:
    [worker] = gateway.workers()
    with Frontend.connect(gateway.dsn()) as other, Frontend.connect(gateway.dsn()) as frontend:
        other.rows(protocol.query("SELECT 1"))
        before = resident(worker)
        frontend.send(hostile)
        seen = frontend.read_to_end()
        assert [m.sqlstate for m in seen if m.type == "E"] == ["08P01"]
        assert other.rows(protocol.query("SELECT 1")) == [[b"1"]]
        assert resident(worker) - before < 1 << 20


def test_input_behind_a_fatal_error_does_not_lose_it(gateway: Gateway) -> None:
    # A socket that is closed with unread input is reset, and the error would be lost with it.
    for _ in range(20):
        with Frontend.connect(gateway.dsn()) as frontend:
            frontend.send(b"Q\0\0\0\3" + b"x" * 500_000)
            assert [m.sqlstate for m in frontend.read_to_end() if m.type == "E"] == ["08P01"]


def test_idle_sessions_end(place: Place) -> None:
    with Gateway(place, gateway={"idle_timeout": "1s"}) as gateway, Frontend.connect(gateway.dsn()) as frontend:
        frontend.run(protocol.query("SELECT pg_sleep(2)"))  # not idle
        began = time.monotonic()
        assert [m.sqlstate for m in frontend.read_to_end() if m.type == "E"] == ["57P05"]
        assert time.monotonic() - began < 4


def test_sessions_end_at_their_limit(place: Place, postgres18: ThrowawayPostgres) -> None:
    with Gateway(place, gateway={"session_limit": "2s"}) as gateway, Frontend.connect(gateway.dsn()) as frontend:
        frontend.send(protocol.query("SELECT pg_sleep(60), 'over the limit'"))
        seen = frontend.read_to_end()
        assert [m.sqlstate for m in seen if m.type == "E"] == ["57P01"]
        assert until(lambda: not running(postgres18, "over the limit"), 5)


def test_sessions_may_end_with_their_token(place: Place) -> None:
    place.tables["issuer"][0]["session"] = "token"
    with Gateway(place) as gateway:
        token = place.token(seconds=2)
        with Frontend.connect(gateway.dsn(token=token)) as frontend:
            frontend.run(protocol.query("SELECT 1"))
            assert [m.sqlstate for m in frontend.read_to_end() if m.type == "E"] == ["57P01"]


def test_records_are_on_disk_first(place: Place) -> None:
    with (
        Gateway(place, audit={"durability": "sync"}, tuning={"journal_sync": "10s"}) as gateway,
        psycopg.connect(gateway.dsn(), autocommit=True) as connection,
    ):
        began = time.monotonic()
        for number in range(20):
            assert connection.execute("SELECT %s::int", (number,)).fetchone() == (number,)
        assert time.monotonic() - began < 5  # not by the interval, but because somebody waits
        with connection.pipeline():
            cursors = [connection.execute("SELECT %s::int", (number,)) for number in range(50)]
        assert [cursor.fetchone() for cursor in cursors] == [(number,) for number in range(50)]


@pytest.mark.parametrize("durability", ["group", "sync"])
def test_nothing_passes_without_a_journal(
    place: Place, postgres18: ThrowawayPostgres, new_database: Callable[[ThrowawayPostgres, str], str], durability: str
) -> None:
    place.tables["database"][0]["dbname"] = new_database(postgres18, "")
    with Gateway(place, audit={"durability": durability}) as gateway, Frontend.connect(gateway.dsn()) as frontend:
        frontend.run(protocol.query("CREATE TABLE t (n int)"))
        for segment in place.audit.iterdir():
            segment.unlink()
        place.audit.rmdir()
        place.audit.touch()
        time.sleep(0.5)  # the syncing thread sees it
        frontend.send(protocol.query("INSERT INTO t VALUES (1)"))
        assert [m.sqlstate for m in frontend.read_to_end() if m.type == "E"] == ["58030"]
        assert postgres18.psql("SELECT count(*) FROM t", place.tables["database"][0]["dbname"]).strip() == "0"
        with pytest.raises(protocol.SignInError) as refused:
            Frontend.connect(gateway.dsn())
        assert refused.value.response.sqlstate == "58030"
        place.audit.unlink()
        place.audit.mkdir(mode=0o700)

        def works_again() -> bool:
            try:
                with Frontend.connect(gateway.dsn()) as again:
                    return again.rows(protocol.query("SELECT 1")) == [[b"1"]]
            except protocol.SignInError:
                return False

        assert until(works_again)


def test_a_frontend_in_tls_that_goes_cancels_what_it_left(place: Place, postgres18: ThrowawayPostgres) -> None:
    with Gateway(place, place.with_tls()) as gateway:
        frontend = Frontend.connect(gateway.dsn())
        frontend.send(protocol.query("SELECT pg_sleep(60), 'left in tls'"))
        assert until(lambda: running(postgres18, "left in tls"))
        frontend.close()
        assert until(lambda: not running(postgres18, "left in tls"), 5)


def test_sessions_leave_nothing_behind(gateway: Gateway) -> None:
    def open_files(pid: int) -> int:
        return len(os.listdir(f"/proc/{pid}/fd"))

    def sessions(count: int) -> None:
        for number in range(count):
            with Frontend.connect(gateway.dsn()) as frontend:
                frontend.run(protocol.query(f"SELECT {number}"))
                if number % 3 == 0:
                    frontend.send(protocol.TERMINATE)

    [worker] = gateway.workers()
    sessions(50)
    time.sleep(0.5)
    files, memory = open_files(worker), resident(worker)
    sessions(300)
    assert until(lambda: open_files(worker) <= files)
    assert resident(worker) - memory < 2 << 20
