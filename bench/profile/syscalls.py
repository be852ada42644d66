"""System calls by strace: how many of each a query costs.

Owns how strace is attached and what its summary looks like. It slows the process down; the number of calls per query
stays what it is.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

SECONDS = 1.5
# "  50.00    0.000031          15         2           epoll_pwait"; with a number of errors before the name, or without
_LINE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$")


def why_not() -> str:
    """Why strace cannot be used here; empty if it can."""
    return "" if shutil.which("strace") else "strace is not installed (Debian: apt install strace)"


def trace(pid: int, folder: Path) -> tuple[dict[str, int], float, float]:
    """The calls of a process for a while; between which two moments (time.time)."""
    kept = folder / "strace"
    command = ["strace", "-c", "-f", "-o", str(kept), "-p", str(pid)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        try:
            running.stderr.readline()  # "strace: Process 123 attached"
            start = time.time()
            time.sleep(SECONDS)
        finally:
            running.send_signal(signal.SIGINT)
            end = time.time()
            running.communicate()
    return summary(kept.read_text()), start, end


def summary(text: str) -> dict[str, int]:
    """The calls in strace's table."""
    found = (_LINE.match(line) for line in text.splitlines())
    return {line[2]: int(line[1]) for line in found if line is not None and line[2] != "total"}
