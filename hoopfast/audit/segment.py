"""One segment of a journal: its file name, its header, its frames, and the hash chain through them.

The only code that knows the bytes of a segment (docs/audit.md has them one by one); writing them is journal.py's,
reading reader.py's. Pure: no file is opened here. Integers are little-endian.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

MAGIC = b"HOOPFAST"
FORMAT = 1
HEADER_SIZE = 256
CHAIN_SIZE = 32
FRAME_OVERHEAD = 4 + CHAIN_SIZE
MAX_BODY = 1 << 30  # a statement may have 256 MiB (max_message); JSON escapes can make up to six bytes of one
FIRST_CHAIN = bytes(CHAIN_SIZE)

_FIELDS = struct.Struct("<8sHHIQQQ32s16sB63s")
_HASHED = HEADER_SIZE - CHAIN_SIZE
LENGTH = struct.Struct("<I")

_STREAM = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_FILE = re.compile(r"([a-z0-9][a-z0-9_-]{0,62})\.([0-9]{12})\.journal")


class SegmentError(ValueError):
    """The first bytes of a file are no header of a segment."""


class Header(NamedTuple):
    """What a segment says of itself in its first 256 bytes."""

    stream: str
    identity: bytes  # 16 random bytes, the same in all segments of a stream
    number: int  # 1, 2, 3 … within the stream
    records_before: int  # how many records of the stream stand in earlier segments
    created: int  # microseconds since 1970
    previous: bytes  # the chain value at the end of the segment before; 32 zero bytes for the first

    def encode(self) -> bytes:
        """The 256 bytes; the last 32 of them are the chain value with which the frames begin."""
        name = self.stream.encode()
        fields = _FIELDS.pack(
            MAGIC,
            FORMAT,
            HEADER_SIZE,
            0,
            self.number,
            self.records_before,
            self.created,
            self.previous,
            self.identity,
            len(name),
            name,
        )
        hashed = fields.ljust(_HASHED, b"\0")
        return hashed + hashlib.sha256(hashed).digest()

    @classmethod
    def decode(cls, data: bytes) -> Header:
        """The header at the start of `data`; SegmentError if it is not one, whole and unchanged."""
        if len(data) < HEADER_SIZE:
            raise SegmentError("shorter than a header")
        magic, form, size, zero, number, before, created, previous, identity, length, name = _FIELDS.unpack_from(data)
        if magic != MAGIC or data[_HASHED:HEADER_SIZE] != hashlib.sha256(data[:_HASHED]).digest():
            raise SegmentError("the header is damaged, or was never written")
        if form != FORMAT or size != HEADER_SIZE or zero:
            raise SegmentError(f"format {form} is not known to this version")
        return cls(name[:length].decode(), identity, number, before, created, previous)


def chain_start(header: bytes) -> bytes:
    """The chain value with which the frames of a segment begin, from its encoded header."""
    return header[_HASHED:HEADER_SIZE]


def frame(chain: bytes, body: bytes) -> tuple[bytes, bytes]:
    """A record's frame, and the chain value after it."""
    length = LENGTH.pack(len(body))
    chain = hashlib.sha256(chain + length + body).digest()
    return length + chain + body, chain


class Scan:
    """The frames of one segment, checked as they are iterated over; what is left of the file afterwards.

    Iterating gives (offset, body). When it has ended: `offset` is where the frames end, `chain` the chain value there,
    `records` their number, and `torn` the number of bytes behind them, up to the last that is not zero (0: none, the
    segment ends as it should).
    """

    def __init__(self, data: bytes) -> None:
        self.header = Header.decode(data)
        self.offset = HEADER_SIZE
        self.chain = chain_start(data)
        self.records = 0
        self.torn = 0
        self._data = data

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Check and give each frame; the first that does not check ends it."""
        data, end = self._data, len(self._data)
        while self.offset + FRAME_OVERHEAD < end:
            (length,) = LENGTH.unpack_from(data, self.offset)
            start = self.offset + FRAME_OVERHEAD
            if not 0 < length <= MAX_BODY or length > end - start:
                break
            body = data[start : start + length]
            chain = hashlib.sha256(self.chain + data[self.offset : self.offset + 4] + body).digest()
            if chain != data[self.offset + 4 : start]:
                break
            offset, self.offset, self.chain = self.offset, start + length, chain
            self.records += 1
            yield offset, body
        self.torn = len(data[self.offset :].rstrip(b"\0"))

    def torn_bytes(self) -> bytes:
        """The bytes that `torn` counts."""
        return self._data[self.offset : self.offset + self.torn]


def file_name(stream: str, number: int) -> str:
    """The name of a segment's file."""
    return f"{stream}.{number:012d}.journal"


def parse_file_name(name: str) -> tuple[str, int] | None:
    """Stream and number of a segment from its file's name; None if the file is no segment."""
    match = _FILE.fullmatch(name)
    return (match[1], int(match[2])) if match else None


def check_stream_name(stream: str) -> None:
    """ValueError unless `stream` can name a stream."""
    if not _STREAM.fullmatch(stream):
        raise ValueError(f"{stream!r} cannot name a stream: lower-case letters, digits, - and _, at most 63")
