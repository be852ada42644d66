"""The books of one session: which executions have begun, and that each ends exactly once (docs/design.md §7).

The only caller of the recorder. Counts what each execution delivered. Knows no bytes and no policy; JournalUnavailable
passes through, so that nothing is forwarded that could not be recorded.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from hoopfast.policy.model import Statement
from hoopfast.session.boundary import Ending, Outcome, Recorder
from hoopfast.wire.framer import RowCounts
from hoopfast.wire.steady_state import SpilledExecution


@dataclass(slots=True)
class _Open:
    started: float
    rows: int = 0
    received_bytes: int = 0
    delivered_bytes: int = 0
    masked_cells: int = 0


class Ledger:
    """Executions and transactions of one session, in the order of their sequence numbers."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._open: dict[int, _Open] = {}
        self._first = 0  # of the transaction that is under way; 0: nothing has been executed in it
        self._last = 0
        self._settled = 0  # an execution that goes on, and whose commands so far have had their transaction's end
        self.failed = False  # an error has come since the transaction began

    def begin(self, statement: Statement, protocol: str, parameters: tuple[bytes | None, ...] = ()) -> int:
        """An execution is about to be forwarded, or refused; returns its sequence number."""
        sequence = self._recorder.execution(statement, protocol=protocol, parameters=parameters)
        self._open[sequence] = _Open(time.monotonic())
        return sequence

    def count(self, sequence: int, counts: RowCounts) -> None:
        """Rows of an execution have been handed on."""
        entry = self._open.get(sequence)
        if entry is not None:
            entry.rows += counts.rows
            entry.received_bytes += counts.received_bytes
            entry.delivered_bytes += counts.delivered_bytes
            entry.masked_cells += counts.masked_cells

    def end(self, sequence: int, ending: Ending, *, tag: str = "", sqlstate: str = "") -> None:
        """An execution has ended; a second end of the same one is ignored, as the first was the truth."""
        entry = self._open.pop(sequence, None)
        if entry is None:
            return
        if ending is not Ending.REFUSED and sequence != self._settled:
            self._first = self._first or sequence
            self._last = max(self._last, sequence)
        self._recorder.ended(
            sequence,
            Outcome(
                ending,
                tag=tag,
                sqlstate=sqlstate,
                rows=entry.rows,
                received_bytes=entry.received_bytes,
                delivered_bytes=entry.delivered_bytes,
                masked_cells=entry.masked_cells,
                database_seconds=time.monotonic() - entry.started,
            ),
        )

    def goes_on(self, sequence: int) -> None:
        """A command of `sequence` has been executed that ended no transaction: it belongs to the next one to end."""
        if self._settled == sequence:
            self._settled = 0

    def end_transaction(self, outcome: str, *, under_way: int = 0) -> None:
        """The transaction is over: "committed", "rolled back", "prepared" or "unknown".

        `under_way` is the execution whose command ended it; other commands of it may follow (strings of several).
        """
        if under_way in self._open and under_way != self._settled:
            self._first = self._first or under_way
            self._last = max(self._last, under_way)
            self._settled = under_way
        if self._first:
            self._recorder.transaction(self._first, self._last, outcome)
        self._first = self._last = 0
        self.failed = False

    # -- changing hands: C keeps the same books while it is in charge (wire/books.pxd)

    @property
    def quiet(self) -> bool:
        """Whether every execution that has begun has ended."""
        return not self._open

    @property
    def books(self) -> tuple[int, int, int, bool]:
        """The transaction's first, last and settled execution, and whether an error has come."""
        return self._first, self._last, self._settled, self.failed

    def restore(self, books: tuple[int, int, int, bool], executions: Iterable[SpilledExecution]) -> None:
        """Go on where C has stopped; `executions` have begun and not ended."""
        self._first, self._last, self._settled, self.failed = books
        self._open = {execution.sequence: _Open(*execution[1:]) for execution in executions}

    def abandon(self) -> None:
        """The session is over: whatever is still open ends as unknown."""
        for sequence in sorted(self._open):
            self.end(sequence, Ending.UNKNOWN)
        self.end_transaction("unknown")
