"""Between the conversation in Python and its steady state in C: what C learns, and how the state changes hands.

C is in charge (`Steady.active`) from when nothing is owed until something comes that it does not know; everything that
it then knows is made into session/'s own objects. Decides only who is in charge, and what of a decision C may repeat:
statements of one command that change neither settings, nor catalog, nor names.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, Protocol, cast

from hoopfast.policy.model import CatalogNeeded, Command, Rows, Statement, Verdict
from hoopfast.session import schemas
from hoopfast.session.boundary import Ending, Outcome, Recorder
from hoopfast.session.names import Portal, Prepared
from hoopfast.session.plans import columns_of
from hoopfast.session.probe import Probe
from hoopfast.session.replies import Expected, Reply
from hoopfast.session.requests import PLANNED
from hoopfast.session.state import ConversationState
from hoopfast.wire import fields, protocol
from hoopfast.wire.bridge import RecorderBridge
from hoopfast.wire.fields import frontend_reader
from hoopfast.wire.freshness import Freshness
from hoopfast.wire.masking import MaskPlan
from hoopfast.wire.shapes import KnownStatement, ShapeTable
from hoopfast.wire.steady import Steady
from hoopfast.wire.steady_state import Scratch, SpilledReply

_REPLIES = {kind.name.lower().replace("_", " "): kind for kind in Reply}
_TRANSACTIONS = {"commit": 1, "rollback": 2, "begin": 0, "savepoint": 0, "release": 0, "rollback to": 0}
# Of different bases; a table that sessions still use lives on with them.
_MOST_TABLES = 32
_MOST_BYTES = 96 * 1024 * 1024
_TABLE_BYTES = 48 * 1024 * 1024  # ten thousand statements take about half of it


class NativeRecorder(Protocol):
    """A recorder that C can call: see hoopfast/recording.pxd."""

    @property
    def recording(self) -> object:
        """The capsule of its functions."""

    def template(self, statement: Statement) -> object:
        """The capsule of what every execution of a statement says of it, for all recorders of its kind."""


class Shapes:
    """The statements that C knows, one table for each basis of decisions; shared by the sessions of a thread."""

    def __init__(self) -> None:
        self.scratch = Scratch()
        self._tables: OrderedDict[Hashable, ShapeTable] = OrderedDict()
        self._kind: type | None = None

    def serve(self, kind: type) -> None:
        """Be used with recorders of this kind, and with no other: what is known of a statement has their templates."""
        if self._kind not in (None, kind):
            raise ValueError("recorders of two kinds cannot share what is known of statements")
        self._kind = kind

    def table(self, basis: Hashable) -> ShapeTable:
        """The statements decided on this basis."""
        table = self._tables.get(basis)
        if table is None:
            table = self._tables[basis] = ShapeTable(most_bytes=_TABLE_BYTES)
        self._tables.move_to_end(basis)
        while len(self._tables) > 1 and (len(self._tables) > _MOST_TABLES or self.size > _MOST_BYTES):
            self._tables.popitem(last=False)
        return table

    def known(self, basis: Hashable, text: bytes, types: bytes) -> KnownStatement | None:
        """What C knows of a statement that was decided on this basis, if anything."""
        table = self._tables.get(basis)
        return None if table is None else table.find_known(text, types)

    @property
    def size(self) -> int:
        """How many bytes the tables hold."""
        return sum(table.size for table in self._tables.values())


class SteadyPorts(NamedTuple):
    """What a conversation needs for its steady state to run in C."""

    freshness: Freshness  # of the catalog that its policy decides by
    shapes: Shapes
    recorder: Recorder


class Handover:
    """One session's steady state, and the way to it and back."""

    def __init__(self, state: ConversationState, ports: SteadyPorts) -> None:
        self._state = state
        self._shapes = ports.shapes
        self._bridge: RecorderBridge | None = None
        self._template: Callable[[Statement], object]
        ports.shapes.serve(type(ports.recorder))
        if hasattr(ports.recorder, "recording"):
            native = cast(NativeRecorder, ports.recorder)
            recording, self._template = native.recording, native.template
        else:
            self._bridge = RecorderBridge(_Target(ports.recorder))
            recording, self._template = self._bridge.recording, RecorderBridge.template
        self.core = Steady(state.frontend, state.backend, ports.freshness, ports.shapes.scratch, recording)

    @property
    def failure(self) -> Exception:
        """Why the steady state has failed."""
        return (self._bridge.error if self._bridge is not None else None) or MemoryError()

    # -- what C learns

    def learn(self, text: bytes, parameter_types: Sequence[int], statement: Statement) -> None:
        """A text has been decided."""
        if not _repeatable(statement) or self._state.schemas is None or self._state.catalog_changed_in >= 0:
            return
        table, types = self._shapes.table(statement.basis), types_of(parameter_types)
        if table.find_known(text, types) is not None:
            return
        command = statement.commands[0]
        known = KnownStatement(
            statement,
            clean=statement.clean,
            returns_rows=command.rows is not Rows.NONE,
            rows_clean=command.rows is Rows.CLEAN,
            describe_always=self._state.policy.needs_description(command),
            planned=command.tag in PLANNED,
            transaction=_TRANSACTIONS[command.transaction] if command.transaction is not None else 0,
            template=self._template(statement),
            literals_matter=statement.literals_matter,
        )
        table.learn(text, types, known)

    def known(self, text: bytes, parameter_types: Sequence[int], statement: Statement | None) -> KnownStatement | None:
        """What C knows of a statement, if anything."""
        if statement is None or not _repeatable(statement):
            return None
        return self._shapes.known(statement.basis, text, types_of(parameter_types))

    def described(self, known: KnownStatement | None, body: bytes, plan: MaskPlan) -> None:
        """`plan` is for the rows of this statement whenever an execution of it is described by `body`."""
        if known is not None and self._current(known):
            known.add_plan(body, plan)

    def planned(self, prepared: Prepared, statement: Statement, formats: tuple[int, ...], plan: MaskPlan) -> None:
        """`plan` is for the rows of a prepared statement under these result formats, as it has been described."""
        known = self.known(prepared.text, prepared.parameter_types, statement)
        if known is None or prepared.description_body is None or prepared.statement is not statement:
            return
        if self._current(known):
            known.add_format_plan(prepared.description_body, fields.int16s(formats), plan)

    def _current(self, known: KnownStatement) -> bool:
        """Whether a plan that is made now is one for what was decided: under the same catalog, by the same policy."""
        try:
            return bool(self._state.policy.basis(self._state.environment()) == cast(Statement, known.statement).basis)
        except CatalogNeeded:
            return False

    # -- to C

    def adopt(self) -> None:
        """Let C take over, if nothing is under way that it does not know of."""
        state = self._state
        if self.core.active or not self._quiet():
            return
        try:
            basis = state.policy.basis(state.environment())
            if schemas.moved(state):
                return  # the effective schemas are of another catalog
        except CatalogNeeded:
            return
        table = self._shapes.table(basis)
        self._tell_names(table, basis)
        self.core.adopt(
            table,
            segment=state.segment,
            status=state.status,
            tainted=state.tainted,
            foreign_portals=state.names.has_portals,
            books=state.ledger.books,
        )

    def _quiet(self) -> bool:
        state = self._state
        return (
            state.drained
            and not (state.unsynced or state.skipping or state.leaving or state.fatal_seen or state.catalog_pending)
            and state.schemas is not None
            and state.settings_changed_in < 0
            and state.catalog_changed_in < 0
            and state.copying is None
            and state.probe is Probe.NONE
            and state.frontend.phase == protocol.FrontendPhase.READY
            and state.backend.phase == protocol.BackendPhase.READY
            and state.ledger.quiet  # so no portal is suspended
        )

    def _tell_names(self, table: ShapeTable, basis: Hashable) -> None:
        names = self._state.names
        for name in names.changed:
            prepared = names.confirmed_prepared(name)
            known = _known_prepared(prepared, table, basis) if prepared is not None and name.isascii() else None
            if prepared is None or known is None:
                self.core.remove_prepared(name)
            else:
                if prepared.description_body is not None:
                    known.add_description(prepared.description_body)
                self.core.put_prepared(name, prepared, known, prepared.description_body)
        names.changed.clear()

    def allow_streams(self, *, waiting: bool) -> None:
        """Python is in charge: say which bytes may pass without it until it is asked again."""
        state = self._state
        head = state.queue.head
        rows = state.backend.plan is not None and head is not None and head.kind is not Reply.OWN_QUERY
        self.core.streams_backend = rows or state.backend.phase == protocol.BackendPhase.COPY_OUT
        in_copy = state.frontend.phase == protocol.FrontendPhase.COPY_IN
        self.core.streams_frontend = in_copy and not waiting and not state.leaving

    # -- and back

    def spill(self) -> None:
        """Take over from C."""
        if not self.core.active:
            return
        state, names = self._state, self._state.names
        spilled = self.core.spill(_prepared, _portal, _described)
        state.segment, state.unsynced = spilled.segment, spilled.unsynced
        state.tainted, state.status = spilled.tainted, spilled.status
        state.schemas_unavailable = False
        state.ledger.restore(spilled.books, spilled.open)
        for name, prepared in spilled.prepared:
            names.confirm_prepared(name, prepared)
        names.changed.clear()  # C has the same
        if spilled.transaction_ended:
            names.end_transaction()
        for name in spilled.changed_portals:
            names.confirm_portal(name, None)
        for name, portal in spilled.portals:
            names.confirm_portal(name, portal)
        for name, prepared in spilled.expected_prepared:
            names.expect_prepared(name, prepared)
        for name, portal in spilled.expected_portals:
            names.expect_portal(name, portal)
        for reply in spilled.replies:
            state.queue.push(_expected(reply))


