"""Memory that all workers of one gateway share: the catalog epochs.

Owns the layout of one anonymous memory file, made by the supervisor and inherited by every worker. Each worker has a
cell of its own for each slot and is its only writer, so that no increment is lost without any lock; an epoch is the
sum over the workers. A slot stands for a database (two databases may share one: that costs a needless check, nothing
else).
"""

from __future__ import annotations

import mmap
import os
import zlib

SLOTS = 64
MAX_WORKERS = 256
_SIZE = SLOTS * MAX_WORKERS * 8


def create() -> int:
    """Make the memory file; returns its descriptor (to be inherited)."""
    descriptor = os.memfd_create("hoopfast-shared", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, _SIZE)
    return descriptor


class Epochs:
    """Counters that rise whenever the definition of a database's objects may have changed."""

    def __init__(self, descriptor: int, worker: int, workers: int) -> None:
        """Map the memory for the worker with this index, of so many."""
        if not 0 <= worker < workers <= MAX_WORKERS:
            raise ValueError(f"worker {worker} of {workers}: at most {MAX_WORKERS}")
        self._map = mmap.mmap(descriptor, _SIZE)
        self._cells = memoryview(self._map).cast("Q")
        self._worker = worker
        self._workers = workers

    @staticmethod
    def slot(key: object) -> int:
        """The slot of a database, the same in every worker."""
        return zlib.crc32(repr(key).encode()) % SLOTS

    def bump(self, slot: int) -> None:
        """Tell all workers that what they know about this slot's databases may be out of date."""
        self._cells[slot * MAX_WORKERS + self._worker] += 1

    def read(self, slot: int) -> int:
        """The epoch now; any other value than one read before means a change in between."""
        first = slot * MAX_WORKERS
        return sum(self._cells[first : first + self._workers])

    def close(self) -> None:
        """Let go of the memory."""
        self._cells.release()
        self._map.close()
