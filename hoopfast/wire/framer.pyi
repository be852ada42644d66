"""The framer: takes one direction's bytes apart into stretches to forward and messages to hand to the conversation.

See framer.pyx; framer.pxd has the same for C.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, final

from typing_extensions import Buffer

from hoopfast.wire.masking import MaskPlan
from hoopfast.wire.protocol import BackendPhase, FrontendPhase, Verdict

__pyx_capi__: Mapping[str, object]  # what framer.pxd offers to C

class RowCounts(NamedTuple):
    """What has gone by of rows, CopyData included: whole rows, bytes with headers, cells replaced."""

    rows: int
    received_bytes: int
    delivered_bytes: int
    masked_cells: int

@final
class VerdictTables:
    """A verdict table of protocol.py, compiled: for each phase and type byte one verdict."""

    def __new__(cls, tables: Mapping[Any, Mapping[int, Verdict]], *, frontend: bool) -> VerdictTables: ...
    @property
    def phases(self) -> int:
        """How many phases it has."""

@final
class Framer:
    """One direction of a link: bytes in, and out of them stretches to forward and messages to look at.

    `tables` are protocol.FRONTEND_VERDICTS or protocol.BACKEND_VERDICTS; `frontend` says whose messages these are, and
    so whom an error blames. `max_message` and `max_control` bound, in bytes and as the length field counts, what is
    held whole. Any error is final: every later call raises it again.
    """

    def __new__(
        cls, tables: Mapping[Any, Mapping[int, Verdict]], *, frontend: bool, max_message: int, max_control: int
    ) -> Framer: ...
    @property
    def phase(self) -> FrontendPhase | BackendPhase:
        """The phase whose verdicts hold for what follows; the row or message that is under way ends as it began."""

    @phase.setter
    def phase(self, phase: FrontendPhase | BackendPhase) -> None: ...
    @property
    def plan(self) -> MaskPlan | None:
        """The mask plan for the rows that follow; None: a row is an error."""

    @plan.setter
    def plan(self, plan: MaskPlan | None) -> None: ...
    @property
    def mid_message(self) -> bool:
        """Whether a message has been forwarded in part, so that nothing may be written in between."""

    @property
    def buffered(self) -> int:
        """How many bytes have been fed and not yet been forwarded, delivered or dropped."""

    def feed(self, data: Buffer) -> None:
        """Copy `data` in; the caller may reuse its buffer at once."""

    def next(self) -> tuple[int, bytes] | None:
        """The next thing: (type, body), or (0, bytes to forward as they are), or None if more input is needed first."""

    def take_counts(self) -> RowCounts:
        """What has gone by since this was last called."""
