"""The map that the shape table stands on, and its hash: as a dict, whatever the hashes are; nothing leaks."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.compiled import ROOT, compiled

DRIVER = Path(__file__).with_name("shapes_driver.pyx")
KEYS = [b"", b"\0", b"\0\0", b"a", b"b", b"ab", b"key" * 30, *(b"s%d" % number for number in range(40))]
MOST = 2**64 - 1


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return compiled(DRIVER, tmp_path_factory.mktemp("driver"))


# How a key's hash is made worse: all keys collide, some do, they run over the end of the slots, none does.
HASHES = [lambda full: 0, lambda full: MOST, lambda full: full & 1, lambda full: MOST - full % 3, lambda full: full]
OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["put", "put", "find", "remove"]), st.integers(0, len(KEYS) - 1)), max_size=150
)


@settings(max_examples=150, deadline=None)
@given(operations=OPERATIONS, worse=st.sampled_from(HASHES))
def test_it_is_a_dict(driver: Any, operations: list[tuple[str, int]], worse: Any) -> None:
    table, model = driver.Map(), dict[bytes, int]()
    for number, (operation, place) in enumerate(operations, 1):
        key = KEYS[place]
        hash_ = worse(driver.hash_of(key))
        if operation == "put":
            assert table.put(key, hash_, number)
            model[key] = number
        elif operation == "remove":
            assert table.remove(key, hash_) == model.pop(key, 0)
        assert table.find(key, hash_) == model.get(key, 0)
        assert len(table) == len(model)
    assert {key: table.find(key, worse(driver.hash_of(key))) for key in KEYS if key in model} == model
    found = table.items()
    assert len(found) == len(model)
    assert dict(found) == model


def test_it_grows_and_gives_back(driver: Any) -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        table = driver.Map()
        assert (table.capacity, table.size) == (0, 0)
        for number in range(1, 20_001):
            table.put(b"%d" % number, driver.hash_of(b"%d" % number), number)
        assert 20_000 / 0.75 <= table.capacity <= 2 * 20_000 / 0.75
        assert table.size <= tracemalloc.get_traced_memory()[0] - before <= table.size + 10_000
        for number in range(1, 20_000):
            assert table.remove(b"%d" % number, driver.hash_of(b"%d" % number)) == number
        assert table.items() == [(b"20000", 20_000)]
        assert table.capacity == 8
        table.put(b"again", driver.hash_of(b"again"), 1)
        table.release()
        assert (len(table), table.capacity, table.size, table.items()) == (0, 0, 0, [])
        assert table.find(b"again", driver.hash_of(b"again")) == 0
        assert table.put(b"again", driver.hash_of(b"again"), 2)
        del table
        assert tracemalloc.get_traced_memory()[0] - before < 1000
    finally:
        tracemalloc.stop()


def test_no_memory_is_said_and_changes_nothing(driver: Any) -> None:
    faults = pytest.importorskip("_testcapi")
    table = driver.Map()
    for number in range(1, 7):  # the next one needs more slots
        table.put(b"%d" % number, number, number)
    before = table.capacity
    outcomes = []
    for allocation in (0, 1):
        faults.set_nomemory(allocation)
        try:
            done = table.put(b"new", 99, 99)
        finally:
            faults.remove_mem_hooks()
        outcomes.append(done)
        assert len(table) == 6
        assert [table.find(b"%d" % number, number) for number in range(1, 7)] == [1, 2, 3, 4, 5, 6]
        assert table.find(b"new", 99) == 0
    assert outcomes == [False, False]
    assert table.put(b"new", 99, 99)
    assert table.capacity == 2 * before


@given(a=st.binary(max_size=70), b=st.binary(max_size=70))
def test_hashes_of_different_bytes_differ(driver: Any, a: bytes, b: bytes) -> None:
    assert (driver.hash_of(a) == driver.hash_of(b)) == (a == b)


def test_every_byte_counts_and_so_does_the_length(driver: Any) -> None:
    texts = [b"\0" * length for length in range(70)]
    texts += [bytes(place) + b"\1" + bytes(69 - place) for place in range(70)]
    hashes = [driver.hash_of(text) for text in texts]
    assert len(set(hashes)) == len(texts)
    # The low bits choose the slot.
    slots = {driver.hash_of(b"s%d" % number) & 0xFFF for number in range(4096)}
    assert 0.55 * 4096 < len(slots) < 0.72 * 4096


def test_the_hash_differs_from_process_to_process_as_pythons(driver: Any, tmp_path: Path) -> None:
    script = "from hoopfast.wire.lexer import Lexer; print(Lexer().hash(b'SELECT 1'))"
    seeds = ["random", "random", "random", "1", "1", "2", "0"]
    made = [
        subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in seeds
    ]
    assert made[3] == made[4]
    assert len(set(made)) == len(seeds) - 1
