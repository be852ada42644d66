"""Which notifications may carry their payload (soundness 48).

A NotificationResponse passes whole if this gateway has forwarded a literal NOTIFY of exactly this channel and payload,
or if its channel is listed; otherwise its payload is emptied, because a trigger may have put a row into it. One object
serves all sessions of a worker. Bounded: what was forwarded long ago is forgotten, and its payload then emptied.
"""

from __future__ import annotations

from collections import OrderedDict

REMEMBERED = 4096


class Notifications:
    """The literal notifications that were forwarded, and the channels whose payloads pass."""

    def __init__(self, channels: frozenset[str] = frozenset()) -> None:
        self._channels = channels
        self._forwarded: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()

    def forwarded(self, channel: str, payload: str) -> None:
        """A literal NOTIFY is about to be forwarded."""
        key = (channel.encode("utf-8"), payload.encode("utf-8"))
        self._forwarded.pop(key, None)
        self._forwarded[key] = None
        if len(self._forwarded) > REMEMBERED:
            self._forwarded.popitem(last=False)

    def may_pass(self, channel: bytes, payload: bytes) -> bool:
        """Whether a notification's payload may reach the frontend."""
        if not payload or (channel, payload) in self._forwarded:
            return True
        return channel.decode("utf-8", "replace") in self._channels
