"""A session's records: sequence without gaps, one end each, sums that fit, and no value in clear."""

from __future__ import annotations

import pytest

from hoopfast.audit.encoding import encode
from hoopfast.audit.recorder import SessionRecorder
from hoopfast.audit.records import Ending, Execution, ExecutionEnded, Record, SessionEnd, TransactionEnded
from hoopfast.audit.window import Gate
from hoopfast.errors import JournalUnavailable
from hoopfast.policy.model import Statement, StatementSummary, Verdict
from hoopfast.session.boundary import Ending as SessionEnding
from hoopfast.session.boundary import Outcome, Recorder
from tests.audit.examples import SESSION, session_start

SUMMARY = StatementSummary("SELECT $1", "0123456789abcdef", ("read",), ("public.patients",), ("public.patients.ssn",))
STATEMENT = Statement(Verdict.ALLOW, (), SUMMARY, rule="r")
KEY = bytes(32)


class Memory:
    """A journal in memory that can be out of order."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.kept: list[Record] = []
        self.broken = False
        self.gate = Gate()

    def append(self, record: Record, *, keep: bool = False) -> int:
        if self.broken:
            if keep:
                self.kept.append(record)
            raise JournalUnavailable("no")
        self.records.append(record)
        return len(self.records)


@pytest.fixture
def journal() -> Memory:
    return Memory()


@pytest.fixture
def recorder(journal: Memory) -> SessionRecorder:
    made = SessionRecorder(journal, SESSION, KEY)
    made.start(session_start())
    return made


def test_it_is_what_the_session_asks_for(recorder: SessionRecorder) -> None:
    as_recorder: Recorder = recorder  # mypy checks it
    assert as_recorder.execution(STATEMENT, protocol="simple") == 1


def test_an_execution(recorder: SessionRecorder, journal: Memory) -> None:
    recorder.execution(STATEMENT, protocol="extended", parameters=(b"777-12-3456", None), literals=(b"x",))
    record = journal.records[-1]
    assert isinstance(record, Execution)
    assert (record.session, record.sequence, record.protocol) == (SESSION, 1, "extended")
    assert (record.text, record.shape, record.decision, record.rule) == ("SELECT $1", SUMMARY.shape, "allow", "r")
    assert (record.kinds, record.relations, record.protected) == (
        ("read",),
        ("public.patients",),
        ("public.patients.ssn",),
    )
    assert record.parameters[1] is None
    assert len(record.parameters[0] or "") == 32
    assert len(record.literals) == 1
    assert recorder.position == 2


def test_values_do_not_appear(recorder: SessionRecorder, journal: Memory) -> None:
    canary = b"CANARY-777-12-3456"
    recorder.execution(STATEMENT, protocol="extended", parameters=(canary,), literals=(canary,))
    written = b"".join(map(encode, journal.records))
    for form in (canary, canary.hex().encode(), canary[::-1]):
        assert form not in written


def test_an_end(recorder: SessionRecorder, journal: Memory) -> None:
    sequence = recorder.execution(STATEMENT, protocol="simple")
    recorder.ended(
        sequence,
        Outcome(SessionEnding.COMPLETED, "SELECT 3", "", 3, 30, 20, 6, 0.25),
        masked_columns=("ssn",),
        gateway_seconds=0.5,
    )
    record = journal.records[-1]
    assert isinstance(record, ExecutionEnded)
    assert record.ending is Ending.COMPLETED
    assert (record.tag, record.rows, record.received_bytes, record.delivered_bytes) == ("SELECT 3", 3, 30, 20)
    assert (record.masked_cells, record.masked_columns) == (6, ("ssn",))
    assert (record.database_microseconds, record.gateway_microseconds) == (250_000, 500_000)


def test_exactly_one_end(recorder: SessionRecorder) -> None:
    sequence = recorder.execution(STATEMENT, protocol="simple")
    recorder.ended(sequence, Outcome(SessionEnding.COMPLETED))
    with pytest.raises(ValueError, match="has its end already"):
        recorder.ended(sequence, Outcome(SessionEnding.COMPLETED))
    with pytest.raises(ValueError, match="never begun"):
        recorder.ended(9, Outcome(SessionEnding.COMPLETED))


def test_totals(recorder: SessionRecorder, journal: Memory) -> None:
    endings = [ending for ending in SessionEnding for _ in range(2)]
    for ending in endings:
        recorder.ended(recorder.execution(STATEMENT, protocol="simple"), Outcome(ending, rows=1, delivered_bytes=5))
    assert recorder.execution(STATEMENT, protocol="simple") == len(endings) + 1
    recorder.finish("idle", "57P05")
    *_, unknown, end = journal.records
    assert isinstance(unknown, ExecutionEnded)
    assert (unknown.sequence, unknown.ending) == (len(endings) + 1, Ending.UNKNOWN)
    assert isinstance(end, SessionEnd)
    assert end.totals.balanced
    assert (end.totals.received, end.totals.completed, end.totals.unknown) == (11, 2, 3)
    assert (end.totals.rows, end.totals.delivered_bytes) == (10, 50)
    assert (end.reason, end.sqlstate) == ("idle", "57P05")


def test_it_finishes_once(recorder: SessionRecorder, journal: Memory) -> None:
    recorder.finish("terminated by the frontend")
    recorder.finish("terminated by the frontend")
    assert sum(isinstance(record, SessionEnd) for record in journal.records) == 1


def test_a_transaction(recorder: SessionRecorder, journal: Memory) -> None:
    recorder.transaction(2, 5, "rolled back")
    record = journal.records[-1]
    assert isinstance(record, TransactionEnded)
    assert (record.first, record.last, record.outcome) == (2, 5, "rolled back")
    with pytest.raises(ValueError, match="lost"):
        recorder.transaction(2, 5, "lost")


def test_a_broken_journal_uses_up_no_number(recorder: SessionRecorder, journal: Memory) -> None:
    journal.broken = True
    with pytest.raises(JournalUnavailable):
        recorder.execution(STATEMENT, protocol="simple")
    assert journal.kept == []
    journal.broken = False
    assert recorder.execution(STATEMENT, protocol="simple") == 1


def test_what_has_happened_is_kept(recorder: SessionRecorder, journal: Memory) -> None:
    first, second = (recorder.execution(STATEMENT, protocol="simple") for _ in range(2))
    journal.broken = True
    with pytest.raises(JournalUnavailable):
        recorder.ended(first, Outcome(SessionEnding.COMPLETED))
    with pytest.raises(JournalUnavailable):
        recorder.finish("the journal cannot be written")
    kept = journal.kept
    assert [type(record) for record in kept] == [ExecutionEnded, ExecutionEnded, SessionEnd]
    assert isinstance(kept[1], ExecutionEnded)
    assert (kept[1].sequence, kept[1].ending) == (second, Ending.UNKNOWN)
    assert isinstance(kept[2], SessionEnd)
    assert kept[2].totals.balanced