def types_of(parameter_types: Sequence[int]) -> bytes:
    """Parameter types as Parse has them, without their number."""
    return b"".join([fields.uint32(oid) for oid in parameter_types]) if parameter_types else b""


def _repeatable(statement: Statement) -> bool:
    """Whether C may execute a statement as often as it comes: nothing of the session's state hangs on it."""
    if statement.verdict is not Verdict.ALLOW or len(statement.commands) != 1:
        return False
    command = statement.commands[0]
    if command.tag not in PLANNED if command.transaction is None else command.transaction not in _TRANSACTIONS:
        return False
    # What is not named here has to be as in a plain statement, fields that are yet to come included.
    plain = Command(
        command.tag,
        command.kind,
        command.rows,
        command.columns,
        clean=command.clean,
        transaction=command.transaction,
    )
    return command == plain and command.rows is not Rows.NAMED


def _known_prepared(prepared: Prepared, table: ShapeTable, basis: Hashable) -> KnownStatement | None:
    """What C knows of a prepared statement; None if it must not execute it."""
    if prepared.unsure or prepared.from_sql or prepared.statement.basis != basis or not _repeatable(prepared.statement):
        return None
    return table.find_known(prepared.text, types_of(prepared.parameter_types))


def _prepared(name: bytes, text: bytes, types: bytes, statement: Statement, description: bytes | None) -> Prepared:
    reader = frontend_reader(types, "Parse")
    parameter_types = tuple([reader.uint32() for _ in range(len(types) // 4)])
    columns = columns_of(description) if description is not None else None
    return Prepared(name, text, parameter_types, statement, description=columns, description_body=description)


def _described(prepared: Prepared, description: bytes) -> None:
    prepared.description, prepared.description_body = columns_of(description), description


def _portal(
    name: bytes,
    prepared: Prepared,
    statement: Statement,
    formats: bytes,
    parameters: bytes,
    plan: MaskPlan | None,
    described: bool,
    sequence: int,
) -> Portal:
    reader = frontend_reader(formats, "Bind")
    result_formats = tuple([reader.int16() for _ in range(reader.count())])
    values = parameter_values(parameters)
    return Portal(name, statement, prepared, result_formats, values, plan=plan, described=described, sequence=sequence)


def parameter_values(parameters: bytes) -> tuple[bytes | None, ...]:
    """The values of Bind's parameters as the message has them."""
    reader = frontend_reader(parameters, "Bind")
    return tuple([reader.value() for _ in range(reader.count())])


def _expected(reply: SpilledReply) -> Expected:
    entry = Expected(
        _REPLIES[reply.kind],
        reply.segment,
        statement=cast(Statement, reply.known.statement) if reply.known is not None else None,
        known=reply.known,
        prepared=reply.prepared,
        portal=reply.portal,
        name=reply.name,
        closes=reply.closes,
        swallow=reply.swallow,
        changes_names=reply.changes_names,
        changes_prepared=reply.changes_prepared,
        sequence=reply.sequence,
        plan=reply.plan,
    )
    if reply.tag is not None:
        entry.index = 1
        entry.tags.append(reply.tag.decode("ascii"))
    return entry


class _Target:
    """A recorder in Python, called by C."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def execution(self, statement: Statement, extended: bool, parameters: bytes | None) -> int:
        """A statement is about to be forwarded."""
        values = parameter_values(parameters) if parameters is not None else ()
        return self._recorder.execution(statement, protocol="extended" if extended else "simple", parameters=values)

    def completed(
        self,
        sequence: int,
        tag: bytes,
        rows: int,
        received_bytes: int,
        delivered_bytes: int,
        masked_cells: int,
        database_microseconds: int,
    ) -> None:
        """It has completed."""
        seconds = database_microseconds / 1e6
        text = tag.decode("ascii")
        self._recorder.ended(
            sequence,
            Outcome(Ending.COMPLETED, text, "", rows, received_bytes, delivered_bytes, masked_cells, seconds),
        )

    def transaction(self, first: int, last: int, committed: bool) -> None:
        """A transaction has ended."""
        self._recorder.transaction(first, last, "committed" if committed else "rolled back")
