"""The thread that puts a journal on disk: every `interval` seconds, and at once when somebody waits for it.

Statements that arrive while one sync runs share the next one (group commit). Owns the thread and nothing else; knows no
event loop: `notify` is called in this thread, and hands on to its own (loop.call_soon_threadsafe).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from hoopfast.audit.journal import Journal
from hoopfast.errors import JournalUnavailable

Notify = Callable[[int, JournalUnavailable | None], None]


class Syncer:
    """Syncs one journal in a thread of its own, from `start` to `stop`."""

    def __init__(self, journal: Journal, interval: float, notify: Notify | None = None) -> None:
        """`notify(position, error)` is told of each sync that put something on disk, and of each that failed."""
        self._journal = journal
        self._interval = interval
        self._notify = notify
        self._wake = threading.Event()
        self._stop = False
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; also after it has died, which lets the journal be written again."""
        if self.alive:
            return
        self._stop = False
        self._journal.resume()
        self._thread = threading.Thread(target=self._run, name=f"journal {self._journal.stream}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Sync now, not at the end of the interval."""
        self._wake.set()

    def stop(self) -> None:
        """Sync once more and end the thread. The journal stays open."""
        self._stop = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        try:
            stopping = False
            while not stopping:
                self._wake.wait(self._interval)
                self._wake.clear()
                stopping = self._stop
                self._sync()
        except BaseException:
            self._journal.suspend("the thread that puts it on disk has died")
            raise

    def _sync(self) -> None:
        before = self._journal.synced_through
        try:
            through = self._journal.sync()
        except JournalUnavailable as error:
            if self._notify is not None:
                self._notify(self._journal.synced_through, error)
        else:
            if self._notify is not None and through > before:
                self._notify(through, None)
