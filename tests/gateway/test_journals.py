"""Tests of hoopfast/gateway/journals.py: a worker's journal, when it works and when it does not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hoopfast import config
from hoopfast.audit.records import SignInRefused
from hoopfast.errors import JournalUnavailable
from hoopfast.gateway import journals
from hoopfast.gateway.journals import WorkerJournal
from tests.gateway.running import Place


def record() -> SignInRefused:
    return SignInRefused(session="s", reason="r", sqlstate="28000")


def opened(place: Place) -> WorkerJournal:
    return WorkerJournal(config.load(place.file), "worker-0")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path, None)
    made.write(audit={"durability": "sync"}, tuning={"journal_sync": "10s"})
    return made


def test_who_waits_is_released_when_the_record_is_on_disk(place: Place) -> None:
    async def scenario() -> None:
        journal = opened(place)
        loop = asyncio.get_running_loop()
        began = loop.time()
        released = asyncio.Event()
        for number in range(100):
            journal.append(record())
            position = journal.position
            journal.when_synced(position, lambda error, n=number: released.set() if n == 99 else None)  # type: ignore[misc]
        await asyncio.wait_for(released.wait(), 5)
        assert loop.time() - began < 2  # at once, not after journal_sync
        assert journal.synced(journal.position)
        journal.close()

    asyncio.run(scenario())


def test_it_is_opened_as_soon_as_it_can_be(place: Place) -> None:
    async def scenario() -> None:
        place.audit.touch()  # a file where the folder should be
        journal = opened(place)
        with pytest.raises(JournalUnavailable):
            journal.opened()
        with pytest.raises(JournalUnavailable):
            journal.append(record())
        journal.note(record())  # of what has happened: raises nothing
        place.audit.unlink()
        await asyncio.sleep(0.6)
        journal.append(record())
        journal.close()

    asyncio.run(scenario())


def test_two_workers_have_two_streams(place: Place) -> None:
    async def scenario() -> None:
        one, same = opened(place), opened(place)
        other = WorkerJournal(config.load(place.file), "worker-1")
        one.append(record())
        other.append(record())
        with pytest.raises(JournalUnavailable):
            same.append(record())
        for journal in (one, same, other):
            journal.close()

    asyncio.run(scenario())


def test_a_key_that_cannot_be_read(place: Place) -> None:
    async def scenario() -> None:
        (place.folder / "audit.key").unlink()
        journal = opened(place)
        with pytest.raises(JournalUnavailable):
            journal.digest_key()
        (place.folder / "audit.key").write_text("no key")
        with pytest.raises(JournalUnavailable):
            journal.digest_key()

    asyncio.run(scenario())


def test_strangers_cannot_fill_the_memory_while_it_cannot_be_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "MOST_KEPT", 10)

    async def scenario() -> None:
        journal = opened(place)
        journal.append(record())
        journal.opened().suspend("for this test")
        for _ in range(100):
            journal.note(record())
        assert journal.opened().kept == 10
        journal.opened().resume()
        journal.append(record())
        assert journal.position == 13  # with StreamOpened and the first
        journal.close()

    asyncio.run(scenario())
