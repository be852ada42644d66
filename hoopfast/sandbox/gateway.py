"""The sandbox's gateway: `hoopfast serve` as a process of its own, under a keeper, on a port that it chose itself.

Owns its start, its readiness and its end. Knows nothing of what it serves.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from hoopfast.sandbox.process import KeptProcess, SandboxError

_START_SECONDS = 30.0


class _Ready(TypedDict):
    """The line that `hoopfast serve --ready-fd` writes."""

    host: str
    port: int
    pids: list[int]


class GatewayProcess:
    """A running gateway, from construction to `stop()`."""

    def __init__(self, file: Path, *, log: Path, remove: Sequence[Path] = ()) -> None:
        """Start it with the configuration in `file`; returns when every worker accepts connections.

        The folders in `remove` go when it has ended.
        """
        output = log.with_suffix(".ready")
        output.write_text("")
        # The package may be imported from a folder that is in nobody's path but this process's.
        roots = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
        self._process = KeptProcess(
            [sys.executable, "-m", "hoopfast.cli", "serve", "--config", file, "--ready-fd", "1"],
            log=log,
            output=output,
            environment={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots))},
            remove=remove,
            grace=1.0,  # the first SIGTERM drains; nobody waits for a sandbox's sessions
        )
        try:
            ready = self._await_ready(output)
        except BaseException:
            self.stop()
            raise
        self.host = ready["host"]
        self.port = ready["port"]
        self.pids = ready["pids"]  # the supervisor first
        self.log = log

    def poll(self) -> int | None:
        """The exit status if it has ended by itself, else None."""
        return self._process.poll()

    def stop(self) -> None:
        """End it, its sessions too."""
        self._process.stop()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines that it logged."""
        return self._process.log_tail(lines)

    def _await_ready(self, output: Path) -> _Ready:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            line = output.read_text()
            if line.endswith("\n"):
                ready: _Ready = json.loads(line)
                return ready
            if self._process.poll() is not None:
                raise SandboxError(f"the gateway did not start:\n{self._process.log_tail()}")
            time.sleep(0.02)
        raise SandboxError(f"the gateway did not get ready within {_START_SECONDS:.0f} s:\n{self._process.log_tail()}")
