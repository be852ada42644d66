"""A link: one peer's connection as a BufferedProtocol, frontend or backend, in the clear or in TLS.

Owns reading (one buffer per loop for all links: between get_buffer and buffer_updated nothing else runs), writing, flow
control in terms of the transport, and an orderly close that drains what was written. Knows no message; who receives the
bytes is its `receiver`: an `Inbox` while a session starts, the relay afterwards.

Two pitfalls of uvloop: `pause_reading` inside `connection_made` does nothing; and a memoryview that was handed to a
transport is frozen until the transport has let it go, so a view of the read buffer costs the loop a new read buffer.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, cast

from hoopfast.errors import BackendUnavailable

Buffer = bytes | bytearray | memoryview

LINGER = 2.0  # seconds that the peer has to hang up after it was told everything
FLUSH = 30.0  # seconds that the peer has to read what was written before the close
TLS_CLOSE = 10.0
TLS_HANDSHAKE = 15.0
# In TLS every byte is held several times on its way: encrypted as it came, in the clear, encrypted again, and queued
# (uvloop/sslproto.pyx). Small steps keep all of that below 1 MiB for a session whose frontend reads slowly.
TLS_READ = 64 * 1024
# Resume above the largest part of a record that can be waiting for its rest (18 KiB, RFC 5246, 6.2.3), or a link that
# has paused there would never read that rest.
TLS_INCOMING_LOW, TLS_INCOMING_HIGH = 20 * 1024, 40 * 1024


class Receiver(Protocol):
    """What a link tells of its peer. No method may raise."""

    def received(self, data: memoryview) -> None:
        """Bytes came; the view is valid until this returns."""

    def ended(self) -> bool:
        """The peer sends nothing more; True keeps the link open for writing."""

    def lost(self, error: Exception | None) -> None:
        """The link is gone; nothing can be sent any more."""

    def congested(self, full: bool) -> None:
        """The peer reads too slowly (True), or has caught up (False)."""


class Hooks(NamedTuple):
    """A receiver made of functions."""

    received: Callable[[memoryview], None]
    ended: Callable[[], bool]
    lost: Callable[[Exception | None], None]
    congested: Callable[[bool], None]


class ReadBuffer:
    """The one read buffer of a loop."""

    __slots__ = ("size", "view")

    def __init__(self, size: int) -> None:
        self.size = size
        self.view = memoryview(bytearray(size))

    def renew(self) -> None:
        """Leave the present buffer to whoever holds a view of it."""
        self.view = memoryview(bytearray(self.size))


class Link(asyncio.BufferedProtocol):
    """One peer's connection."""

    def __init__(self, buffer: ReadBuffer, write_high: int, receiver: Receiver) -> None:
        self.receiver = receiver
        self.transport: asyncio.Transport | None = None
        self.full = False  # the peer reads too slowly
        self.closing = False
        self.connected = False
        self._buffer = buffer
        self._write_high = write_high
        self._reading = True
        self._in_tls = False
        self._heard_all = False  # the peer has sent its end of file
        self._gone = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    # -- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._use(transport)
        self.connected = True

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go: the loop's buffer."""
        return self._buffer.view[:TLS_READ] if self._in_tls else self._buffer.view

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came."""
        if not self.closing:
            self.receiver.received(self._buffer.view[:nbytes])

    def eof_received(self) -> bool:
        """The peer sends nothing more; in TLS that ends the link, and asyncio warns of those who ask it not to."""
        self._heard_all = True
        keep = not self.closing and self.receiver.ended()
        return keep and not self.encryption

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.connected = False
        self._gone.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.closing:
            self.receiver.lost(exc)
        self.receiver = NOBODY

    def pause_writing(self) -> None:
        """So much is queued that another read would be too much."""
        self.full = True
        self.receiver.congested(True)

    def resume_writing(self) -> None:
        """The queue has emptied."""
        self.full = False
        self.receiver.congested(False)

    # -- what its owner calls

    @property
    def encryption(self) -> str:
        """The TLS version, such as "TLSv1.3"; empty: in the clear."""
        connection = None if self.transport is None else self.transport.get_extra_info("ssl_object")
        return connection.version() or "" if connection is not None else ""

    @property
    def reset(self) -> bool:
        """Whether the peer has answered with a reset. (A link that has seen the end of file is not read any more.)"""
        connection = None if self.transport is None else self.transport.get_extra_info("socket")
        return connection is not None and connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Write buffers, in order. They are frozen until the transport lets go of them."""
        transport = self.transport
        if transport is None or not self.connected or self.closing:
            return
        if len(buffers) == 1:
            transport.write(buffers[0])
        else:
            transport.writelines(buffers)
        if transport.get_write_buffer_size() and not all(type(buffer) is bytes for buffer in buffers):
            self._buffer.renew()

    def read(self, wanted: bool) -> None:
        """Read on, or leave what comes to the kernel."""
        if wanted == self._reading or self.transport is None:
            return
        self._reading = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    async def start_tls(self, context: ssl.SSLContext, *, server_side: bool, hostname: str | None = None) -> None:
        """Go on in TLS; raises ssl.SSLError, OSError or TimeoutError if the handshake fails."""
        assert self.transport is not None
        transport = await asyncio.get_running_loop().start_tls(
            self.transport,
            self,
            context,
            server_side=server_side,
            server_hostname=hostname,
            ssl_handshake_timeout=TLS_HANDSHAKE,
            ssl_shutdown_timeout=TLS_CLOSE,
        )
        if transport is None or self._gone.is_set():
            raise ConnectionResetError("the peer hung up during the TLS handshake")
        self._in_tls = True
        self._use(transport)
        transport.set_read_buffer_limits(high=TLS_INCOMING_HIGH, low=TLS_INCOMING_LOW)  # type: ignore[attr-defined]
        self._reading = True

    def finish(self) -> None:
        """Send what is queued, then close; the peer is read to its end, unheard, so that it gets what was sent.

        (Closing a socket with unread input resets it, and the peer loses what it has not read yet.)
        """
        if self.closing:
            return
        self.closing = True
        transport = self.transport
        if transport is None or not self.connected:
            return
        if transport.is_closing() or self._heard_all or self.encryption:
            transport.close()  # flushes; in TLS it says close_notify and waits for the peer's
            self._timer = asyncio.get_running_loop().call_later(FLUSH, transport.abort)
            return
        with contextlib.suppress(OSError, RuntimeError):
            transport.write_eof()
        self.read(True)
        self._linger(FLUSH)

    def abort(self) -> None:
        """Drop the connection and whatever is queued."""
        self.closing = True
        if self.transport is not None:
            self.transport.abort()

    async def gone(self) -> None:
        """Wait until the connection is gone."""
        await self._gone.wait()

    def _use(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none of its heirs
        # One more read may be added to what is queued: then it is write_high, no more. Not 0: uvloop's TLS transports
        # would take an empty queue for a full one.
        self.transport.set_write_buffer_limits(high=max(self._write_high - self._buffer.size, 1), low=0)

    def _linger(self, left: float) -> None:
        transport = self.transport
        if transport is None or not self.connected:
            return
        if left <= 0:
            transport.abort()
            return
        flushed = transport.get_write_buffer_size() == 0
        self._timer = asyncio.get_running_loop().call_later(LINGER, self._linger, 0.0 if flushed else left - LINGER)


class Inbox:
    """The bytes of a link for one task that awaits them, a chunk at a time.

    The link is not read in between, so that a peer cannot send more than is asked for; `always`: it is, so that its end
    is seen at once.
    """

    def __init__(self, *, always: bool = False) -> None:
        self._always = always
        self.link: Link | None = None
        self._chunks: deque[bytes] = deque()
        self.over = False  # the peer sends nothing more
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.noticed: Callable[[], None] | None = None  # called after anything has happened

    async def read(self) -> bytes:
        """The next bytes; empty: the peer sends no more. ConnectionError: the link is gone."""
        while not self._chunks:
            if self._error is not None:
                raise ConnectionResetError("the link was lost") from self._error
            if self.over:
                return b""
            assert self.link is not None
            self.link.read(True)
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._chunks.popleft()

    @property
    def buffered(self) -> bool:
        """Whether bytes are here that nobody has read."""
        return bool(self._chunks)

    def received(self, data: memoryview) -> None:
        """Keep a chunk."""
        self._chunks.append(bytes(data))
        if self.link is not None and not self._always:
            self.link.read(False)
        self._wake()

    def ended(self) -> bool:
        """Keep the link open: an answer may still be sent."""
        self.over = True
        self._wake()
        return True

    def lost(self, error: Exception | None) -> None:
        """Tell the reader."""
        self.over = True
        self._error = error
        self._wake()

    def congested(self, full: bool) -> None:
        """So little is written in a startup that this does not matter."""

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self.noticed is not None:
            self.noticed()


class _Nobody:
    """Receives what nobody waits for any more."""

    def received(self, data: memoryview) -> None:
        return None

    def ended(self) -> bool:
        return False

    def lost(self, error: Exception | None) -> None:
        return None

    def congested(self, full: bool) -> None:
        return None


NOBODY = _Nobody()


async def expect(inbox: Inbox) -> bytes:
    """Bytes of a backend that is starting; BackendUnavailable if it hangs up instead."""
    try:
        data = await inbox.read()
    except ConnectionError:
        data = b""
    if not data:
        raise BackendUnavailable("the database server closed the connection while it was being set up")
    return data
