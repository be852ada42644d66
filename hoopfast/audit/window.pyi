"""The only code that writes records into a segment's mapping, from C or Python. See window.pyx."""

import mmap
from collections.abc import Mapping
from typing import final

__pyx_capi__: Mapping[str, object]  # what window.pxd offers to C

@final
class Window:
    """The rest of a segment: where the next record goes, the chain value there, the number of the last record.

    Holds a buffer on the mapping, which cannot be closed before `release`.
    """

    def __new__(cls, mapping: mmap.mmap | bytearray, *, offset: int, position: int, chain: bytes) -> Window: ...
    @property
    def offset(self) -> int:
        """Where the frames end, in the segment's file."""

    @property
    def position(self) -> int:
        """The number of the last record in its stream."""

    @property
    def chain(self) -> bytes:
        """The chain value behind the last record."""

    def room(self, length: int) -> bool:
        """Whether a record of `length` bytes fits in."""

    def append(self, body: bytes) -> None:
        """Copy a record in. When it returns, the record survives the death of the process. ValueError: no room."""

    def populate(self, ahead: int) -> None:
        """Have the kernel put memory under the next `ahead` bytes, so that appends find it; without the GIL.

        Does nothing where it cannot (before Linux 5.14). The window must not be released meanwhile.
        """

    def seal(self) -> None:
        """Take no more records."""

    def release(self) -> None:
        """Let the mapping go; `offset`, `position` and `chain` stay."""

@final
class Gate:
    """Whether C may append to a journal by itself just now, and to which window. Made closed."""

    def __new__(cls) -> Gate: ...
    @property
    def is_open(self) -> bool:
        """Whether C may append."""

    def open(self, window: Window) -> None:
        """From now on C may append to this window."""

    def close(self) -> None:
        """From now on C may not append: whoever wants to has to ask the journal."""
