"""The names of one session: prepared statements and portals, as the backend has them.

Parse and PREPARE share one table, Bind and DECLARE CURSOR the other, as in PostgreSQL. Two layers: what the backend has
confirmed, and what the messages since the last Sync will have done if nothing of them fails (if something fails, the
rest is skipped, so a lookup there never needs to guess). Whoever asks across an unanswered Sync has to wait: see
`ConversationState.names_settled`. Knows no bytes of the wire and takes no decision.
"""

from __future__ import annotations

from dataclasses import dataclass

from hoopfast.policy.model import Command, ResultColumn, Statement
from hoopfast.wire.masking import MaskPlan

MAX_NAME = 63  # NAMEDATALEN - 1; longer protocol names collide with others in PostgreSQL (soundness 7)


@dataclass(slots=True, eq=False)
class Prepared:
    """A prepared statement, by Parse or by PREPARE."""

    name: bytes
    text: bytes  # what to decide again when the basis changes; for PREPARE the whole command
    parameter_types: tuple[int, ...]
    statement: Statement
    from_sql: bool = False
    unsure: bool = False  # opaque code has run since, and may have put another one in its place
    description: tuple[ResultColumn, ...] | None = None  # of the statement: may add a doubt, never clears one
    description_body: bytes | None = None  # … as the RowDescription had it


@dataclass(slots=True, eq=False)
class Portal:
    """A portal, by Bind or by DECLARE CURSOR. Owns its plan from Bind on."""

    name: bytes
    statement: Statement
    prepared: Prepared | None = None  # None for a cursor
    result_formats: tuple[int, ...] = ()
    parameters: tuple[bytes | None, ...] = ()
    plan: MaskPlan | None = None  # for its rows
    described: bool = False  # a Describe of this very portal was sent, whose answer comes before any rows
    holdable: bool = False
    target: tuple[Statement, Command] | None = None  # Rows.NAMED: whose rows these are, as of Bind
    sequence: int = 0  # the journal's number of the execution that has begun and not ended

    @property
    def command(self) -> Command | None:
        """The one command of its statement; None for an empty text."""
        return self.statement.commands[0] if self.statement.commands else None


class NameTable:
    """What prepared statements and portals exist, confirmed and expected."""

    def __init__(self) -> None:
        self._prepared: dict[bytes, Prepared] = {}
        self._portals: dict[bytes, Portal] = {}
        self._expected_prepared: dict[bytes, Prepared | None] = {}
        self._expected_portals: dict[bytes, Portal | None] = {}
        # Names of prepared statements that changed, or whose statement did, since whoever empties it last looked.
        self.changed: set[bytes] = set()

    # -- what the frontend's next message means

    def prepared(self, name: bytes) -> Prepared | None:
        """The statement that a message sent now would find under this name (`unsure`: or another one)."""
        if name in self._expected_prepared:
            return self._expected_prepared[name]
        return self._prepared.get(name)

    def portal(self, name: bytes) -> Portal | None:
        """The portal that a message sent now would find under this name."""
        if name in self._expected_portals:
            return self._expected_portals[name]
        return self._portals.get(name)

    def expects_prepared(self, name: bytes) -> bool:
        """Whether a message since the last Sync has said what the name of a prepared statement stands for."""
        return name in self._expected_prepared

    def expects_portal(self, name: bytes) -> bool:
        """Whether a message since the last Sync has said what the name of a portal stands for."""
        return name in self._expected_portals

    def expect_prepared(self, name: bytes, prepared: Prepared | None) -> None:
        """A message was sent that creates (or, with None, ends) a prepared statement."""
        self._expected_prepared[name] = prepared

    def expect_portal(self, name: bytes, portal: Portal | None) -> None:
        """A message was sent that creates (or, with None, ends) a portal."""
        self._expected_portals[name] = portal

    def expect_doubt(self) -> None:
        """A message was sent that runs opaque code, which may put others under every name but the unnamed ones."""
        for prepared in (*self._prepared.values(), *self._expected_prepared.values()):
            if prepared is not None and prepared.name:
                prepared.unsure = True
        self.changed.update(self._prepared)
        for name in (*self._portals, *self._expected_portals):
            if name:
                self._expected_portals[name] = None

    def forget_expected(self) -> None:
        """A Sync or Query was sent: later lookups wait for the answers instead."""
        self._expected_prepared.clear()
        self._expected_portals.clear()

    # -- what the backend has answered

    def confirm_prepared(self, name: bytes, prepared: Prepared | None) -> None:
        """The backend has created (or, with None, ended) a prepared statement."""
        self.changed.add(name)
        if prepared is None:
            self._prepared.pop(name, None)
        else:
            self._prepared[name] = prepared

    def confirm_portal(self, name: bytes, portal: Portal | None) -> Portal | None:
        """The backend has created (or, with None, ended) a portal; returns the one that had the name."""
        previous = self._portals.pop(name, None)
        if portal is not None:
            self._portals[name] = portal
        return previous

    def confirmed_prepared(self, name: bytes) -> Prepared | None:
        """The prepared statement that the backend has confirmed under this name."""
        return self._prepared.get(name)

    def confirmed_portal(self, name: bytes) -> Portal | None:
        """The portal that the backend has confirmed under this name."""
        return self._portals.get(name)

    @property
    def has_portals(self) -> bool:
        """Whether the backend has confirmed any portal that is still there."""
        return bool(self._portals)

    def end_transaction(self, keep: Portal | None = None) -> list[Portal]:
        """The transaction is over: every portal but the holdable cursors is gone; returns those.

        `keep` is the portal that is executing the command: an active portal survives it (portalmem.c).
        """
        return self._end([portal for portal in self._portals.values() if not portal.holdable and portal is not keep])

    def end_prepared(self) -> None:
        """DEALLOCATE ALL: no prepared statement is left but the unnamed one (DropAllPreparedStatements)."""
        self.changed.update(self._prepared)
        self._prepared = {name: prepared for name, prepared in self._prepared.items() if not name}

    def end_portals(self, keep: Portal | None) -> list[Portal]:
        """CLOSE ALL: no portal is left but the one that executes it; returns those that there were."""
        return self._end([portal for portal in self._portals.values() if portal is not keep])

    def _end(self, portals: list[Portal]) -> list[Portal]:
        for portal in portals:
            del self._portals[portal.name]
        return portals

    def doubt(self, keep: Portal | None) -> list[Portal]:
        """Opaque code has run: no name but the unnamed ones is sure any more; returns the portals that were.

        The portal that ran it stays: PostgreSQL refuses to close a portal that is active.
        """
        self.changed.update(self._prepared)
        for prepared in self._prepared.values():
            prepared.unsure = prepared.unsure or bool(prepared.name)
        return self._end([portal for portal in self._portals.values() if portal.name and portal is not keep])
