"""Processes and folders that do not outlive their owner, each under a keeper (keeper.py) of its own.

Owns how the sandbox starts a program, under which user, and how it is certain to end. Knows no
PostgreSQL and no gateway.
"""

from __future__ import annotations

import json
import os
import pwd
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hoopfast.errors import HoopfastError

_KEEPER = Path(__file__).with_name("keeper.py")


class SandboxError(HoopfastError):
    """A throwaway server, gateway or folder could not be had; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a process runs under; `uid` None is the caller's own."""

    uid: int | None
    gid: int | None

    @classmethod
    def for_server(cls) -> Account:
        """Whom PostgreSQL may run under: it refuses root, so root lends it `postgres`, or `nobody`."""
        if os.geteuid() != 0:
            return cls(None, None)
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        raise SandboxError(
            "PostgreSQL refuses to run as root, and this machine has neither a user postgres nor a user nobody",
            hint="run the command as an ordinary user",
        )

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end under this account, in the root folder, its output captured as text."""
        return subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd="/",
            env=plain_environment(),
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )

    def give(self, path: Path) -> None:
        """Hand a file or folder to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def plain_environment() -> dict[str, str]:
    """The environment without what would point PostgreSQL's programs elsewhere (PGHOST, PGDATA, a locale)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LANG": "C", "LC_ALL": "C"}


def free_port() -> int:
    """A TCP port that nothing listens on at 127.0.0.1 just now; somebody else may be quicker, so retry on use."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def private_folder(account: Account, prefix: str = "hoopfast-") -> Path:
    """A new folder under the temporary directory that the account owns and can reach, closed to all others.

    Falls back to /tmp where the path of the temporary directory is too long for a Unix socket (107 bytes) or closed
    to the account.
    """
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp")):
        if len(parent) > 60:  # leaves room for the folder and .s.PGSQL.65535
            continue
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        account.give(folder)
        if account.uid is None or account.run(["/bin/sh", "-c", f"cd '{folder}'"]).returncode == 0:
            return folder
        folder.rmdir()
    raise SandboxError(
        f"no temporary folder that uid {account.uid} can reach", hint="set TMPDIR to a folder that every user may enter"
    )


class KeptProcess:
    """One program under a keeper: alive from construction to `stop()`, or to the end of this process."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        output: Path | None = None,
        account: Account | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        remove: Sequence[Path] = (),
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 5.0,
    ) -> None:
        """Start `command`; `log` and `output` receive standard error and output, `remove` goes when it has ended."""
        account = account or Account(None, None)
        order = {
            "command": [str(part) for part in command],
            "uid": account.uid,
            "gid": account.gid,
            "environment": dict(environment if environment is not None else os.environ),
            "cwd": str(folder or "/"),
            "log": str(log),
            "output": str(output or log),
            "remove": [str(path) for path in remove],
            "stop": int(stop_signal),
            "grace": grace,
        }
        self.log = log
        self.status: int | None = None
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_KEEPER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            close_fds=True,
        )
        self._grace = grace
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(json.dumps(order).encode() + b"\n")
        self._keeper.stdin.flush()
        first = self._line(30.0)
        if not first.startswith("started "):
            self.stop()
            raise SandboxError(f"cannot start {command[0]}: {first.removeprefix('failed ') or 'its keeper died'}")
        self.pid = int(first.split()[1])

    def _line(self, timeout: float) -> str:
        """The keeper's next line; empty if there is none within the time."""
        assert self._keeper.stdout is not None
        descriptor = self._keeper.stdout.fileno()
        line = b""
        until = time.monotonic() + timeout
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
            if not readable or not (byte := os.read(descriptor, 1)):
                break
            line += byte
        return line.decode().strip()

    def poll(self) -> int | None:
        """The exit status once the program has ended by itself, else None."""
        if self.status is None and not self._keeper.stdout.closed:  # type: ignore[union-attr]
            line = self._line(0.0)
            if line.startswith("ended "):
                self.status = int(line.split()[1])
            elif self._keeper.poll() is not None:
                self.status = self._keeper.returncode
        return self.status

    def stop(self) -> None:
        """End the program, delete its folders, wait for both."""
        if self._keeper.stdin is not None and not self._keeper.stdin.closed:
            self._keeper.stdin.close()
        try:
            self._keeper.wait(3 * self._grace + 10)
        finally:
            if self._keeper.stdout is not None:
                self._keeper.stdout.close()
        if self.status is None:
            self.status = self._keeper.returncode

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the log, for a message to the user."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""
