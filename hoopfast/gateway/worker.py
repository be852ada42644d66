"""One worker process: a uvloop, a listening socket, and the sessions that came in by it.

Owns what its sessions share (read buffer, settings, catalogs, journal, cancel keys) and does what the supervisor says:
`reload`, `drain`. Ends with its supervisor. Nothing of the control plane runs here.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from hoopfast import config
from hoopfast.auth.scram import ScramCache
from hoopfast.errors import ConfigError, ShuttingDown
from hoopfast.gateway import limits, logs
from hoopfast.gateway.cancel import CancelKeys
from hoopfast.gateway.catalog import Catalogs
from hoopfast.gateway.channel import Channel, Message
from hoopfast.gateway.journals import WorkerJournal
from hoopfast.gateway.links import ReadBuffer
from hoopfast.gateway.listener import Listener
from hoopfast.gateway.relay import Relay
from hoopfast.gateway.reload import described, reloaded
from hoopfast.gateway.settings import Settings
from hoopfast.gateway.shared import Epochs, SharedNotifications
from hoopfast.policy.engine import PolicyEngine
from hoopfast.session.steady import Shapes

CLOCK = 0.5  # seconds between two looks at the sessions' limits
KEYS = 60.0  # … and at the age of the issuers' keys
LAST_WORDS = 2.0  # seconds that sessions have to be closed in, at the end
SWITCH = 0.0005  # seconds that a thread which decides something may hold up the loop

log = logs.logger("worker")


@dataclass(frozen=True, slots=True)
class Given:
    """What the supervisor gives a worker on its command line; descriptors are inherited."""

    config: str
    index: int
    workers: int
    listener: int
    memory: int
    channel: int


class Worker:
    """The shared state of one worker's sessions."""

    def __init__(self, given: Given, channel: Channel) -> None:
        """Inside the running loop. Raises ConfigError."""
        loaded = config.load(Path(given.config))
        self._channel = channel
        self._given = given
        self._scram = ScramCache()
        self.buffer = ReadBuffer(loaded.tuning.read_buffer)
        self.settings = Settings.build(loaded, self.buffer, self._scram)
        self.engine = PolicyEngine()
        self.shapes = Shapes()
        self.thinking = ThreadPoolExecutor(1, "thinking")  # one: more would take turns all the same
        self.catalogs = Catalogs(Epochs(given.memory, given.index, given.workers), self.engine.prepare)
        self.journal = WorkerJournal(loaded, f"worker-{given.index}")
        self.cancel_keys = CancelKeys(given.index, channel.send)
        self.notifications = SharedNotifications(given.memory)
        self.listener = Listener(self)
        self._cancels = limits.Counter(limits.CANCELS)
        self._relays: set[Relay] = set()
        self._draining = asyncio.Event()
        self._emptied = asyncio.Event()

    async def run(self) -> None:
        """Serve until drained."""
        if self._given.index == 0:
            self.journal.note(described(self.settings.config, "start"))
        clock = asyncio.create_task(self._clock())
        keys = asyncio.create_task(self._keys())
        await self.listener.open(self._given.listener)
        self._channel.send("ready")
        try:
            await self._draining.wait()
            await self._drain()
        finally:
            clock.cancel()
            keys.cancel()
            await self.catalogs.close()
            self.thinking.shutdown(wait=False, cancel_futures=True)
            self.journal.close()

    def add(self, relay: Relay) -> None:
        """A session begins."""
        self._relays.add(relay)
        if self._draining.is_set():
            relay.drain(ShuttingDown("the gateway is shutting down"))

    def forget(self, relay: Relay, process_id: int) -> None:
        """A session is over."""
        self._relays.discard(relay)
        self.cancel_keys.forget(process_id)
        if not self._relays:
            self._emptied.set()

    async def cancel(self, process_id: int, secret: bytes) -> None:
        """A CancelRequest has come; too many at once are dropped, as PostgreSQL's may be."""
        if self._cancels.enter():
            try:
                await self.cancel_keys.request(process_id, secret)
            finally:
                self._cancels.leave()

    def hear(self, message: Message) -> None:
        """What the supervisor says."""
        match message.get("word"):
            case "drain":
                self._draining.set()
            case "reload":
                self.settings, record = reloaded(self.settings, self.buffer, self._scram)
                if self._given.index == 0:
                    self.journal.note(record)
                self._channel.send("reloaded")
            case "cancel" | "cancelled":
                self.cancel_keys.hear(message)

    async def _drain(self) -> None:
        """Let go of idle sessions at once, of busy ones when they are idle or the time is up."""
        self.listener.close()
        self._emptied.clear()
        for relay in list(self._relays):
            relay.drain(ShuttingDown("the gateway is shutting down", hint="Connect again."))
        await self._wait_until_empty(self.settings.config.gateway.drain_timeout)
        links = [link for relay in self._relays for link in (relay.frontend, relay.backend)]
        for relay in list(self._relays):
            relay.terminate(ShuttingDown("the gateway is shutting down", hint="Connect again."))
        try:
            async with asyncio.timeout(LAST_WORDS):
                await asyncio.gather(*(link.gone() for link in links))
        except TimeoutError:
            pass
        for link in links:
            link.abort()

    async def _wait_until_empty(self, timeout: float) -> None:
        if self._relays and timeout > 0:
            try:
                async with asyncio.timeout(timeout):
                    await self._emptied.wait()
            except TimeoutError:
                pass

    async def _clock(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CLOCK)
            now = loop.time()
            for relay in list(self._relays):
                relay.look_at_clock(now)

    async def _keys(self) -> None:
        while True:
            try:
                await self.settings.keys.refresh()
            except Exception as error:
                log.error("keys not refreshed", error=logs.where(error))
            await asyncio.sleep(KEYS)


async def serve(given: Given) -> int:
    """A worker's life; the exit status."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_unhandled)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # a terminal's Ctrl-C goes to all; the supervisor decides
    worker: Worker | None = None
    early: list[Message] = []
    main = asyncio.current_task()
    assert main is not None

    def hear(message: Message) -> None:
        if worker is None:
            early.append(message)
        else:
            worker.hear(message)

    channel = await Channel.open(socket.socket(fileno=given.channel), hear, lambda: (main.cancel(), None)[1])
    try:
        worker = Worker(given, channel)
    except ConfigError as error:
        log.error("worker cannot start", reason=error.message)
        return 1
    loop.add_signal_handler(signal.SIGTERM, worker.hear, {"word": "drain"})
    loop.add_signal_handler(signal.SIGHUP, worker.hear, {"word": "reload"})
    for message in early:
        worker.hear(message)
    try:
        await worker.run()
    except asyncio.CancelledError:
        log.error("the supervisor is gone")
        return 1
    channel.close()
    return 0


def _unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log where, never what: an exception's text may hold anything."""
    error = context.get("exception")
    log.error("unhandled", what=context.get("message", ""), error=logs.where(error) if error is not None else "")


def main() -> None:
    """The worker's entry point."""
    given = Given(**json.loads(sys.argv[1]))
    logs.configure(worker=given.index)
    gc.freeze()
    sys.setswitchinterval(SWITCH)
    sys.exit(uvloop.run(serve(given)))


if __name__ == "__main__":
    main()
