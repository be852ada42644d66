"""The segment that is being written: space taken beforehand, copied into, cut to size at its end."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopfast.audit.segment import FRAME_OVERHEAD, HEADER_SIZE, Header, Scan
from hoopfast.audit.segment_file import SegmentFile
from tests.audit.processes import run_script

HEADER = Header("s", bytes(16), 1, 0, 0, bytes(32))
NAME = "s.000000000001.journal"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_space_is_taken_before_the_first_record(directory: int, tmp_path: Path) -> None:
    segment = SegmentFile.create(directory, HEADER, 65536)
    status = (tmp_path / NAME).stat()
    assert status.st_size == 65536
    assert status.st_blocks * 512 >= 65536
    assert stat.S_IMODE(status.st_mode) == 0o600
    segment.abandon()


def test_append_and_finish(directory: int, tmp_path: Path) -> None:
    segment = SegmentFile.create(directory, HEADER, 65536)
    segment.window.append(b"one")
    segment.window.append(b"two")
    scan = Scan((tmp_path / NAME).read_bytes())
    assert [body for _, body in scan] == [b"one", b"two"]
    assert (scan.offset, scan.chain) == (segment.window.offset, segment.window.chain)
    segment.sync()
    segment.retire()
    segment.finish()
    assert (tmp_path / NAME).stat().st_size == scan.offset == HEADER_SIZE + 2 * (FRAME_OVERHEAD + 3)


def test_room(directory: int) -> None:
    segment = SegmentFile.create(directory, HEADER, 4096)
    most = 4096 - HEADER_SIZE - FRAME_OVERHEAD
    assert segment.window.room(most)
    assert not segment.window.room(most + 1)
    segment.window.append(bytes(most))
    assert not segment.window.room(1)
    segment.abandon()


def test_removed(directory: int, tmp_path: Path) -> None:
    segment = SegmentFile.create(directory, HEADER, 4096)
    assert not segment.removed
    (tmp_path / NAME).unlink()
    assert segment.removed
    segment.abandon()


def test_an_existing_file_is_not_touched(directory: int, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"somebody's")
    with pytest.raises(FileExistsError):
        SegmentFile.create(directory, HEADER, 4096)
    assert (tmp_path / NAME).read_bytes() == b"somebody's"


def test_a_symbolic_link_is_not_followed(directory: int, tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="exists"):
        SegmentFile.create(directory, HEADER, 4096)
    assert not (tmp_path / "elsewhere").exists()


def test_no_space_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    script = f"""
        import os, resource
        from hoopfast.audit.segment import Header
        from hoopfast.audit.segment_file import SegmentFile
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        directory = os.open({str(tmp_path)!r}, os.O_RDONLY)
        try:
            SegmentFile.create(directory, Header("s", bytes(16), 1, 0, 0, bytes(32)), 65536)
        except OSError as error:
            print(error.errno)
    """
    assert int(run_script(script)) == errno.EFBIG
    assert list(tmp_path.iterdir()) == []
