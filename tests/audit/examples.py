"""Made-up records for the tests of audit/: one of each kind, and hypothesis strategies for all of them."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from hoopfast.audit.records import (
    KINDS,
    Caller,
    ConfigurationChanged,
    Ending,
    Execution,
    ExecutionEnded,
    Record,
    SessionEnd,
    SessionStart,
    SignInRefused,
    StreamClosed,
    StreamOpened,
    Torn,
    Totals,
    TransactionEnded,
    TransactionOutcome,
)

SESSION = "0190163d-8694-739b-aea5-966c26f8ad91"
CALLER = Caller(
    issuer="https://issuer.example",
    subject="repo:acme/etl:ref:refs/heads/main",
    claims={"repository": "acme/etl", "run_id": 17, "groups": ["a", "b"]},
    token="jti-1",
    expires=1_900_000_000,
)


def execution(sequence: int = 1, *, session: str = SESSION, text: str = "SELECT $1") -> Execution:
    """An execution as a session would record it."""
    return Execution(
        session=session, sequence=sequence, protocol="simple", shape="0123456789abcdef", text=text, decision="allow"
    )


def execution_ended(sequence: int = 1, ending: Ending = Ending.COMPLETED, *, session: str = SESSION) -> ExecutionEnded:
    """Its end."""
    return ExecutionEnded(session=session, sequence=sequence, ending=ending, tag="SELECT 1", rows=1)


def session_start(session: str = SESSION) -> SessionStart:
    """A session's first record."""
    return SessionStart(session=session, caller=CALLER, database="clinic", policy="nightly", policy_version="7")


EXAMPLES: tuple[Record, ...] = (
    StreamOpened(
        stream="worker-0", reason="start", process_id=1, torn=(Torn(segment=1, offset=2, length=3, sha256=""),)
    ),
    StreamClosed(stream="worker-0", records=3),
    ConfigurationChanged(cause="start", sha256="00", policies=("nightly@7",), changes=("gateway.workers",)),
    SignInRefused(session=SESSION, reason="the token has expired", sqlstate="28000", caller=CALLER),
    session_start(),
    execution(),
    execution_ended(),
    TransactionEnded(session=SESSION, first=1, last=2, outcome=TransactionOutcome.ROLLED_BACK),
    SessionEnd(session=SESSION, reason="idle", totals=Totals(received=1, completed=1), sqlstate="57P05"),
)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
number = st.integers(0, 2**63 - 1)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)


def _strategy(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type, as far as JSON can say them."""
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return st.lists(_strategy(arguments[0]), max_size=3).map(tuple)
    if get_origin(hint) is dict:
        return st.dictionaries(text, json_values, max_size=3)
    if arguments:
        return st.one_of(*map(_strategy, arguments))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return st.builds(hint, **{item.name: _strategy(hints[item.name]) for item in dataclasses.fields(hint)})
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    plain: dict[Any, st.SearchStrategy[Any]] = {str: text, int: number, bool: st.booleans(), type(None): st.none()}
    return plain[hint]


records: st.SearchStrategy[Record] = st.one_of([_strategy(kind) for kind in KINDS.values()])
