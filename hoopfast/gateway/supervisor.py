"""The parent process: binds the port, starts the workers, keeps them alive, passes signals on.

Owns the listening sockets, the shared memory and the children. SIGHUP: the configuration is checked here and then read
again by every worker. SIGTERM, SIGINT: nobody listens any more and the workers drain; a second one ends them at once.
It serves no session, and ends its children when it ends. Knows no protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from hoopfast import config
from hoopfast.errors import ConfigError
from hoopfast.gateway import limits, logs, shared, sockets
from hoopfast.gateway.channel import Message
from hoopfast.gateway.children import Child

AFTER_DRAIN = 5.0  # seconds that a worker has after drain_timeout before it is killed

log = logs.logger("supervisor")


class Ready(NamedTuple):
    """Where the gateway listens, once every worker accepts connections."""

    host: str
    port: int
    pids: list[int]  # the supervisor first


class Supervisor:
    """A whole gateway, from its configuration file to its last session."""

    def __init__(self, path: Path, *, ready: Callable[[Ready], None] | None = None) -> None:
        self._path = path
        self._ready = ready or _nothing
        self._config = config.load(path)
        self._sockets: list[socket.socket] = []
        self._workers: list[Child] = []
        self._signals = 0
        self._stopped = asyncio.Event()

    def run(self) -> int:
        """Serve until a signal ends it; returns the exit status. Raises ConfigError if the port cannot be had."""
        return asyncio.run(self.serve())

    async def serve(self) -> int:
        """As `run`, inside a running loop."""
        gateway = self._config.gateway
        workers = gateway.workers
        self._sockets = sockets.listening_sockets(gateway.listen.host, gateway.listen.port, workers)
        memory = shared.create()
        limits.allow_descriptors()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        try:
            self._workers = [self._worker(index, memory) for index in range(workers)]
            async with asyncio.TaskGroup() as tasks:
                for worker in self._workers:
                    tasks.create_task(worker.keep(first_must_live=True))
                return await self._watch()
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)
            self._close_sockets()
            os.close(memory)

    def stop(self) -> None:
        """Drain and end; at once when it is asked for a second time."""
        self._signals += 1
        if self._signals == 1:
            log.info("draining", timeout=self._config.gateway.drain_timeout)
            self._close_sockets()
            for worker in self._workers:
                worker.stop()
            self._stopped.set()
        else:
            log.warning("ending at once")
            for worker in self._workers:
                worker.kill()

    def reload(self) -> None:
        """Check the configuration and let every worker take it over; a wrong one changes nothing."""
        try:
            fresh = config.load(self._path)
        except ConfigError as error:
            log.error("configuration not taken over", reason=error.message)
            return
        old, new = self._config.gateway, fresh.gateway
        if (old.listen, old.workers) != (new.listen, new.workers):
            log.warning("listen and workers change with the next start only")
        self._config = fresh
        for worker in self._workers:
            worker.send("reload")
        log.info("configuration reloaded")

    async def _watch(self) -> int:
        """Wait for all workers' readiness, then for the end."""
        ready = asyncio.create_task(_all(worker.ready for worker in self._workers))
        first_end = asyncio.create_task(_first(worker.ended for worker in self._workers))
        stopped = asyncio.create_task(self._stopped.wait())
        status = 0
        try:
            await asyncio.wait({ready, first_end, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done() and not self._stopped.is_set():
                host, port = self._sockets[0].getsockname()[:2]
                self._ready(Ready(host, port, self.pids()))
                log.info("listening", host=host, port=port, workers=len(self._workers))
                await asyncio.wait({first_end, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not self._stopped.is_set():  # a worker gave up before it was ever ready
                status = 1
                self.stop()
            await self._ends(self._config.gateway.drain_timeout + AFTER_DRAIN)
            return status
        finally:
            for task in (ready, first_end, stopped):
                task.cancel()
            for worker in self._workers:
                worker.kill()

    async def _ends(self, timeout: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_all(worker.ended for worker in self._workers), timeout)

    def pids(self) -> list[int]:
        """All processes of the gateway that are alive now, the supervisor first."""
        return [os.getpid(), *(worker.pid for worker in self._workers if worker.pid is not None)]

    def _worker(self, index: int, memory: int) -> Child:
        listener = self._sockets[index].fileno()
        settings: dict[str, object] = {
            "config": str(self._path.resolve()),
            "index": index,
            "workers": len(self._sockets),
            "listener": listener,
            "memory": memory,
        }
        return Child(f"worker-{index}", "hoopfast.gateway.worker", settings, (listener, memory), self._hear)

    def _hear(self, child: Child, message: Message) -> None:
        """Pass a worker's words on: a CancelRequest may reach any worker, and concern any other."""
        word, to = message.get("word"), message.get("to")
        if word not in ("cancel", "cancelled"):
            return
        if isinstance(to, int) and 0 <= to < len(self._workers) and self._workers[to].pid is not None:
            values = {key: value for key, value in message.items() if key not in ("word", "to")}
            self._workers[to].send(word, **values)
        elif word == "cancel":  # made-up keys must not keep their askers waiting, and others from being heard
            child.send("cancelled", number=message.get("number"))

    def _close_sockets(self) -> None:
        for listener in self._sockets:
            listener.close()


async def _all(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


async def _first(events: Iterable[asyncio.Event]) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _nothing(_: Ready) -> None:
    return None
