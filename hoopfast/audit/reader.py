"""Reading a journal back, and checking it on the way. Never writes; works on a copy, and beside a running gateway.

Checks of each stream that every record, header and segment is in its place in the hash chain. Torn bytes are accepted
where the next opening record has noted exactly them; at the open end of a stream they are reported; anything else that
does not fit is damage, and nothing behind it is given out. What a chain alone cannot show: whether whole records or
segments are missing at the end of a stream, and whether all of it was made anew by somebody else.
"""

from __future__ import annotations

import hashlib
import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hoopfast.audit.encoding import RecordError, decode
from hoopfast.audit.records import Record, StreamClosed, StreamOpened, Torn
from hoopfast.audit.segment import HEADER_SIZE, Scan, SegmentError, file_name, parse_file_name

_WRITING = 0.01  # seconds: an append to the segment that is being read has ended by then


@dataclass(frozen=True)
class Entry:
    """One record, and where it stands."""

    stream: str
    number: int  # within the stream, from 1
    segment: int
    offset: int  # of its frame, in the segment's file
    body: bytes

    @cached_property
    def record(self) -> Record:
        """The record; RecordError if a newer version wrote it."""
        return decode(self.body)


@dataclass(frozen=True, slots=True)
class Damage:
    """The first place of a stream that does not fit."""

    stream: str
    segment: int
    offset: int
    what: str

    def __str__(self) -> str:
        return f"{file_name(self.stream, self.segment)}, offset {self.offset}: {self.what}"


class JournalDamaged(Exception):  # noqa: N818 - what happened, as in hoopfast.errors
    """A journal was read up to a place that does not fit."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(str(damage))
        self.damage = damage


class StreamReader:
    """Iterates over the records of one stream, oldest first. What was found on the way stands in its attributes.

    Meaningful after the iteration: `records` given out, `segments` read, `torn` (noted by the journal itself), `tail`
    (torn bytes at the open end, noted by nobody yet), `damage` (iteration stopped there), `closed` (the stream ends
    with StreamClosed).
    """

    def __init__(self, directory: Path | str, stream: str) -> None:
        self.directory = Path(directory)
        self.stream = stream
        self._reset()

    def _reset(self) -> None:
        self.records = 0
        self.segments: list[int] = []
        self.torn: list[Torn] = []
        self.tail: Torn | None = None
        self.damage: Damage | None = None
        self.closed = False
        self._chain: bytes | None = None  # None: no segment was read yet
        self._identity = b""
        self._number = 0  # of the last record
        self._pending: list[Torn] = []  # torn ends that the next opening record has to note

    def __iter__(self) -> Iterator[Entry]:
        """The records, each after it has been checked."""
        self._reset()
        numbers = _segments(self.directory, self.stream)
        for index, number in enumerate(numbers):
            last = index == len(numbers) - 1
            if index and number != numbers[index - 1] + 1:
                self._fail(numbers[index - 1] + 1, 0, "the segment is missing")
                return
            self.segments.append(number)
            yield from self._segment(number, last)
            if self.damage is not None:
                return
        if self._pending:
            self.tail = self._pending[0]

    def _segment(self, number: int, last: bool) -> Iterator[Entry]:
        data = self._read(number, last)
        try:
            scan = Scan(data)
        except SegmentError:
            self._pending.append(_torn(number, 0, data.rstrip(b"\0")))
            return
        if not self._fits(scan, number):
            return
        for offset, body in scan:
            entry = Entry(self.stream, self._number + 1, number, offset, body)
            if not self._continues(entry, first=scan.records == 1):
                return
            self._number += 1
            self.records += 1
            self.closed = body.startswith(_CLOSED)
            yield entry
        if scan.torn:
            self._pending.append(_torn(number, scan.offset, scan.torn_bytes()))
        self._chain = scan.chain

    def _fits(self, scan: Scan, number: int) -> bool:
        """Whether a segment's header continues what was read before it."""
        header = scan.header
        what = ""
        if header.stream != self.stream or header.number != number:
            what = f"it is segment {header.number} of stream {header.stream!r}"
        elif self._chain is None:
            self._number, self._identity = header.records_before, header.identity
        elif header.identity != self._identity:
            what = "it belongs to another stream of the same name"
        elif header.previous != self._chain or header.records_before != self._number:
            what = "it does not continue the segment before it"
        if what and self._pending:
            self._fail_at_pending()
        elif what:
            self._fail(number, 0, what)
        return not what

    def _continues(self, entry: Entry, *, first: bool) -> bool:
        """Whether torn ends before this record are noted in it."""
        if not first or not (self._pending or entry.body.startswith(_OPENED)):
            return True
        noted: tuple[Torn, ...] = ()
        try:
            record = entry.record
            noted = record.torn if isinstance(record, StreamOpened) else ()
        except RecordError:
            pass
        if [torn for torn in noted if torn.segment >= self.segments[0]] != self._pending:
            self._fail_at_pending()
            return False
        self.torn += self._pending
        self._pending = []
        return True

    def _read(self, number: int, last: bool) -> bytes:
        path = self.directory / file_name(self.stream, number)
        data = path.read_bytes()
        if last and _unfinished(data):
            time.sleep(_WRITING)
            data = path.read_bytes()
        return data

    def _fail_at_pending(self) -> None:
        if not self._pending:
            self._fail(self.segments[-1], HEADER_SIZE, "torn bytes that are noted here are not there")
            return
        torn = self._pending[0]
        self._fail(torn.segment, torn.offset, "what stands here is no record, and no torn end that was noted")

    def _fail(self, segment: int, offset: int, what: str) -> None:
        self.damage = Damage(self.stream, segment, offset, what)


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What `verify` found in one stream."""

    stream: str
    segments: tuple[int, ...]
    records: int
    torn: tuple[Torn, ...]  # noted by the journal itself
    tail: Torn | None  # torn bytes at the open end
    damage: Damage | None
    closed: bool  # it ends in good order

    @property
    def intact(self) -> bool:
        """Whether all bytes are in the chain, but for torn ends that the journal itself has noted."""
        return self.damage is None and self.tail is None


def streams(directory: Path | str) -> list[str]:
    """The names of the streams in a journal's directory."""
    parsed = (parse_file_name(path.name) for path in Path(directory).iterdir())
    return sorted({item[0] for item in parsed if item})


