"""Bounds that no configuration lifts: time and number of connections that have not signed in yet, open files.

What they are, and the count of what is under way. Knows no connection.
"""

from __future__ import annotations

import contextlib
import resource

STARTUP = 30.0  # seconds from accepting a connection to ReadyForQuery; PostgreSQL's authentication_timeout is 60
PREAUTHENTICATED = 512  # connections of one worker that have not signed in
CANCELS = 64  # of these, CancelRequests that are being carried out
DESCRIPTORS = 65_536  # open files of one process: two for each session


def allow_descriptors() -> None:
    """Raise the soft limit on open files: the usual 1024 is less than connections that have not signed in may take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
