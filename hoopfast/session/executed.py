"""What commands do to the names of a session: foreseen when they are forwarded, confirmed when they are answered.

Between requests.py, which foresees, and answers.py, which confirms. Knows no bytes of the wire and asks no policy. That
a transaction ends is told to the ledger from here, because the command that ends it ends portals too.
"""

from __future__ import annotations

from hoopfast.policy.model import Command, Statement
from hoopfast.session.names import Portal, Prepared
from hoopfast.session.replies import Expected, Reply
from hoopfast.session.state import ConversationState

# An error that says of a PREPARE that it has not come to making anything.
_NOTHING_PREPARED = frozenset(("42P05", "25P02"))


def changes_names(statement: Statement) -> bool:
    """Whether executing a statement may change what a name stands for."""
    return any(
        command.opaque
        or command.discards_all
        or command.prepares is not None
        or command.declares is not None
        or command.deallocates is not None
        or command.closes is not None
        for command in statement.commands
    )


def opaque(statement: Statement | None) -> bool:
    """Whether a statement runs code that nobody has read."""
    return statement is not None and any(command.opaque for command in statement.commands)


def expect(state: ConversationState, entry: Expected, portal: Portal) -> None:
    """The Execute of a portal was forwarded: what its command will have done to the names."""
    names = state.names
    if opaque(portal.statement):
        names.expect_doubt()
        names.expect_portal(portal.name, portal)
    for command in portal.statement.commands:
        if command.prepares is not None and command.prepared is not None and portal.prepared is not None:
            entry.prepared = _prepared(command, command.prepared, portal.prepared.text)
            names.expect_prepared(entry.prepared.name, entry.prepared)
        if command.declares is not None and command.declared is not None:
            entry.cursor = _cursor(command, command.declared)
            names.expect_portal(entry.cursor.name, entry.cursor)
        if command.deallocates:
            names.expect_prepared(command.deallocates.encode("utf-8"), None)
        if command.closes:
            names.expect_portal(command.closes.encode("utf-8"), None)


def confirm(state: ConversationState, entry: Expected, command: Command, tag: str) -> None:
    """A command of `entry` has been executed: do to the names and the transaction what it did."""
    names = state.names
    if command.opaque:
        state.drop_portals(names.doubt(entry.portal))
    if command.discards_all:
        names.end_prepared()
        state.drop_portals(names.end_portals(entry.portal))
    if command.prepares is not None and command.prepared is not None:
        prepared = entry.prepared or _prepared(command, command.prepared, entry.text)
        names.confirm_prepared(prepared.name, prepared)
    if command.declares is not None and command.declared is not None:
        cursor = entry.cursor or _cursor(command, command.declared)
        names.confirm_portal(cursor.name, cursor)
    if command.deallocates:
        names.confirm_prepared(command.deallocates.encode("utf-8"), None)
    elif command.deallocates is not None:
        names.end_prepared()
    if command.closes:
        previous = names.confirm_portal(command.closes.encode("utf-8"), None)
        state.drop_portals([previous] if previous else [])
    elif command.closes is not None:
        state.drop_portals(names.end_portals(entry.portal))
    if command.transaction in _ENDS:
        state.drop_portals(names.end_transaction(entry.portal))
        # COMMIT and PREPARE TRANSACTION of a failed transaction answer ROLLBACK.
        done = _ENDS[command.transaction]
        state.ledger.end_transaction(done if tag != "ROLLBACK" else "rolled back", under_way=entry.sequence)
    else:
        state.ledger.goes_on(entry.sequence)


_ENDS = {"commit": "committed", "rollback": "rolled back", "prepare": "prepared"}


def failed(state: ConversationState, entry: Expected, sqlstate: str) -> None:
    """An error has come in place of what `entry` was about to answer.

    The error may be one of the commit behind the last command of a Query (a deferred constraint), which comes before
    that command's CommandComplete; and what PREPARE and opaque code do to the names, no rollback undoes.
    """
    if opaque(entry.statement) and entry.kind in (Reply.BIND, Reply.EXECUTE, Reply.QUERY):
        state.drop_portals(state.names.doubt(None))
    command = entry.command
    if entry.kind is not Reply.QUERY or command is None or command.prepares is None:
        return
    if sqlstate not in _NOTHING_PREPARED:
        state.names.confirm_prepared(command.prepares.encode("utf-8"), None)


def _prepared(command: Command, statement: Statement, text: bytes) -> Prepared:
    """What a PREPARE in `text` makes."""
    return Prepared((command.prepares or "").encode("utf-8"), text, (), statement, from_sql=True)


def _cursor(command: Command, statement: Statement) -> Portal:
    return Portal((command.declares or "").encode("utf-8"), statement, holdable=command.holdable)
