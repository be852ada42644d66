"""Decisions remembered by what they were asked for, bounded by the memory that they take.

Two generations: what is asked for once is cold, what is asked for again is hot. A stream of texts that never come
again (each with literals of its own) passes through the cold part and leaves the hot one as it is. Knows nothing of
what a decision is about. Not for several threads.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from hoopfast.policy.model import Statement

__all__ = ["Remembered"]

# Measured with tracemalloc: what an entry takes besides its text and the journal's, and what a result column does.
_ENTRY = 1_800
_COLUMN = 320


class _Entry(NamedTuple):
    statement: Statement
    size: int


class Remembered:
    """A cache of decisions. `limit`: bytes that it may take, about; three quarters of them for what is hot."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._hot_size = 0
        self._hot: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._cold: OrderedDict[Hashable, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._hot) + len(self._cold)

    def get(self, key: Hashable) -> Statement | None:
        """The decision that was remembered; it is hot from now on."""
        found = self._hot.get(key)
        if found is not None:
            self._hot.move_to_end(key)
            return found.statement
        found = self._cold.pop(key, None)
        if found is None:
            return None
        self._hot[key] = found
        self._hot_size += found.size
        while self._hot_size > self.limit * 3 // 4 and len(self._hot) > 1:
            cooled, entry = self._hot.popitem(last=False)
            self._hot_size -= entry.size
            self._cold[cooled] = entry
        return found.statement

    def put(self, key: Hashable, statement: Statement, length: int) -> None:
        """Remember a decision on a text of `length` bytes; it is cold."""
        before = self._hot.pop(key, None)
        if before is not None:
            self._hot_size -= before.size
        else:
            before = self._cold.pop(key, None)
        size = _size(statement) + length
        self.size += size - (before.size if before is not None else 0)
        self._cold[key] = _Entry(statement, size)
        while self.size > self.limit:
            self.size -= self._oldest().size

    def _oldest(self) -> _Entry:
        if self._cold:
            return self._cold.popitem(last=False)[1]
        entry = self._hot.popitem(last=False)[1]
        self._hot_size -= entry.size
        return entry


def _size(statement: Statement) -> int:
    columns = sum(len(command.columns or ()) for command in statement.commands)
    return _ENTRY * max(len(statement.commands), 1) + _COLUMN * columns + len(statement.summary.text)
