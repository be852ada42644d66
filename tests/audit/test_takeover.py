"""Taking a stream over: its end is found, torn bytes are noted and kept, and there is one writer at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopfast.audit.segment import HEADER_SIZE, Header, Scan, file_name
from hoopfast.audit.segment_file import SegmentFile
from hoopfast.audit.takeover import StreamBusy, segment_numbers, take_over

IDENTITY = bytes(range(16))


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def left_behind(directory: int, number: int = 1, before: int = 0, previous: bytes = bytes(32)) -> tuple[int, bytes]:
    """A segment of two records as a killed process leaves it; where they end, and the chain value there."""
    segment = SegmentFile.create(directory, Header("s", IDENTITY, number, before, 0, previous), 8192)
    segment.window.append(b"one")
    segment.window.append(b"two")
    segment.abandon()
    return segment.window.offset, segment.window.chain


def test_nothing_there(directory: int) -> None:
    tail = take_over(directory, "s")
    assert (tail.number, tail.records, tail.chain, tail.torn, tail.locks) == (0, 0, bytes(32), [], [])


def test_the_end_is_found_and_space_given_back(directory: int, tmp_path: Path) -> None:
    offset, chain = left_behind(directory)
    tail = take_over(directory, "s")
    tail.release()
    assert (tail.number, tail.records, tail.chain, tail.identity, tail.torn) == (1, 2, chain, IDENTITY, [])
    assert (tmp_path / file_name("s", 1)).stat().st_size == offset


def test_a_torn_end_is_noted_and_kept(directory: int, tmp_path: Path) -> None:
    offset, chain = left_behind(directory)
    torn = b"\x20\x00\x00\x00half a rec"
    with (tmp_path / file_name("s", 1)).open("r+b") as file:
        file.seek(offset)
        file.write(torn)
    tail = take_over(directory, "s")
    tail.release()
    assert (tail.records, tail.chain) == (2, chain)
    (noted,) = tail.torn
    assert (noted.segment, noted.offset, noted.length) == (1, offset, len(torn))
    assert noted.sha256 == hashlib.sha256(torn).hexdigest()
    assert (tmp_path / file_name("s", 1)).read_bytes()[offset:] == torn


def test_a_segment_without_a_header_is_torn_as_a_whole(directory: int, tmp_path: Path) -> None:
    _, chain = left_behind(directory)
    (tmp_path / file_name("s", 2)).write_bytes(b"HOOPF" + bytes(4000))
    tail = take_over(directory, "s")
    tail.release()
    assert (tail.number, tail.records, tail.chain) == (2, 2, chain)
    assert [(torn.segment, torn.offset, torn.length) for torn in tail.torn] == [(2, 0, 5)]
    assert (tmp_path / file_name("s", 2)).read_bytes() == b"HOOPF"


def test_what_a_process_found_but_could_not_note_is_found_again(directory: int, tmp_path: Path) -> None:
    offset, chain = left_behind(directory)
    with (tmp_path / file_name("s", 1)).open("r+b") as file:
        file.seek(offset)
        file.write(b"torn")
    SegmentFile.create(directory, Header("s", IDENTITY, 2, 2, 0, chain), 8192).abandon()
    tail = take_over(directory, "s")
    tail.release()
    assert (tail.number, tail.records) == (2, 2)
    assert tail.chain == Scan((tmp_path / file_name("s", 2)).read_bytes()).chain
    assert [(torn.segment, torn.offset, torn.length) for torn in tail.torn] == [(1, offset, 4)]


def test_records_are_never_changed(directory: int, tmp_path: Path) -> None:
    offset, _ = left_behind(directory)
    before = (tmp_path / file_name("s", 1)).read_bytes()[:offset]
    take_over(directory, "s").release()
    assert (tmp_path / file_name("s", 1)).read_bytes() == before


def test_one_writer(directory: int) -> None:
    left_behind(directory)
    tail = take_over(directory, "s")
    with pytest.raises(StreamBusy):
        take_over(directory, "s")
    tail.release()
    take_over(directory, "s").release()


def test_the_segment_before_the_newest_keeps_others_out_too(directory: int) -> None:
    _, chain = left_behind(directory)
    first = take_over(directory, "s")
    left_behind(directory, 2, 2, chain)  # made, not yet locked by its maker
    with pytest.raises(StreamBusy):
        take_over(directory, "s")
    first.release()


def test_other_streams_and_files_do_not_matter(directory: int, tmp_path: Path) -> None:
    left_behind(directory)
    (tmp_path / file_name("t", 9)).write_bytes(b"x" * HEADER_SIZE)
    (tmp_path / "notes.txt").write_text("x")
    assert segment_numbers(directory, "s") == [1]
