"""What the frontend asks: one method per message, each forwards, replaces, drops, or waits.

A handler that raises Wait has changed nothing and is called again with the same message. A record of an execution is
appended before its message is forwarded. The replies are answers.py's.
"""

from __future__ import annotations

from hoopfast.errors import FrontendProtocolError, HoopfastError, PolicyDenied
from hoopfast.policy.model import CatalogNeeded, Statement, Verdict
from hoopfast.session import executed, refusal
from hoopfast.session.decide import (
    NOTHING,
    check_name,
    decide,
    refers_to_names,
    renew,
    same_decision,
    same_shape,
    stale_plan,
    unknown_portal,
    unknown_statement,
)
from hoopfast.session.decide import refusal as denial
from hoopfast.session.names import Portal, Prepared
from hoopfast.session.plans import needs_describe, target_now
from hoopfast.session.probe import Probe
from hoopfast.session.replies import Reply
from hoopfast.session.state import Condition, ConversationState, Wait
from hoopfast.wire import frontend, protocol

_STATEMENT = b"S"
_PORTAL = b"P"

# Bind analyses and plans these; the names in all other commands may be looked up when the portal is executed.
PLANNED = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"))


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
        try:
            handler(kind, body)
        except CatalogNeeded:
            raise state.need_catalog() from None

    def _forward(self, kind: int, body: bytes) -> None:
        self._state.to_backend(bytes((kind,)) + (len(body) + 4).to_bytes(4, "big") + body)

    def _drop(self, kind: int, body: bytes) -> None:
        """Legal here, and without meaning."""

    # -- simple query

    def _query(self, kind: int, body: bytes) -> None:
        state = self._state
        text = frontend.Query.decode(body).text
        statement = decide(state, text, ())
        if statement.verdict is Verdict.PROBE and state.probe is not Probe.PARSED and not state.unsynced:
            self._send_probe(b"", text, (), statement, simple=True)
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
            changes_names=executed.changes_names(statement),
            changes_prepared=executed.changes_names(statement),
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
        check_name(state, message.name)
        statement = decide(state, message.text, message.parameter_types)
        if statement.verdict is Verdict.PROBE and state.probe is not Probe.PARSED:
            name = message.name and refusal.PROBE_NAME
            self._send_probe(name, message.text, message.parameter_types, statement, simple=False)
        state.probe = Probe.NONE
        if statement.verdict is not Verdict.ALLOW:
            self._refuse(denial(statement), statement)
            return
        prepared = Prepared(message.name, message.text, message.parameter_types, statement)
        state.push(Reply.PARSE, statement=statement, prepared=prepared, changes_names=True, changes_prepared=True)
        state.names.expect_prepared(message.name, prepared)
        state.unsynced = True
        self._forward(kind, body)

    def _bind(self, kind: int, body: bytes) -> None:
        state = self._state
        message = frontend.Bind.decode(body)
        check_name(state, message.portal)
        check_name(state, message.statement)
        self._settle_prepared(message.statement)
        prepared = state.names.prepared(message.statement)
        if prepared is None:
            self._refuse(unknown_statement(message.statement), NOTHING)
            return
        statement = renew(state, prepared)
        if statement.verdict is not Verdict.ALLOW:
            error = stale_plan() if statement.verdict is Verdict.PROBE else denial(statement)
            self._refuse(error, statement)
            return
        if prepared.unsure or not same_decision(statement, prepared.statement):
            if prepared.from_sql:
                self._refuse(stale_plan(), statement)
                return
            # Rows of another shape than the frontend was told of: the backend says that itself (0A000).
            if prepared.unsure or same_shape(statement, prepared.statement):
                prepared = self._prepare_again(prepared, statement)
        if prepared.statement is not statement:
            prepared.statement = statement
            state.names.changed.add(prepared.name)
        portal = Portal(message.portal, statement, prepared, message.result_formats, message.parameters)
        portal.target = target_now(state, statement)
        opaque = executed.opaque(statement)
        state.push(Reply.BIND, statement=statement, portal=portal, changes_names=True, changes_prepared=opaque)
        if opaque:
            state.names.expect_doubt()  # planning may run it
        state.names.expect_portal(message.portal, portal)
        state.unsynced = True
        self._forward(kind, body)

    def _prepare_again(self, prepared: Prepared, statement: Statement) -> Prepared:
        """Have the backend analyse a statement anew, so that it means now what has been decided now."""
        state = self._state
        again = Prepared(prepared.name, prepared.text, prepared.parameter_types, statement)
        state.push(Reply.CLOSE, closes=_STATEMENT[0], name=again.name, swallow=True)
        state.to_backend(frontend.Close(_STATEMENT, again.name).encode())
        state.push(
            Reply.PARSE, statement=statement, prepared=again, swallow=True, changes_names=True, changes_prepared=True
        )
        state.to_backend(frontend.Parse(again.name, again.text, again.parameter_types).encode())
        state.names.expect_prepared(again.name, again)
        return again

    def _describe(self, kind: int, body: bytes) -> None:
        state = self._state
        message = frontend.Describe.decode(body)
        check_name(state, message.name)
        if message.kind == _STATEMENT:
            self._settle_prepared(message.name)
            prepared = state.names.prepared(message.name)
            if prepared is None:
                self._refuse(unknown_statement(message.name), NOTHING)
                return
            state.push(Reply.DESCRIBE_STATEMENT, statement=prepared.statement, prepared=prepared)
        else:
            self._settle_portal(message.name)
            portal = state.names.portal(message.name)
            if portal is None:
                self._refuse(unknown_portal(message.name), NOTHING)
                return
            state.push(Reply.DESCRIBE_PORTAL, statement=portal.statement, portal=portal)
            portal.described = True
        state.unsynced = True
        self._forward(kind, body)

    def _execute(self, kind: int, body: bytes) -> None:
        state = self._state
        message = frontend.Execute.decode(body)
        check_name(state, message.portal)
        self._settle_portal(message.portal)
        portal = state.names.portal(message.portal)
        if portal is None:
            self._refuse(unknown_portal(message.portal), NOTHING)
            return
        error = self._no_longer(portal)
        if error is not None:
            self._refuse(error, portal.statement)
            return
        undescribed = needs_describe(state, portal)  # before anything has changed: it may have to wait for the catalog
        if not portal.sequence:
            portal.sequence = state.ledger.begin(portal.statement, "extended", portal.parameters)
        if undescribed:
            state.push(Reply.DESCRIBE_PORTAL, statement=portal.statement, portal=portal, swallow=True)
            portal.described = True
            state.to_backend(frontend.Describe(_PORTAL, message.portal).encode())
        entry = state.push(
            Reply.EXECUTE,
            statement=portal.statement,
            portal=portal,
            sequence=portal.sequence,
            changes_names=executed.changes_names(portal.statement),
            changes_prepared=executed.changes_names(portal.statement),
        )
        executed.expect(state, entry, portal)
        state.executes(portal.statement)
        state.unsynced = True
        self._forward(kind, body)
        if portal.command is not None and portal.command.copy == "in":
            state.copying = entry

    def _no_longer(self, portal: Portal) -> HoopfastError | None:
        """Why a portal may not begin: what it names may be another thing than at Bind, when it was decided."""
        state = self._state
        command = portal.command
        if portal.prepared is None or portal.sequence or command is None:
            return None
        if command.tag in PLANNED and not refers_to_names(portal.statement):
            return None
        statement = renew(state, portal.prepared)
        if statement.verdict is not Verdict.ALLOW:
            return denial(statement)
        if not same_decision(statement, portal.statement):
            return stale_plan()
        target = target_now(state, statement)
        if target is None or portal.target is None:
            return None if target is portal.target else stale_plan()
        return None if same_decision(target[0], portal.target[0]) else stale_plan()

    def _close(self, kind: int, body: bytes) -> None:
        state = self._state
        message = frontend.Close.decode(body)
        check_name(state, message.name)
        self._settle(lambda: state.names_settled)
        ends_statement = message.kind == _STATEMENT
        state.push(
            Reply.CLOSE,
            closes=message.kind[0],
            name=message.name,
            changes_names=True,
            changes_prepared=ends_statement,
        )
        if ends_statement:
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
        state.unsynced = False

    def _flush(self, kind: int, body: bytes) -> None:
        self._forward(kind, body)

    def _terminate(self, kind: int, body: bytes) -> None:
        state = self._state
        if not (state.drained or state.unsynced or state.frontend.phase == protocol.FrontendPhase.COPY_IN):
            raise Wait(lambda: state.drained)  # closing the link earlier could keep the backend from reading it all
        state.leaving = True
        self._forward(kind, body)
        state.effects.close = True

    def _settle(self, settled: Condition) -> None:
        if not settled():
            raise Wait(settled)

    def _settle_prepared(self, name: bytes) -> None:
        """What the name stands for is known, or has been said since the last Sync (if that fails, all else does)."""
        state = self._state
        if not state.names.expects_prepared(name):
            self._settle(lambda: state.prepared_settled)

    def _settle_portal(self, name: bytes) -> None:
        state = self._state
        if not state.names.expects_portal(name):
            self._settle(lambda: state.names_settled)

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

    def _send_probe(
        self, name: bytes, text: bytes, types: tuple[int, ...], statement: Statement, *, simple: bool
    ) -> None:
        """Send a text as a Parse alone and wait for what the backend says of it.

        `name` is empty where the frontend's message ends the unnamed statement, even if it fails: Query, unnamed Parse.
        """
        state = self._state
        sequence = state.ledger.begin(statement, "simple" if simple else "extended")
        state.push(Reply.PROBE, statement=statement, sequence=sequence, name=name)
        state.to_backend(frontend.Parse(name, text, types).encode())
        if simple:
            state.push(Reply.SYNC)
            state.to_backend(frontend.Sync().encode())
            state.end_segment()
        else:
            state.to_backend(frontend.Flush().encode())
            state.unsynced = True
        state.probe = Probe.SENT
        raise Wait(lambda: state.probe is not Probe.SENT and not state.catalog_pending)
