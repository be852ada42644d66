"""The file of the segment that is being written: preallocated, mapped, locked. Records go in through its window.

All space is allocated before the first record goes in, so that a full disk shows as OSError when a segment is begun and
not as SIGBUS in the middle of a record. An append is a copy into a shared mapping: from then on the bytes are the
kernel's, and the death of this process does not touch them. (What can still raise SIGBUS is a disk that fails under the
mapping, or somebody who truncates the file: the worker then dies before it has forwarded the statement.)

The lock (flock) is on the file itself, as the directory is to hold nothing but segments and seals.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
from pathlib import Path

from hoopfast.audit.segment import HEADER_SIZE, Header, chain_start, file_name
from hoopfast.audit.window import Window

FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


class SegmentFile:
    """One segment, open for appending. Not thread-safe; `sync` and `finish` may run beside `append`, but not twice."""

    __slots__ = ("_descriptor", "_map", "_synced", "number", "window")

    def __init__(self, descriptor: int, mapping: mmap.mmap, header: Header, encoded: bytes) -> None:
        self._descriptor = descriptor
        self._map = mapping
        self._synced = HEADER_SIZE  # where the frames ended when it was synced last
        self.number = header.number
        self.window = Window(mapping, offset=HEADER_SIZE, position=header.records_before, chain=chain_start(encoded))

    @classmethod
    def create(cls, directory: int, header: Header, size: int) -> SegmentFile:
        """Make, lock, allocate and map the file in the open `directory`. OSError: it could not, and left nothing."""
        name = file_name(header.stream, header.number)
        descriptor = os.open(name, FLAGS | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.posix_fallocate(descriptor, 0, size)
            mapping = mmap.mmap(descriptor, size)
            encoded = header.encode()
            mapping[:HEADER_SIZE] = encoded
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=directory)
            os.close(descriptor)
            raise
        return cls(descriptor, mapping, header, encoded)

    def sync(self) -> None:
        """Put on disk what has been appended (fdatasync covers a mapping's dirty pages). OSError: nobody knows."""
        offset = self.window.offset
        os.fdatasync(self._descriptor)
        # The first write to a page is a fault that costs more than the record does; better in the thread that syncs.
        # As much as since the last sync: more would be written to disk, and then fault, once more.
        self.window.populate(offset - self._synced)
        self._synced = offset

    @property
    def removed(self) -> bool:
        """Whether somebody has removed the file under the mapping."""
        return os.fstat(self._descriptor).st_nlink == 0

    def retire(self) -> None:
        """Append no more. The file stays open and locked until `finish`, so that another thread can sync it first."""
        self.window.seal()

    def finish(self) -> None:
        """Sync a retired segment, cut off the space that it did not need, and close it. OSError as for `sync`."""
        try:
            os.fdatasync(self._descriptor)
            os.ftruncate(self._descriptor, self.window.offset)
            os.fsync(self._descriptor)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close it as it is. Not while `sync` runs."""
        self.window.release()
        self._map.close()
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


def sync_directory(directory: Path) -> None:
    """Put the names of the segments in a directory on disk. OSError as for `SegmentFile.sync`."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
