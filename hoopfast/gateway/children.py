"""One child process of the supervisor: started, told things, started again when it dies.

Owns the child's life: its command line, the descriptors it inherits, its end of the channel, the pauses between
restarts (doubled up to a limit, forgotten once it has been up for a while). Knows nothing of what a worker does; a
later control process is another `Child`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hoopfast.gateway.channel import Channel, Message
from hoopfast.gateway.logs import logger

FIRST_PAUSE = 0.1  # seconds before the first restart
LONGEST_PAUSE = 10.0
STEADY = 30.0  # up for as long as this: the pauses start again from the first

log = logger("supervisor")


class Child:
    """A process of the gateway, kept alive until it is told to stop."""

    def __init__(
        self,
        name: str,
        module: str,
        settings: dict[str, object],
        descriptors: tuple[int, ...],
        on_message: Callable[[Child, Message], None],
    ) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()  # it is gone, and stays gone
        self._module = module
        self._settings = settings
        self._descriptors = descriptors
        self._on_message = on_message
        self._process: asyncio.subprocess.Process | None = None
        self._channel: Channel | None = None
        self._stopping = False
        self._wake = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    def send(self, word: str, **values: object) -> None:
        """Say something to the child; nothing if it is not there."""
        if self._channel is not None:
            self._channel.send(word, **values)

    async def keep(self, *, first_must_live: bool = False) -> None:
        """Run the child, again and again, until `stop`; `first_must_live`: give up if it ends before it is ready."""
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        try:
            while not self._stopping:
                started = loop.time()
                try:
                    status = await self._run_once()
                except OSError as error:  # no memory, no process, no descriptor left just now: the others go on
                    log.error("child cannot be started", child=self.name, reason=error.strerror)
                    status = -1
                if self._stopping:
                    break
                if first_must_live and not self.ready.is_set():
                    log.error("child ended before it was ready", child=self.name, status=status)
                    break
                log.error("child died", child=self.name, status=status, restart_in=pause)
                if loop.time() - started > STEADY:
                    pause = FIRST_PAUSE
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        finally:
            self.ended.set()

    def stop(self) -> None:
        """Start it no more; and tell it to drain if it runs."""
        self._stopping = True
        self._wake.set()
        self.send("drain")

    def kill(self) -> None:
        """End it at once."""
        self._stopping = True
        self._wake.set()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _run_once(self) -> int:
        ours, theirs = socket.socketpair()
        try:
            settings = json.dumps({**self._settings, "channel": theirs.fileno()})
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # nothing is imported from the folder that the gateway happens to be started in
                "-m",
                self._module,
                settings,
                stdin=subprocess.DEVNULL,
                env=_environment(),
                pass_fds=(*self._descriptors, theirs.fileno()),
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._channel = await Channel.open(ours, self._hear, lambda: None)
        if self._stopping:
            self.send("drain")
        try:
            return await self._process.wait()
        finally:
            self._channel.close()
            self._channel = None

    def _hear(self, message: Message) -> None:
        if message.get("word") == "ready":
            self.ready.set()
        self._on_message(self, message)


def _environment() -> dict[str, str]:
    """This process's, with a source tree's root in the path if that is where the package is."""
    root = str(Path(__file__).resolve().parents[2])
    if "site-packages" in root:
        return dict(os.environ)
    path = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
