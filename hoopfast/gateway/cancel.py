"""Cancel keys of this gateway's own, and the way of a CancelRequest to the worker whose session it means.

A key is a process id, which names the worker in its upper bits, and a random secret. A request reaches any worker; it
goes by the supervisor's channel to the right one, and its connection is closed when the database's server has taken
note, as PostgreSQL itself does. Nobody learns whether a key was right. Owns keys; what may be cancelled is the
relay's business.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from typing import Protocol

from hoopfast.gateway.channel import Message

SHORT_SECRET = 4  # protocol 3.0
LONG_SECRET = 32  # from 3.2 on; at most 256 (manual, 55.2.8)
ANSWER = 6.0  # seconds to wait for another worker
_SESSION_BITS = 20


class Cancellable(Protocol):
    """A session, as far as cancelling goes."""

    async def cancel(self) -> None:
        """Cancel what runs, if something does; returns when the server knows."""


class CancelKeys:
    """The keys of one worker's sessions."""

    def __init__(self, worker: int, send: Callable[..., None]) -> None:
        """`send(word, **values)` says something to the supervisor."""
        self._worker = worker
        self._send = send
        self._sessions: dict[int, tuple[bytes, Cancellable]] = {}
        self._reserved: set[int] = set()
        self._answers: dict[int, asyncio.Future[None]] = {}
        self._requests = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def reserve(self, *, long: bool) -> tuple[int, bytes]:
        """A fresh key, to be told to a frontend."""
        while True:
            process_id = self._worker << _SESSION_BITS | secrets.randbelow(1 << _SESSION_BITS)
            if process_id and process_id not in self._sessions and process_id not in self._reserved:
                self._reserved.add(process_id)
                return process_id, secrets.token_bytes(LONG_SECRET if long else SHORT_SECRET)

    def register(self, process_id: int, secret: bytes, session: Cancellable) -> None:
        """The key cancels this session from now on."""
        self._sessions[process_id] = (secret, session)

    def forget(self, process_id: int) -> None:
        """The session is over."""
        self._reserved.discard(process_id)
        self._sessions.pop(process_id, None)

    async def request(self, process_id: int, secret: bytes) -> None:
        """A CancelRequest has come; returns when it has been dealt with, whatever came of it."""
        worker = process_id >> _SESSION_BITS
        if worker == self._worker:
            await self._cancel(process_id, secret)
            return
        self._requests += 1
        number = self._requests
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._send(
            "cancel", to=worker, process_id=process_id, secret=secret.hex(), number=number, answer_to=self._worker
        )
        try:
            async with asyncio.timeout(ANSWER):
                await answer
        except TimeoutError:
            pass
        finally:
            del self._answers[number]

    def hear(self, message: Message) -> None:
        """Take a `cancel` or `cancelled` of another worker."""
        number = message.get("number")
        if message.get("word") == "cancelled":
            answer = self._answers.get(number) if isinstance(number, int) else None
            if answer is not None and not answer.done():
                answer.set_result(None)
            return
        task = asyncio.get_running_loop().create_task(self._answered(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answered(self, message: Message) -> None:
        await self._cancel(int(message["process_id"]), bytes.fromhex(message["secret"]))
        self._send("cancelled", to=message["answer_to"], number=message["number"])

    async def _cancel(self, process_id: int, secret: bytes) -> None:
        known, session = self._sessions.get(process_id, (b"", None))
        # compare_digest in any case: the time that it takes says nothing about the key
        if hmac.compare_digest(known, secret) and session is not None:
            await session.cancel()
