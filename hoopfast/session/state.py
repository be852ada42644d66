"""All that a conversation knows: the one object that owns a session's state.

Everything that affects what is forwarded lives here; frontend.py and backend.py change it only by its methods. Holds no
socket and takes no decision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from hoopfast.errors import HoopfastError
from hoopfast.policy.model import Environment, Policy, Statement
from hoopfast.session.boundary import Ending, Limits, Recorder
from hoopfast.session.effects import Effects
from hoopfast.session.ledger import Ledger
from hoopfast.session.names import NameTable
from hoopfast.session.notifications import Notifications
from hoopfast.session.replies import Expected, Reply, ReplyQueue
from hoopfast.wire import protocol
from hoopfast.wire.framer import Framer

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
        self.frontend = Framer(
            protocol.FRONTEND_VERDICTS, frontend=True, max_message=limits.max_message, max_control=limits.max_control
        )
        self.backend = Framer(
            protocol.BACKEND_VERDICTS, frontend=False, max_message=limits.max_message, max_control=limits.max_control
        )
        self.frontend.phase = protocol.FrontendPhase.READY
        self.backend.phase = protocol.BackendPhase.READY
        self.names = NameTable()
        self.queue = ReplyQueue()
        self.effects = Effects()
        self.parameters = dict(parameters)

        self.segment = 0  # counts the Syncs and Querys that were forwarded
        self.unsynced = False  # messages of the extended protocol were forwarded since the last Sync
        self.skipping = False  # the backend skips to Sync, and the Sync has not been forwarded
        self.status = b"I"  # of the last ReadyForQuery
        self.tainted = False  # the transaction has run something unproven: its errors do not pass whole
        self.catalog_dirty = False  # the transaction has run DDL
        self.settings_dirty = False  # the transaction has changed settings, which its end may undo
        self.schemas: tuple[str, ...] | None = None
        self.role: str | None = None
        self.basis_seen: object = None

        self.catalog_pending = False  # asked the gateway for the catalog, resume() has not come
        self.reprobed = False  # the catalog was read again for the statement that is being decided
        self.retry: tuple[int, bytes] | None = None  # a probed message, to be decided again
        self.fatal_seen = False  # the backend has said why it closes
        self.leaving = False  # Terminate or end of file from the frontend
        self.dead: HoopfastError | None = None

    # -- waiting

    @property
    def drained(self) -> bool:
        """Whether the backend owes nothing."""
        return len(self.queue) == 0

    @property
    def names_settled(self) -> bool:
        """Whether no earlier segment may still change a name."""
        return not self.queue.changes_names_before(self.segment)

    def wait_for_catalog(self) -> Wait:
        """The message must wait until the gateway has read the catalog."""
        self.catalog_pending = True
        self.effects.catalog_needed = True
        return Wait(lambda: not self.catalog_pending)

    def environment(self) -> Environment:
        """What a decision taken now may depend on."""
        return Environment(
            schemas=self.schemas,
            role=self.role,
            parameters=self.parameters,
            in_transaction=self.status != b"I" or self.unsynced,
            catalog_dirty=self.catalog_dirty,
        )

    # -- forwarding

    def push(self, kind: Reply, **known: object) -> Expected:
        """Enter what the backend will owe for the message that is about to be forwarded."""
        entry = Expected(kind, self.segment, **known)  # type: ignore[arg-type]  # the fields of Expected
        self.queue.push(entry)
        return entry

    def to_backend(self, data: bytes) -> None:
        """Forward bytes to the backend."""
        self.effects.to_backend.append(data)

    def to_frontend(self, data: bytes) -> None:
        """Forward bytes to the frontend."""
        self.effects.to_frontend.append(data)

    def end_segment(self) -> None:
        """A Sync or a Query was forwarded: what follows is a segment of its own."""
        self.segment += 1
        self.unsynced = False
        self.skipping = False
        self.names.forget_expected()

    def note_forwarded(self, statement: Statement) -> None:
        """Remember what a statement, once it is forwarded, may change before its answer comes."""
        if not statement.clean:
            self.tainted = True
        for command in statement.commands:
            if command.changes_settings or command.opaque:
                self.schemas = None
                self.settings_dirty = True
            if command.transaction in ("commit", "rollback", "rollback to", "prepare") and self.settings_dirty:
                self.schemas = None
            if command.changes_catalog:
                self.schemas = None
                self.catalog_dirty = True
                self.effects.catalog_changed = True
            for channel, payload in command.notifies:
                self.notifications.forwarded(channel, payload)

    def transaction_failed(self) -> None:
        """An error has come: settings that the transaction changed may be undone."""
        if self.settings_dirty:
            self.schemas = None
        self.ledger.failed = True

    # -- answers

    def drop_portals(self, portals: list[object]) -> None:
        """Close the books on portals that are gone."""
        for portal in portals:
            sequence = getattr(portal, "sequence", 0)
            if sequence:
                self.ledger.end(sequence, Ending.COMPLETED, tag="SUSPENDED")

    def set_plan(self) -> None:
        """Give the backend's framer the plan of the reply that comes next."""
        from hoopfast.session.plans import plan_for_head  # noqa: PLC0415

        self.backend.plan = plan_for_head(self)
