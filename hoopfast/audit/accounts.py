"""The accounts of each session, made up from the journal alone: has every execution its one end, do the sums fit?

Pure: takes records in the order of their stream. An execution that has no end when its stream was opened again, or when
the records end, counts as unknown: the process that forwarded it died before the reply.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hoopfast.audit.records import (
    Execution,
    ExecutionEnded,
    Record,
    SessionEnd,
    SessionStart,
    StreamOpened,
    Totals,
)


@dataclass(slots=True)
class SessionAccount:
    """One session. `problems` is empty where the journal is complete."""

    session: str
    start: SessionStart | None = None
    end: SessionEnd | None = None
    totals: Totals = field(default_factory=Totals)
    problems: list[str] = field(default_factory=list)
    open: set[int] = field(default_factory=set)


def account(records: Iterable[Record]) -> dict[str, SessionAccount]:
    """The accounts of all sessions in the records of one stream, by session."""
    accounts: dict[str, SessionAccount] = {}
    for record in records:
        if isinstance(record, SessionStart):
            _of(accounts, record.session).start = record
        elif isinstance(record, Execution):
            _begin(_of(accounts, record.session), record)
        elif isinstance(record, ExecutionEnded):
            _end(_of(accounts, record.session), record)
        elif isinstance(record, SessionEnd):
            _close(_of(accounts, record.session), record)
        elif isinstance(record, StreamOpened) and record.reason == "start":
            _lost(accounts)
    _lost(accounts)
    return accounts


def _of(accounts: dict[str, SessionAccount], session: str) -> SessionAccount:
    return accounts.setdefault(session, SessionAccount(session))


def _begin(account: SessionAccount, record: Execution) -> None:
    if record.sequence != account.totals.received + 1:
        account.problems.append(f"execution {record.sequence} follows {account.totals.received}")
    account.totals.received += 1
    account.open.add(record.sequence)


def _end(account: SessionAccount, record: ExecutionEnded) -> None:
    if record.sequence not in account.open:
        account.problems.append(f"execution {record.sequence} ends, but was not open")
        return
    account.open.discard(record.sequence)
    totals = account.totals
    setattr(totals, record.ending.value, getattr(totals, record.ending.value) + 1)
    totals.rows += record.rows
    totals.received_bytes += record.received_bytes
    totals.delivered_bytes += record.delivered_bytes
    totals.masked_cells += record.masked_cells


def _close(account: SessionAccount, record: SessionEnd) -> None:
    account.end = record
    if account.start is None:
        account.problems.append("the session has no start")
    if account.open:
        account.problems.append(f"executions without an end: {sorted(account.open)}")
    if not record.totals.balanced or record.totals != account.totals:
        account.problems.append("the session's totals are not those of its records")


def _lost(accounts: dict[str, SessionAccount]) -> None:
    for account in accounts.values():
        if account.end is None:
            account.totals.unknown += len(account.open)
            account.open.clear()
