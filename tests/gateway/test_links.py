"""Tests of hoopfast/gateway/links.pyx: one peer's connection, on uvloop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from hoopfast.gateway.links import Link, ReadBuffer, Taker
from hoopfast.sandbox.certificate import write_self_signed
from tests.gateway.heard import Heard, read_all, with_link


def test_more_than_the_buffer_arrives_whole() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        sent = bytes(range(256)) * 400
        await asyncio.get_running_loop().sock_sendall(peer, sent)
        while len(heard.data) < len(sent):
            await asyncio.sleep(0.01)
        assert heard.data == sent

    with_link(scenario)


def test_views_of_the_read_buffer_stay_as_they_were_sent() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        link.send([b"x" * 20_000_000])  # the queue is not empty from here on
        view = link.get_buffer(-1)[:3]
        view[:] = b"abc"
        link.send([view])
        link.get_buffer(-1)[:3] = b"XYZ"  # the next read
        link.finish()
        assert (await read_all(peer))[-3:] == b"abc"

    with_link(scenario)


def test_a_slow_peer_is_told_and_told_again() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        link.send([b"x" * 10_000_000])
        assert heard.full == [True]
        assert link.full
        link.finish()
        assert len(await read_all(peer)) == 10_000_000
        assert heard.full == [True, False]

    with_link(scenario)


def test_a_link_that_is_not_read_leaves_it_to_the_kernel() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        link.read(False)
        await asyncio.get_running_loop().sock_sendall(peer, b"later")
        await asyncio.sleep(0.1)
        assert heard.data == b""
        link.read(True)
        await asyncio.sleep(0.1)
        assert heard.data == b"later"

    with_link(scenario)


def test_finish_sends_everything_though_the_peer_still_talks() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        link.read(False)
        await loop.sock_sendall(peer, b"unread" * 10_000)
        link.send([b"x" * 5_000_000, b"the end"])
        link.finish()
        assert (await read_all(peer)).endswith(b"the end")
        peer.close()
        await link.gone()
        assert heard.data == b""

    with_link(scenario)


def test_finish_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoopfast.gateway.links.LINGER", 0.1)
    monkeypatch.setattr("hoopfast.gateway.links.FLUSH", 0.5)

    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        link.send([b"x" * 50_000_000])
        link.finish()
        await asyncio.wait_for(link.gone(), 3)  # the peer reads nothing

    with_link(scenario)


def test_the_peers_end_leaves_the_other_direction_open() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        peer.shutdown(socket.SHUT_WR)
        await asyncio.sleep(0.1)
        assert heard.over
        assert not heard.gone.is_set()
        link.send([b"answer"])
        link.finish()
        assert await read_all(peer) == b"answer"

    with_link(scenario)


def test_a_reset_is_seen_though_nothing_is_read() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        peer.close()
        await asyncio.sleep(0.1)
        assert not link.reset
        link.send([b"anybody there?"])
        await asyncio.sleep(0.1)
        assert link.reset

    with_link(scenario)


def test_the_end_of_a_peer_in_tls_is_the_end_of_the_link(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A receiver may want to keep it open for writing; TLS transports cannot, and warn."""
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    write_self_signed(certificate, key)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate, key)
    client_side = ssl.create_default_context(cafile=str(certificate))

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=server_side)
        heard = Heard()
        link = Link(ReadBuffer(4096), 65536, heard)
        async with server:
            await asyncio.get_running_loop().create_connection(lambda: link, *server.sockets[0].getsockname())
            await link.start_tls(client_side, server_side=False, hostname="localhost")
            await heard.gone.wait()
        assert (heard.data, heard.over) == (b"bye", True)

    uvloop.run(asyncio.wait_for(run(), 20))
    assert not caplog.records


def test_what_the_kernel_does_not_take_keeps_its_order() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        assert link.transport is not None
        link.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        pieces = [bytes([number % 251]) * (1 + number * 37 % 3000) for number in range(2000)]
        received, wanted = b"", b"".join(pieces)
        for number, piece in enumerate(pieces):
            link.send([piece[:100], bytearray(piece[100:])])
            if number % 7 == 0:  # the peer reads now and then: the queue is empty at times
                with contextlib.suppress(BlockingIOError):
                    received += peer.recv(5000)
                await asyncio.sleep(0)
        link.finish()
        received += await read_all(peer)
        assert len(received) == len(wanted)
        assert received == wanted

    with_link(scenario)


def test_after_the_queue_has_emptied_the_socket_is_used_again() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        loop, transport = asyncio.get_running_loop(), link.transport
        assert transport is not None
        for size in (20_000_000, 10):
            link.send([b"x" * size])
            received = 0
            while received < size:
                received += len(await loop.sock_recv(peer, 1 << 20))
            await asyncio.sleep(0.01)
            assert transport.get_write_buffer_size() == 0
        assert heard.full == [True, False]

    with_link(scenario)


