"""Reading back: in order, beside a writer, and with every change to a byte found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hoopfast.audit.journal import Journal
from hoopfast.audit.reader import Entry, JournalDamaged, StreamReader, read_journal, streams, verify
from hoopfast.audit.records import Execution, Record
from hoopfast.audit.segment import HEADER_SIZE, Scan, file_name
from tests.audit.examples import EXAMPLES, execution

SIZE = 4096


def make(directory: Path, count: int = 40, stream: str = "s") -> None:
    """A closed stream of several segments."""
    journal = Journal.open(directory, stream, segment_size=SIZE)
    for sequence in range(1, count + 1):
        journal.append(execution(sequence))
    journal.close()


def segment(directory: Path, number: int, stream: str = "s") -> Path:
    return directory / file_name(stream, number)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "audit"
    make(path)
    assert verify(path)[0].intact
    return path


def test_every_kind_comes_back(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "s")
    for example in EXAMPLES:
        journal.append(example)
    journal.close()
    assert [entry.record for entry in read_journal(tmp_path)][1:-1] == list(EXAMPLES)


def test_entries_say_where_they_stand(directory: Path) -> None:
    entries = list(StreamReader(directory, "s"))
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    entry = entries[-1]
    data = segment(directory, entry.segment).read_bytes()
    assert data[entry.offset + 36 :][: len(entry.body)] == entry.body


def test_beside_a_writer(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "s", segment_size=SIZE)
    for sequence in range(1, 60):
        journal.append(execution(sequence))
        reader = StreamReader(tmp_path, "s")
        assert len(list(reader)) == sequence + 1
        assert reader.damage is None
        assert reader.tail is None
        assert not reader.closed
    journal.close()


def test_streams_are_merged_by_time(tmp_path: Path) -> None:
    journals = [Journal.open(tmp_path, stream) for stream in ("a", "b")]
    made: list[Record] = []
    for sequence in range(1, 21):
        record = execution(sequence)
        record.time = 1_000_000_000_000_000_000 + sequence
        journals[sequence % 3 % 2].append(record)
        made.append(record)
    for journal in journals:
        journal.close()
    assert streams(tmp_path) == ["a", "b"]
    # The closing records are of now: the made-up ones lie behind them, in each stream before its own end.
    found = [entry.record for entry in read_journal(tmp_path)]
    assert [record for record in found if isinstance(record, Execution)] == made


def test_a_clock_that_steps_back_changes_no_order(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "s")
    for sequence, time in enumerate((500, 400, 600, 1), 1):
        record = execution(sequence)
        record.time = time
        journal.append(record)
    journal.close()
    found = [entry.record for entry in read_journal(tmp_path)]
    assert [record.sequence for record in found if isinstance(record, Execution)] == [1, 2, 3, 4]


# ---- every change is found


def assert_found(directory: Path) -> None:
    (report,) = verify(directory)
    assert not report.intact


def test_a_flipped_byte_anywhere(directory: Path) -> None:
    numbers = verify(directory)[0].segments
    assert len(numbers) >= 3
    for number in (numbers[0], numbers[1], numbers[-1]):
        path = segment(directory, number)
        whole = path.read_bytes()
        for index in range(0, len(whole), 19):
            changed = bytearray(whole)
            changed[index] ^= 0x10
            path.write_bytes(changed)
            (report,) = verify(directory)
            assert not report.intact, (number, index)
            place = report.damage or report.tail
            assert place is not None
            assert place.segment <= number + 1
            if index >= HEADER_SIZE:
                assert place.segment == number
                assert place.offset <= index
        path.write_bytes(whole)
    assert verify(directory)[0].intact


def test_a_flipped_byte_ends_what_is_given_out(directory: Path) -> None:
    path = segment(directory, 1)
    data = bytearray(path.read_bytes())
    data[HEADER_SIZE + 700] ^= 1
    path.write_bytes(data)
    given: list[Entry] = []
    with pytest.raises(JournalDamaged, match=r"s\.000000000001\.journal, offset \d+: what stands here is no record"):
        given.extend(read_journal(directory))
    assert 0 < len(given) < 5


def test_every_removed_swapped_or_repeated_record(directory: Path) -> None:
    path = segment(directory, 2)
    whole = path.read_bytes()
    scan = Scan(whole)
    starts = [offset for offset, _ in scan]
    frames = [whole[start:end] for start, end in zip(starts, [*starts[1:], scan.offset], strict=True)]
    for index in range(len(frames)):
        removed = frames[:index] + frames[index + 1 :]
        repeated = frames[: index + 1] + frames[index:]
        swapped = frames[:index] + frames[index : index + 2][::-1] + frames[index + 2 :]
        for changed in (removed, repeated, *([swapped] if swapped != frames else [])):
            path.write_bytes(whole[:HEADER_SIZE] + b"".join(changed))
            assert_found(directory)
    path.write_bytes(whole)


def test_every_truncation_of_a_segment_in_the_middle(directory: Path) -> None:
    path = segment(directory, 2)
    whole = path.read_bytes()
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        assert_found(directory)


def test_bytes_behind_a_closed_segment(directory: Path) -> None:
    with segment(directory, 1).open("ab") as file:
        file.write(b"more")
    assert_found(directory)


def test_a_missing_segment(directory: Path) -> None:
    segment(directory, 2).unlink()
    (report,) = verify(directory)
    assert report.damage is not None
    assert (report.damage.segment, report.damage.what) == (2, "the segment is missing")


def test_exchanged_segments(directory: Path) -> None:
    first, second = segment(directory, 2).read_bytes(), segment(directory, 3).read_bytes()
    segment(directory, 2).write_bytes(second)
    segment(directory, 3).write_bytes(first)
    (report,) = verify(directory)
    assert report.damage is not None
    assert report.damage.what == "it is segment 3 of stream 's'"


def test_a_segment_of_another_stream(directory: Path, tmp_path: Path) -> None:
    make(tmp_path / "other")
    shutil.copy(segment(tmp_path / "other", 2), segment(directory, 2))
    (report,) = verify(directory)
    assert report.damage is not None
    assert report.damage.what == "it belongs to another stream of the same name"


def test_an_older_copy_of_a_segment(tmp_path: Path) -> None:
    make(tmp_path, 5)
    older = segment(tmp_path, 1).read_bytes()[:-60]
    make(tmp_path, 5)
    segment(tmp_path, 1).write_bytes(older)
    assert_found(tmp_path)


def test_old_segments_may_be_gone(directory: Path) -> None:
    # Retention removes from the front; what is left still proves itself from its first header on.
    segment(directory, 1).unlink()
    (report,) = verify(directory)
    assert report.intact
    assert report.segments[0] == 2


def torn(directory: Path) -> tuple[Path, int]:
    """Tear the end of the only segment, and open the stream again."""
    journal = Journal.open(directory, "s", segment_size=SIZE)
    journal.append(execution(1))
    journal._forget()
    path = segment(directory, 1)
    end = len(path.read_bytes().rstrip(b"\0"))
    with path.open("r+b") as file:
        file.seek(end)
        file.write(b"torn off")
    make(directory, 3)
    return path, end


def test_noted_torn_bytes_are_accepted_and_only_they(tmp_path: Path) -> None:
    path, end = torn(tmp_path)
    assert verify(tmp_path)[0].intact
    whole = path.read_bytes()
    for index in range(end, len(whole)):
        changed = bytearray(whole)
        changed[index] ^= 1
        path.write_bytes(changed)
        assert_found(tmp_path)
    path.write_bytes(whole[:end])  # the torn bytes are gone, though they were noted
    (report,) = verify(tmp_path)
    assert report.damage is not None
    assert "not there" in report.damage.what
    path.write_bytes(whole[: end - 1] + whole[end:])
    assert_found(tmp_path)


def test_a_record_dressed_up_as_a_torn_end(tmp_path: Path) -> None:
    make(tmp_path, 3)
    make(tmp_path, 3)
    path = segment(tmp_path, 1)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    (report,) = verify(tmp_path)
    assert report.damage is not None
    assert report.damage.segment == 1
