"""Mask plans: from a description of rows to what the row loop does with them.

The only code that turns the policy's cell rules into a MaskPlan. Where it does not know what the rows are, every cell
becomes NULL; where it does not know that there are rows, there is no plan, and a row closes the session.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from hoopfast.errors import BackendProtocolError
from hoopfast.policy.model import NULL, CellRule, Command, ResultColumn, Rows, Statement
from hoopfast.session.names import Portal, Prepared
from hoopfast.session.replies import Expected
from hoopfast.session.state import ConversationState
from hoopfast.wire import backend
from hoopfast.wire.masking import MaskPlan

Target: TypeAlias = tuple[Statement, Command]

_DEPTH = 8  # EXECUTE of a FETCH of …: deeper than anybody writes


def columns_of(body: bytes) -> tuple[ResultColumn, ...]:
    """The columns of a RowDescription."""
    fields = backend.RowDescription.decode(body).fields
    return tuple(ResultColumn(field.name.decode("utf-8", "replace"), *field[1:]) for field in fields)


def with_formats(columns: tuple[ResultColumn, ...], formats: tuple[int, ...]) -> tuple[ResultColumn, ...] | None:
    """The columns with Bind's result formats (none: text; one: for all); None if the numbers do not fit."""
    if len(formats) <= 1:
        code = formats[0] if formats else 0
        return tuple(column._replace(format=code) for column in columns)
    if len(formats) != len(columns):
        return None
    return tuple(column._replace(format=code) for column, code in zip(columns, formats, strict=True))


@lru_cache(maxsize=4096)
def _plan(rules: tuple[CellRule, ...], single_byte: bool) -> MaskPlan:
    return MaskPlan([(rule.action.value, rule.fixed, rule.n) for rule in rules], single_byte=single_byte)


def returns_rows(command: Command | None) -> bool:
    """Whether rows may come for a command."""
    return command is not None and command.rows is not Rows.NONE


def behind(
    statement: Statement | None,
    command: Command | None,
    prepared: Callable[[bytes], Prepared | None],
    portal: Callable[[bytes], Portal | None],
) -> Target | None:
    """The statement whose rows a command returns: itself, or what EXECUTE and FETCH stand for by the names given."""
    for _ in range(_DEPTH):
        if statement is None or command is None:
            return None
        if command.rows is not Rows.NAMED:
            return statement, command
        if command.executes is not None:
            named = prepared(command.executes.encode("utf-8"))
            statement = named.statement if named is not None and not named.unsure else None
            command = _only(statement)
        elif command.fetches is not None:
            cursor = portal(command.fetches.encode("utf-8"))
            if cursor is None or cursor.target is not None:
                return cursor.target if cursor else None
            statement, command = cursor.statement, _only(cursor.statement)
        else:
            return None
    return None


def _only(statement: Statement | None) -> Command | None:
    return statement.commands[0] if statement is not None and len(statement.commands) == 1 else None


def target_now(state: ConversationState, statement: Statement) -> Target | None:
    """What a portal of `statement` would stand for if it were bound now; None unless it stands for another one."""
    command = _only(statement)
    if command is None or command.rows is not Rows.NAMED:
        return None
    return behind(statement, command, state.names.prepared, state.names.portal)


def target_of_query(state: ConversationState, entry: Expected) -> Target | None:
    """Whose rows the command returns that a Query is at, by the names as they are confirmed now."""
    return behind(entry.statement, entry.command, state.names.confirmed_prepared, state.names.confirmed_portal)


def target_of_portal(portal: Portal) -> Target | None:
    """Whose rows a portal returns: it keeps what its names stood for at Bind, as its description is kept."""
    command = portal.command
    if command is None or command.rows is Rows.NAMED:
        return portal.target
    return portal.statement, command


def described_plan(
    state: ConversationState,
    target: Target | None,
    columns: tuple[ResultColumn, ...],
    *,
    this_execution: bool,
) -> MaskPlan:
    """The plan for rows that have been described; of rows that nobody predicted every cell becomes NULL."""
    if target is None or not returns_rows(target[1]):
        return _plan((NULL,) * len(columns), state.single_byte)
    rules = state.policy.cell_rules(*target, columns, this_execution=this_execution)
    if len(rules) != len(columns):
        raise BackendProtocolError("the result has another number of columns than its plan")
    return _plan(rules, state.single_byte)


def needs_describe(state: ConversationState, portal: Portal) -> bool:
    """Whether a Describe of the portal must go before its Execute; gives it a plan where that can be had without."""
    command = portal.command
    if portal.plan is not None or portal.described or not returns_rows(command):
        return False
    assert command is not None
    if command.rows is Rows.NAMED or state.policy.needs_description(command):
        return True
    prepared = portal.prepared
    if prepared is None or prepared.description is None:
        if command.rows is not Rows.CLEAN:
            return True
        portal.plan = MaskPlan.clean()
        return False
    columns = with_formats(prepared.description, portal.result_formats)
    if columns is None:
        return True
    portal.plan = described_plan(state, target_of_portal(portal), columns, this_execution=False)
    if state.handover is not None:
        state.handover.planned(prepared, portal.statement, portal.result_formats, portal.plan)
    return False