def verify(directory: Path | str) -> list[StreamReport]:
    """Check every stream of a journal, to its end or to the first place that does not fit."""
    reports = []
    for stream in streams(directory):
        reader = StreamReader(directory, stream)
        for _ in reader:
            pass
        reports.append(
            StreamReport(
                stream,
                tuple(reader.segments),
                reader.records,
                tuple(reader.torn),
                reader.tail,
                reader.damage,
                reader.closed,
            )
        )
    return reports


def read_journal(directory: Path | str) -> Iterator[Entry]:
    """All records of a journal: each stream in its order, the streams merged by time.

    JournalDamaged after the last record that could be given out, if one of the streams is damaged.
    """
    readers = [StreamReader(directory, stream) for stream in streams(directory)]
    yield from heapq.merge(*readers, key=lambda entry: entry.record.time)
    for reader in readers:
        if reader.damage is not None:
            raise JournalDamaged(reader.damage)


_OPENED = b'{"record":"%s",' % StreamOpened.kind.encode()
_CLOSED = b'{"record":"%s",' % StreamClosed.kind.encode()


def _segments(directory: Path, stream: str) -> list[int]:
    parsed = (parse_file_name(path.name) for path in directory.iterdir())
    return sorted(item[1] for item in parsed if item and item[0] == stream)


def _unfinished(data: bytes) -> bool:
    try:
        scan = Scan(data)
    except SegmentError:
        return True
    for _ in scan:
        pass
    return scan.torn > 0


def _torn(segment: int, offset: int, data: bytes) -> Torn:
    return Torn(segment=segment, offset=offset, length=len(data), sha256=hashlib.sha256(data).hexdigest())
