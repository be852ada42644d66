"""Tests of hoopfast/gateway/held.py: which effects wait, for what, and in which order they go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from hoopfast.audit.recorder import SessionRecorder
from hoopfast.errors import JournalUnavailable
from hoopfast.gateway.held import Held
from hoopfast.gateway.journals import WorkerJournal
from hoopfast.session.effects import Effects

FORWARD = Effects(to_backend=[b"statement"])
ANSWER = Effects(to_frontend=[b"answer"])


class Journal:
    """As much of a journal, and of a recorder, as decides who waits."""

    def __init__(self, *, sync_first: bool) -> None:
        self.sync_first = sync_first
        self.position = 0
        self.on_disk = 0
        self.awaited: list[int] = []

    def synced(self, position: int) -> bool:
        return position <= self.on_disk

    def when_synced(self, position: int, released: Callable[[JournalUnavailable | None], None]) -> None:
        self.awaited.append(position)


def held_by(journal: Journal) -> Held:
    return Held(cast(WorkerJournal, journal), cast(SessionRecorder, journal), lambda _: None)


def test_nothing_waits_without_a_reason() -> None:
    held = held_by(Journal(sync_first=False))
    assert held.nothing_waits
    assert not held.take(FORWARD)
    assert not held.take(ANSWER)
    assert not held


def test_with_sync_what_is_forwarded_waits_for_its_record() -> None:
    journal = Journal(sync_first=True)
    held = held_by(journal)
    assert not held.nothing_waits
    assert not held.take(ANSWER)  # it needs no record
    journal.position = 3
    assert held.take(FORWARD)
    assert held.take(ANSWER)  # but nothing overtakes
    assert journal.awaited == [3]
    assert list(held.released()) == []
    journal.on_disk = 3
    assert list(held.released()) == [FORWARD, ANSWER]
    assert not held
    assert not held.take(FORWARD)


def test_one_wait_is_enough_for_all_that_it_covers() -> None:
    journal = Journal(sync_first=True)
    held = held_by(journal)
    for journal.position in (1, 1, 2):
        held.take(FORWARD)
    assert journal.awaited == [1, 2]
    journal.on_disk = 1
    assert list(held.released()) == [FORWARD, FORWARD]
    assert held


def test_while_a_cancel_is_under_way_nothing_new_is_forwarded() -> None:
    held = held_by(Journal(sync_first=False))
    held.cancelling = 2
    assert not held.nothing_waits
    assert not held.take(ANSWER)
    assert held.take(FORWARD)
    held.cancelling = 1
    assert list(held.released()) == []
    held.cancelling = 0
    assert list(held.released()) == [FORWARD]
    assert held.nothing_waits


@pytest.mark.parametrize("forget", [False, True])
def test_the_end_of_a_session_stops_what_goes_on(forget: bool) -> None:
    held = held_by(Journal(sync_first=False))
    held.cancelling = 1
    for _ in range(3):
        held.take(FORWARD)
    held.cancelling = 0
    seen = 0
    for _ in held.released():
        seen += 1
        if forget:
            held.clear()
    assert seen == (1 if forget else 3)


def test_a_frontend_gets_its_part_of_what_is_given_up() -> None:
    held = held_by(Journal(sync_first=False))
    held.cancelling = 1
    held.take(FORWARD)
    held.take(ANSWER)
    held.take(Effects(to_backend=[b"another"], to_frontend=[b"its answer"]))
    assert list(held.given_up()) == [[b"answer"], [b"its answer"]]
    assert not held
