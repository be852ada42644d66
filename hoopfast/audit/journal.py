"""The audit journal of one worker: an append-only stream of records in segments, chained by hash.

Owns the order of records, the change from one segment to the next, what is on disk, and what happens when the disk says
no. `append` is synchronous: when it returns, the record survives the death of the process; `sync` puts it on disk, and
may be called from another thread (syncer.py has one). While nothing stands in the way `gate` is open, and C appends to
the same window without asking (recording.pyx). Whatever fails raises JournalUnavailable, and the caller forwards
nothing; the journal tries again by itself, so that no restart is needed when the condition has gone.

Knows no session and no event loop. One process writes a stream; a second one is turned away.
"""

from __future__ import annotations

import errno
import os
import threading
import time
import weakref
from collections import deque
from pathlib import Path

from hoopfast.audit.encoding import encode
from hoopfast.audit.records import Record, StreamClosed, StreamOpened, Torn, now
from hoopfast.audit.segment import FRAME_OVERHEAD, HEADER_SIZE, MAX_BODY, Header, check_stream_name
from hoopfast.audit.segment_file import SegmentFile, sync_directory
from hoopfast.audit.takeover import StreamBusy, take_over
from hoopfast.audit.window import Gate
from hoopfast.errors import JournalUnavailable

SEGMENT_SIZE = 16 * 1024 * 1024
RETRY_INTERVAL = 0.2  # seconds; a full disk is not asked again by every statement
_PAGE = 4096


