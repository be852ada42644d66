"""The journal: records in their order over segments and restarts, after kill -9 too, by one writer at a time."""

from __future__ import annotations

import base64
import os
import random
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hoopfast.audit import journal as journal_module
from hoopfast.audit.journal import Journal
from hoopfast.audit.reader import StreamReader, verify
from hoopfast.audit.recorder import SessionRecorder
from hoopfast.audit.records import Execution, Record, StreamClosed, StreamOpened
from hoopfast.audit.segment import HEADER_SIZE, file_name
from hoopfast.errors import JournalUnavailable
from hoopfast.policy.model import Statement, StatementSummary, Verdict
from tests.audit.examples import SESSION, execution, session_start
from tests.audit.processes import ROOT, run_script

SMALL = 16384


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def opened(directory: Path, segment_size: int = SMALL) -> Journal:
    return Journal.open(directory, "worker-0", segment_size=segment_size, software="0.1.0")


def records(directory: Path) -> list[Record]:
    """The records of the stream, which must be whole."""
    reader = StreamReader(directory, "worker-0")
    found = [entry.record for entry in reader]
    assert reader.damage is None
    assert reader.tail is None
    return found


def sequences(directory: Path) -> list[int]:
    return [record.sequence for record in records(directory) if isinstance(record, Execution)]


# ---- in good order


def test_append_sync_close(directory: Path) -> None:
    journal = opened(directory)
    assert (journal.position, journal.synced_through) == (1, 0)
    assert journal.append(execution(1)) == 2
    assert journal.sync() == 2 == journal.synced_through
    journal.close()
    first, second, last = records(directory)
    assert isinstance(first, StreamOpened)
    assert (first.reason, first.process_id, first.software, first.previous_segment) == (
        "start",
        os.getpid(),
        "0.1.0",
        0,
    )
    assert isinstance(second, Execution)
    assert isinstance(last, StreamClosed)
    assert last.records == 3


def test_permissions_and_nothing_but_segments(directory: Path) -> None:
    journal = opened(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [path.name for path in directory.iterdir()] == [file_name("worker-0", 1)]
    assert stat.S_IMODE((directory / file_name("worker-0", 1)).stat().st_mode) == 0o600
    journal.close()


def test_segments_follow_each_other(directory: Path) -> None:
    journal = opened(directory)
    for sequence in range(1, 301):
        journal.append(execution(sequence))
    journal.close()
    (report,) = verify(directory)
    assert report.intact
    assert report.closed
    assert len(report.segments) > 3
    assert report.records == 302
    assert sequences(directory) == list(range(1, 301))
    # What was not needed is given back.
    assert all(path.stat().st_size <= SMALL for path in directory.iterdir())
    assert (directory / file_name("worker-0", report.segments[-1])).stat().st_size < SMALL


def test_a_record_larger_than_a_segment(directory: Path) -> None:
    journal = opened(directory)
    journal.append(execution(1, text="x" * (3 * SMALL)))
    journal.append(execution(2))
    journal.close()
    assert sequences(directory) == [1, 2]


def test_the_stream_goes_on_after_a_restart(directory: Path) -> None:
    for sequence in (1, 2, 3):
        journal = opened(directory)
        journal.append(execution(sequence))
        journal.close()
    assert sequences(directory) == [1, 2, 3]
    openings = [record for record in records(directory) if isinstance(record, StreamOpened)]
    assert [(record.previous_segment, record.previous_records) for record in openings] == [(0, 0), (1, 3), (2, 6)]


def test_streams_are_apart(directory: Path) -> None:
    journals = [Journal.open(directory, f"worker-{index}", segment_size=SMALL) for index in range(3)]
    for journal in journals:
        journal.append(execution())
        journal.close()
    assert [report.records for report in verify(directory)] == [3, 3, 3]


def test_append_and_sync_from_several_threads(directory: Path) -> None:
    journal = opened(directory)
    stop = threading.Event()

    def sync() -> None:
        while not stop.is_set():
            before = journal.position
            assert journal.sync() >= before

    def append() -> None:
        for sequence in range(1, 501):
            journal.append(execution(sequence))

    syncing, *appending = [threading.Thread(target=sync), *(threading.Thread(target=append) for _ in range(3))]
    for thread in (syncing, *appending):
        thread.start()
    for thread in appending:
        thread.join(60)
    stop.set()
    syncing.join(60)
    journal.close()
    assert sorted(sequences(directory)) == sorted([*range(1, 501)] * 3)


# ---- kill -9


@pytest.mark.parametrize("who", ["python", "steady"])
@pytest.mark.parametrize("seed", range(6))
def test_what_was_acknowledged_survives_kill_9(directory: Path, seed: int, who: str) -> None:
    command = [sys.executable, "-m", "tests.audit.writer", str(directory), str(4 * SMALL), who]
    pause = random.Random(seed).uniform(0, 0.15)
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline()]
        # Its pipe is read all the time, so that the kill does not find it waiting for us.
        reading = threading.Thread(target=lambda: acknowledged.extend(writer.stdout or ()))
        reading.start()
        time.sleep(pause)
        writer.kill()
        reading.join(60)
    told = [tuple(map(int, line.split())) for line in acknowledged if line.endswith(b"\n")]
    assert told
    before = {entry.number: entry.record for entry in StreamReader(directory, "worker-0")}
    for number, sequence in told:
        record = before[number]
        assert isinstance(record, Execution)
        assert record.sequence == sequence
    assert len(before) <= told[-1][0] + 1
    journal = opened(directory)
    journal.append(execution(0))
    journal.close()
    (report,) = verify(directory)
    assert report.intact
    assert report.records == len(before) + 3


