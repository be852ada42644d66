"""hoopfast/sandbox/process.py: what is started ends, whatever becomes of its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hoopfast.sandbox.process import Account, KeptProcess, SandboxError, free_port, plain_environment, private_folder

OWNER = """
import sys, time
from pathlib import Path
from hoopfast.sandbox.process import KeptProcess
folder = Path(sys.argv[1])
kept = KeptProcess(["sleep", "600"], log=folder / "log", remove=[folder])
print(kept.pid, flush=True)
time.sleep(600)
"""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_owner_dies(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        pid = int(owner.stdout.readline())
    assert _alive(pid)
    owner.send_signal(number)
    owner.wait(10)
    assert _eventually(lambda: not _alive(pid))
    assert _eventually(lambda: not folder.exists())


def test_stop(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    kept = KeptProcess(["sleep", "600"], log=folder / "log", remove=[folder])
    assert kept.poll() is None
    kept.stop()
    assert not _alive(kept.pid)
    assert not folder.exists()


def test_child_that_ignores_the_signal(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; echo x; while :; do sleep 0.1; done"
    kept = KeptProcess(["sh", "-c", stubborn], log=tmp_path / "log", grace=0.3)
    assert _eventually(lambda: (tmp_path / "log").read_text() == "x\n")
    kept.stop()
    assert not _alive(kept.pid)


def test_grandchildren_go_too(tmp_path: Path) -> None:
    kept = KeptProcess(["sh", "-c", "sleep 600 & echo $!; wait"], log=tmp_path / "log")
    assert _eventually(lambda: (tmp_path / "log").read_text().endswith("\n"))
    grandchild = int((tmp_path / "log").read_text())
    kept.stop()
    assert _eventually(lambda: not _alive(grandchild))


def test_child_that_ends_by_itself(tmp_path: Path) -> None:
    kept = KeptProcess(["sh", "-c", "echo out; echo oops >&2; exit 3"], log=tmp_path / "log", output=tmp_path / "out")
    assert _eventually(lambda: kept.poll() == 3)
    assert kept.log_tail() == "oops"
    assert (tmp_path / "out").read_text() == "out\n"
    kept.stop()


def test_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="cannot start /no/such/program"):
        KeptProcess(["/no/such/program"], log=tmp_path / "log")


def test_account_can_reach_its_folder() -> None:
    account = Account.for_server()
    folder = private_folder(account)
    try:
        done = account.run(["/bin/sh", "-c", f"touch '{folder}/x'"])
        assert (done.returncode, done.stderr) == (0, "")
        assert folder.stat().st_mode & 0o077 == 0
    finally:
        subprocess.run(["rm", "-r", str(folder)], check=True)


def test_temporary_directory_that_the_account_cannot_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("skipped for want of root: only root lends the server another user")
    closed = tmp_path / "t"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.tempdir", str(closed))
    folder = private_folder(Account.for_server())
    folder.rmdir()
    assert folder.parent == Path("/tmp")


def test_environment_points_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("LC_MESSAGES", "de_DE")
    environment = plain_environment()
    assert "PGHOST" not in environment
    assert (environment["LC_ALL"], environment.get("LC_MESSAGES")) == ("C", None)


def test_free_port() -> None:
    assert 1024 < free_port() < 65536
