"""Tests of hoopfast/gateway/inbox.py: the bytes of a link for one task that awaits them."""

from __future__ import annotations

import asyncio
import socket

import pytest

from hoopfast.errors import BackendUnavailable
from hoopfast.gateway.inbox import Inbox, expect
from hoopfast.gateway.links import Link
from tests.gateway.heard import Heard, with_link


def test_an_inbox_takes_one_chunk_at_a_time() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        inbox = Inbox()
        inbox.link = link
        link.receiver = inbox
        await loop.sock_sendall(peer, b"x" * 10_000)
        await asyncio.sleep(0.1)
        assert inbox.buffered
        assert len(await inbox.read()) == 4096
        assert not inbox.buffered  # the rest is still the kernel's
        assert len(await inbox.read()) == 4096
        assert len(await inbox.read()) == 10_000 - 2 * 4096
        peer.shutdown(socket.SHUT_WR)
        assert await inbox.read() == b""
        with pytest.raises(BackendUnavailable):
            await expect(inbox)

    with_link(scenario)


def test_an_inbox_tells_that_the_link_is_lost() -> None:
    async def scenario(link: Link, heard: Heard, peer: socket.socket) -> None:
        inbox = Inbox()
        inbox.link = link
        link.receiver = inbox
        reading = asyncio.create_task(inbox.read())
        await asyncio.sleep(0.05)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()
        with pytest.raises(ConnectionError):
            await reading

    with_link(scenario)
