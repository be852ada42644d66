"""What the backend answers: one method per message, each checked against the reply that is owed.

An answer that the head of the queue does not allow ends the session: rows never fall back to another plan. Rows
themselves do not come here; they go through the framer by the plan that `next_plan` gives it.
"""

from __future__ import annotations

from typing import NoReturn

from hoopfast.errors import BackendProtocolError
from hoopfast.policy.model import Rows
from hoopfast.session import executed, refusal, schemas
from hoopfast.session.boundary import Ending
from hoopfast.session.plans import columns_of, described_plan, target_of_portal, target_of_query
from hoopfast.session.probe import Probe
from hoopfast.session.replies import Expected, Reply
from hoopfast.session.state import ConversationState
from hoopfast.wire import backend, frontend, protocol
from hoopfast.wire.masking import MaskPlan

_STATEMENT = ord("S")
_FATAL = frozenset((b"FATAL", b"PANIC"))
_FORBIDDEN = {"standard_conforming_strings": "off", "integer_datetimes": "off"}


class Answers:
    """Handles the messages of the backend that the framer delivers."""

    def __init__(self, state: ConversationState) -> None:
        self._state = state
        self._handlers = {
            protocol.B_PARSE_COMPLETE: self._parse_complete,
            protocol.B_BIND_COMPLETE: self._bind_complete,
            protocol.B_CLOSE_COMPLETE: self._close_complete,
            protocol.B_PARAMETER_DESCRIPTION: self._parameter_description,
            protocol.B_ROW_DESCRIPTION: self._row_description,
            protocol.B_NO_DATA: self._no_data,
            protocol.B_COMMAND_COMPLETE: self._command_complete,
            protocol.B_EMPTY_QUERY_RESPONSE: self._empty_query,
            protocol.B_PORTAL_SUSPENDED: self._portal_suspended,
            protocol.B_READY_FOR_QUERY: self._ready_for_query,
            protocol.B_COPY_IN_RESPONSE: self._copy_in,
            protocol.B_COPY_OUT_RESPONSE: self._copy_out,
            protocol.B_COPY_DONE: self._copy_done,
            protocol.B_ERROR_RESPONSE: self._error,
            protocol.B_NOTICE_RESPONSE: self._notice,
            protocol.B_NOTIFICATION_RESPONSE: self._notification,
            protocol.B_PARAMETER_STATUS: self._parameter_status,
        }

    def handle(self, kind: int, body: bytes) -> None:
        """Deal with one message."""
        handler = self._handlers.get(kind)
        if handler is None:
            self._out_of_step(kind)
        handler(kind, body)

    def next_plan(self) -> MaskPlan | None:
        """The plan for rows that come now; None: no rows may."""
        head = self._state.queue.head
        if head is None:
            return None
        if head.statement is not None and not head.statement.clean:
            self._state.tainted = True
        if head.kind is Reply.EXECUTE and head.portal is not None:
            return head.portal.plan
        return schemas.OWN_PLAN if head.kind is Reply.OWN_QUERY else head.plan

    def rows(self, span: bytes) -> None:
        """Rows or CopyData, as they may reach the frontend."""
        state = self._state
        head = state.queue.head
        if head is not None and head.kind is Reply.OWN_QUERY:
            schemas.collect(head, span)
        else:
            state.to_frontend(span)

    def _out_of_step(self, kind: int) -> NoReturn:
        name = protocol.message_name(kind, frontend=False)
        raise BackendProtocolError(f"the backend sent {name}, which answers nothing that was asked")

    def _head(self, kind: int, *kinds: Reply) -> Expected:
        head = self._state.queue.head
        if head is None or head.kind not in kinds:
            self._out_of_step(kind)
        return head

    def _pass(self, kind: int, body: bytes) -> None:
        self._state.to_frontend(bytes((kind,)) + (len(body) + 4).to_bytes(4, "big") + body)

    # -- extended query

    def _parse_complete(self, kind: int, body: bytes) -> None:
        state = self._state
        entry = self._head(kind, Reply.PARSE, Reply.PROBE, Reply.OWN_QUERY)
        if entry.kind is Reply.OWN_QUERY:
            return
        if entry.refusal is not None:
            raise BackendProtocolError("the backend accepted a text that cannot be parsed")
        if entry.statement is not None and len(entry.statement.commands) > 1:
            raise BackendProtocolError("the backend took for one command what was decided as several")
        state.queue.pop()
        if entry.kind is Reply.PROBE:
            self._probe_parsed(entry)
            return
        if entry.prepared is not None:
            state.names.confirm_prepared(entry.prepared.name, entry.prepared)
        if not entry.swallow:
            self._pass(kind, body)

    def _probe_parsed(self, entry: Expected) -> None:
        """The backend understands a text that we do not: read the catalog, then decide again."""
        state = self._state
        state.ledger.end(entry.sequence, Ending.SKIPPED)
        sync = state.queue.head
        state.to_backend(frontend.Close(b"S", entry.name).encode())
        state.push(Reply.CLOSE, closes=_STATEMENT, name=entry.name, swallow=True)
        if sync is not None:  # of a Query, which the frontend thinks is still under way
            sync.swallow = True
            state.push(Reply.SYNC, swallow=True)
            state.to_backend(frontend.Sync().encode())
            state.end_segment()
        state.probe = Probe.PARSED
        state.effects.catalog_changed = True
        state.need_catalog()

    def _bind_complete(self, kind: int, body: bytes) -> None:
        state = self._state
        entry = self._head(kind, Reply.BIND, Reply.OWN_QUERY)
        if entry.kind is Reply.OWN_QUERY:
            return
        state.queue.pop()
        if executed.opaque(entry.statement):
            state.drop_portals(state.names.doubt(None))
        if entry.portal is not None:
            previous = state.names.confirm_portal(entry.portal.name, entry.portal)
            state.drop_portals([previous] if previous else [])
        self._pass(kind, body)

    def _close_complete(self, kind: int, body: bytes) -> None:
        state = self._state
        entry = self._head(kind, Reply.CLOSE, Reply.OWN_QUERY)
        if entry.kind is Reply.OWN_QUERY:
            return
        state.queue.pop()
        if entry.swallow:
            return
        if entry.closes == _STATEMENT:
            state.names.confirm_prepared(entry.name, None)
        else:
            previous = state.names.confirm_portal(entry.name, None)
            state.drop_portals([previous] if previous else [])
        self._pass(kind, body)

    def _parameter_description(self, kind: int, body: bytes) -> None:
        self._head(kind, Reply.DESCRIBE_STATEMENT)
        self._pass(kind, body)

    def _row_description(self, kind: int, body: bytes) -> None:
        state = self._state
        entry = self._head(kind, Reply.DESCRIBE_STATEMENT, Reply.DESCRIBE_PORTAL, Reply.QUERY)
        columns = columns_of(body)
        if entry.kind is Reply.QUERY:
            entry.plan = described_plan(state, target_of_query(state, entry), columns, this_execution=True)
            if state.handover is not None:
                known = entry.known or state.handover.known(entry.text, (), entry.statement)
                state.handover.described(known, body, entry.plan)
        elif entry.portal is not None:
            state.queue.pop()
            portal = entry.portal
            portal.plan = described_plan(state, target_of_portal(portal), columns, this_execution=True)
            if state.handover is not None and portal.prepared is not None:
                known = state.handover.known(portal.prepared.text, portal.prepared.parameter_types, portal.statement)
                state.handover.described(known, body, portal.plan)
        elif entry.prepared is not None:
            state.queue.pop()
            entry.prepared.description, entry.prepared.description_body = columns, body
            state.names.changed.add(entry.prepared.name)
        if not entry.swallow:
            self._pass(kind, body)

    def _no_data(self, kind: int, body: bytes) -> None:
        entry = self._head(kind, Reply.DESCRIBE_STATEMENT, Reply.DESCRIBE_PORTAL)
        self._state.queue.pop()
        if not entry.swallow:
            self._pass(kind, body)

    def _portal_suspended(self, kind: int, body: bytes) -> None:
        state = self._state
        entry = self._head(kind, Reply.EXECUTE)
        state.ledger.count(entry.sequence, state.backend.take_counts())
        state.queue.pop()
        if executed.opaque(entry.statement):
            state.drop_portals(state.names.doubt(entry.portal))
        self._pass(kind, body)

    # -- ends of commands

    def _command_complete(self, kind: int, body: bytes) -> None:
        state = self._state
        entry = self._head(kind, Reply.QUERY, Reply.EXECUTE, Reply.OWN_QUERY)
        if entry.kind is Reply.OWN_QUERY:
            state.backend.take_counts()
            return
        state.backend.phase = protocol.BackendPhase.READY
        tag = backend.CommandComplete.decode(body).tag.decode("utf-8", "replace")
        state.ledger.count(entry.sequence, state.backend.take_counts())
        command = entry.command
        if command is None:
            self._out_of_step(kind)
        if entry.kind is Reply.EXECUTE and entry.portal is not None:
            state.queue.pop()
            entry.portal.sequence = 0
            state.ledger.end(entry.sequence, Ending.COMPLETED, tag=tag)
            state.copying = None if state.copying is entry else state.copying
        else:
            entry.plan = None
            entry.tags.append(tag)
            entry.index += 1
        executed.confirm(state, entry, command, tag)
        self._pass(kind, body)

    def _empty_query(self, kind: int, body: bytes) -> None:
        state = self._state
        entry = self._head(kind, Reply.QUERY, Reply.EXECUTE)
        if entry.kind is Reply.EXECUTE:
            state.queue.pop()
            state.ledger.end(entry.sequence, Ending.COMPLETED)
            if entry.portal is not None:
                entry.portal.sequence = 0
        self._pass(kind, body)

    def _ready_for_query(self, kind: int, body: bytes) -> None:
        state = self._state
        entry = self._head(kind, Reply.QUERY, Reply.SYNC, Reply.OWN_QUERY)
        if entry.refusal is not None and not entry.failed:
            raise BackendProtocolError("the backend accepted a text that cannot be parsed")
        state.queue.pop()
        state.backend.phase = protocol.BackendPhase.READY
        if state.copying is entry:
            state.copying = None
        state.status = backend.ReadyForQuery.decode(body).status
        if entry.kind is Reply.OWN_QUERY:
            state.ledger.failed = state.ledger.failed and state.status != b"I"
            schemas.answered(state, entry)
            return
        if entry.kind is Reply.QUERY and not entry.failed:
            state.ledger.end(entry.sequence, Ending.COMPLETED, tag="; ".join(entry.tags))
        if state.status == b"I":
            state.transaction_over(entry.segment)
        if not entry.swallow:
            self._pass(kind, body)

    # -- COPY

    def _copy_in(self, kind: int, body: bytes) -> None:
        state = self._state
        entry = self._head(kind, Reply.QUERY, Reply.EXECUTE)
        if entry.command is None or entry.command.copy != "in" or state.copying is not entry:
            self._out_of_step(kind)
        state.backend.phase = protocol.BackendPhase.COPY_IN
        state.frontend.phase = protocol.FrontendPhase.COPY_IN
        self._pass(kind, body)

    def _copy_out(self, kind: int, body: bytes) -> None:
        state = self._state
        command = self._head(kind, Reply.QUERY, Reply.EXECUTE).command
        # CopyData has no plan yet: it passes only where every column has been proven clean.
        if command is None or command.copy != "out" or command.rows is not Rows.CLEAN:
            self._out_of_step(kind)
        state.backend.phase = protocol.BackendPhase.COPY_OUT
        self._pass(kind, body)

    def _copy_done(self, kind: int, body: bytes) -> None:
        state = self._state
        if state.backend.phase != protocol.BackendPhase.COPY_OUT:
            self._out_of_step(kind)
        state.backend.phase = protocol.BackendPhase.READY
        self._pass(kind, body)

    # -- errors

    def _error(self, kind: int, body: bytes) -> None:
        state = self._state
        fields = backend.ErrorResponse.decode(body).fields
        fatal = fields.get("V", fields.get("S")) in _FATAL
        head = state.queue.head
        if head is None and not fatal:
            self._out_of_step(kind)
        state.fatal_seen = state.fatal_seen or fatal
        state.error_came()
        if head is None:
            state.to_frontend(backend.ErrorResponse(refusal.withhold(fields)).encode())
            return
        self.next_plan()  # the head's taint counts for its own error
        self._tell(head, fields, body, fatal=fatal)
        sqlstate = fields.get("C", b"").decode("ascii", "replace")
        executed.failed(state, head, sqlstate)
        state.ledger.count(head.sequence, state.backend.take_counts())
        if head.kind in (Reply.QUERY, Reply.OWN_QUERY):
            head.failed = True
            head.plan = None
        elif head.kind is not Reply.SYNC:  # an error at Sync skips nothing (soundness 42)
            state.queue.pop()
            self._skip(head, sqlstate)
        if head.sequence:
            self._end_failed(head, sqlstate)

    def _tell(self, head: Expected, fields: dict[str, bytes], body: bytes, *, fatal: bool) -> None:
        state = self._state
        if head.refusal is not None and not fatal:
            state.to_frontend(refusal.error_response(head.refusal))
        elif head.kind is Reply.PROBE or (not state.tainted and head.kind is not Reply.OWN_QUERY):
            self._pass(protocol.B_ERROR_RESPONSE, body)
        elif head.kind is not Reply.OWN_QUERY or fatal:
            state.to_frontend(backend.ErrorResponse(refusal.withhold(fields)).encode())

    def _skip(self, head: Expected, sqlstate: str) -> None:
        """An extended-protocol message has failed: the backend skips what follows it up to the next Sync."""
        state = self._state
        if head.kind is Reply.PROBE:
            state.probe = Probe.REJECTED
        skipped, sync_sent = state.queue.skip_to_sync()
        for entry in (head, *skipped):
            if entry.kind is Reply.DESCRIBE_PORTAL and entry.portal is not None:
                entry.portal.described = False
        state.skipping = state.skipping or not sync_sent
        for entry in skipped:
            if entry.kind is Reply.PROBE:
                state.probe = Probe.NONE  # its message is skipped too
            if entry is state.copying:
                state.copying = None
            if not entry.sequence:
                continue
            if head.swallow and head.portal is not None and entry.portal is head.portal:
                self._end_failed(entry, sqlstate)  # our own Describe has failed in its Execute's place
            else:
                state.ledger.end(entry.sequence, Ending.SKIPPED)
                if entry.portal is not None:
                    entry.portal.sequence = 0

    def _end_failed(self, entry: Expected, sqlstate: str) -> None:
        ledger = self._state.ledger
        if entry.refusal is not None:
            ledger.end(entry.sequence, Ending.REFUSED, sqlstate=entry.refusal.sqlstate)
        else:
            ledger.end(entry.sequence, Ending.ERROR, sqlstate=sqlstate)
        if entry.portal is not None:
            entry.portal.sequence = 0

    # -- what may come at any time

    def _notice(self, kind: int, body: bytes) -> None:
        state = self._state
        head = state.queue.head
        if head is not None and head.kind is Reply.OWN_QUERY:
            return
        self.next_plan()
        if head is not None and not state.tainted:
            self._pass(kind, body)
        else:
            fields = backend.NoticeResponse.decode(body).fields
            state.to_frontend(backend.NoticeResponse(refusal.withhold(fields)).encode())

    def _notification(self, kind: int, body: bytes) -> None:
        notification = backend.NotificationResponse.decode(body)
        if not self._state.notifications.may_pass(notification.channel, notification.payload):
            notification = notification._replace(payload=b"")
        self._state.to_frontend(notification.encode())

    def _parameter_status(self, kind: int, body: bytes) -> None:
        status = backend.ParameterStatus.decode(body)
        name, value = status.name.decode("utf-8", "replace"), status.value.decode("utf-8", "replace")
        if _FORBIDDEN.get(name) == value:
            # The last check, never the guard: the analyser reads every text under the standard setting (soundness 21).
            raise BackendProtocolError(
                f"the backend has switched {name} to {value}, under which no text can be analysed"
            )
        self._state.parameters[name] = value
        self._pass(kind, body)
