"""The worker's journal as its sessions use it: opened when it can be, synced in a thread, waited for where asked.

Owns the journal's opening (and trying again), the syncing thread, and the queue of those who wait for a record to be on
disk (durability = "sync": they share one sync). Every failure is JournalUnavailable, and its caller forwards nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import time
from collections import deque
from collections.abc import Callable

from hoopfast.audit.digest import digest_key
from hoopfast.audit.journal import Journal
from hoopfast.audit.keys import parse_key
from hoopfast.audit.records import Record
from hoopfast.audit.syncer import Syncer
from hoopfast.config import Config
from hoopfast.errors import ConfigError, JournalUnavailable
from hoopfast.gateway.logs import logger

RETRY = 0.5  # seconds between two attempts to open the journal
# Records that wait in memory while the journal cannot be written. The ends of sessions do in any case; what strangers
# at the door can cause, as often as they like, only up to here.
MOST_KEPT = 1000

log = logger("journal")
Released = Callable[[JournalUnavailable | None], None]


class WorkerJournal:
    """One stream of the audit journal, and who waits for it."""

    def __init__(self, config: Config, stream: str) -> None:
        self._audit = config.audit
        self._interval = config.tuning.journal_sync
        self._stream = stream
        self._journal: Journal | None = None
        self._syncer: Syncer | None = None
        self._digest_key: bytes | None = None
        self._retry_at = 0.0
        self._failing = False
        self._waiting: deque[tuple[int, Released]] = deque()
        self._loop = asyncio.get_running_loop()
        self.sync_first = config.audit.durability == "sync"  # records are on disk before anything is forwarded

    @property
    def position(self) -> int:
        """The number of the last record."""
        return 0 if self._journal is None else self._journal.position

    def synced(self, position: int) -> bool:
        """Whether the record of this number is on disk."""
        return self._journal is not None and self._journal.synced_through >= position

    def opened(self) -> Journal:
        """The journal; JournalUnavailable if it cannot be written just now."""
        if self._journal is None:
            self._open()
        elif self._syncer is not None and not self._syncer.alive:
            self._syncer.start()
        assert self._journal is not None
        return self._journal

    def digest_key(self) -> bytes:
        """The key of the digests that stand for values; JournalUnavailable if it cannot be had."""
        if self._digest_key is None:
            try:
                self._digest_key = digest_key(parse_key(self._audit.signing_key.resolve_bytes()))
            except ConfigError as error:
                log.error("journal key not usable", reason=error.message)
                raise JournalUnavailable("the audit journal's key is not usable, so nothing is forwarded") from None
        return self._digest_key

    def append(self, record: Record) -> None:
        """Append a record; JournalUnavailable if that cannot be done."""
        self.opened().append(record)

    def note(self, record: Record) -> None:
        """Append a record of what has happened already, to no session; it is kept for later if that fails.

        A failure is logged. Behind MOST_KEPT others that wait already, the log is all that tells of it.
        """
        try:
            journal = self.opened()
            journal.append(record, keep=journal.kept < MOST_KEPT)
        except JournalUnavailable as error:
            self._failed(error)

    def when_synced(self, position: int, released: Released) -> None:
        """Call `released` once the record of this number is on disk, or cannot be put there."""
        self._waiting.append((position, released))
        if self._syncer is not None:
            self._syncer.wake()

    def close(self) -> None:
        """Sync and close."""
        if self._syncer is not None:
            self._syncer.stop()
        if self._journal is not None:
            with contextlib.suppress(JournalUnavailable):
                self._journal.close()
            self._journal = None

    def _open(self) -> None:
        if time.monotonic() < self._retry_at:
            raise JournalUnavailable("the audit journal cannot be opened, so nothing is forwarded")
        try:
            journal = Journal.open(
                self._audit.directory, self._stream, durability=self._audit.durability, software=_version()
            )
        except JournalUnavailable as error:
            self._retry_at = time.monotonic() + RETRY
            self._failed(error)
            raise JournalUnavailable("the audit journal cannot be opened, so nothing is forwarded") from None
        self._journal = journal
        self._failing = False
        self._syncer = Syncer(journal, self._interval, self._from_thread)
        self._syncer.start()

    def _from_thread(self, position: int, error: JournalUnavailable | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the worker is ending
            self._loop.call_soon_threadsafe(self._synced, position, error)

    def _synced(self, position: int, error: JournalUnavailable | None) -> None:
        if error is not None:
            self._failed(error)
        elif self._failing:
            self._failing = False
            log.info("journal works again")
        waiting, self._waiting = self._waiting, deque()
        for wanted, released in waiting:
            if wanted <= position:
                released(None)
            elif error is not None:
                released(error)
            else:
                self._waiting.append((wanted, released))
        if self._waiting and self._syncer is not None:
            self._syncer.wake()

    def _failed(self, error: JournalUnavailable) -> None:
        if not self._failing:
            self._failing = True
            log.error("journal not writable", reason=error.message)


def _version() -> str:
    try:
        return importlib.metadata.version("hoopfast")
    except importlib.metadata.PackageNotFoundError:
        return ""
