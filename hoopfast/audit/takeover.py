"""Taking over a stream that an earlier process left: locking it, finding its end and what was torn off there.

Never changes a byte of a record or of a torn tail; only unused preallocated space (zeros) is given back.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from dataclasses import dataclass, field

from hoopfast.audit.records import Torn
from hoopfast.audit.segment import FIRST_CHAIN, Scan, SegmentError, file_name, parse_file_name
from hoopfast.audit.segment_file import FLAGS

_LOCKED = 2  # the newest segments: a writer holds the one before until the new one is ready


class StreamBusy(Exception):  # noqa: N818 - what happened, as in hoopfast.errors
    """Another process writes the stream."""


@dataclass(slots=True)
class Tail:
    """Where a stream ends. `locks` are descriptors that keep others out until the next segment is there."""

    number: int = 0  # of the newest segment; 0: none
    records: int = 0
    chain: bytes = FIRST_CHAIN
    identity: bytes = b""  # empty: none is known
    torn: list[Torn] = field(default_factory=list)
    locks: list[int] = field(default_factory=list)

    def release(self) -> None:
        """Let the locks go."""
        while self.locks:
            os.close(self.locks.pop())


def segment_numbers(directory: int, stream: str) -> list[int]:
    """The numbers of the stream's segments in the open `directory`, ascending."""
    parsed = (parse_file_name(name) for name in os.listdir(directory))
    return sorted(item[1] for item in parsed if item and item[0] == stream)


def take_over(directory: int, stream: str) -> Tail:
    """Lock the stream and find its end. StreamBusy if somebody else has it, OSError if it cannot be read."""
    tail = Tail()
    try:
        numbers = _lock(directory, stream, tail)
        tail.number = numbers[-1] if numbers else 0
        for number in reversed(numbers):
            if _read_end(directory, stream, number, tail):
                break
    except BaseException:
        tail.release()
        raise
    tail.torn.reverse()
    return tail


def _lock(directory: int, stream: str, tail: Tail) -> list[int]:
    while True:
        numbers = segment_numbers(directory, stream)
        for number in numbers[-_LOCKED:]:
            descriptor = os.open(file_name(stream, number), FLAGS, dir_fd=directory)
            tail.locks.append(descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StreamBusy(stream) from None
        if segment_numbers(directory, stream) == numbers:
            return numbers
        tail.release()


def _read_end(directory: int, stream: str, number: int, tail: Tail) -> bool:
    """Note what segment `number` says about the stream's end; False: the one before may have torn bytes too."""
    with open(os.open(file_name(stream, number), FLAGS, dir_fd=directory), "r+b") as file:
        data = file.read()
        try:
            scan = Scan(data)
        except SegmentError:
            torn = data.rstrip(b"\0")
            tail.torn.append(Torn(segment=number, offset=0, length=len(torn), sha256=hashlib.sha256(torn).hexdigest()))
            file.truncate(len(torn))
            return False
        for _ in scan:
            pass
        if scan.torn:
            digest = hashlib.sha256(scan.torn_bytes()).hexdigest()
            tail.torn.append(Torn(segment=number, offset=scan.offset, length=scan.torn, sha256=digest))
        if scan.offset + scan.torn < len(data):
            file.truncate(scan.offset + scan.torn)
            os.fsync(file.fileno())
        if not tail.identity:
            tail.records = scan.header.records_before + scan.records
            tail.chain = scan.chain
            tail.identity = scan.header.identity
        return scan.records > 0  # an empty one was begun by a process that died before it could note what it had found
