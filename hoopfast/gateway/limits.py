"""Bounds that no configuration lifts: time and number of connections that have not signed in yet.

What they are, and the count of what is under way. Knows no connection.
"""

from __future__ import annotations

STARTUP = 30.0  # seconds from accepting a connection to ReadyForQuery; PostgreSQL's authentication_timeout is 60
PREAUTHENTICATED = 512  # connections of one worker that have not signed in
CANCELS = 64  # of these, CancelRequests that are being carried out


class Counter:
    """A number that may not rise above a bound."""

    __slots__ = ("bound", "count")

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.count = 0

    def enter(self) -> bool:
        """Count one more; False, and nothing counted, if that is one too many."""
        if self.count >= self.bound:
            return False
        self.count += 1
        return True

    def leave(self) -> None:
        """Count one less."""
        self.count -= 1
