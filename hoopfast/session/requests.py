"""What the frontend asks: one method per message, each forwards, replaces, drops, or waits.

A handler that raises Wait has changed nothing and is called again with the same message. A record of an execution is
appended before its message is forwarded. The replies are answers.py's.
"""

from __future__ import annotations

from hoopfast.errors import FrontendProtocolError, HoopfastError, PolicyDenied
from hoopfast.policy.model import Statement, Verdict
from hoopfast.session import refusal
from hoopfast.session.decide import (
    NOTHING,
    check_name,
    decide,
    refers_to_names,
    renew,
    stale_plan,
    unknown_portal,
    unknown_statement,
)
from hoopfast.session.decide import refusal as denial
from hoopfast.session.names import Portal, Prepared
from hoopfast.session.plans import needs_describe
from hoopfast.session.probe import Probe
from hoopfast.session.replies import Reply
from hoopfast.session.state import ConversationState, Wait
from hoopfast.wire import frontend, protocol

_STATEMENT = b"S"
_PORTAL = b"P"


class Requests:
    """Handles the messages of the frontend that the framer delivers."""

    def __init__(self, state: ConversationState) -> None:
        self._state = state
        self._ready = {
            protocol.F_QUERY: self._query,
            protocol.F_PARSE: self._parse,
            protocol.F_BIND: self._bind,
            protocol.F_DESCRIBE: self._describe,
            protocol.F_EXECUTE: self._execute,
            protocol.F_CLOSE: self._close,
            protocol.F_SYNC: self._sync,
            protocol.F_FLUSH: self._flush,
            protocol.F_FUNCTION_CALL: self._function_call,
            protocol.F_TERMINATE: self._terminate,
        }
        self._copy_in = {
            protocol.F_COPY_DONE: self._end_copy,
            protocol.F_COPY_FAIL: self._end_copy,
            protocol.F_TERMINATE: self._terminate,
            protocol.F_FLUSH: self._drop,  # CopyGetData ignores Flush and Sync (copyfromparse.c)
            protocol.F_SYNC: self._drop,
        }

    def handle(self, kind: int, body: bytes) -> None:
        """Deal with one message; Wait if it has to wait."""
        state = self._state
        if state.probe is Probe.REJECTED:
            state.probe = Probe.NONE
            return  # this message was probed, and the backend's error has been passed on
        in_copy = state.frontend.phase == protocol.FrontendPhase.COPY_IN
        handler = (self._copy_in if in_copy else self._ready).get(kind)
        if handler is None:
            name = protocol.message_name(kind, frontend=True)
            raise FrontendProtocolError(f"unexpected message {name} during COPY from stdin")
        if state.skipping and kind not in (protocol.F_SYNC, protocol.F_TERMINATE):
            return  # the backend would ignore it, a Query too (postgres.c, ignore_till_sync)
        handler(kind, body)

    def _forward(self, kind: int, body: bytes) -> None:
        self._state.to_backend(bytes((kind,)) + (len(body) + 4).to_bytes(4, "big") + body)

    def _drop(self, kind: int, body: bytes) -> None:
        """Legal here, and without meaning."""

    # -- simple query

    def _query(self, kind: int, body: bytes) -> None:
        state = self._state
        text = frontend.Query.decode(body).text
        statement = decide(state, text, ())
        if statement.verdict is Verdict.PROBE and state.probe is not Probe.PARSED:
            self._send_probe(text, (), statement, simple=True)
        state.probe = Probe.NONE
        if statement.verdict is not Verdict.ALLOW:
            self._refuse_query(denial(statement), statement)
            return
        sequence = state.ledger.begin(statement, "simple")
        entry = state.push(
            Reply.QUERY,
            statement=statement,
            text=text,
            sequence=sequence,
            changes_names=_changes_names(statement),
        )
        state.executes(statement)
        self._forward(kind, body)
        state.end_segment()
        if any(command.copy == "in" for command in statement.commands):
            state.copying = entry

    def _refuse_query(self, error: HoopfastError, statement: Statement) -> None:
        state = self._state
        sequence = state.ledger.begin(statement, "simple")
        state.push(Reply.QUERY, sequence=sequence, refusal=error)
        state.to_backend(refusal.substitute_query())
        state.end_segment()

    def _function_call(self, kind: int, body: bytes) -> None:
        error = PolicyDenied("function calls by the fast-path protocol are refused", hint="Use SELECT function(…).")
        self._refuse_query(error, NOTHING)

    # -- extended query

    def _parse(self, kind: int, body: bytes) -> None:
        state = self._state
        message = frontend.Parse.decode(body)
        check_name(message.name)
        statement = decide(state, message.text, message.parameter_types)
        if statement.verdict is Verdict.PROBE and state.probe is not Probe.PARSED:
            self._send_probe(message.text, message.parameter_types, statement, simple=False)
        state.probe = Probe.NONE
        if statement.verdict is not Verdict.ALLOW:
            self._refuse(denial(statement), statement)
            return
        prepared = Prepared(message.name, message.text, message.parameter_types, statement)
        state.push(Reply.PARSE, statement=statement, prepared=prepared, changes_names=True)
        state.names.expect_prepared(message.name, prepared)
        state.unsynced = True
        self._forward(kind, body)

    def _bind(self, kind: int, body: bytes) -> None:
        state = self._state
        message = frontend.Bind.decode(body)
        check_name(message.portal)
        check_name(message.statement)
        self._settle()
        prepared = state.names.prepared(message.statement)
        if prepared is None:
            self._refuse(unknown_statement(message.statement), NOTHING)
            return
        statement = renew(state, prepared)
        if statement.verdict is not Verdict.ALLOW:
            error = stale_plan() if statement.verdict is Verdict.PROBE else denial(statement)
            self._refuse(error, statement)
            return
        if statement is not prepared.statement:
            prepared.statement = statement
            prepared.description = None
        portal = Portal(message.portal, statement, prepared, message.result_formats, message.parameters)
        state.push(Reply.BIND, statement=statement, portal=portal, changes_names=True)
        state.names.expect_portal(message.portal, portal)
        state.unsynced = True
        self._forward(kind, body)

    def _describe(self, kind: int, body: bytes) -> None:
        state = self._state
        message = frontend.Describe.decode(body)
        check_name(message.name)
        self._settle()
        if message.kind == _STATEMENT:
            prepared = state.names.prepared(message.name)
            if prepared is None:
                self._refuse(unknown_statement(message.name), NOTHING)
                return
            state.push(Reply.DESCRIBE_STATEMENT, statement=prepared.statement, prepared=prepared)
        else:
            portal = state.names.portal(message.name)
            if portal is None:
                self._refuse(unknown_portal(message.name), NOTHING)
                return
            state.push(Reply.DESCRIBE_PORTAL, statement=portal.statement, portal=portal)
        state.unsynced = True
        self._forward(kind, body)

    def _execute(self, kind: int, body: bytes) -> None:
        state = self._state
        message = frontend.Execute.decode(body)
        check_name(message.portal)
        self._settle()
        portal = state.names.portal(message.portal)
        if portal is None:
            self._refuse(unknown_portal(message.portal), NOTHING)
            return
        if portal.prepared is not None and refers_to_names(portal.statement):
            statement = renew(state, portal.prepared)
            if statement.verdict is not Verdict.ALLOW:
                self._refuse(denial(statement), statement)
                return
            portal.statement = statement
        if not portal.sequence:
            portal.sequence = state.ledger.begin(portal.statement, "extended", portal.parameters)
        if needs_describe(state, portal):
            state.push(Reply.DESCRIBE_PORTAL, statement=portal.statement, portal=portal, swallow=True)
            state.to_backend(frontend.Describe(_PORTAL, message.portal).encode())
        entry = state.push(
            Reply.EXECUTE,
            statement=portal.statement,
            portal=portal,
            sequence=portal.sequence,
            changes_names=_changes_names(portal.statement),
        )
        self._expect_names(portal)
        state.executes(portal.statement)
        state.unsynced = True
        self._forward(kind, body)
        if portal.command is not None and portal.command.copy == "in":
            state.copying = entry

    def _expect_names(self, portal: Portal) -> None:
        """What PREPARE, DECLARE and their ends, executed by a portal, will have done to the names."""
        names = self._state.names
        for command in portal.statement.commands:
            if command.prepares is not None and command.prepared is not None and portal.prepared is not None:
                names.expect_prepared(
                    command.prepares.encode("utf-8"),
                    sql_prepared(portal.prepared.text, command.prepares, command.prepared),
                )
            if command.declares is not None and command.declared is not None:
                name = command.declares.encode("utf-8")
                names.expect_portal(name, Portal(name, command.declared, holdable=command.holdable))
            if command.deallocates:
                names.expect_prepared(command.deallocates.encode("utf-8"), None)
            if command.closes:
                names.expect_portal(command.closes.encode("utf-8"), None)

    def _close(self, kind: int, body: bytes) -> None:
        state = self._state
        message = frontend.Close.decode(body)
        check_name(message.name)
        self._settle()
        state.push(Reply.CLOSE, closes=message.kind[0], name=message.name, changes_names=True)
        if message.kind == _STATEMENT:
            state.names.expect_prepared(message.name, None)
        else:
            state.names.expect_portal(message.name, None)
        state.unsynced = True
        self._forward(kind, body)

    def _sync(self, kind: int, body: bytes) -> None:
        state = self._state
        state.skipping = False
        state.push(Reply.SYNC)
        self._forward(kind, body)
        state.end_segment()

    def _flush(self, kind: int, body: bytes) -> None:
        self._forward(kind, body)

    def _terminate(self, kind: int, body: bytes) -> None:
        state = self._state
        state.leaving = True
        self._forward(kind, body)
        state.effects.close = True

    def _settle(self) -> None:
        state = self._state
        if not state.names_settled:
            raise Wait(lambda: state.names_settled)

    def _refuse(self, error: HoopfastError, statement: Statement) -> None:
        """Replace a message by a Parse that fails; what the frontend sends up to its Sync, the backend would skip."""
        state = self._state
        sequence = state.ledger.begin(statement, "extended")
        state.push(Reply.PARSE, sequence=sequence, refusal=error)
        state.to_backend(refusal.substitute_parse())
        state.unsynced = True
        state.skipping = True

    # -- COPY FROM STDIN

    def _end_copy(self, kind: int, body: bytes) -> None:
        state = self._state
        state.frontend.phase = protocol.FrontendPhase.READY
        if state.copying is not None and state.copying.kind is Reply.EXECUTE:
            # The backend's next answer may wait for the Sync. A Query's comes by itself, and may be another
            # CopyInResponse.
            state.copying = None
        self._forward(kind, body)

    # -- texts that only the backend can judge

    def _send_probe(self, text: bytes, types: tuple[int, ...], statement: Statement, *, simple: bool) -> None:
        """Send a text as a Parse alone and wait for what the backend says of it."""
        state = self._state
        sequence = state.ledger.begin(statement, "simple" if simple else "extended")
        state.push(Reply.PROBE, statement=statement, sequence=sequence)
        state.to_backend(frontend.Parse(refusal.PROBE_NAME, text, types).encode())
        if simple:
            state.push(Reply.SYNC)
            state.to_backend(frontend.Sync().encode())
            state.end_segment()
        else:
            state.to_backend(frontend.Flush().encode())
            state.unsynced = True
        state.probe = Probe.SENT
        raise Wait(lambda: state.probe is not Probe.SENT and not state.catalog_pending)


def sql_prepared(text: bytes, name: str, statement: Statement) -> Prepared:
    """The prepared statement that a PREPARE in `text` makes."""
    return Prepared(name.encode("utf-8"), text, (), statement, from_sql=True)


def _changes_names(statement: Statement) -> bool:
    return any(
        command.opaque
        or command.discards_all
        or command.prepares is not None
        or command.declares is not None
        or command.deallocates is not None
        or command.closes is not None
        for command in statement.commands
    )
