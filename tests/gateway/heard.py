"""A link and the other end of its connection, for tests: real sockets, and uvloop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import uvloop

from hoopfast.gateway.links import Link, ReadBuffer


class Heard:
    """A receiver that remembers."""

    def __init__(self, keep_open: bool = True) -> None:
        self.data = b""
        self.over = False
        self.gone = asyncio.Event()
        self.full: list[bool] = []
        self._keep_open = keep_open

    def received(self, data: memoryview) -> None:
        self.data += bytes(data)

    def ended(self) -> bool:
        self.over = True
        return self._keep_open

    def lost(self, error: Exception | None) -> None:
        self.gone.set()

    def congested(self, full: bool) -> None:
        self.full.append(full)


def with_link(scenario: Callable[[Link, Heard, socket.socket], Awaitable[None]], *, buffer: int = 4096) -> None:
    """Run a scenario with a link and the other end of its connection."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            heard = Heard()
            link = Link(ReadBuffer(buffer), 65536, heard)
            connecting = loop.create_connection(lambda: link, *listener.getsockname())
            await connecting
            peer, _ = listener.accept()
        with peer:
            peer.setblocking(False)
            await scenario(link, heard, peer)
            link.abort()
            await link.gone()

    uvloop.run(asyncio.wait_for(run(), 20))


async def read_all(peer: socket.socket) -> bytes:
    loop, data = asyncio.get_running_loop(), b""
    while chunk := await loop.sock_recv(peer, 1 << 20):
        data += chunk
    return data