def test_a_torn_tail_is_kept_and_noted(directory: Path) -> None:
    journal = opened(directory)
    journal.append(execution(1))
    journal.sync()
    journal._forget()  # as a death leaves it
    path = directory / file_name("worker-0", 1)
    end = len(path.read_bytes().rstrip(b"\0"))
    torn = b"\xff\x01\x00\x00half of a record"
    with path.open("r+b") as file:
        file.seek(end)
        file.write(torn)
    (report,) = verify(directory)
    assert report.tail is not None
    assert (report.tail.segment, report.tail.offset, report.tail.length) == (1, end, len(torn))

    journal = opened(directory)
    journal.append(execution(2))
    journal.close()
    assert path.read_bytes()[end:] == torn
    (report,) = verify(directory)
    assert report.intact
    assert [(item.segment, item.offset, item.length) for item in report.torn] == [(1, end, len(torn))]
    assert sequences(directory) == [1, 2]
    (noted,) = [record for record in records(directory) if isinstance(record, StreamOpened) and record.torn]
    assert noted.previous_records == 2


# ---- one writer


def test_a_second_writer_is_turned_away(directory: Path) -> None:
    journal = opened(directory)
    with pytest.raises(JournalUnavailable, match="another process is writing the stream 'worker-0'"):
        opened(directory)
    for sequence in range(1, 101):  # into the next segment
        journal.append(execution(sequence))
    with pytest.raises(JournalUnavailable, match="another process"):
        opened(directory)
    journal.close()
    opened(directory).close()
    assert sequences(directory) == list(range(1, 101))


def test_a_second_process_is_turned_away(directory: Path) -> None:
    journal = opened(directory)
    script = f"""
        from hoopfast.audit.journal import Journal
        from hoopfast.errors import JournalUnavailable
        try:
            Journal.open({str(directory)!r}, "worker-0")
        except JournalUnavailable as error:
            print(error.message)
    """
    printed = run_script(script)
    assert "another process" in printed
    journal.close()


def test_a_forked_child_cannot_write(directory: Path) -> None:
    # In a process of its own: pytest's has threads, and a fork of it would warn.
    script = f"""
        import os
        from hoopfast.audit.journal import Journal
        from hoopfast.audit.records import StreamClosed
        from hoopfast.errors import JournalUnavailable
        journal = Journal.open({str(directory)!r}, "worker-0", segment_size={SMALL})
        child = os.fork()
        if not child:
            try:
                journal.append(StreamClosed(stream="child", records=0))
            except JournalUnavailable:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        journal.append(StreamClosed(stream="parent", records=0))
        journal.close()
    """
    run_script(script)
    assert [record.stream for record in records(directory) if isinstance(record, StreamClosed)] == [
        "parent",
        "worker-0",
    ]


# ---- the gate for appends from C


def test_the_gate_is_open_while_appends_are_plain(directory: Path) -> None:
    journal = opened(directory)
    assert journal.gate.is_open
    journal.append(execution(1))
    assert journal.gate.is_open
    journal.sync()
    assert journal.gate.is_open
    journal.suspend("for this test")
    assert not journal.gate.is_open
    journal.resume()
    assert journal.gate.is_open
    with journal_module._Alone(journal):
        assert not journal.gate.is_open
    journal.close()
    assert not journal.gate.is_open


def test_the_gate_is_closed_in_a_forked_child(directory: Path) -> None:
    script = f"""
        import os
        from hoopfast.audit.journal import Journal
        journal = Journal.open({str(directory)!r}, "worker-0", segment_size={SMALL})
        child = os.fork()
        if not child:
            os._exit(3 if journal.gate.is_open else 7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert journal.gate.is_open
        journal.close()
    """
    run_script(script)
    assert verify(directory)[0].intact


# ---- what must not be in it


def test_no_descriptor_is_left(directory: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        journal = opened(directory)
        for sequence in range(1, 101):
            journal.append(execution(sequence))
        journal.close()
    with pytest.raises(JournalUnavailable):
        Journal.open("/proc/none", "worker-0")
    assert len(os.listdir("/proc/self/fd")) == before


def test_unused_space_is_zero(directory: Path) -> None:
    journal = opened(directory)
    journal.append(execution(1))
    data = (directory / file_name("worker-0", 1)).read_bytes()
    assert len(data) == SMALL
    assert not any(data[HEADER_SIZE + 1024 :])
    journal.close()


def test_no_value_in_any_form(directory: Path) -> None:
    canary = b"CANARY-777-12-3456"
    journal = opened(directory)
    recorder = SessionRecorder(journal, SESSION, bytes(32))
    recorder.start(session_start())
    statement = Statement(Verdict.ALLOW, (), StatementSummary("SELECT $1", "0123456789abcdef"))
    for _ in range(50):
        recorder.execution(statement, protocol="extended", parameters=(canary, None, b"17"), literals=(canary,))
    recorder.finish("idle")
    journal.close()
    written = b"".join(path.read_bytes() for path in directory.iterdir())
    assert written.count(b'"execution"') == 50
    for form in (canary, canary[7:], canary.hex().encode(), base64.b64encode(canary), canary[::-1]):
        assert form.lower() not in written.lower()
