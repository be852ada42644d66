"""What one session writes into the journal: its executions in sequence, their ends, its totals.

Implements the `Recorder` that session/ asks for without knowing it. Owns the sequence numbers and the sums, so that
received = completed + error + skipped + refused + unknown can be proven from the journal alone. Values go no further
than the digest. Knows no bytes of the wire.
"""

from __future__ import annotations

from typing import Protocol

from hoopfast.audit.digest import ValueDigest
from hoopfast.audit.records import (
    Ending,
    Execution,
    ExecutionEnded,
    Record,
    SessionEnd,
    SessionStart,
    Totals,
    TransactionEnded,
    TransactionOutcome,
)
from hoopfast.errors import JournalUnavailable
from hoopfast.policy.model import Statement


class Appender(Protocol):
    """The part of a journal that a session writes to."""

    def append(self, record: Record, *, keep: bool = False) -> int:
        """Append a record; JournalUnavailable if that cannot be done. See `Journal.append`."""


class Outcome(Protocol):
    """How an execution ended, as the session says it."""

    @property
    def ending(self) -> str: ...  # noqa: D102 - the fields are those of ExecutionEnded
    @property
    def tag(self) -> str: ...  # noqa: D102
    @property
    def sqlstate(self) -> str: ...  # noqa: D102
    @property
    def rows(self) -> int: ...  # noqa: D102
    @property
    def received_bytes(self) -> int: ...  # noqa: D102
    @property
    def delivered_bytes(self) -> int: ...  # noqa: D102
    @property
    def masked_cells(self) -> int: ...  # noqa: D102
    @property
    def database_seconds(self) -> float: ...  # noqa: D102


class SessionRecorder:
    """The records of one session. `position` is the number of the last one in its stream, for `durability = "sync"`."""

    def __init__(self, journal: Appender, session: str, digest_key: bytes) -> None:
        self._journal = journal
        self._digest = ValueDigest(digest_key)
        self._open: set[int] = set()
        self._ended = False
        self.session = session
        self.totals = Totals()
        self.position = 0

    def start(self, record: SessionStart) -> None:
        """Record that the session begins; JournalUnavailable: it must not."""
        self.position = self._journal.append(record)

    def execution(
        self,
        statement: Statement,
        *,
        protocol: str,
        parameters: tuple[bytes | None, ...] = (),
        literals: tuple[bytes | None, ...] = (),
    ) -> int:
        """Record that a statement is about to be forwarded (or refused); returns its sequence number.

        `parameters` and `literals` are values as they came; the journal gets their keyed digests. JournalUnavailable:
        nothing was recorded, the number was not used, and nothing may be forwarded.
        """
        summary = statement.summary
        sequence = self.totals.received + 1
        self.position = self._journal.append(
            Execution(
                session=self.session,
                sequence=sequence,
                protocol=protocol,
                shape=summary.shape,
                text=summary.text,
                decision=statement.verdict.value,
                rule=statement.rule,
                kinds=summary.kinds,
                relations=summary.relations,
                protected=summary.protected,
                parameters=self._digest.values(parameters) if parameters else (),
                literals=self._digest.values(literals) if literals else (),
            )
        )
        self.totals.received = sequence
        self._open.add(sequence)
        return sequence

    def ended(
        self, sequence: int, outcome: Outcome, *, masked_columns: tuple[str, ...] = (), gateway_seconds: float = 0.0
    ) -> None:
        """Record how an execution ended. ValueError for one that has its end, or was never begun.

        JournalUnavailable: the record is kept and written later, but the session cannot go on.
        """
        record = ExecutionEnded(
            session=self.session,
            sequence=sequence,
            ending=Ending(outcome.ending),
            tag=outcome.tag,
            sqlstate=outcome.sqlstate,
            rows=outcome.rows,
            received_bytes=outcome.received_bytes,
            delivered_bytes=outcome.delivered_bytes,
            masked_cells=outcome.masked_cells,
            masked_columns=masked_columns,
            database_microseconds=round(outcome.database_seconds * 1e6),
            gateway_microseconds=round(gateway_seconds * 1e6),
        )
        self._append_end(record)

    def transaction(self, first: int, last: int, outcome: str) -> None:
        """Record how the transaction of the executions `first` to `last` ended; errors as for `ended`."""
        record = TransactionEnded(session=self.session, first=first, last=last, outcome=TransactionOutcome(outcome))
        self.position = self._journal.append(record, keep=True)

    def finish(self, reason: str, sqlstate: str = "") -> None:
        """Record the session's end: unknown for every execution that has none yet, then the totals. Once only.

        JournalUnavailable: the records are kept and written later.
        """
        if self._ended:
            return
        self._ended = True
        failure: JournalUnavailable | None = None
        for sequence in sorted(self._open):
            try:
                self._append_end(ExecutionEnded(session=self.session, sequence=sequence, ending=Ending.UNKNOWN))
            except JournalUnavailable as error:
                failure = error
        end = SessionEnd(session=self.session, reason=reason, totals=self.totals, sqlstate=sqlstate)
        self.position = self._journal.append(end, keep=True)
        if failure is not None:
            raise failure

    def _append_end(self, record: ExecutionEnded) -> None:
        if record.sequence not in self._open:
            raise ValueError(f"execution {record.sequence} has its end already, or was never begun")
        self._open.discard(record.sequence)
        totals = self.totals
        match record.ending:
            case Ending.COMPLETED:
                totals.completed += 1
            case Ending.ERROR:
                totals.error += 1
            case Ending.SKIPPED:
                totals.skipped += 1
            case Ending.REFUSED:
                totals.refused += 1
            case Ending.UNKNOWN:
                totals.unknown += 1
        totals.rows += record.rows
        totals.received_bytes += record.received_bytes
        totals.delivered_bytes += record.delivered_bytes
        totals.masked_cells += record.masked_cells
        self.position = self._journal.append(record, keep=True)
