"""Who receives what a link hears: the protocol of it, and what stands in for a relay before there is one and after.

An `Inbox` while a session starts, `NOBODY` when it is over, `Hooks` in between. Knows no message.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hoopfast.errors import BackendUnavailable

if TYPE_CHECKING:
    from hoopfast.gateway.links import Link


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
