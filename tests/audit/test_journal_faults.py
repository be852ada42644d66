"""The journal when the disk says no: nothing is pretended, nothing is lost, and no restart is needed afterwards."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopfast.audit import journal as journal_module
from hoopfast.audit.journal import Journal
from hoopfast.audit.reader import StreamReader, verify
from hoopfast.audit.records import Execution, Record, StreamOpened
from hoopfast.audit.segment import file_name
from hoopfast.errors import JournalUnavailable
from tests.audit.examples import execution, execution_ended
from tests.audit.processes import run_script

SMALL = 16384


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def opened(directory: Path, segment_size: int = SMALL) -> Journal:
    return Journal.open(directory, "worker-0", segment_size=segment_size)


def records(directory: Path) -> list[Record]:
    """The records of the stream, which must be whole."""
    reader = StreamReader(directory, "worker-0")
    found = [entry.record for entry in reader]
    assert reader.damage is None
    assert reader.tail is None
    return found


def sequences(directory: Path) -> list[int]:
    return [record.sequence for record in records(directory) if isinstance(record, Execution)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(mounted)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False, timeout=30).returncode:
        pytest.skip("mounting a file system needs root")
    yield mounted
    subprocess.run(["umount", "-l", str(mounted)], check=True, timeout=30)


def fill_disk(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 - the point is to get there
    return filler


def append_until_refused(journal: Journal) -> int:
    """The sequence of the last execution that went in."""
    sequence = 0
    while True:
        try:
            journal.append(execution(sequence + 1))
        except JournalUnavailable:
            return sequence
        sequence += 1


def wait_to_retry() -> None:
    time.sleep(journal_module.RETRY_INTERVAL + 0.01)


def test_a_full_disk(small_disk: Path) -> None:
    directory = small_disk / "audit"
    journal = opened(directory, 65536)
    filler = fill_disk(small_disk)
    last = append_until_refused(journal)
    assert journal.unavailable == "No space left on device"
    with pytest.raises(JournalUnavailable, match="No space left on device") as caught:
        journal.append(execution_ended(last), keep=True)
    assert caught.value.sqlstate == "58030"
    assert str(directory) not in caught.value.message
    with pytest.raises(JournalUnavailable):
        journal.sync()
    assert journal.synced_through == journal.position == last + 1  # what is there is on disk
    assert len(list(directory.iterdir())) == 1  # and nothing half-made beside it

    filler.unlink()
    wait_to_retry()
    journal.append(execution(last + 1))
    assert journal.unavailable == ""
    journal.close()
    found = records(directory)
    assert sequences(directory) == list(range(1, last + 2))
    ended = [type(record).__name__ for record in found].index("ExecutionEnded")
    assert isinstance(found[ended + 1], Execution)  # what was kept went in first
    assert verify(directory)[0].intact


def test_syncing_tries_again_too(small_disk: Path) -> None:
    journal = opened(small_disk / "audit", 65536)
    filler = fill_disk(small_disk)
    last = append_until_refused(journal)
    with pytest.raises(JournalUnavailable):
        journal.append(execution_ended(last), keep=True)
    filler.unlink()
    wait_to_retry()
    assert journal.sync() == last + 2
    journal.close()


def test_a_read_only_disk(small_disk: Path) -> None:
    directory = small_disk / "audit"
    journal = opened(directory)
    journal.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True, timeout=30)
    with pytest.raises(JournalUnavailable, match=r"audit: Read-only file system"):
        opened(directory)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True, timeout=30)
    opened(directory).close()


def test_a_directory_that_may_not_be_written(directory: Path) -> None:
    directory.mkdir(mode=0o500)
    script = f"""
        import os
        from hoopfast.audit.journal import Journal
        from hoopfast.errors import JournalUnavailable
        if os.geteuid() == 0:
            os.chown({str(directory)!r}, 65534, 65534)
            for parent in ({str(directory.parent)!r}, {str(directory.parent.parent)!r}):
                os.chmod(parent, 0o755)
            os.setuid(65534)
        try:
            Journal.open({str(directory)!r}, "worker-0")
        except JournalUnavailable as error:
            print(error.message)
    """
    printed = run_script(script)
    assert "Permission denied" in printed


def test_a_limit_on_the_size_of_files(directory: Path) -> None:
    script = f"""
        import resource, time
        from hoopfast.audit.journal import Journal, RETRY_INTERVAL
        from hoopfast.errors import JournalUnavailable
        from tests.audit.examples import execution
        journal = Journal.open({str(directory)!r}, "worker-0", segment_size={SMALL})
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
        sequence = 0
        try:
            while True:
                journal.append(execution(sequence + 1))
                sequence += 1
        except JournalUnavailable as error:
            assert "File too large" in error.message, error.message
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        time.sleep(RETRY_INTERVAL + 0.01)
        journal.append(execution(sequence + 1))
        journal.close()
        print(sequence + 1)
    """
    printed = run_script(script)
    assert sequences(directory) == list(range(1, int(printed) + 1))


def test_a_directory_that_others_can_write(directory: Path) -> None:
    directory.mkdir()
    directory.chmod(0o777)
    with pytest.raises(JournalUnavailable, match="others than its owner") as caught:
        opened(directory)
    assert "chmod 700" in (caught.value.hint or "")


def test_a_path_that_is_no_directory(directory: Path) -> None:
    directory.write_text("")
    with pytest.raises(JournalUnavailable, match="File exists"):
        opened(directory)


def test_a_failing_disk(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A disk that fails on demand cannot be had; what fsync says then can.
    journal = opened(directory)
    journal.append(execution(1))
    journal.sync()
    journal.append(execution(2))

    def failing(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", failing)
        with pytest.raises(JournalUnavailable, match="Input/output error"):
            journal.sync()
        assert journal.synced_through == 2
        with pytest.raises(JournalUnavailable, match="Input/output error"):
            journal.append(execution(3))
    wait_to_retry()
    journal.append(execution(3))
    journal.close()
    assert sequences(directory) == [1, 2, 3]
    openings = [record for record in records(directory) if isinstance(record, StreamOpened)]
    assert [(item.reason, item.unproven_from) for item in openings] == [
        ("start", 0),
        ("recovered: Input/output error", 3),
    ]


def test_a_segment_that_somebody_removes(directory: Path) -> None:
    journal = opened(directory)
    journal.append(execution(1))
    (directory / file_name("worker-0", 1)).unlink()
    with pytest.raises(JournalUnavailable, match="removed"):
        journal.sync()
    wait_to_retry()
    journal.append(execution(2))
    journal.close()
    (report,) = verify(directory)
    assert report.segments == (2,)
    assert report.intact


def test_a_directory_that_somebody_removes(directory: Path) -> None:
    journal = opened(directory)
    (directory / file_name("worker-0", 1)).unlink()
    directory.rmdir()
    for _ in range(2):
        with pytest.raises(JournalUnavailable):
            journal.sync()
        wait_to_retry()
    with pytest.raises(JournalUnavailable, match="No such file"):
        journal.append(execution(1))
    directory.mkdir(mode=0o700)
    wait_to_retry()
    journal.append(execution(2))
    journal.close()
    assert verify(directory)[0].records == 3


def test_suspended(directory: Path) -> None:
    journal = opened(directory)
    journal.suspend("the thread has died")
    with pytest.raises(JournalUnavailable, match="the thread has died"):
        journal.append(execution(1))
    with pytest.raises(JournalUnavailable):
        journal.append(execution_ended(1), keep=True)
    journal.resume()
    journal.append(execution(2))
    journal.close()
    assert [type(record).__name__ for record in records(directory)] == [
        "StreamOpened",
        "ExecutionEnded",
        "Execution",
        "StreamClosed",
    ]


def test_closed(directory: Path) -> None:
    journal = opened(directory)
    journal.close()
    journal.close()
    assert journal.unavailable == "it is closed"
    with pytest.raises(JournalUnavailable, match="closed"):
        journal.append(execution(1))
    with pytest.raises(JournalUnavailable, match="closed"):
        journal.sync()


def test_closing_says_what_is_lost(directory: Path) -> None:
    journal = opened(directory)
    journal.suspend("for this test")
    with pytest.raises(JournalUnavailable):
        journal.append(execution_ended(1), keep=True)
    with pytest.raises(JournalUnavailable, match="1 records of what has happened could not be written"):
        journal.close()


def test_a_record_over_the_limit(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MAX_BODY", 1000)  # the real one is a gibibyte
    journal = opened(directory)
    with pytest.raises(JournalUnavailable, match="over the limit"):
        journal.append(execution(1, text="x" * 1000), keep=True)
    journal.append(execution(2))
    journal.close()
    assert sequences(directory) == [2]
