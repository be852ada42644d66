"""A link: one peer's connection. See links.pyx; pump.pyx uses it in C."""

import asyncio
import ssl
from collections.abc import Sequence
from typing import final

from typing_extensions import disjoint_base

from hoopfast.gateway.inbox import Receiver

LINGER: float
FLUSH: float
TLS_CLOSE: float
TLS_HANDSHAKE: float
TLS_READ: int
TLS_INCOMING_LOW: int
TLS_INCOMING_HIGH: int

@final
class ReadBuffer:
    """The one read buffer of a loop, which never moves."""

    size: int
    view: memoryview

    def __init__(self, size: int) -> None: ...

@disjoint_base
class Taker:
    """Who may take what a link hears before its receiver is asked; in C only. This one takes nothing."""

# Not in fact a subclass: uvloop looks at the methods, and this is how the type checker is told that it may be given.
@disjoint_base
class Link(asyncio.BufferedProtocol):
    """One peer's connection, for uvloop and no other loop."""

    receiver: Receiver
    taker: Taker | None
    transport: asyncio.Transport | None
    full: bool  # the peer reads too slowly
    closing: bool
    connected: bool
    reading: bool  # what comes is not left to the kernel

    def __init__(self, buffer: ReadBuffer, write_high: int, receiver: Receiver) -> None: ...
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""

    def get_buffer(self, sizehint: int) -> bytearray | memoryview:
        """Where the next bytes go: the loop's buffer."""

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came."""

    def eof_received(self) -> bool:
        """The peer sends nothing more."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""

    def pause_writing(self) -> None:
        """So much is queued that another read would be too much."""

    def resume_writing(self) -> None:
        """The queue has emptied."""

    @property
    def encryption(self) -> str:
        """The TLS version, such as "TLSv1.3"; empty: in the clear."""

    @property
    def reset(self) -> bool:
        """Whether the peer has answered with a reset. (A link that has seen the end of file is not read any more.)"""

    def send(self, buffers: Sequence[bytes | bytearray | memoryview]) -> None:
        """Write buffers, in order, as one. They may be overwritten afterwards."""

    def read(self, wanted: bool) -> None:
        """Read on, or leave what comes to the kernel."""

    async def start_tls(self, context: ssl.SSLContext, *, server_side: bool, hostname: str | None = None) -> None:
        """Go on in TLS; raises ssl.SSLError, OSError or TimeoutError if the handshake fails."""

    def finish(self) -> None:
        """Send what is queued, then close; the peer is read to its end, unheard, so that it gets what was sent.

        (Closing a socket with unread input resets it, and the peer loses what it has not read yet.)
        """

    def abort(self) -> None:
        """Drop the connection and whatever is queued."""

    async def gone(self) -> None:
        """Wait until the connection is gone."""
