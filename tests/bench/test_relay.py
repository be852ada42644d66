"""The relay of bytes, with real sockets: nothing is lost, slow readers hold writers up, directions end alone."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import neighbours
from bench.cpu import cpu_seconds

MEGABYTE = 1 << 20
TIMEOUT = 60.0


@pytest.fixture(scope="module")
def upstream() -> Iterator[socket.socket]:
    """A listener that the relay connects to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT)
        yield listener


@pytest.fixture(scope="module")
def target(upstream: socket.socket) -> Iterator[neighbours.Target]:
    if neighbours.compiler() is None:
        pytest.skip("there is no C compiler")
    with neighbours.relay(upstream.getsockname()[1]) as running:
        yield running


@pytest.fixture
def ends(target: neighbours.Target, upstream: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's end of a relayed connection, and the server's."""
    with socket.create_connection((target.address.host, target.address.port), TIMEOUT) as client:
        server, _ = upstream.accept()
        with server:
            server.settimeout(TIMEOUT)
            yield client, server


def send_all(to: socket.socket, megabytes: int, seed: int) -> str:
    """Send, then end this direction; returns the digest of what was sent."""
    digest = hashlib.blake2b()
    for number in range(megabytes):
        piece = hashlib.shake_128(b"%d %d" % (seed, number)).digest(4096) * (MEGABYTE // 4096)
        digest.update(piece)
        to.sendall(piece)
    to.shutdown(socket.SHUT_WR)
    return digest.hexdigest()


def receive_all(of: socket.socket) -> tuple[int, str]:
    """Everything up to the end of this direction: its size and digest."""
    digest, size = hashlib.blake2b(), 0
    while piece := of.recv(256 * 1024):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()


def test_a_hundred_megabytes_both_ways_at_once(ends: tuple[socket.socket, socket.socket]) -> None:
    sent: dict[int, str] = {}
    received: dict[int, tuple[int, str]] = {}
    threads = [
        threading.Thread(target=lambda end=end, seed=seed: sent.update({seed: send_all(end, 100, seed)}))
        for seed, end in enumerate(ends)
    ]
    threads += [
        threading.Thread(target=lambda end=end, seed=seed: received.update({seed: receive_all(end)}))
        for seed, end in enumerate(reversed(ends))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    assert received == {seed: (100 * MEGABYTE, digest) for seed, digest in sent.items()}
    assert len(sent) == 2
    assert sent[0] != sent[1]


def fill(end: socket.socket) -> int:
    """Send until nothing more is taken for a while; returns how much was."""
    end.settimeout(0.5)
    taken = 0
    try:
        while taken < 256 * MEGABYTE:
            taken += end.send(bytes(MEGABYTE))
    except TimeoutError:
        pass
    return taken


def resident(pid: int) -> int:
    """Bytes of memory that a process occupies."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("sender", [0, 1])
def test_a_slow_reader_holds_its_writer_up(
    ends: tuple[socket.socket, socket.socket], target: neighbours.Target, sender: int
) -> None:
    writer, reader = ends[sender], ends[1 - sender]
    taken = fill(writer)
    assert taken < 64 * MEGABYTE  # the kernel's buffers, and one of the relay's
    assert target.process is not None
    assert resident(target.process.pid) < 16 * MEGABYTE
    # Meanwhile the other direction works, and the relay does not spin.
    reader.sendall(b"still there")
    assert writer.recv(64) == b"still there"
    before = cpu_seconds(target.pids())
    time.sleep(0.3)
    assert cpu_seconds(target.pids()) - before < 0.1
    writer.shutdown(socket.SHUT_WR)
    assert receive_all(reader)[0] == taken


def test_a_direction_ends_behind_its_last_byte_and_the_other_goes_on(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    client, server = ends
    client.sendall(b"the last words")
    client.shutdown(socket.SHUT_WR)
    assert server.recv(64) == b"the last words"
    assert server.recv(64) == b""
    for number in range(3):
        server.sendall(b"answer %d" % number)
        assert client.recv(64) == b"answer %d" % number
    server.shutdown(socket.SHUT_WR)
    assert client.recv(64) == b""


def test_what_waits_is_written_after_its_writer_has_hung_up(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    taken = fill(server)
    server.close()
    assert receive_all(client)[0] == taken


def test_a_connection_that_breaks_off_ends_its_other_half(
    ends: tuple[socket.socket, socket.socket], target: neighbours.Target, upstream: socket.socket
) -> None:
    client, server = ends
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close() sends a reset
    client.close()
    assert server.recv(64) == b""
    # … and the next one is served.
    with socket.create_connection((target.address.host, target.address.port), TIMEOUT) as other:
        accepted, _ = upstream.accept()
        with accepted:
            other.sendall(b"next")
            assert accepted.recv(64) == b"next"


def test_a_server_that_refuses_closes_the_connection() -> None:
    if neighbours.compiler() is None:
        pytest.skip("there is no C compiler")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        neighbours.relay(port) as running,
        socket.create_connection((running.address.host, running.address.port), TIMEOUT) as client,
    ):
        assert client.recv(64) == b""


def test_nagle_is_off(ends: tuple[socket.socket, socket.socket]) -> None:
    # The second of two small writes would wait for an acknowledgement, 40 ms on Linux, if the relay held it back.
    client, server = ends
    for end in ends:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    took = []
    for _ in range(20):
        start = time.perf_counter()
        client.sendall(b"a")
        assert server.recv(1) == b"a"
        server.sendall(b"b")
        time.sleep(0.001)  # so that the relay does not read both at once
        server.sendall(b"c")
        got = client.recv(2)
        while len(got) < 2:
            got += client.recv(2)
        took.append(time.perf_counter() - start)
    assert sorted(took)[10] < 0.03
