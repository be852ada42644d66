"""The window of a segment: frames as segment.py has them, nothing over the end, and a gate that is shut in time."""

from __future__ import annotations

import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopfast.audit.segment import FRAME_OVERHEAD, frame
from hoopfast.audit.window import Gate, Window

CHAIN = bytes(range(32))


def window(mapping: bytearray, offset: int = 0) -> Window:
    return Window(mapping, offset=offset, position=7, chain=CHAIN)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=10))
def test_frames_are_those_of_the_format(bodies: list[bytes]) -> None:
    mapping = bytearray(5000)
    made = window(mapping, 256)
    expected, chain = b"", CHAIN
    for body in bodies:
        made.append(body)
        framed, chain = frame(chain, body)
        expected += framed
    assert bytes(mapping) == (bytes(256) + expected).ljust(5000, b"\0")
    assert (made.offset, made.chain, made.position) == (256 + len(expected), chain, 7 + len(bodies))


def test_nothing_goes_over_the_end() -> None:
    mapping = bytearray(100)
    made = window(mapping)
    most = 100 - FRAME_OVERHEAD
    assert made.room(most)
    assert not made.room(most + 1)
    for body in (b"x" * (most + 1), b""):
        with pytest.raises(ValueError, match="does not fit"):
            made.append(body)
    assert bytes(mapping) == bytes(100)
    assert (made.offset, made.position, made.chain) == (0, 7, CHAIN)
    made.append(b"x" * most)
    assert not made.room(0)


def test_a_sealed_window_takes_nothing() -> None:
    made = window(bytearray(1000))
    made.append(b"one")
    made.seal()
    assert not made.room(1)
    with pytest.raises(ValueError, match="does not fit"):
        made.append(b"two")
    made.populate(100)
    assert made.offset == FRAME_OVERHEAD + 3


def test_the_mapping_is_held_until_it_is_let_go() -> None:
    mapping = mmap.mmap(-1, 8192)
    made = Window(mapping, offset=256, position=0, chain=CHAIN)
    made.populate(100_000)
    made.append(b"one")
    with pytest.raises(BufferError):
        mapping.close()
    made.release()
    mapping.close()
    assert not made.room(1)
    made.populate(100)
    made.release()
    assert made.offset == 256 + FRAME_OVERHEAD + 3


@pytest.mark.parametrize(("offset", "chain"), [(-1, CHAIN), (101, CHAIN), (0, b"short")])
def test_no_window_outside_of_its_mapping(offset: int, chain: bytes) -> None:
    with pytest.raises(ValueError, match="outside of its mapping"):
        Window(bytearray(100), offset=offset, position=0, chain=chain)


def test_what_cannot_be_written_is_no_mapping() -> None:
    with pytest.raises(BufferError):
        Window(bytes(100), offset=0, position=0, chain=CHAIN)  # type: ignore[arg-type]


def test_the_gate() -> None:
    gate = Gate()
    assert not gate.is_open
    gate.open(window(bytearray(100)))
    assert gate.is_open
    gate.close()
    gate.close()
    assert not gate.is_open
