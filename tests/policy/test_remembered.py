"""Remembered decisions: bounded by what they take, and what is asked for again outlives what is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hoopfast.policy.model import Command, Kind, Origin, Statement, StatementSummary, Verdict
from hoopfast.policy.remembered import Remembered

LIMIT = 100_000


def statement(text: str = "", columns: int = 0) -> Statement:
    command = Command("SELECT", Kind.READ, columns=(Origin(frozenset()),) * columns)
    return Statement(Verdict.ALLOW, (command,), StatementSummary(text, "0" * 16))


def test_what_was_put_is_there() -> None:
    cache = Remembered(LIMIT)
    one = statement("one")
    assert cache.get("a") is None
    cache.put("a", one, 3)
    assert cache.get("a") is one
    assert cache.get("a") is one
    other = statement("other")
    cache.put("a", other, 3)
    assert cache.get("a") is other
    assert len(cache) == 1


def test_it_takes_no_more_than_its_limit() -> None:
    cache = Remembered(LIMIT)
    for i in range(1000):
        cache.put(i, statement("x" * 500), 500)
        assert cache.size <= LIMIT
    assert 20 < len(cache) < 50
    assert cache.get(999) is not None
    assert cache.get(0) is None


def test_texts_and_columns_count() -> None:
    sizes = []
    for each, length in ((statement(), 0), (statement("x" * 5000), 0), (statement(), 5000), (statement("", 20), 0)):
        cache = Remembered(LIMIT)
        cache.put("a", each, length)
        sizes.append(cache.size)
    assert sizes[1] - sizes[0] == sizes[2] - sizes[0] == 5000
    assert sizes[3] > sizes[0] + 20 * 100


def test_what_is_asked_for_again_outlives_a_stream_of_what_is_not() -> None:
    cache = Remembered(LIMIT)
    for i in range(10):
        cache.put(("hot", i), statement(), 30)
        assert cache.get(("hot", i)) is not None
    for i in range(10_000):
        cache.put(("cold", i), statement(), 30)
    assert all(cache.get(("hot", i)) is not None for i in range(10))


def test_what_was_hot_once_makes_room() -> None:
    cache = Remembered(LIMIT)
    for generation in range(20):
        for i in range(20):
            cache.put((generation, i), statement(), 30)
            cache.get((generation, i))
    assert cache.size <= LIMIT
    assert all(cache.get((19, i)) is not None for i in range(20))
    assert cache.get((0, 0)) is None


def test_one_that_is_larger_than_the_limit_does_not_stay() -> None:
    cache = Remembered(LIMIT)
    cache.put("a", statement(), LIMIT)
    assert len(cache) == 0
    assert cache.size == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 30_000)), max_size=200))
def test_what_it_says_of_its_size_is_so(steps: list[tuple[bool, int, int]]) -> None:
    cache = Remembered(LIMIT)
    latest: dict[int, Statement] = {}
    for puts, key, length in steps:
        if puts:
            latest[key] = statement(str(length))
            cache.put(key, latest[key], length)
        elif (found := cache.get(key)) is not None:
            assert found is latest[key]
        entries = [*cache._hot.values(), *cache._cold.values()]
        assert cache.size == sum(entry.size for entry in entries) <= LIMIT
        assert cache._hot_size == sum(entry.size for entry in cache._hot.values())
        assert not cache._hot.keys() & cache._cold.keys()
