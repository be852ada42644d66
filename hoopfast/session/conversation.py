"""The conversation: what one frontend and one backend say to each other, and what the gateway lets through.

The public face of session/: bytes in, effects out. Synchronous, without sockets or clocks of its own; one object owns
the state (state.py). Any exception poisons both directions before anybody hears of it. Its steady state will be taken
over by C code behind these same methods; this form then stays as the oracle in tests.
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
from hoopfast.wire import frontend, protocol

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
    ) -> None:
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
        self._closed = False
        self.failure: BaseException | None = None  # what poisoned the session, for the log

    # -- what happens to it

    def frontend_data(self, data: Buffer) -> Effects:
        """The frontend has sent bytes; they are copied."""
        return self._run(lambda: self._state.frontend.feed(data))

    def backend_data(self, data: Buffer) -> Effects:
        """The backend has sent bytes; they are copied."""
        return self._run(lambda: self._backend(data))

    def resume(self) -> Effects:
        """The catalog that was asked for (`Effects.catalog_needed`) has been read."""
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
        return not self._closed and self._ready is None and len(self._state.queue) < MOST_OWED

    @property
    def cancellable(self) -> bool:
        """Whether the backend is at a statement of the frontend's, and at none of the gateway's own."""
        entries = self._state.queue
        return not self._closed and len(entries) > 0 and not entries.owes(Reply.OWN_QUERY)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, an open transaction aside."""
        state = self._state
        return state.drained and not state.unsynced and self._held is None and state.frontend.buffered == 0

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction block is open."""
        return self._state.status != b"I"

    @property
    def mid_message(self) -> bool:
        """Whether a message of the backend has reached the frontend in part: nothing may be written in between."""
        return self._state.backend.mid_message

    # -- the two pumps

    def _run(self, step: Callable[[], None]) -> Effects:
        if self._closed:
            return Effects(close=True)
        try:
            step()
            self._pump_frontend()
        except HoopfastError as error:
            self._poison(error)
        except Exception as error:
            self._poison(HoopfastError("internal error; the session is closed"), error)
        return self._take()

    def _backend(self, data: Buffer) -> None:
        state, answers = self._state, self._answers
        framer = state.backend
        framer.feed(data)
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
        state.effects.to_backend.clear()
        if not state.backend.mid_message:
            state.effects.to_frontend.append(fatal_response(error))
        state.effects.close = True
        self._abandon()

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
