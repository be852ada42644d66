"""The door: accepts connections on the inherited socket and gives each a task that signs it in.

Owns the count of connections that have not signed in, until they are a session or gone; one too many is told so and
closed. Knows nothing of what follows.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from hoopfast.errors import TooManySessions
from hoopfast.gateway import limits
from hoopfast.gateway.inbox import Inbox
from hoopfast.gateway.links import Link
from hoopfast.gateway.signin import SignIn
from hoopfast.gateway.sockets import BACKLOG, keep_alive
from hoopfast.session.startup import reject

if TYPE_CHECKING:
    from hoopfast.gateway.worker import Worker


class FrontendLink(Link):
    """A frontend's connection from the moment that it is accepted."""

    def __init__(self, worker: Worker, listener: Listener) -> None:
        self._inbox = Inbox()
        super().__init__(worker.buffer, worker.settings.config.tuning.write_high, self._inbox)
        self._inbox.link = self
        self._worker = worker
        self._listener = listener
        self._counted: limits.Counter | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to sign in."""
        super().connection_made(transport)
        keep_alive(transport.get_extra_info("socket"))
        peer = transport.get_extra_info("peername") or ("unknown", 0)
        self._listener.accepted(SignIn(self._worker, self, self._inbox, (peer[0], peer[1])), self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and makes room for another one."""
        super().connection_lost(exc)
        self.uncount()

    def count(self, counter: limits.Counter) -> bool:
        """Count this connection among others; False if that is one too many."""
        if not counter.enter():
            return False
        self._counted = counter
        return True

    def uncount(self) -> None:
        """Count it no more."""
        counter, self._counted = self._counted, None
        if counter is not None:
            counter.leave()


class Listener:
    """The listening socket of one worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._server: asyncio.Server | None = None
        self._waiting = limits.Counter(limits.PREAUTHENTICATED)
        self._turned_away = limits.Counter(limits.PREAUTHENTICATED)  # … and have not hung up yet
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, descriptor: int) -> None:
        """Accept connections on an inherited, listening socket."""
        listening = socket.socket(fileno=descriptor)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: FrontendLink(self._worker, self), sock=listening, backlog=BACKLOG
        )

    def accepted(self, sign_in: SignIn, link: FrontendLink) -> None:
        """A connection is there."""
        if not link.count(self._waiting):
            if not link.count(self._turned_away):
                link.abort()
                return
            link.send([reject(TooManySessions("too many connections are signing in", hint="Try again in a moment."))])
            link.finish()
            return
        task = asyncio.get_running_loop().create_task(sign_in.run())
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(done, link))

    def close(self) -> None:
        """Accept no more, and turn away who has not signed in yet."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()

    def _done(self, task: asyncio.Task[None], link: FrontendLink) -> None:
        self._tasks.discard(task)
        if not link.closing:  # it is a session now
            link.uncount()
