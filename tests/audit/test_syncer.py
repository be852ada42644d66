"""The thread that syncs: in time, at once when asked, and never dead in silence."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from hoopfast.audit.journal import Journal
from hoopfast.audit.syncer import Syncer
from hoopfast.errors import JournalUnavailable
from tests.audit.examples import execution

Told: TypeAlias = "queue.Queue[tuple[int, JournalUnavailable | None]]"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(tmp_path / "audit", "s", segment_size=65536)
    yield opened
    opened.resume()
    opened.close()


def test_it_syncs_by_itself(journal: Journal) -> None:
    told: Told = queue.Queue()
    syncer = Syncer(journal, 0.01, lambda position, error: told.put((position, error)))
    syncer.start()
    position = journal.append(execution())
    while (answer := told.get(timeout=10))[0] < position:
        assert answer[1] is None
    assert journal.synced_through >= position
    syncer.stop()
    assert not syncer.alive


def test_it_syncs_at_once_when_woken(journal: Journal) -> None:
    told: Told = queue.Queue()
    syncer = Syncer(journal, 600, lambda position, error: told.put((position, error)))
    syncer.start()
    position = journal.append(execution())
    syncer.wake()
    assert told.get(timeout=10) == (position, None)
    syncer.stop()


def test_stop_syncs_what_is_left(journal: Journal) -> None:
    syncer = Syncer(journal, 600)
    syncer.start()
    position = journal.append(execution())
    syncer.stop()
    assert journal.synced_through == position


def test_a_failure_is_told(journal: Journal) -> None:
    told: Told = queue.Queue()
    syncer = Syncer(journal, 600, lambda position, error: told.put((position, error)))
    syncer.start()
    journal.suspend("for this test")
    syncer.wake()
    _, error = told.get(timeout=10)
    assert error is not None
    assert "for this test" in error.message
    journal.resume()
    syncer.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_stops_the_journal_and_a_new_one_starts_it(journal: Journal) -> None:
    died = threading.Event()

    def notify(position: int, error: JournalUnavailable | None) -> None:
        died.set()
        raise RuntimeError("the caller's fault")

    syncer = Syncer(journal, 600, notify)
    syncer.start()
    journal.append(execution())
    syncer.wake()
    assert died.wait(10)
    deadline = time.monotonic() + 10
    while syncer.alive and time.monotonic() < deadline:
        time.sleep(0.005)
    with pytest.raises(JournalUnavailable, match="thread"):
        journal.append(execution())
    again = Syncer(journal, 600)
    again.start()
    journal.append(execution())
    again.stop()
