"""All that a conversation knows: the one object that owns a session's state.

Everything that affects what is forwarded lives here; requests.py and answers.py change it only by its methods. Holds no
socket and takes no decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from hoopfast.policy.model import Command, Environment, Policy, SessionNames, Statement
from hoopfast.session.boundary import Ending, Limits, Recorder
from hoopfast.session.effects import Effects
from hoopfast.session.ledger import Ledger
from hoopfast.session.names import NameTable, Portal
from hoopfast.session.notifications import Notifications
from hoopfast.session.probe import Probe
from hoopfast.session.replies import Expected, Reply, ReplyQueue
from hoopfast.wire import protocol
from hoopfast.wire.framer import Framer

if TYPE_CHECKING:
    from hoopfast.session.steady import Handover

Condition: TypeAlias = Callable[[], bool]


class Wait(Exception):  # noqa: N818 - not an error: the message cannot be handled before `ready()`
    """Raised by a handler, before it has changed anything, for a message that must wait."""

    def __init__(self, ready: Condition) -> None:
        super().__init__()
        self.ready = ready


class ConversationState:
    """One session between authentication and its end."""

    def __init__(
        self,
        policy: Policy,
        recorder: Recorder,
        *,
        limits: Limits,
        parameters: dict[str, str],
        notifications: Notifications,
    ) -> None:
        self.policy = policy
        self.ledger = Ledger(recorder)
        self.notifications = notifications
        sizes = {"max_message": limits.max_message, "max_control": limits.max_control}
        self.frontend = Framer(protocol.FRONTEND_VERDICTS, frontend=True, **sizes)
        self.backend = Framer(protocol.BACKEND_VERDICTS, frontend=False, **sizes)
        self.frontend.phase = protocol.FrontendPhase.READY
        self.backend.phase = protocol.BackendPhase.READY
        self.names = NameTable()
        self.queue = ReplyQueue()
        self.effects = Effects()
        self.parameters = dict(parameters)

        self.segment = 0  # counts the Syncs and Querys that were forwarded
        self.unsynced = False  # messages of the extended protocol were forwarded since the last Sync
        self.skipping = False  # the backend skips to Sync, and no Sync has been forwarded for it
        self.copying: Expected | None = None  # a COPY FROM STDIN whose reply says what may be forwarded next
        self.status = b"I"  # of the last ReadyForQuery
        self.tainted = False  # the transaction has run something unproven: its errors do not pass whole
        # In which segment the transaction under way did something that its end undoes or publishes; -1: it did not.
        self.settings_changed_in = -1
        self.catalog_changed_in = -1

        self.schemas: tuple[str, ...] | None = None  # current_schemas(true), if known
        self.role: str | None = None
        self.schemas_unavailable = False  # the backend would not say; ask again after the next statement
        self.basis_seen: object = None
        # The gateway was asked for the catalog, or for a decision in a thread, and resume() has not come.
        self.catalog_pending = False
        self.threaded = False  # it may be asked for decisions in a thread
        self.handover: Handover | None = None  # to the steady state in C
        self.probe = Probe.NONE

        self.fatal_seen = False  # the backend has said why it closes
        self.leaving = False  # Terminate, or end of file, from the frontend

    @property
    def drained(self) -> bool:
        """Whether the backend owes nothing."""
        return len(self.queue) == 0

    @property
    def names_settled(self) -> bool:
        """Whether no earlier segment may still change a name."""
        return not self.queue.changes_names_before(self.segment)

    @property
    def prepared_settled(self) -> bool:
        """Whether no earlier segment may still change a name of a prepared statement."""
        return not self.queue.changes_prepared_before(self.segment)

    @property
    def single_byte(self) -> bool:
        """Whether the client's encoding has one byte per character."""
        return self.parameters.get("client_encoding", "UTF8").upper() not in ("UTF8", "UNICODE")

    def need_catalog(self) -> Wait:
        """The message must wait until the gateway has read the catalog."""
        self.catalog_pending = True
        self.effects.catalog_needed = True
        return Wait(lambda: not self.catalog_pending)

    def need_work(self, work: Callable[[], None]) -> Wait:
        """The message must wait until `work` has been done in a thread."""
        wait = self.need_catalog()
        self.effects.catalog_needed = False
        self.effects.work = work
        return wait

    def environment(self, names: SessionNames | None = None, *, threaded: bool = False) -> Environment:
        """What a decision taken now may depend on; `threaded`: who takes it may raise DecisionNeeded."""
        return Environment(
            schemas=self.schemas,
            role=self.role,
            parameters=self.parameters,
            in_transaction=self.status != b"I" or self.unsynced,
            catalog_dirty=self.catalog_changed_in >= 0,
            names=names,
            threaded=threaded and self.threaded,
        )

    # -- forwarding

    def push(self, kind: Reply, **known: Any) -> Expected:
        """Enter what the backend will owe for the message that is about to be forwarded."""
        entry = Expected(kind, self.segment, **known)
        self.queue.push(entry)
        return entry

    def to_backend(self, data: bytes) -> None:
        """Forward bytes to the backend."""
        self.effects.to_backend.append(data)

    def to_frontend(self, data: bytes) -> None:
        """Forward bytes to the frontend."""
        self.effects.to_frontend.append(data)

    def end_segment(self) -> None:
        """A Sync or a Query was forwarded: what follows is a segment of its own.

        A Query behind messages of the extended protocol stays in their implicit transaction, which ends at Sync.
        """
        self.segment += 1
        self.names.forget_expected()

    def executes(self, statement: Statement) -> None:
        """A statement is about to be executed: remember what it may change before its answer comes."""
        self.schemas_unavailable = False
        for command in self._performed(statement):
            if command.changes_settings or command.opaque or command.discards_all:
                self.schemas = None
                self.settings_changed_in = self.segment
            if command.transaction in _MAY_UNDO and self.settings_changed_in >= 0:
                self.schemas = None
            if command.changes_catalog or command.opaque:  # what nobody has read may run DDL
                self.schemas = None
                self.catalog_changed_in = self.segment
                self.effects.catalog_changed = True
            for channel, payload in command.notifies:
                self.notifications.forwarded(channel, payload)

    def _performed(self, statement: Statement) -> Iterator[Command]:
        """The commands of a statement, and those that they stand for: a cursor's query runs at FETCH, or at COMMIT."""
        for command in statement.commands:
            yield command
            if command.declared is not None:
                yield from command.declared.commands
            prepared = self.names.prepared(command.executes.encode("utf-8")) if command.executes is not None else None
            if prepared is not None:
                yield from prepared.statement.commands
            portal = self.names.portal(command.fetches.encode("utf-8")) if command.fetches is not None else None
            if portal is not None:
                yield from portal.statement.commands

    # -- answers

    def error_came(self) -> None:
        """The backend has sent an error: settings that the transaction changed may be undone."""
        self.ledger.failed = True
        if self.copying is self.queue.head:
            self.copying = None
        self.frontend.phase = protocol.FrontendPhase.READY
        self.backend.phase = protocol.BackendPhase.READY
        if self.settings_changed_in >= 0:
            self.schemas = None

    def transaction_over(self, segment: int) -> None:
        """ReadyForQuery says that no transaction is under way after `segment`."""
        self.tainted = False
        self.drop_portals(self.names.end_transaction())
        if 0 <= self.settings_changed_in <= segment:
            self.settings_changed_in = -1
            self.schemas = None
        if 0 <= self.catalog_changed_in <= segment:
            self.catalog_changed_in = -1
            self.effects.catalog_changed = True
        self.ledger.end_transaction("rolled back" if self.ledger.failed else "committed")

    def drop_portals(self, portals: Iterable[Portal]) -> None:
        """Portals are gone: an execution that was suspended in one will not go on."""
        for portal in sorted(portals, key=lambda portal: portal.sequence):
            if portal.sequence:
                self.ledger.end(portal.sequence, Ending.COMPLETED, tag="SUSPENDED")
                portal.sequence = 0


_MAY_UNDO = frozenset(("commit", "rollback", "rollback to", "prepare"))
