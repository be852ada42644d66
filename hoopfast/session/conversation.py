"""The conversation: what one frontend and one backend say to each other, and what the gateway lets through.

The public face of session/: bytes in, effects out. Synchronous, without sockets or clocks of its own; one object owns
the state (state.py). Any exception poisons both directions before anybody hears of it. Given `steady`, what is known
already runs in C behind these same methods (steady.py), or is driven by the gateway without them (`core`); without it
everything is done here, which is what tests compare the other with.
"""

from __future__ import annotations

from collections.abc import Callable

from hoopfast.errors import BackendUnavailable, FrontendProtocolError, HoopfastError
from hoopfast.policy.model import Policy
from hoopfast.session.answers import Answers
from hoopfast.session.boundary import Limits, Recorder
from hoopfast.session.effects import Buffer, Effects
from hoopfast.session.notifications import Notifications
from hoopfast.session.refusal import fatal_response
from hoopfast.session.replies import Reply
from hoopfast.session.requests import Requests
from hoopfast.session.state import Condition, ConversationState, Wait
from hoopfast.session.steady import Handover, SteadyPorts
from hoopfast.wire import frontend, protocol
from hoopfast.wire.steady import FAILED, WAKE, Steady

# Replies owed before the frontend is read no further. Above what the backend holds back before it sends (its output
# buffer of 8 KiB has room for about 1,600 of the shortest replies), so that stopping here can never stop both sides.
MOST_OWED = 16_384