def test_a_small_queue_is_noticed_though_nobody_was_told() -> None:
    """Below the limit uvloop tells neither of a queue nor of its end."""

    async def run() -> None:
        heard = Heard()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            link = Link(ReadBuffer(4096), 1 << 24, heard)
            await asyncio.get_running_loop().create_connection(lambda: link, *listener.getsockname())
            peer, _ = listener.accept()
        with peer:
            peer.setblocking(False)
            link.send([b"a" * 20_000_000])
            link.send([b"b"])
            assert heard.full == []
            data = b""
            while len(data) < 20_000_001:
                data += await asyncio.get_running_loop().sock_recv(peer, 1 << 20)
            link.send([b"c"])
            link.finish()
            assert data + await read_all(peer) == b"a" * 20_000_000 + b"bc"
            link.abort()
            await link.gone()

    uvloop.run(asyncio.wait_for(run(), 20))


def test_a_peer_that_reads_nothing_costs_what_was_sent_and_no_more() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        assert link.transport is not None
        for _ in range(100):
            link.send([bytes(100_000)])
            if link.full:
                break
        # Whoever looks at `full` after each send queues no more than the limit and one of them.
        assert 0 < link.transport.get_write_buffer_size() <= 65536 + 100_000

    with_link(scenario)


def test_a_peer_that_resets_is_left_to_the_transport() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        link.read(False)  # so that only a send can come upon it
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()
        await asyncio.sleep(0.05)
        link.send([b"to nobody"])
        link.send([b"again"])
        await asyncio.wait_for(heard.gone.wait(), 2)
        assert not link.connected
        link.send([b"once more"])

    with_link(scenario)


def test_finish_drains_what_is_queued() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        link.send([b"x" * 10_000_000])
        link.send([b"the end"])
        link.finish()
        link.send([b"too late"])
        data = await read_all(peer)
        assert (len(data), data[-7:]) == (10_000_007, b"the end")

    with_link(scenario)


def test_nothing_is_sent_on_a_descriptor_that_may_be_anothers() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        link.abort()
        await link.gone()
        one, other = socket.socketpair()  # one of them has the link's number now, most likely
        with one, other:
            link.send([b"stray"])
            for end in (one, other):
                end.setblocking(False)
                with pytest.raises(BlockingIOError):
                    end.recv(10)

    with_link(scenario)


def test_a_taker_that_takes_nothing_leaves_all_to_the_receiver() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        link.taker = Taker()
        await asyncio.get_running_loop().sock_sendall(peer, b"for the receiver")
        await asyncio.sleep(0.05)
        assert heard.data == b"for the receiver"

    with_link(scenario)


async def in_tls(
    folder: Path, scenario: Callable[[Link, Heard, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> None:
    """Run a scenario with a link in TLS and its server's end."""
    certificate, key = folder / "server.crt", folder / "server.key"
    write_self_signed(certificate, key)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate, key)
    ends: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *end: ends.put_nowait(end), "127.0.0.1", 0, ssl=server_side)
    heard = Heard()
    link = Link(ReadBuffer(1 << 18), 1 << 18, heard)
    async with server:
        await asyncio.get_running_loop().create_connection(lambda: link, *server.sockets[0].getsockname())
        await link.start_tls(
            ssl.create_default_context(cafile=str(certificate)), server_side=False, hostname="localhost"
        )
        reader, writer = await ends.get()
        await scenario(link, heard, reader, writer)
        link.abort()
        writer.close()
        await link.gone()


def test_in_tls_nothing_passes_the_transport_by(tmp_path: Path) -> None:
    async def scenario(link: Link, heard: Heard, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces = [bytes([number % 251]) * (number * 53 % 40_000) for number in range(200)]
        reading = asyncio.create_task(reader.readexactly(sum(map(len, pieces))))
        for piece in pieces:
            view = memoryview(bytearray(piece))
            link.send([view, b""])
            view[:] = bytes(len(view))  # it may be overwritten at once
            while link.full:
                await asyncio.sleep(0)
        assert await reading == b"".join(pieces)
        writer.write(b"y" * 1_000_000)
        while len(heard.data) < 1_000_000:
            await asyncio.sleep(0.01)
        assert heard.data == b"y" * 1_000_000

    uvloop.run(asyncio.wait_for(in_tls(tmp_path, scenario), 20))


def test_in_tls_a_batch_is_one_record(tmp_path: Path) -> None:
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    write_self_signed(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(incoming, outgoing, server_side=True)
        client = asyncio.create_task(
            link.start_tls(ssl.create_default_context(cafile=str(certificate)), server_side=False, hostname="localhost")
        )
        while True:
            try:
                server.do_handshake()
                break
            except ssl.SSLWantReadError:
                await loop.sock_sendall(peer, outgoing.read())
                incoming.write(await loop.sock_recv(peer, 1 << 16))
        await loop.sock_sendall(peer, outgoing.read())
        await client
        link.send([b"a" * 10, b"b" * 20, b"c" * 30])
        record = await loop.sock_recv(peer, 1 << 16)
        assert int.from_bytes(record[3:5], "big") == len(record) - 5
        incoming.write(record)
        assert server.read(100) == b"a" * 10 + b"b" * 20 + b"c" * 30

    with_link(scenario)
