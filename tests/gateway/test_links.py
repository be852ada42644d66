"""Tests of hoopfast/gateway/links.pyx: one peer's connection, on uvloop."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
import uvloop

from hoopfast.gateway.links import Link, ReadBuffer
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
