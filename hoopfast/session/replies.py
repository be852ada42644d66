"""The exact queue of replies that the backend owes.

One entry for each message that was forwarded and that PostgreSQL answers; an answer that the head does not allow ends
the session. Knows what was asked and what to do with the answer, never how the bytes look.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from hoopfast.errors import HoopfastError
from hoopfast.policy.model import Command, Statement
from hoopfast.session.names import Portal, Prepared
from hoopfast.wire.masking import MaskPlan
from hoopfast.wire.shapes import KnownStatement


class Reply(Enum):
    """What kind of message an entry answers."""

    QUERY = auto()
    PARSE = auto()
    BIND = auto()
    DESCRIBE_STATEMENT = auto()
    DESCRIBE_PORTAL = auto()
    EXECUTE = auto()
    CLOSE = auto()
    SYNC = auto()
    OWN_QUERY = auto()  # the gateway's own question; nothing of its answer reaches the frontend
    PROBE = auto()  # a Parse that asks whether the backend understands a text


@dataclass(slots=True, eq=False)
class Expected:
    """One reply that is owed, and what is known about the message that it answers."""

    kind: Reply
    segment: int  # counts Syncs and Querys: entries of one segment are skipped together
    statement: Statement | None = None
    prepared: Prepared | None = None  # EXECUTE: what its PREPARE makes
    cursor: Portal | None = None  # EXECUTE: what its DECLARE CURSOR opens
    portal: Portal | None = None
    text: bytes = b""  # QUERY: what was sent …
    known: KnownStatement | None = None  # … or what C knows of it, if C has sent it
    name: bytes = b""  # for CLOSE: the name; `closes` says of what
    closes: int = 0
    swallow: bool = False  # the frontend did not ask: it sees no answer
    refusal: HoopfastError | None = None  # stands for a refused message: the backend's error becomes this one
    changes_names: bool = False  # of portals, or of prepared statements
    changes_prepared: bool = False  # of prepared statements
    sequence: int = 0  # the journal's number of the execution
    started: float = 0.0
    index: int = 0  # QUERY: which command the backend is at
    failed: bool = False  # QUERY: an ErrorResponse has come, ReadyForQuery has not
    tags: list[str] = field(default_factory=list)
    plan: MaskPlan | None = None  # for the rows of the result set that is under way
    collected: bytearray = field(default_factory=bytearray)  # OWN_QUERY: its rows

    @property
    def command(self) -> Command | None:
        """The command whose answer comes next; None if there is no such command."""
        if self.statement is None or self.index >= len(self.statement.commands):
            return None
        return self.statement.commands[self.index]


class ReplyQueue:
    """What the backend owes, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Expected] = deque()
        # The segments of the entries that change names, and of those that change prepared statements, in order.
        self._changing: deque[int] = deque()
        self._changing_prepared: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def head(self) -> Expected | None:
        """The reply that comes next; None if none is owed."""
        return self._entries[0] if self._entries else None

    def push(self, entry: Expected) -> None:
        """A message was forwarded."""
        self._entries.append(entry)
        if entry.changes_names:
            self._changing.append(entry.segment)
        if entry.changes_prepared:
            self._changing_prepared.append(entry.segment)

    def pop(self) -> Expected:
        """The head has been answered."""
        entry = self._entries.popleft()
        if entry.changes_names:
            self._changing.popleft()
        if entry.changes_prepared:
            self._changing_prepared.popleft()
        return entry

    def skip_to_sync(self) -> tuple[list[Expected], bool]:
        """The backend skips to the next Sync: takes out what it skips; second, whether the Sync has been sent."""
        skipped: list[Expected] = []
        while self._entries:
            if self._entries[0].kind is Reply.SYNC:
                return skipped, True
            skipped.append(self.pop())
        return skipped, False

    def drain(self) -> list[Expected]:
        """The link is lost: takes out everything."""
        entries = list(self._entries)
        self._entries.clear()
        self._changing.clear()
        self._changing_prepared.clear()
        return entries

    def owes(self, kind: Reply) -> bool:
        """Whether a reply of this kind is owed."""
        return any(entry.kind is kind for entry in self._entries)

    def changes_names_before(self, segment: int) -> bool:
        """Whether an earlier segment that is not answered yet may still change a name."""
        return len(self._changing) > 0 and self._changing[0] < segment

    def changes_prepared_before(self, segment: int) -> bool:
        """Whether an earlier segment that is not answered yet may still change a name of a prepared statement."""
        return len(self._changing_prepared) > 0 and self._changing_prepared[0] < segment
