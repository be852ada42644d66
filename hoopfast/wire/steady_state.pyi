"""A session's state while C is in charge of it, and how it changes hands: see steady_state.pyx."""

from collections.abc import Callable
from typing import Any, NamedTuple

from typing_extensions import disjoint_base

from hoopfast.wire.framer import Framer
from hoopfast.wire.freshness import Freshness
from hoopfast.wire.masking import MaskPlan
from hoopfast.wire.shapes import KnownStatement, ShapeTable

ANY_CLEAN: MaskPlan

class SpilledReply(NamedTuple):
    """A reply that is owed; `kind` names a member of session.replies.Reply."""

    kind: str
    segment: int
    known: KnownStatement | None
    prepared: Any
    portal: Any
    swallow: bool
    changes_names: bool
    changes_prepared: bool
    closes: int
    name: bytes
    sequence: int
    tag: bytes | None
    plan: MaskPlan | None

class SpilledExecution(NamedTuple):
    """An execution that has begun and not ended; `started` is seconds of the monotonic clock."""

    sequence: int
    started: float
    rows: int
    received_bytes: int
    delivered_bytes: int
    masked_cells: int

class Spilled(NamedTuple):
    """All that C knew; names with the objects that `make` and `make_portal` made of what they stand for."""

    segment: int
    unsynced: bool
    tainted: bool
    status: bytes
    transaction_ended: bool
    books: tuple[int, int, int, bool]
    open: list[SpilledExecution]
    prepared: list[tuple[bytes, Any]]
    portals: list[tuple[bytes, Any]]
    changed_portals: list[bytes]
    expected_prepared: list[tuple[bytes, Any]]
    expected_portals: list[tuple[bytes, Any]]
    replies: list[SpilledReply]

@disjoint_base
class Scratch:
    """The buffers for what is to be sent after a call; one for all sessions of a thread."""

_Make = Callable[[bytes, bytes, bytes, Any, bytes | None], Any]
_MakePortal = Callable[[bytes, Any, Any, bytes, bytes, MaskPlan | None, bool, int], Any]
_Described = Callable[[Any, bytes], None]

@disjoint_base
class SteadyState:
    """One session's state in C. `recording` is the recorder's capsule; `freshness` that of its database's catalog."""

    looking: bool
    streams_frontend: bool
    streams_backend: bool

    def __new__(
        cls, frontend: Framer, backend: Framer, freshness: Freshness, scratch: Scratch, recording: object
    ) -> SteadyState: ...
    @property
    def active(self) -> bool:
        """Whether C is in charge."""
    @property
    def look_due(self) -> bool:
        """Why it has woken Python: a statement waits for a look at the catalog."""
    @property
    def owed(self) -> int:
        """How many replies the backend owes."""
    @property
    def idle(self) -> bool:
        """Whether nothing is owed, and nothing waits for a Sync."""
    @property
    def in_transaction(self) -> bool:
        """Whether a transaction block is open, a failed one included."""

    def adopt(
        self,
        table: ShapeTable,
        *,
        segment: int,
        status: bytes,
        tainted: bool,
        foreign_portals: bool,
        books: tuple[int, int, int, bool],
    ) -> None:
        """Take over. The caller is owed nothing, awaits no Sync, and has told of all prepared statements."""

    def put_prepared(self, name: bytes, python: Any, known: KnownStatement, description: bytes | None) -> None:
        """A name stands for this prepared statement, an object of the caller's; `description` if it is known."""

    def remove_prepared(self, name: bytes) -> None:
        """A name stands for nothing that C may know."""

    def forget_prepared(self) -> None:
        """No name of a prepared statement stands for anything that C may know."""

    def spill(self, make: _Make, make_portal: _MakePortal, described: _Described) -> Spilled:
        """Hand everything back. Nothing is owed, expected or open here afterwards; prepared statements stay.

        `make(name, text, parameter types as Parse has them, statement, description or None)` makes a prepared
        statement, `make_portal(name, prepared, statement, formats, parameters, plan, described, sequence)` a portal;
        `described(prepared, description)` tells of one that was made before.
        """

    def drop(self) -> None:
        """Forget what is under way: the session is over."""
