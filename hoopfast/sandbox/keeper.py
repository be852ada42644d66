"""The keeper: a small process that owns one child and its folders, and removes both when its own owner is gone.

Run as a script, with the standard library only, by process.py. Its standard input is a pipe whose other end the owner
holds: first comes one line of JSON, the order (not an argument, for it holds the environment), and then nothing more.
End of file, however it came about (stop, crash, kill -9), makes the keeper stop the child and delete the folders. It
reports `started PID` and `ended STATUS` on standard output. It knows nothing of PostgreSQL or of the gateway.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h
DEAF_TO = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _die_with_keeper(signal_number: int) -> None:
    """Ask Linux to signal this process when the keeper dies, kill -9 included; elsewhere there is no such request."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def _start(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    stop = int(order["stop"])

    def prepare() -> None:
        for number in DEAF_TO:  # an ignored signal stays ignored over exec
            signal.signal(number, signal.SIG_DFL)
        # Credentials first: a change of uid clears the parent-death signal (prctl(2)).
        if order["uid"] is not None:
            os.setgroups([])
            os.setgid(order["gid"])
            os.setuid(order["uid"])
        _die_with_keeper(stop)

    with open(order["output"], "ab") as output, open(order["log"], "ab") as log:
        return subprocess.Popen(
            order["command"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=log,
            cwd=order["cwd"],
            env=order["environment"],
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509 - the keeper has one thread
        )


def _say(line: str) -> None:
    # The owner may be gone: then nobody reads, and the work goes on.
    with contextlib.suppress(OSError):
        os.write(1, line.encode() + b"\n")


def _wait(child: subprocess.Popen[bytes], wakeup: int) -> None:
    """Return when the owner's pipe is at its end; say so once if the child ends before."""
    said = False
    while True:
        if not said and child.poll() is not None:
            _say(f"ended {child.returncode}")
            said = True
        readable, _, _ = select.select([0, wakeup], [], [])
        if wakeup in readable:
            os.read(wakeup, 4096)
        if 0 in readable and not os.read(0, 4096):
            return


def _stop(child: subprocess.Popen[bytes], first: int, grace: float) -> None:
    for number in (first, signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            break
        child.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace)
    # Whatever the child has left in its session, a worker for example.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _read_order() -> str:
    """The first line of standard input, read without buffering what may follow it."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line.decode()


def main(text: str) -> int:
    """Start, report, wait, stop, remove; `text` is the order that process.py writes."""
    order = json.loads(text)
    wakeup, alarm = os.pipe()
    os.set_blocking(alarm, False)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in DEAF_TO:
        signal.signal(number, signal.SIG_IGN)
    status = 1
    try:
        try:
            child = _start(order)
        except (OSError, subprocess.SubprocessError) as error:
            _say(f"failed {type(error).__name__}: {error}")
        else:
            _say(f"started {child.pid}")
            _wait(child, wakeup)
            _stop(child, int(order["stop"]), float(order["grace"]))
            status = 0
    finally:
        for folder in order["remove"]:
            shutil.rmtree(folder, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main(_read_order()))
