"""Accounts from the journal alone: what is missing or made up shows."""

from __future__ import annotations

from hoopfast.audit.accounts import account
from hoopfast.audit.records import Ending, Record, SessionEnd, StreamOpened, Totals
from tests.audit.examples import SESSION, execution, execution_ended, session_start

END = SessionEnd(session=SESSION, reason="idle", totals=Totals(received=2, completed=1, error=1, rows=2))
GOOD: list[Record] = [
    session_start(),
    execution(1),
    execution(2),
    execution_ended(2, Ending.ERROR),
    execution_ended(1),
    END,
]


def problems(records: list[Record]) -> list[str]:
    return account(records)[SESSION].problems


def test_a_complete_session() -> None:
    made = account(GOOD)[SESSION]
    assert made.problems == []
    assert made.totals == END.totals
    assert made.end is END
    assert made.totals.balanced


def test_every_missing_record_shows() -> None:
    for index in range(len(GOOD) - 1):
        assert problems(GOOD[:index] + GOOD[index + 1 :]), GOOD[index]


def test_every_record_twice_shows() -> None:
    for index, record in enumerate(GOOD[1:-1], 1):
        assert problems([*GOOD[:index], record, *GOOD[index:]]), record


def test_a_session_without_an_end_has_unknown_executions() -> None:
    made = account(GOOD[:-2])[SESSION]
    assert made.end is None
    assert made.problems == []
    assert (made.totals.received, made.totals.error, made.totals.unknown) == (2, 1, 1)
    assert made.totals.balanced


def test_a_restart_ends_what_was_open() -> None:
    opened = StreamOpened(stream="s", reason="start", process_id=1)
    made = account([*GOOD[:3], opened, execution_ended(1)])[SESSION]
    assert made.totals.unknown == 2
    assert made.problems == ["execution 1 ends, but was not open"]


def test_a_recovery_within_the_process_ends_nothing() -> None:
    opened = StreamOpened(stream="s", reason="recovered: Input/output error", process_id=1)
    assert account([*GOOD[:3], opened, *GOOD[3:]])[SESSION].problems == []
