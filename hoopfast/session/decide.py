"""Asking for decisions: when one may be asked for, on what it rests, and when it has to be asked for again.

The only caller of the policy's `decide`. Raises Wait, before anything has changed, where the answer depends on
something that is not known yet: the catalog, the effective schemas, or a name that an unanswered message may still
change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hoopfast.errors import FrontendProtocolError, HoopfastError, PolicyDenied
from hoopfast.policy.model import (
    CatalogNeeded,
    Command,
    DecisionNeeded,
    Kind,
    Statement,
    StatementSummary,
    Verdict,
)
from hoopfast.session import schemas
from hoopfast.session.names import MAX_NAME, Prepared
from hoopfast.session.state import ConversationState, Wait

# Commands that look up no relation, function or type: no need to know the effective schemas for them. (SET TRANSACTION
# must come before any query of its transaction, so that asking in between would break it.)
_NAMELESS = frozenset(("SET", "RESET", "SHOW", "LISTEN", "UNLISTEN", "NOTIFY", "DEALLOCATE", "DEALLOCATE ALL"))

NOTHING = Statement(Verdict.DENY, (), StatementSummary(text="", shape="0" * 16))


class ObservedNames:
    """The session's names as the policy sees them; notices when an answer might still change."""

    def __init__(self, state: ConversationState) -> None:
        self._state = state
        self.uncertain = False
        self.found: list[Prepared] = []

    def prepared_statement(self, name: str) -> Statement | None:
        """The statement that PREPARE or Parse gave this name."""
        self.uncertain = self.uncertain or not self._state.names_settled
        prepared = self._state.names.prepared(name.encode("utf-8"))
        if prepared is None or prepared.unsure:
            return None
        self.found.append(prepared)
        return prepared.statement

    def cursor(self, name: str) -> Statement | None:
        """The statement behind a cursor or portal of this name."""
        self.uncertain = self.uncertain or not self._state.names_settled
        portal = self._state.names.portal(name.encode("utf-8"))
        return portal.statement if portal else None


def decide(state: ConversationState, text: bytes, parameter_types: Sequence[int]) -> Statement:
    """What becomes of a statement's text, under what is known now."""
    schemas.forget_if_catalog_moved(state)
    if state.schemas is None:
        statement = _ask(state, text, parameter_types)
        if statement.verdict is Verdict.ALLOW and all(map(_nameless, statement.commands)):
            return statement
        schemas.learn(state)
    statement = _ask(state, text, parameter_types)
    if state.handover is not None:
        state.handover.learn(text, parameter_types, statement)
    return statement


def _nameless(command: Command) -> bool:
    return command.kind is Kind.TRANSACTION or command.tag in _NAMELESS


def _ask(state: ConversationState, text: bytes, parameter_types: Sequence[int]) -> Statement:
    names = ObservedNames(state)
    try:
        statement = state.policy.decide(text, parameter_types, state.environment(names, threaded=True))
    except CatalogNeeded:
        raise state.need_catalog() from None
    except DecisionNeeded as needed:
        raise state.need_work(needed.work) from None
    if names.uncertain:
        raise Wait(lambda: state.names_settled)
    return statement if all(_as_decided(state, prepared) for prepared in names.found) else _STALE


def _as_decided(state: ConversationState, prepared: Prepared) -> bool:
    """Whether what EXECUTE names still means what it meant when it was decided."""
    if refers_to_names(prepared.statement):
        return False  # a Parse of EXECUTE, executed by EXECUTE: nobody needs it, and it may name itself
    statement = renew(state, prepared)
    if not same_decision(statement, prepared.statement):
        return False
    prepared.statement = statement
    state.names.changed.add(prepared.name)
    return True


def same_decision(one: Statement, other: Statement) -> bool:
    """Whether two decisions differ in no more than what they rested on.

    If they do differ, the backend may stand by either: it analyses a prepared statement again when search_path has
    changed, but not when a new relation comes before the one that it has found.
    """
    return one is other or _without_basis(one) == _without_basis(other)


