"""What one session writes into the journal: its executions in sequence, their ends, its totals.

Implements the `Recorder` that session/ asks for without knowing it. Gives out the sequence numbers and keeps the sums,
so that received = completed + error + skipped + refused + unknown can be proven from the journal alone; both stand in
recording.pyx, which leaves the records of the steady state by itself. Values go no further than the digest. Knows no
bytes of the wire.
"""

from __future__ import annotations

from typing import Protocol

from hoopfast.audit.digest import ValueDigest
from hoopfast.audit.encoding import encode_statement, encode_string
from hoopfast.audit.recording import SteadyRecorder, make_template
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
from hoopfast.audit.window import Gate
from hoopfast.errors import JournalUnavailable
from hoopfast.policy.model import Statement


class Appender(Protocol):
    """The part of a journal that a session writes to."""

    @property
    def gate(self) -> Gate:
        """Whether, and where, records may be appended without `append`."""

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


class SessionRecorder(SteadyRecorder):
    """The records of one session. `position` is the number of the last one in its stream, for `durability = "sync"`.

    `recording` and `template` are for C (hoopfast/recording.pxd): both ways of recording may take turns.
    """

    def __init__(self, journal: Appender, session: str, digest_key: bytes) -> None:
        self._digest = ValueDigest(digest_key)
        super().__init__(journal.gate, encode_string(session), digest_key)
        self._journal = journal
        self._finished = False
        self.session = session

    @property
    def totals(self) -> Totals:
        """What the session's executions have come to so far."""
        return Totals(**self._sums())

    @staticmethod
    def template(statement: Statement) -> object:
        """A capsule with what C has to know of a statement to record its executions, in this and in other sessions."""
        return make_template(encode_statement(_execution(statement)))

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
        record = _execution(statement)
        record.session = self.session
        record.sequence = sequence = self._next_sequence()
        record.protocol = protocol
        record.parameters = self._digest.values(parameters) if parameters else ()
        record.literals = self._digest.values(literals) if literals else ()
        self.position = self._journal.append(record)
        self._begun()
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
        if self._finished:
            return
        self._finished = True
        self._over()
        failure: JournalUnavailable | None = None
        for sequence in self._open_sequences():
            try:
                self._append_end(ExecutionEnded(session=self.session, sequence=sequence, ending=Ending.UNKNOWN))
            except JournalUnavailable as error:
                failure = error
        end = SessionEnd(session=self.session, reason=reason, totals=self.totals, sqlstate=sqlstate)
        self.position = self._journal.append(end, keep=True)
        if failure is not None:
            raise failure

    def _append_end(self, record: ExecutionEnded) -> None:
        self._ended(
            record.sequence,
            record.ending.value,
            record.rows,
            record.received_bytes,
            record.delivered_bytes,
            record.masked_cells,
        )
        self.position = self._journal.append(record, keep=True)


def _execution(statement: Statement) -> Execution:
    """An execution of a statement, but for what is this execution's own."""
    summary = statement.summary
    return Execution(
        session="",
        sequence=0,
        protocol="",
        shape=summary.shape,
        text=summary.text,
        decision=statement.verdict.value,
        rule=statement.rule,
        kinds=summary.kinds,
        relations=summary.relations,
        protected=summary.protected,
    )
