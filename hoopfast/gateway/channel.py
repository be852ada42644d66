"""The line between the supervisor and one child: JSON objects, one a line, over a socket pair.

The supervisor says `drain` and `reload`; a child says `ready`, `reloaded` and `drained`. When the line breaks, the
other side is gone: a child ends with its supervisor, however that ended. Knows nothing of what the words mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any, cast

Message = dict[str, Any]


class Channel(asyncio.Protocol):
    """One end of the line."""

    def __init__(self, on_message: Callable[[Message], None], on_lost: Callable[[], None]) -> None:
        self._on_message = on_message
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    @classmethod
    async def open(
        cls, end: socket.socket, on_message: Callable[[Message], None], on_lost: Callable[[], None]
    ) -> Channel:
        """Take over one end of a socket pair."""
        end.setblocking(False)
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_connection(lambda: cls(on_message, on_lost), sock=end)
        return channel

    def send(self, word: str, **values: object) -> None:
        """Say something to the other side; silently nothing if it is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(json.dumps({"word": word, **values}).encode() + b"\n")

    def close(self) -> None:
        """Hang up; `on_lost` is not called for it."""
        self._on_lost = _nothing
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio calls this)."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none of its heirs

    def data_received(self, data: bytes) -> None:
        """Hand on each whole line (asyncio calls this)."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                self._on_message(json.loads(line))

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the owner (asyncio calls this)."""
        self._transport = None
        self._on_lost()


def _nothing() -> None:
    return None
