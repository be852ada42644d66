"""hoopfast/sandbox/keeper.py as a program of its own: standard library only, and deaf to Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from hoopfast.sandbox import keeper


def _order(folder: Path, command: list[str]) -> str:
    return (
        json.dumps(
            {
                "command": command,
                "uid": None,
                "gid": None,
                "environment": {"PATH": "/bin:/usr/bin"},
                "cwd": "/",
                "log": str(folder / "log"),
                "output": str(folder / "log"),
                "remove": [],
                "stop": int(signal.SIGTERM),
                "grace": 2.0,
            }
        )
        + "\n"
    )


def test_interrupt_does_not_end_it(tmp_path: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-I", "-S", keeper.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    with program.stdin, program.stdout:
        program.stdin.write(_order(tmp_path, ["sleep", "600"]))
        program.stdin.flush()
        assert program.stdout.readline().startswith("started ")
        program.send_signal(signal.SIGINT)
        program.send_signal(signal.SIGTERM)
        assert program.poll() is None
        program.stdin.close()
        assert program.wait(10) == 0


def test_reports_a_failed_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", keeper.__file__],
        input=_order(tmp_path, ["/no/such/program"]),
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.stdout.startswith("failed FileNotFoundError")
    assert done.returncode == 1