class _Alone:
    """Holds a journal's lock, and its gate closed: no other thread appends meanwhile, nor does C.

    Each append from C is one step under the GIL, so it is over before the gate closes, or is not begun. The gate opens
    again before the lock is let go, if plain appends are possible then.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __enter__(self) -> None:
        self._journal._lock.acquire()
        self._journal.gate.close()

    def __exit__(self, *raised: object) -> None:
        journal = self._journal
        if journal._plain and journal._segment is not None:
            journal.gate.open(journal._segment.window)
        journal._lock.release()


class Journal:
    """One stream, open for appending. `append` and `sync` are thread-safe."""

    def __init__(self, directory: Path, stream: str, durability: str, segment_size: int, software: str) -> None:
        self.directory = directory
        self.stream = stream
        self.durability = durability
        self._software = software
        self._segment_size = segment_size
        self.gate = Gate()  # open only while nobody holds the lock, and `_plain`
        self._lock = threading.Lock()  # everything below but the descriptors' own state
        self._sync_lock = threading.Lock()  # one sync at a time; no window is let go beside one
        self._directory = -1
        self._directory_dirty = False  # a segment's name may not be on disk yet
        self._segment: SegmentFile | None = None
        self._retired: list[SegmentFile] = []  # full, not yet synced
        self._number = 0
        self._chain = b""  # as long as there is no segment; then its window has it, and the position
        self._position = 0
        self._identity = b""
        self._synced = 0
        self._torn: tuple[Torn, ...] = ()
        self._failure = "start"  # why the next segment begins with StreamOpened
        self._unproven = 0
        self._kept: deque[bytes] = deque()  # records of what has happened already, that could not be written
        self._blocked = ""
        self._retry_at = 0.0
        self._suspended = ""
        self._closed = False
        _journals.add(self)

    @classmethod
    def open(
        cls,
        directory: Path | str,
        stream: str,
        *,
        durability: str = "group",
        segment_size: int = SEGMENT_SIZE,
        software: str = "",
    ) -> Journal:
        """Take over, or begin, the stream `stream` in `directory` (made with mode 0700 if it is not there).

        Always begins a new segment; a torn tail of the last one is left as it is, and noted in the new one's first
        record. JournalUnavailable if that cannot be done, with the path and the reason.
        """
        check_stream_name(stream)
        journal = cls(Path(directory), stream, durability, segment_size, software)
        try:
            journal._start()
        except JournalUnavailable as error:
            journal._forget()
            raise JournalUnavailable(f"journal {journal.directory}: {_reason(error)}", hint=error.hint) from None
        except StreamBusy:
            journal._forget()
            raise JournalUnavailable(
                f"journal {journal.directory}: another process is writing the stream {stream!r}",
                hint="two gateways cannot share one [audit] directory; stop the other one, or give this one its own",
            ) from None
        except OSError as error:
            journal._forget()
            raise JournalUnavailable(
                f"journal {journal.directory}: {error.strerror}", hint="see [audit] directory"
            ) from None
        return journal

    @property
    def position(self) -> int:
        """The number of the stream's last record (they count from 1)."""
        segment = self._segment
        return self._position if segment is None else segment.window.position

    @property
    def synced_through(self) -> int:
        """The number of the last record that is known to be on disk."""
        return self._synced

    @property
    def unavailable(self) -> str:
        """Why nothing can be written just now; empty: as far as is known, it can."""
        return "it is closed" if self._closed else self._suspended or self._blocked

    @property
    def _plain(self) -> bool:
        """Whether an append is nothing but an append."""
        return not (self._blocked or self._kept or self._suspended or self._closed)

    @property
    def kept(self) -> int:
        """How many records of what has happened wait in memory, because they cannot be written just now."""
        return len(self._kept)

    def append(self, record: Record, *, keep: bool = False) -> int:
        """Append a record and return its number; JournalUnavailable if that cannot be done: forward nothing then.

        `keep`: the record says what has happened already. If it cannot be written now it stays in memory, and is
        written before any other as soon as that is possible; JournalUnavailable is raised all the same.
        """
        body = encode(record)
        if len(body) > MAX_BODY:
            raise _unavailable(f"a record of {len(body)} bytes is over the limit of {MAX_BODY}")
        with _Alone(self):
            try:
                if not self._plain:
                    self._recover()
                return self._write(body)
            except JournalUnavailable:
                if keep and not self._closed:
                    self._kept.append(body)
                raise

    def sync(self) -> int:
        """Put on disk what was appended before the call; returns the number of the last record for which that holds.

        Blocks. JournalUnavailable if syncing failed: then no record behind `synced_through` as it was is proven to be
        on disk, now or ever, and whoever waits for one has to be refused. Also tries again what had failed before.
        """
        with self._sync_lock:
            with _Alone(self):
                if self._closed:
                    raise _unavailable(self.unavailable)
                if (self._blocked or self._kept) and not self._suspended:
                    self._try_again()
                through, segment = self.position, self._segment
                retired, self._retired = self._retired, []
                dirty, self._directory_dirty = self._directory_dirty, False
            if through > self._synced or retired or dirty:
                self._sync_files(retired, segment, dirty)
                self._synced = through
            if self.unavailable:
                raise _unavailable(self.unavailable)
            return through

    def suspend(self, reason: str) -> None:
        """Refuse every append until `resume`: something that the journal depends on has failed."""
        with _Alone(self):
            self._suspended = reason

    def resume(self) -> None:
        """Take back `suspend`."""
        with _Alone(self):
            self._suspended = ""

    def close(self) -> None:
        """Write StreamClosed, sync, and let the stream go. JournalUnavailable if something could not be written."""
        if self._closed:
            return
        failure: JournalUnavailable | None = None
        self._retry_at = 0.0
        try:
            self.append(StreamClosed(stream=self.stream, records=self.position + 1 + len(self._kept)))
        except JournalUnavailable as error:
            failure = error
        with _Alone(self):
            self._retire()
        try:
            self.sync()
        except JournalUnavailable as error:
            failure = error
        with self._sync_lock, _Alone(self):
            lost = len(self._kept)
            self._forget()
        if lost:
            raise _unavailable(f"{lost} records of what has happened could not be written") from failure
        if failure is not None:
            raise failure

    # ---- beginning, and beginning again

    def _start(self) -> None:
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        self._open_directory()
        tail = take_over(self._directory, self.stream)
        try:
            self._number, self._position, self._chain = tail.number, tail.records, tail.chain
            self._synced = tail.records
            self._identity = tail.identity or os.urandom(16)
            self._torn = tuple(tail.torn)
            with _Alone(self):
                self._begin(0)
        finally:
            tail.release()

    def _open_directory(self) -> None:
        if self._directory >= 0:
            os.close(self._directory)
            self._directory = -1
        self._directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if os.fstat(self._directory).st_mode & 0o022:
            raise JournalUnavailable("others than its owner can write to it", hint=f"chmod 700 {self.directory}")

    def _begin(self, needed: int) -> SegmentFile:
        """Begin the next segment, with room for a record of `needed` bytes."""
        opened = encode(self._opened()) if self._failure else b""
        size = max(self._segment_size, HEADER_SIZE + 2 * FRAME_OVERHEAD + len(opened) + needed)
        chain = self._chain if self._segment is None else self._segment.window.chain
        header = Header(self.stream, self._identity, self._number + 1, self.position, now(), chain)
        try:
            segment = SegmentFile.create(self._directory, header, -(-size // _PAGE) * _PAGE)
        except (OSError, ValueError) as error:
            raise self._block(_reason(error)) from None
        self._retire()
        self._segment, self._number, self._directory_dirty = segment, header.number, True
        if opened:
            segment.window.append(opened)
            self._failure, self._unproven, self._torn = "", 0, ()
        return segment

    def _opened(self) -> StreamOpened:
        return StreamOpened(
            stream=self.stream,
            reason=self._failure,
            process_id=os.getpid(),
            software=self._software,
            previous_segment=self._number,
            previous_records=self.position,
            unproven_from=self._unproven,
            torn=self._torn,
        )

    def _recover(self) -> None:
        """Try again what had failed, if it is time to, and write what was kept; JournalUnavailable if not."""
        if self._closed or self._suspended:
            raise _unavailable(self.unavailable)
        if self._blocked and time.monotonic() < self._retry_at:
            raise _unavailable(self._blocked)
        if self._segment is None:
            try:
                self._open_directory()
            except (OSError, JournalUnavailable) as error:
                raise self._block(_reason(error)) from None
            self._begin(0)
        while self._kept:
            self._write(self._kept[0])
            self._kept.popleft()
        self._blocked = ""

    def _try_again(self) -> None:
        try:
            self._recover()
            if self._segment is not None and not self._segment.window.room(_PAGE):
                self._begin(0)  # what had failed was the change of segments
        except JournalUnavailable:
            pass  # `unavailable` says it

    # ---- writing

    def _write(self, body: bytes) -> int:
        segment = self._segment
        if segment is None or not segment.window.room(len(body)):
            segment = self._begin(len(body))
            self._blocked = ""
        segment.window.append(body)
        return segment.window.position

    def _retire(self) -> None:
        segment = self._segment
        if segment is not None:
            segment.retire()
            self._retired.append(segment)
            self._let_go(segment)

    def _let_go(self, segment: SegmentFile) -> None:
        self._position, self._chain = segment.window.position, segment.window.chain
        self._segment = None

    def _sync_files(self, retired: list[SegmentFile], segment: SegmentFile | None, directory: bool) -> None:
        """Sync them all, or give the current segment up: after a failed fsync nobody knows what is on disk."""
        failure = ""
        for old in retired:
            try:
                old.finish()
            except OSError as error:
                failure = _reason(error)
        try:
            if segment is not None:
                segment.sync()
                if segment.removed:
                    failure = "its segment was removed"
            if directory:
                sync_directory(self.directory)
        except OSError as error:
            failure = _reason(error)
        if failure:
            with _Alone(self):
                current = self._segment
                if current is not None:
                    current.abandon()
                    self._let_go(current)
                self._failure, self._unproven = f"recovered: {failure}", self._synced + 1
                raise self._block(failure)

    def _block(self, reason: str) -> JournalUnavailable:
        self._blocked = reason
        self._retry_at = time.monotonic() + RETRY_INTERVAL
        return _unavailable(reason)

    def _forget(self) -> None:
        """Close every descriptor without writing anything."""
        self._closed = True
        self.gate.close()
        if self._segment is not None:
            self._retire()
        for segment in self._retired:
            segment.abandon()
        self._retired = []
        if self._directory >= 0:
            os.close(self._directory)
            self._directory = -1


def _reason(error: Exception) -> str:
    if isinstance(error, JournalUnavailable):
        return error.message.removeprefix(_PREFIX)
    if isinstance(error, OSError) and error.errno in (errno.EEXIST, errno.EAGAIN):
        return "another process is writing the stream"
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


_PREFIX = "the audit journal cannot be written, so nothing is forwarded: "


def _unavailable(reason: str) -> JournalUnavailable:
    return JournalUnavailable(_PREFIX + reason, hint="The gateway's operator has to look at the journal's disk.")


_journals: weakref.WeakSet[Journal] = weakref.WeakSet()


def _forget_in_child() -> None:
    """A forked child must not write the parent's stream, nor keep it locked."""
    for journal in list(_journals):
        journal._lock = threading.Lock()  # a thread that is not in the child may have held it
        journal._sync_lock = threading.Lock()
        journal._forget()


os.register_at_fork(after_in_child=_forget_in_child)
