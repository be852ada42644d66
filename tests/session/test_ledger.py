"""The books of a session."""

from __future__ import annotations

import pytest

from hoopfast.errors import JournalUnavailable
from hoopfast.session.boundary import Ending
from hoopfast.session.ledger import Ledger
from hoopfast.wire.framer import RowCounts
from tests.session.scripted import READ, ListRecorder


def test_an_execution_ends_once() -> None:
    recorder = ListRecorder()
    ledger = Ledger(recorder)
    number = ledger.begin(READ, "simple")
    ledger.count(number, RowCounts(2, 30, 20, 1))
    ledger.count(number, RowCounts(1, 10, 10, 0))
    ledger.end(number, Ending.COMPLETED, tag="SELECT 3")
    ledger.end(number, Ending.UNKNOWN)
    outcome = recorder.endings[number]
    assert (outcome.rows, outcome.received_bytes, outcome.delivered_bytes, outcome.masked_cells) == (3, 40, 30, 1)
    assert outcome.tag == "SELECT 3"


def test_a_transaction_spans_its_executions() -> None:
    recorder = ListRecorder()
    ledger = Ledger(recorder)
    for _ in range(3):
        ledger.end(ledger.begin(READ, "simple"), Ending.COMPLETED)
    ledger.end_transaction("committed")
    ledger.end_transaction("committed")
    assert recorder.transactions == [(1, 3, "committed")]


def test_what_is_open_at_the_end_is_unknown() -> None:
    recorder = ListRecorder()
    ledger = Ledger(recorder)
    ledger.begin(READ, "simple")
    ledger.abandon()
    assert recorder.story() == [("read", "unknown")]
    assert recorder.transactions == [(1, 1, "unknown")]


def test_a_journal_that_cannot_be_written_is_heard_of() -> None:
    with pytest.raises(JournalUnavailable):
        Ledger(ListRecorder(broken=JournalUnavailable("full"))).begin(READ, "simple")
