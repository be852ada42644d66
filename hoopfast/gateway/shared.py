"""Memory that all workers of one gateway share: the catalog epochs, and which literal notifications were forwarded.

Owns the layout of one anonymous memory file, made by the supervisor and inherited by every worker. Each worker has a
cell of its own for each slot and is its only writer, so that no increment is lost without any lock; an epoch is the
sum over the workers. A slot stands for a database (two databases may share one: that costs a needless check, nothing
else). Of notifications it holds keyed digests, in a table with one place for each: what is displaced is forgotten, and
its payload then not shown.
"""

from __future__ import annotations

import mmap
import os
import zlib
from hashlib import blake2b

from hoopfast.session.notifications import Notifications

SLOTS = 64
MAX_WORKERS = 256
_EPOCHS = SLOTS * MAX_WORKERS * 8
_KEY = 16
_DIGEST = 16
_PLACES = 1 << 14
_TABLE = _EPOCHS + _KEY
_SIZE = _TABLE + _PLACES * _DIGEST


def create() -> int:
    """Make the memory file; returns its descriptor (to be inherited)."""
    descriptor = os.memfd_create("hoopfast-shared", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, _SIZE)
    os.pwrite(descriptor, os.urandom(_KEY), _EPOCHS)
    return descriptor


class Epochs:
    """Counters that rise whenever the definition of a database's objects may have changed."""

    def __init__(self, descriptor: int, worker: int, workers: int) -> None:
        """Map the memory for the worker with this index, of so many."""
        if not 0 <= worker < workers <= MAX_WORKERS:
            raise ValueError(f"worker {worker} of {workers}: at most {MAX_WORKERS}")
        self._map = mmap.mmap(descriptor, _SIZE)
        self._cells = memoryview(self._map)[:_EPOCHS].cast("Q")
        self._worker = worker
        self._workers = workers

    @staticmethod
    def slot(key: object) -> int:
        """The slot of a database, the same in every worker."""
        return zlib.crc32(repr(key).encode()) % SLOTS

    def bump(self, slot: int) -> None:
        """Tell all workers that what they know about this slot's databases may be out of date."""
        self._cells[slot * MAX_WORKERS + self._worker] += 1

    def cells(self, slot: int) -> memoryview:
        """The workers' cells of a slot, whose sum is its epoch: what wire/freshness.pyx reads."""
        first = slot * MAX_WORKERS
        return self._cells[first : first + self._workers]

    def read(self, slot: int) -> int:
        """The epoch now; any other value than one read before means a change in between."""
        return sum(self.cells(slot))

    def close(self) -> None:
        """Let go of the memory."""
        self._cells.release()
        self._map.close()


class SharedNotifications(Notifications):
    """The literal notifications that any worker has forwarded (session/notifications.py says what that is for)."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._map = mmap.mmap(descriptor, _SIZE)
        self._key = self._map[_EPOCHS:_TABLE]

    def forwarded(self, channel: str, payload: str) -> None:
        """A literal NOTIFY is about to be forwarded."""
        super().forwarded(channel, payload)
        digest, place = self._place(channel.encode(), payload.encode())
        self._map[place : place + _DIGEST] = digest

    def may_pass(self, channel: bytes, payload: bytes) -> bool:
        """Whether a notification's payload may reach the frontend."""
        if super().may_pass(channel, payload):
            return True
        digest, place = self._place(channel, payload)
        # Another worker may be half-way through writing here: then the digests differ, and the payload is emptied.
        return self._map[place : place + _DIGEST] == digest

    def close(self) -> None:
        """Let go of the memory."""
        self._map.close()

    def _place(self, channel: bytes, payload: bytes) -> tuple[bytes, int]:
        digest = blake2b(channel + b"\0" + payload, key=self._key, digest_size=_DIGEST).digest()
        return digest, _TABLE + int.from_bytes(digest[:4], "big") % _PLACES * _DIGEST
