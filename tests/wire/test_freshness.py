"""Tests of hoopfast/wire/freshness.pyx: when a catalog may be relied upon."""

from __future__ import annotations

from array import array

import pytest

from hoopfast.wire.freshness import Freshness

MS = 1_000_000
REST = MS // 2
AGE = 1000 * MS
START = 5_000_000 * MS


def looked(freshness: Freshness, at: int, *, took: int = MS) -> None:
    """A comparison that began at some time."""
    freshness.looked(freshness.epoch, took=took, valid_until=at + AGE)


def fresh_at(at: int, cells: array[int] | None = None, *, took: int = MS) -> Freshness:
    freshness = Freshness(None if cells is None else memoryview(cells))
    looked(freshness, at, took=took)
    assert freshness.ask(at)
    return freshness


def test_nothing_is_believed_before_it_was_read() -> None:
    freshness = Freshness()
    assert not freshness.alive
    assert not freshness.ask(START)
    assert not freshness.answer(START)
    assert not freshness.answer(START, refreshed=True)


def test_it_is_believed_for_its_time() -> None:
    freshness = fresh_at(START)
    freshness.cheap = 0
    assert freshness.ask(START + AGE)
    assert freshness.answer(START + AGE)
    assert not freshness.ask(START + AGE + 1)
    assert not freshness.answer(START + AGE + 1)
    assert freshness.answer(START + AGE + 1, refreshed=True)


def test_every_process_can_raise_the_epoch() -> None:
    cells = array("Q", [3, 0, (1 << 64) - 1])
    freshness = fresh_at(START, cells)
    assert freshness.epoch == 2  # modulo 2^64
    for index in range(3):
        cells[index] = (cells[index] + 1) % (1 << 64)
        assert not freshness.ask(START)
        assert not freshness.answer(START)
        looked(freshness, START)
        assert freshness.ask(START)


def test_an_epoch_that_rises_during_the_look_counts() -> None:
    cells = array("Q", [0])
    freshness = Freshness(memoryview(cells))
    before = freshness.epoch
    cells[0] += 1
    freshness.looked(before, took=MS, valid_until=START + AGE)
    assert not freshness.ask(START)


def test_without_its_connection_it_is_nothing() -> None:
    freshness = fresh_at(START)
    freshness.doubt()
    assert not freshness.ask(START)
    assert not freshness.answer(START, refreshed=True)
    looked(freshness, START)
    assert freshness.ask(START)


def test_another_catalog_has_another_number() -> None:
    freshness = fresh_at(START)
    before = freshness.generation
    looked(freshness, START)
    assert freshness.generation == before
    freshness.renew()
    assert freshness.generation == before + 1
    assert not freshness.ask(START)


def test_a_rest_is_followed_by_a_look() -> None:
    freshness = fresh_at(START)
    assert freshness.ask(START + REST)  # no rest
    assert not freshness.ask(START + 2 * REST + 1)
    looked(freshness, START + 2 * MS)
    assert freshness.ask(START + 60 * MS)  # for whoever asked, however long the loop took
    assert not freshness.ask(START + 62 * MS)


def test_rows_are_no_rest_and_need_no_look() -> None:
    freshness = fresh_at(START)
    assert freshness.answer(START + 5 * MS)
    assert freshness.ask(START + 5 * MS + REST)
    freshness.touch(START + 9 * MS)
    assert freshness.ask(START + 9 * MS + REST)
    assert freshness.asked_at == START + 9 * MS + REST


def test_dear_looks_are_not_made() -> None:
    freshness = fresh_at(START, took=21 * MS)
    assert freshness.ask(START + 10 * MS)
    freshness = fresh_at(START, took=20 * MS)
    assert not freshness.ask(START + 10 * MS)


def test_looks_take_a_share_of_the_time() -> None:
    # 100 ms are saved beforehand, each rest of 10 ms earns 1 ms, each look takes 20: 5 at once, then 1 in 20 rests.
    freshness = fresh_at(START, took=20 * MS)
    now, looks = START, 0
    for _ in range(60):
        now += 10 * MS
        if not freshness.ask(now):
            looks += 1
            freshness.looked(freshness.epoch, took=20 * MS, valid_until=now + AGE)
            assert freshness.ask(now)
    assert looks == 7


def test_time_does_not_run_backwards() -> None:
    freshness = fresh_at(START)
    assert freshness.ask(START - 50 * MS)  # a moment that somebody took note of earlier
    assert freshness.asked_at == START


def test_what_does_not_grow_old() -> None:
    freshness = Freshness.always()
    assert freshness.alive
    for now in (0, START, START * 1000):
        assert freshness.ask(now)
        assert freshness.answer(now)
    before = freshness.generation
    freshness.renew()
    assert freshness.generation == before + 1
    assert freshness.ask(START)


def test_cells_are_whole_and_aligned() -> None:
    memory = bytearray(64)
    with pytest.raises(ValueError, match="64-bit"):
        Freshness(memoryview(memory)[:12])
    with pytest.raises(ValueError, match="64-bit"):
        Freshness(memoryview(memory)[1:9])
    freshness = Freshness(memory)
    with pytest.raises(BufferError):
        memory.clear()  # it is held
    del freshness
    memory.clear()
