"""One running session: two links and the conversation between them.

Carries the conversation's effects out, in order and no others; owns flow control in both directions, the wait for the
catalog and for decisions that take long, and the session's end. What is known already passes by it (pump.pyx) while
nothing waits. Decides nothing about what passes. A failure anywhere ends both directions before it is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from typing import NamedTuple

from hoopfast.audit.recorder import SessionRecorder
from hoopfast.errors import BackendUnavailable, HoopfastError, IdleTimeout, JournalUnavailable, ShuttingDown
from hoopfast.gateway.catalog import CatalogKeeper
from hoopfast.gateway.held import Held
from hoopfast.gateway.inbox import NOBODY, Hooks
from hoopfast.gateway.journals import WorkerJournal
from hoopfast.gateway.links import Link
from hoopfast.gateway.logs import logger, where
from hoopfast.gateway.pump import Pump
from hoopfast.session.conversation import Conversation
from hoopfast.session.effects import Effects
from hoopfast.wire.backend import ParameterStatus
from hoopfast.wire.frontend import Terminate

PROBED = 0.1  # seconds after which a reset has come, mostly
PROBE_AGAIN = 5.0

log = logger("session")


class Ports(NamedTuple):
    """What a relay is given to work with."""

    frontend: Link
    backend: Link
    conversation: Conversation
    keeper: CatalogKeeper
    journal: WorkerJournal
    recorder: SessionRecorder
    thinking: Executor  # for decisions that would hold up the loop
    cancel_upstream: Callable[[], Awaitable[None]]  # asks the server to cancel what the backend link runs
    on_end: Callable[[], None]


class Relay:
    """A session from its first ReadyForQuery to the end of both links."""

    def __init__(
        self, ports: Ports, *, session: str, idle_timeout: float, deadline: float, probe: tuple[str, str]
    ) -> None:
        """`deadline` is a time of the loop's clock; `probe` a ParameterStatus that the frontend has seen before."""
        self._loop = asyncio.get_running_loop()
        self._ports = ports
        self.frontend = ports.frontend
        self.backend = ports.backend
        self.conversation = ports.conversation
        self.session = session
        self.over = False
        self.draining: HoopfastError | None = None  # ends the session when it is next idle
        self._idle_timeout = idle_timeout
        self._deadline = deadline
        self._probe = ParameterStatus(probe[0].encode(), probe[1].encode()).encode()
        self._held = Held(ports.journal, ports.recorder, self._journal_synced)
        self._pump = Pump(self, ports.frontend, ports.backend, ports.conversation.core, ports.keeper.freshness)
        self._late: list[bytes] = []  # of the backend, which wait for the catalog
        self._half_closed = False
        self._probed = 0.0
        self._polite = False  # the backend can be told Terminate
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Take over the links."""
        self.frontend.receiver = Hooks(self.from_frontend, self.frontend_ended, self.frontend_lost, self.congested)
        self.backend.receiver = Hooks(self.from_backend, self.backend_ended, self.backend_lost, self.congested)
        self._pump.start()
        self.flow()

    # -- what happens to it

    def from_frontend(self, data: memoryview) -> None:
        """Bytes of the frontend."""
        if not self.over:
            self._step(self.conversation.frontend_data, data)

    def from_backend(self, data: memoryview) -> None:
        """Bytes of the backend; they wait if rows among them could not be planned, as the catalog has grown old."""
        if self.over:
            return
        if self._late or not self._ports.keeper.hold():
            self._late.append(bytes(data))
            if len(self._late) == 1:
                self.flow()
                self._spawn(self._catch_up())
            return
        self._step(self.conversation.backend_data, data)
        self._ports.keeper.let_go()

    def woken_by_frontend(self) -> None:
        """The pump has come upon bytes of the frontend that it leaves to Python; the conversation has them."""
        if not self.over:
            self._step(self.conversation.frontend_woken)

    def woken_by_backend(self) -> None:
        """The same with bytes of the backend; the catalog was found fresh a moment ago."""
        if not self.over:
            self._ports.keeper.hold(refreshed=True)
            self._step(self.conversation.backend_woken)
            self._ports.keeper.let_go()

    def steady_failed(self) -> None:
        """The pump cannot go on."""
        if not self.over:
            self._step(self.conversation.steady_failed)

    def frontend_ended(self) -> bool:
        """The frontend sends no more: what it has asked for is still answered, if it is there to read it."""
        if self.over:
            return False
        self._half_closed = True
        self._step(self.conversation.frontend_eof)
        if not self._is_over():
            self._probe_frontend()
            self._loop.call_later(PROBED, self._look_at_half_closed)
        return not self._is_over()

    def _is_over(self) -> bool:
        return self.over

    def frontend_lost(self, error: Exception | None) -> None:
        """The frontend has gone: what it left running is cancelled."""
        self._end("frontend lost", cancel=self.conversation.cancellable)

    def backend_ended(self) -> bool:
        """The backend has closed."""
        self._take_late()
        if not self._is_over():
            self._unqueue()
            self._step(self.conversation.backend_eof, cancel=False, reason="closed by the database server")
        if not self.over:
            self._end("backend lost", sqlstate=BackendUnavailable.sqlstate)
        return False

    def backend_lost(self, error: Exception | None) -> None:
        """The backend has gone without a word."""
        self.backend_ended()

    def congested(self, full: bool) -> None:
        """One of the peers reads too slowly, or has caught up."""
        if not self.over:
            self.flow()

    # -- what the worker asks of it

    @property
    def idle(self) -> bool:
        """Whether it may be ended without cutting anything off."""
        return self.conversation.idle and not self.conversation.in_transaction and not self._held

    def terminate(self, error: HoopfastError) -> None:
        """End it now."""
        if not self.over:
            self._polite = self.conversation.idle
            self._unqueue()
            self._step(self.conversation.terminate, error, cancel=self.conversation.cancellable)
            if not self.over:
                self._end(_reason(error), sqlstate=error.sqlstate)

    def drain(self, error: HoopfastError) -> None:
        """End it as soon as it is idle."""
        self.draining = error
        if self.idle:
            self.terminate(error)
        elif not self.over:
            self.flow()

    def look_at_clock(self, now: float) -> None:
        """End it if its time is up; called every second or so. Raises nothing: other sessions have limits too."""
        try:
            self._look_at_clock(now)
        except Exception as error:
            self.fail(error)

    def _look_at_clock(self, now: float) -> None:
        if self._half_closed and not self._is_over():
            self._look_at_half_closed()
            if now - self._probed > PROBE_AGAIN:
                self._probe_frontend()
        if self.over:
            return
        if now >= self._deadline:
            self.terminate(ShuttingDown("the session has reached its time limit", hint="Connect again."))
        elif now - self._pump.active_at >= self._idle_timeout and self.conversation.idle and not self._held:
            self.terminate(IdleTimeout("the session was idle for too long", hint="See [gateway] idle_timeout."))
        elif self.draining is not None and self.idle:
            self.terminate(self.draining)

    async def cancel(self) -> None:
        """Somebody who knows the session's key asks to cancel what it runs; returns when the server knows."""
        if self.over or not self.conversation.cancellable:
            return
        self._held.cancelling += 1
        self.flow()
        try:
            await self._ports.cancel_upstream()
        finally:
            self._held.cancelling -= 1
            self._release()

    # -- effects

    def _step(
        self, step: Callable[..., Effects], *given: object, cancel: bool = True, reason: str = "ended by the frontend"
    ) -> None:
        """One call into the conversation, and what it leads to; a failure ends the session."""
        try:
            effects = step(*given)
            if self._held.take(effects):
                self.flow()
            else:
                self._perform(effects, cancel=cancel, reason=reason)
        except Exception as error:
            self.fail(error)

    def _perform(self, effects: Effects, *, cancel: bool = True, reason: str = "ended by the frontend") -> None:
        if effects.catalog_changed:
            self._ports.keeper.changed()
        if effects.to_backend:
            self.backend.send(effects.to_backend)
        if effects.to_frontend:
            self.frontend.send(effects.to_frontend)
        if effects.close:
            failure = self.conversation.failure
            if failure is None:
                self._end(reason)
            else:
                self._end(_reason(failure), sqlstate=_sqlstate(failure), cancel=cancel, failure=failure)
            return
        if effects.catalog_needed:
            self._spawn(self._read_catalog())
        if effects.work is not None:
            self._spawn(self._think(effects.work))
        if self.draining is not None and self.idle:
            self.terminate(self.draining)
            return
        self.flow()

    def _journal_synced(self, error: JournalUnavailable | None) -> None:
        if error is None:
            self._release()
        elif not self.over:
            self.terminate(error)

    def _release(self) -> None:
        """Perform what has waited, as far as it may be."""
        try:
            for effects in self._held.released():
                self._perform(effects)
        except Exception as error:
            self.fail(error)
        if not self.over:
            self.flow()

    def flow(self) -> None:
        """Read from each peer only what can be passed on, and let the pump do it while nothing has to wait."""
        ready = self._held.nothing_waits and not self._late
        self._pump.direct = ready and self.draining is None and not self._half_closed
        blocked = bool(self._held) or self.frontend.full
        self.backend.read(not blocked and not self._late)
        if not self._half_closed:
            self.frontend.read(not blocked and not self.backend.full and self.conversation.reads_frontend)

    async def _catch_up(self) -> None:
        """Refresh the catalog, then go on with what the backend has sent."""
        keeper = self._ports.keeper
        # A failure is logged; what can be passed on without a catalog is, the rest ends the session.
        with contextlib.suppress(Exception):
            await keeper.refresh()
            if not keeper.hold():
                await keeper.refresh()  # the first had begun before the bytes came
        keeper.hold(refreshed=True)
        self._take_late()
        keeper.let_go()
        if not self.over:
            self.flow()

    def _take_late(self) -> None:
        late, self._late = self._late, []
        for data in late:
            if not self.over:
                self._step(self.conversation.backend_data, memoryview(data))

    async def _read_catalog(self) -> None:
        try:
            await self._ports.keeper.refresh()
        except Exception as error:
            if isinstance(error, HoopfastError):
                self.terminate(BackendUnavailable("the database's catalog cannot be read", detail=error.message))
            else:
                self.terminate(BackendUnavailable("the database's catalog cannot be read"))
                log.error("catalog not read", session=self.session, error=where(error))
            return
        if not self.over:
            self._step(self.conversation.resume)

    async def _think(self, work: Callable[[], None]) -> None:
        try:
            await self._loop.run_in_executor(self._ports.thinking, work)
        except Exception as error:
            self.fail(error)
        if not self.over:
            self._step(self.conversation.resume)

    # -- a frontend that sends nothing more

    def _probe_frontend(self) -> None:
        """Make its kernel say whether it is still there.

        One that has gone altogether looks the same as one that has only finished sending, until something arrives and
        is answered by a reset. A ParameterStatus may come at any time, and one that was sent before changes nothing.
        """
        self._probed = self._loop.time()
        if not (self._held or self.frontend.full or self.conversation.mid_message):
            self.frontend.send([self._probe])

    def _look_at_half_closed(self) -> None:
        if not self.over and self.frontend.reset:
            self.frontend_lost(None)

    # -- the end

    def _unqueue(self) -> None:
        """The backend gets nothing more of what has waited; the frontend gets its part, so that messages are whole."""
        for buffers in self._held.given_up():
            self.frontend.send(buffers)

    def fail(self, error: Exception) -> None:
        """Something of ours went wrong: both directions are dead before anybody hears of it."""
        failure = HoopfastError("internal error; the session is closed")
        self._end("internal error", sqlstate=failure.sqlstate, cancel=True, failure=error, last_words=failure)

    def _end(
        self,
        reason: str,
        *,
        sqlstate: str = "",
        cancel: bool = False,
        failure: BaseException | None = None,
        last_words: HoopfastError | None = None,
    ) -> None:
        if self.over:
            return
        self.over = True
        self._pump.stop()
        self._held.clear()
        self._late.clear()
        backend, self.backend.receiver = self.backend, NOBODY
        backend.read(False)
        with contextlib.suppress(Exception):  # poisoned, if it was not: its records get their ends
            effects = self.conversation.terminate(last_words or ShuttingDown("the session is over"))
            if last_words is not None and effects.to_frontend:
                self.frontend.send(effects.to_frontend)
        self.frontend.finish()
        if self._polite:
            backend.send([Terminate().encode()])
        if cancel and backend.connected:
            self._spawn(self._cancel_then_close())
        else:
            backend.finish()
        try:
            self._ports.recorder.finish(reason, sqlstate)
        except Exception as error:
            cause = error.message if isinstance(error, JournalUnavailable) else where(error)
            log.error("session's end not recorded", session=self.session, reason=cause)
        if failure is not None and not isinstance(failure, HoopfastError):
            log.error("session failed", session=self.session, error=where(failure))
        self._ports.on_end()

    async def _cancel_then_close(self) -> None:
        try:
            await self._ports.cancel_upstream()
        finally:
            self.backend.finish()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _reason(error: BaseException) -> str:
    return error.message if isinstance(error, HoopfastError) else "internal error"


def _sqlstate(error: BaseException) -> str:
    return error.sqlstate if isinstance(error, HoopfastError) else "XX000"
