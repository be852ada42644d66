"""Two conversations side by side: every event goes to both, and whatever can be seen of them has to be the same.

A `Stage` is replayed from a list of events alone, so that what hypothesis has found can be cut down to the few events
that matter, and written down as a transcript. Knows nothing of how events come about: see machine_driver.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hoopfast.errors import HoopfastError, JournalUnavailable, ShuttingDown
from hoopfast.policy.model import Statement
from hoopfast.session.boundary import Limits, Outcome
from hoopfast.session.conversation import Conversation
from hoopfast.session.effects import Effects
from hoopfast.session.notifications import Notifications
from hoopfast.session.steady import Shapes, SteadyPorts
from hoopfast.wire import backend, frontend
from hoopfast.wire.freshness import Freshness
from hoopfast.wire.shapes import ShapeTable
from tests.session.machine_statements import TablePolicy, World

NEVER = 1 << 62


class Event(NamedTuple):
    """What happens to a session, or (`session` is -1) to all."""

    what: str
    session: int = -1
    data: bytes = b""
    number: int = 0

    def __str__(self) -> str:
        whose = "" if self.session < 0 else f"{self.session} "
        detail = shown(self.what, self.data) if self.what in "FB" else str(self.number or "")
        return f"{whose}{self.what} {detail}".rstrip()


CLASSES = {
    "F": {
        ord(kind): getattr(frontend, name)
        for kind, name in zip(
            "QPBDECSHX", "Query Parse Bind Describe Execute Close Sync Flush Terminate".split(), strict=True
        )
    },
    "B": {
        ord(kind): getattr(backend, name)
        for kind, name in zip(
            "123CTDZENItnsSA",
            "ParseComplete BindComplete CloseComplete CommandComplete RowDescription DataRow ReadyForQuery "
            "ErrorResponse NoticeResponse EmptyQueryResponse ParameterDescription NoData PortalSuspended "
            "ParameterStatus NotificationResponse".split(),
            strict=True,
        )
    },
}


def pieces(data: bytes) -> list[bytes]:
    """Messages, and at the end what is not a whole one."""
    parts = []
    while data:
        length = int.from_bytes(data[1:5], "big", signed=True) + 1
        one, data = (data[:length], data[length:]) if 5 <= length <= len(data) else (data, b"")
        parts.append(one)
    return parts


def shown(side: str, data: bytes) -> str:
    """A piece of a stream: whole messages by their names, the rest as bytes."""
    parts = []
    for one in pieces(data):
        known = CLASSES[side].get(one[0])
        try:
            message = known.decode(one[5:]) if known else None
            same = message is not None and message.encode() == one
        except (HoopfastError, ValueError):
            same = False
        text = f"{known.__name__}({', '.join(map(repr, message))})" if same and known and message is not None else ""
        parts.append(text or repr(one))
    return _RUNS.sub(lambda run: f"{run[1] * 3}({len(run[0])})", " + ".join(parts))


_RUNS = re.compile(r"([a-z])\1{40,}")


class Difference(AssertionError):  # noqa: N818 - not a mistake of whoever calls
    """The two conversations have done different things."""


@dataclass
class Recorder:
    """Keeps what a session records, in order, in a form that can be compared; takes `last` records and no more."""

    log: list[tuple[object, ...]] = field(default_factory=list)
    executions: int = 0
    last: int = NEVER
    ended_once: set[int] = field(default_factory=set)

    def execution(self, statement: Statement, *, protocol: str, parameters: tuple[bytes | None, ...] = ()) -> int:
        """Number it from one."""
        self.executions += 1
        self._append(("execution", statement.summary.text, str(statement.verdict), protocol, parameters))
        return self.executions

    def ended(self, sequence: int, outcome: Outcome) -> None:
        """Once only."""
        assert sequence not in self.ended_once, "an execution ended twice"
        self.ended_once.add(sequence)
        one = outcome
        counts = (one.rows, one.received_bytes, one.delivered_bytes, one.masked_cells)
        self._append(("ended", sequence, str(one.ending), one.tag, one.sqlstate, counts))

    def transaction(self, first: int, last: int, outcome: str) -> None:
        """In order."""
        self._append(("transaction", first, last, outcome))

    def _append(self, record: tuple[object, ...]) -> None:
        if len(self.log) >= self.last:
            raise JournalUnavailable("the journal cannot be written")
        self.log.append(record)


class Port(NamedTuple):
    """What a conversation of either kind is made of."""

    policy: TablePolicy
    recorder: Recorder
    freshness: Freshness
    shapes: Shapes
    limits: Limits
    parameters: dict[str, str]
    notifications: Notifications


Make = Callable[[Port], Conversation]


def plain(port: Port) -> Conversation:
    """The one in pure Python: the oracle."""
    return Conversation(
        port.policy,
        port.recorder,
        limits=port.limits,
        parameters=port.parameters,
        notifications=port.notifications,
        threaded=True,
    )


def composite(port: Port) -> Conversation:
    """The one whose steady state runs in C."""
    return Conversation(
        port.policy,
        port.recorder,
        limits=port.limits,
        parameters=port.parameters,
        notifications=port.notifications,
        steady=SteadyPorts(port.freshness, port.shapes, port.recorder),
        threaded=True,
    )


class FewShapes(Shapes):
    """Forgets soon: what C still uses must stay."""

    def table(self, basis: Hashable) -> ShapeTable:
        """The last two tables, with room for a few statements."""
        table = self._tables[basis] = self._tables.pop(basis, ShapeTable(most_entries=4))
        if len(self._tables) > 2:
            self._tables.popitem(last=False)
        return table


class Seen(NamedTuple):
    """What can be seen of a conversation after an event."""

    to_backend: bytes = b""
    to_frontend: bytes = b""
    close: bool = False
    catalog_changed: bool = False
    catalog_needed: bool = False
    work: bool = False
    reads_frontend: bool = True
    cancellable: bool = False
    idle: bool = True
    in_transaction: bool = False
    mid_message: bool = False
    failure: tuple[str, str] | None = None
    records: tuple[tuple[object, ...], ...] = ()


UNRECORDED = ("JournalUnavailable", "58030")


def failure_of(error: BaseException | None) -> tuple[str, str] | None:
    """What kind of error it is."""
    return None if error is None else (type(error).__name__, getattr(error, "sqlstate", ""))


def seen(conversation: Conversation, effects: Effects, records: Sequence[tuple[object, ...]]) -> Seen:
    """What an event has led to."""
    return Seen(
        b"".join(effects.to_backend),
        b"".join(effects.to_frontend),
        effects.close,
        effects.catalog_changed,
        effects.catalog_needed,
        effects.work is not None,
        conversation.reads_frontend,
        conversation.cancellable,
        conversation.idle,
        conversation.in_transaction,
        conversation.mid_message,
        failure_of(conversation.failure),
        tuple(records),
    )


def is_active(conversation: Conversation) -> bool:
    """Whether the steady state is in charge."""
    return conversation.core is not None and bool(conversation.core.active)


@dataclass
class Side:
    """One of the two conversations, and its recorder."""

    conversation: Conversation
    recorder: Recorder
    recorded: int = 0
    work: Callable[[], None] | None = None  # that has been asked for

    def apply(self, event: Event) -> Seen:
        """Let an event happen; the bytes given to it are not there any more when its effects are looked at."""
        if event.what == "resume" and self.work is not None:
            self.work()
            self.work = None
        effects = self._effects(event)
        self.work = effects.work or self.work
        records = self.recorder.log[self.recorded :]
        self.recorded = len(self.recorder.log)
        return seen(self.conversation, effects, records)

    def _effects(self, event: Event) -> Effects:
        conversation = self.conversation
        # Rows may be masked in what is writable.
        data = bytearray(event.data) if len(event.data) % 3 else event.data
        match event.what:
            case "F":
                effects = conversation.frontend_data(data)
            case "B":
                effects = conversation.backend_data(data)
            case "F eof":
                effects = conversation.frontend_eof()
            case "B eof":
                effects = conversation.backend_eof()
            case "resume":
                effects = conversation.resume()
            case "terminate":
                effects = conversation.terminate(ShuttingDown("the gateway is shutting down"))
            case "break":
                self.recorder.last = len(self.recorder.log) + event.number
                effects = Effects()
            case _:
                raise ValueError(event.what)
        if isinstance(data, bytearray):
            data[:] = b"\xee" * len(data)
        return effects


LIMITS = (Limits(), Limits(max_message=1000, max_control=300))
PARAMETERS: tuple[dict[str, str], ...] = (
    {},
    {"client_encoding": "LATIN1"},
    {"client_encoding": "UTF8", "DateStyle": "ISO"},
)


@dataclass
class Pair:
    """The same session twice."""

    plain: Side
    steady: Side
    steps: dict[str, int]

    def apply(self, event: Event) -> Seen:
        """Let an event happen to both."""
        before = is_active(self.steady.conversation)
        expected = self.plain.apply(event)
        found = self.steady.apply(event)
        after = is_active(self.steady.conversation)
        kind = f"{'active' if before else 'awake'} to {'active' if after else 'awake'}"
        self.steps[kind] = self.steps.get(kind, 0) + 1
        if before and found.failure == UNRECORDED:
            expected = given_up(expected, found)
        if expected != found:
            raise Difference(differences(event, expected, found, kind))
        return found


def given_up(expected: Seen, found: Seen) -> Seen:
    """What is expected where a record cannot be appended: C passes on nothing of what it was given in this call."""
    if not expected.to_frontend.endswith(found.to_frontend) or bool(found.to_frontend) is found.mid_message:
        return expected
    return expected._replace(to_frontend=found.to_frontend, idle=found.idle, mid_message=found.mid_message)


def differences(event: Event, expected: Seen, found: Seen, kind: str) -> str:
    """What is not the same, in words."""
    lines = [f"after: {event} ({kind})"]
    for name, one, other in zip(Seen._fields, expected, found, strict=True):
        if one != other:
            lines += [f"  {name}:", f"    plain:  {one!r}", f"    steady: {other!r}"]
    return "\n".join(lines)


class Stage:
    """All sessions, and what they share: the catalog, and the shapes that are known."""

    def __init__(self, steady: Make) -> None:
        self._make = steady
        self._shapes = Shapes()
        self.world = World()
        self.freshness = Freshness()
        self.freshness.cheap = 0  # no looks after rests, which would be a matter of time
        self._look()
        self._policies = (TablePolicy(self.world), TablePolicy(self.world))
        self.notifications = (Notifications(), Notifications())
        self.pairs: dict[int, Pair] = {}
        self.steps: dict[str, int] = {}
        self.events: list[Event] = []

    def _look(self) -> None:
        self.freshness.looked(0, took=1, valid_until=NEVER)

    def apply(self, event: Event) -> Seen | None:
        """Let an event happen; None if it concerns no session."""
        self.events.append(event)
        match event.what:
            case "open":
                self._open(event)
            case "catalog":  # another one
                self.freshness.renew()
                self._look()
                self.world.version = event.number
                self.world.fresh = True
            case "gone":  # none, for now
                self.freshness.doubt()
                self.world.fresh = False
            case "few":  # the steady state may remember little
                self._shapes = FewShapes()
            case "look":  # it is as it was
                self._look()
                self.world.fresh = True
            case _:
                pair = self.pairs.get(event.session)
                return pair.apply(event) if pair else None
        return None

    def _open(self, event: Event) -> None:
        limits = LIMITS[event.number % len(LIMITS)]
        parameters = PARAMETERS[event.number // len(LIMITS) % len(PARAMETERS)]
        sides = []
        for make, policy, notifications in zip((plain, self._make), self._policies, self.notifications, strict=True):
            recorder = Recorder()
            port = Port(policy, recorder, self.freshness, self._shapes, limits, dict(parameters), notifications)
            sides.append(Side(make(port), recorder))
        self.pairs[event.session] = Pair(sides[0], sides[1], self.steps)


def replay(events: Sequence[Event], stage: Stage) -> Stage:
    """Let all events happen; raises Difference where the two differ. What comes behind a session's end is left out."""
    ended: set[int] = set()
    for event in events:
        if event.session in ended:
            continue
        found = stage.apply(event)
        if found is not None and found.close:
            ended.add(event.session)
    return stage