def same_shape(one: Statement, other: Statement) -> bool:
    """Whether two decisions on a text are about results with as many columns, as far as is known."""
    widths = [
        [None if command.columns is None else len(command.columns) for command in each.commands]
        for each in (one, other)
    ]
    return all(a is None or b is None or a == b for a, b in zip(*widths, strict=False))


def _without_basis(statement: Statement) -> Statement:
    commands = [
        replace(
            command,
            prepared=command.prepared and _without_basis(command.prepared),
            declared=command.declared and _without_basis(command.declared),
        )
        for command in statement.commands
    ]
    return replace(statement, basis=None, commands=tuple(commands))


def renew(state: ConversationState, prepared: Prepared) -> Statement:
    """The decision on a prepared statement as of now: what it rested on may have changed since it was given."""
    schemas.forget_if_catalog_moved(state)
    if state.schemas is None and not all(map(_nameless, prepared.statement.commands)):
        schemas.learn(state)
    try:
        basis = state.policy.basis(state.environment())
    except CatalogNeeded:
        raise state.need_catalog() from None
    # A transaction that has run DDL sees another catalog than the one that the basis knows.
    unchanged = prepared.statement.basis == basis and state.catalog_changed_in < 0
    if unchanged and not refers_to_names(prepared.statement):
        return prepared.statement
    statement = decide(state, prepared.text, prepared.parameter_types)
    if statement.verdict is Verdict.ALLOW and prepared.from_sql:
        name = prepared.name.decode("utf-8", "replace")
        inner = [command.prepared for command in statement.commands if command.prepares == name]
        statement = (inner[-1] if inner else None) or NOTHING
    return statement


def refers_to_names(statement: Statement) -> bool:
    """Whether a statement stands for another one (EXECUTE, FETCH, MOVE), which may be another one by now."""
    return any(command.executes is not None or command.fetches is not None for command in statement.commands)


def refusal(statement: Statement) -> HoopfastError:
    """What the frontend is told of a statement that is not allowed."""
    return PolicyDenied(
        statement.message or "the statement is refused by the policy",
        hint=statement.hint or None,
        position=statement.position,
        sqlstate=statement.sqlstate,
    )


def stale_plan() -> HoopfastError:
    """A prepared statement no longer means what it meant: PostgreSQL's own error, on which drivers prepare again."""
    return HoopfastError("cached plan must not change result type", sqlstate="0A000")


def unknown_statement(name: bytes) -> HoopfastError:
    """A name that is not in the session's table; PostgreSQL's own wording."""
    return HoopfastError(f'prepared statement "{_shown(name)}" does not exist', sqlstate="26000")


def unknown_portal(name: bytes) -> HoopfastError:
    """A portal that is not in the session's table; PostgreSQL's own wording."""
    return HoopfastError(f'portal "{_shown(name)}" does not exist', sqlstate="34000")


_STALE = Statement(
    Verdict.DENY,
    (),
    StatementSummary(text="", shape="0" * 16),
    message="cached plan must not change result type",
    hint="DEALLOCATE the statement and PREPARE it again.",
    sqlstate="0A000",
)


def check_name(state: ConversationState, name: bytes) -> None:
    """Refuse names that could be taken for others.

    Over 63 bytes they collide in PostgreSQL (soundness 7). Outside ASCII the server converts them from the client's
    encoding, so that the same bytes are another name there than in a text that has been decoded.
    """
    if not name.isascii():
        if state.single_byte or state.unsynced:
            raise FrontendProtocolError(
                "the name of a statement or portal is not ASCII",
                hint="Such names can be used only with client_encoding UTF8, and in no pipeline.",
                sqlstate="0A000",
            )
        if not state.drained:
            raise Wait(lambda: state.drained)  # a change of client_encoding may be under way
    if len(name) > MAX_NAME:
        raise FrontendProtocolError(
            f"the name of a statement or portal is longer than {MAX_NAME} bytes", sqlstate="42622"
        )


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "replace")