class Conversation:
    """One session from ReadyForQuery of the startup to its end.

    `parameters` are the backend's ParameterStatus values of the startup. Every call returns the effects that it led to.
    After `failure` is set, or `Effects.close` was given, there are no more.
    """

    def __init__(
        self,
        policy: Policy,
        recorder: Recorder,
        *,
        limits: Limits | None = None,
        parameters: dict[str, str] | None = None,
        notifications: Notifications | None = None,
        steady: SteadyPorts | None = None,
        threaded: bool = False,
    ) -> None:
        """`threaded`: whoever calls does what `Effects.work` asks for."""
        self._state = ConversationState(
            policy,
            recorder,
            limits=limits or Limits(),
            parameters=parameters or {},
            notifications=notifications or Notifications(),
        )
        self._requests = Requests(self._state)
        self._answers = Answers(self._state)
        self._held: tuple[int, bytes] | None = None  # a message of the frontend that has to wait
        self._ready: Condition | None = None  # … and for what
        self._looked = False  # C has had a look at the catalog for the statement that it is at
        self._closed = False
        self.failure: BaseException | None = None  # what poisoned the session, for the log
        self._state.threaded = threaded
        self._handover = self._state.handover = Handover(self._state, steady) if steady is not None else None
        self.core: Steady | None = self._handover.core if self._handover is not None else None

    # -- what happens to it

    def frontend_data(self, data: Buffer) -> Effects:
        """The frontend has sent bytes; they are copied."""
        if self.core is None or self._closed:
            return self._run(lambda: self._state.frontend.feed(data))
        return self._fed(self.core.feed_frontend(data), self._state.to_backend, self.frontend_woken)

    def backend_data(self, data: Buffer) -> Effects:
        """The backend has sent bytes; they are copied. Given `steady`, rows are masked where they stand if they can."""
        if self.core is None or self._closed:
            return self._run(lambda: self._backend(data))
        return self._fed(self.core.feed_backend(data), self._state.to_frontend, self.backend_woken)

    def frontend_woken(self) -> Effects:
        """The core has taken in bytes of the frontend that it does not know what to do with."""
        if self.core is not None and not self._closed:
            if self.core.looking:
                return self._take()
            if self.core.look_due and not self._looked:
                self.core.looking = self._looked = True
                self._state.effects.catalog_needed = True
                return self._take()
        return self._run(lambda: None)

    def backend_woken(self) -> Effects:
        """The core has taken in bytes of the backend that it does not know what to do with."""
        return self._run(self._backend_messages)

    def steady_failed(self) -> Effects:
        """The core has failed; nothing of what it was given has to be sent."""
        assert self._handover is not None
        error = self._handover.failure
        if not self._closed:
            self._poison(error if isinstance(error, HoopfastError) else _internal(), error)
        return self._take()

    def resume(self) -> Effects:
        """What was asked for (`Effects.catalog_needed`, `Effects.work`) has been done."""
        if self.core is not None and self.core.looking and not self._closed:
            self.core.looking = False
            return self._fed(self.core.feed_frontend(b""), self._state.to_backend, self.frontend_woken)
        return self._run(self._catalog_came)

    def frontend_eof(self) -> Effects:
        """The frontend sends nothing more; what it has asked for is still answered."""
        return self._run(self._frontend_leaves)

    def backend_eof(self) -> Effects:
        """The backend has closed its link."""
        return self._run(self._backend_left)

    def terminate(self, error: HoopfastError) -> Effects:
        """The gateway ends the session: drain, limit, kill, a lost catalog."""
        if not self._closed:
            self._poison(error)
        return self._take()

    # -- what it looks like from outside

    @property
    def reads_frontend(self) -> bool:
        """Whether more input from the frontend is of use; otherwise stop reading it."""
        if self._closed or self._ready is not None or (self.core is not None and self.core.looking):
            return False
        return self._owed < MOST_OWED

    @property
    def cancellable(self) -> bool:
        """Whether the backend is at a statement of the frontend's, and at none of the gateway's own."""
        return not self._closed and self._owed > 0 and not self._state.queue.owes(Reply.OWN_QUERY)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, an open transaction aside."""
        state = self._state
        if state.frontend.buffered or self._held is not None:
            return False
        if self.core is not None and self.core.active:
            return self.core.idle
        return state.drained and not state.unsynced

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction block is open."""
        if self.core is not None and self.core.active:
            return self.core.in_transaction
        return self._state.status != b"I"

    @property
    def mid_message(self) -> bool:
        """Whether a message of the backend has reached the frontend in part: nothing may be written in between."""
        return self._state.backend.mid_message

    @property
    def _owed(self) -> int:
        return self.core.owed if self.core is not None and self.core.active else len(self._state.queue)

    # -- the two pumps

    def _fed(self, status: int, send: Callable[[bytes], None], woken: Callable[[], Effects]) -> Effects:
        """The core has taken bytes in: what comes of it goes first, then Python's turn, if it needs one."""
        assert self.core is not None
        if status == FAILED:
            return self.steady_failed()
        output = self.core.take_output()
        if output:
            send(output)
        if status == WAKE:
            return woken()
        self._looked = False
        return self._take()

    def _run(self, step: Callable[[], None]) -> Effects:
        if self._closed:
            return Effects(close=True)
        try:
            if self._handover is not None:
                self._handover.spill()
                self._wait_for_look(self._handover.core)
            step()
            self._pump_frontend()
            if self._handover is not None:
                self._hand_over(self._handover)
        except HoopfastError as error:
            self._poison(error)
        except Exception as error:
            self._poison(_internal(), error)
        return self._take()

    def _wait_for_look(self, core: Steady) -> None:
        """What has waited in C for a look at the catalog waits for it here from now on."""
        if core.looking:
            self._ready = self._state.need_catalog().ready
            self._state.effects.catalog_needed = False  # it has been asked for
        self._looked = core.looking = False

    def _hand_over(self, handover: Handover) -> None:
        waiting = self._held is not None or self._ready is not None
        if not waiting and not self._state.effects.close:
            handover.adopt()
        handover.allow_streams(waiting=waiting)

    def _backend(self, data: Buffer) -> None:
        self._state.backend.feed(data)
        self._backend_messages()

    def _backend_messages(self) -> None:
        state, answers = self._state, self._answers
        framer = state.backend
        while True:
            framer.plan = answers.next_plan()
            message = framer.next()
            if message is None:
                return
            kind, body = message
            if kind:
                answers.handle(kind, body)
            else:
                answers.rows(body)

    def _pump_frontend(self) -> None:
        state = self._state
        while not state.effects.close:
            if self._ready is not None and not self._ready():
                return
            self._ready = None
            if state.copying is not None and state.frontend.phase != protocol.FrontendPhase.COPY_IN:
                self._ready = self._copy_answered  # nothing more is forwarded until the backend has answered
                continue
            message = self._held or state.frontend.next()
            if message is None:
                break
            self._held = None
            self._frontend_message(*message)
        if state.leaving and not state.effects.close:
            self._leave_if_done()

    def _copy_answered(self) -> bool:
        state = self._state
        return state.copying is None or state.frontend.phase == protocol.FrontendPhase.COPY_IN

    def _frontend_message(self, kind: int, body: bytes) -> None:
        if not kind:
            self._state.to_backend(body)
            return
        try:
            self._requests.handle(kind, body)
        except Wait as wait:
            self._held = (kind, body)
            self._ready = wait.ready

    # -- endings

    def _catalog_came(self) -> None:
        self._state.catalog_pending = False

    def _frontend_leaves(self) -> None:
        self._state.leaving = True
        if self._state.frontend.buffered and self._held is None and self._ready is None:
            raise FrontendProtocolError("the frontend left in the middle of a message")

    def _leave_if_done(self) -> None:
        state = self._state
        # In copy-in the backend would wait for data that will not come.
        in_copy = state.frontend.phase == protocol.FrontendPhase.COPY_IN
        if self._held is None and (state.drained or state.unsynced or in_copy):
            if not state.frontend.mid_message:
                state.to_backend(frontend.Terminate().encode())
            state.effects.close = True

    def _backend_left(self) -> None:
        if self._state.fatal_seen:
            self._state.effects.close = True
        else:
            raise BackendUnavailable("the connection to the database server was lost")

    def _poison(self, error: HoopfastError, cause: BaseException | None = None) -> None:
        """End the session: nothing more is forwarded, the frontend is told why if that is still possible."""
        state = self._state
        self._closed = True
        self.failure = cause or error
        self._take_back()
        state.effects.to_backend.clear()
        if not state.backend.mid_message:
            state.effects.to_frontend.append(fatal_response(error))
        state.effects.close = True
        self._abandon()

    def _take_back(self) -> None:
        """End C's part; what it cannot tell any more, the recorder ends as unknown with the session."""
        if self._handover is None:
            return
        try:
            self._handover.spill()
        except Exception as error:
            self._handover.core.drop()
            self.failure = self.failure or error

    def _abandon(self) -> None:
        try:
            self._state.ledger.abandon()
        except Exception as error:  # the journal cannot be written: the gateway says so, there is nothing to forward
            self.failure = self.failure or error

    def _take(self) -> Effects:
        effects = self._state.effects
        self._state.effects = Effects()
        if effects.close and not self._closed:
            self._closed = True
            self._abandon()
        return effects


def _internal() -> HoopfastError:
    return HoopfastError("internal error; the session is closed")
