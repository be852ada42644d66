"""The backend's side of the steady state: each answer checked against the reply that is owed, as in session/answers.py.

What the head of the queue does not plainly allow is left to Python, which knows why. Every record that an answer leads
to is sure of its room before anything changes. Free of Python: no object is made, no function called. Knows no socket.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy

from hoopfast.wire.books cimport count_rows, end_execution, end_transaction
from hoopfast.wire.buffer cimport Buffer, buffer_put, buffer_release, buffer_truncate
from hoopfast.wire.bytemap cimport (
    ByteItem, bytemap_find, bytemap_next, bytemap_put, bytemap_release, bytemap_remove, hash_bytes,
)
from hoopfast.wire.framer cimport Frame
from hoopfast.wire.holdings cimport (
    LONGEST_TAG, OWED_BIND, OWED_CLOSE, OWED_DESCRIBE_PORTAL, OWED_DESCRIBE_STATEMENT, OWED_EXECUTE, OWED_PARSE,
    OWED_QUERY, OWED_SYNC, Name, Owed, Portal, Prepared, owed_head, owed_pop, portal_release, prepared_release,
)
from hoopfast.wire.masking cimport MaskTable
from hoopfast.wire.shapes cimport (
    STEP_NONE, STEP_ROLLBACK, Description, Known, find_description,
)
from hoopfast.wire.steady_state cimport STEADY_DONE, STEADY_FAILED, STEADY_WAKE, SteadyState, SteadyStatus

cdef enum:
    HEADER = 5
    STATEMENT = 83  # 'S'
    RETAINED_OUTPUT = 1024 * 1024

cdef enum BackendType:
    B_PARSE_COMPLETE = 49
    B_BIND_COMPLETE = 50
    B_CLOSE_COMPLETE = 51
    B_COMMAND_COMPLETE = 67
    B_ROW_DESCRIPTION = 84
    B_READY_FOR_QUERY = 90
    B_NO_DATA = 110
    B_PORTAL_SUSPENDED = 115
    B_PARAMETER_DESCRIPTION = 116


# Whether a tag can stand in a record as it is.
cdef inline bint plain_tag(const unsigned char* tag, Py_ssize_t length) noexcept nogil:
    cdef Py_ssize_t place
    if length > LONGEST_TAG:
        return False
    for place in range(length):
        if not 0x20 <= tag[place] < 0x7F or tag[place] == 0x22 or tag[place] == 0x5C:  # printable, no " and no \
            return False
    return True


cdef class Answering(SteadyState):
    """One session's answers; Steady is the whole of it."""

    # -- what is to be sent

    cdef void emit(self, const unsigned char* start, Py_ssize_t length) noexcept nogil:
        if not self.copied and self.scratch.out.length == 0:
            if self.span_length == 0:
                self.span = start
                self.span_length = length
                return
            if self.span + self.span_length == start:
                self.span_length += length
                return
        self.emit_copy(start, length)

    cdef void emit_copy(self, const unsigned char* start, Py_ssize_t length) noexcept nogil:
        self.keep_output()
        buffer_put(&self.scratch.out, start, length)

    # Rows that were masked on their way stand in a buffer of their own.
    cdef void emit_rows(self) noexcept nogil:
        cdef Buffer rows = self.scratch.rows
        if self.scratch.out.length == 0 and self.span_length == 0:
            self.scratch.rows = self.scratch.out
            self.scratch.out = rows
            return
        self.emit_copy(rows.data, rows.length)
        buffer_truncate(&self.scratch.rows, 0)
        if rows.capacity > RETAINED_OUTPUT:
            buffer_release(&self.scratch.rows)

    cdef void forward(self, const Frame* frame) noexcept nogil:
        self.emit(frame.start - HEADER, frame.length + HEADER)

    # Makes a copy of the stretch that was to be sent from where it stands.
    cdef void keep_output(self) noexcept nogil:
        if self.span_length == 0:
            return
        buffer_put(&self.scratch.out, self.span, self.span_length)
        self.span_length = 0
        if self.output == self.span:
            self.output = self.scratch.out.data

    # -- what the backend answers

    # The plan for rows that come now; NULL: none may.
    cdef const MaskTable* next_plan(self) noexcept nogil:
        cdef Owed* head
        if not self.active:
            return NULL if self.backend._plan is None else &self.backend._plan.table
        head = owed_head(&self.queue)
        if head == NULL:
            return NULL
        if head.known != NULL and not head.known.clean:
            self.tainted = True
        return head.portal.plan if head.kind == OWED_EXECUTE else head.plan

    cdef SteadyStatus backend_message(self, const Frame* frame) noexcept nogil:
        cdef Owed* head = owed_head(&self.queue)
        if head == NULL:
            return STEADY_WAKE
        if frame.kind == B_COMMAND_COMPLETE:
            return self.command_complete(head, frame)
        if frame.kind == B_READY_FOR_QUERY:
            return self.ready_for_query(head, frame)
        if frame.kind == B_ROW_DESCRIPTION:
            return self.row_description(head, frame)
        if frame.kind == B_PARAMETER_DESCRIPTION and head.kind == OWED_DESCRIBE_STATEMENT:
            self.forward(frame)
            return STEADY_DONE
        if frame.length != 0:
            return STEADY_WAKE
        if frame.kind == B_BIND_COMPLETE and head.kind == OWED_BIND:
            return self.bind_complete(head, frame)
        if frame.kind == B_PARSE_COMPLETE and head.kind == OWED_PARSE:
            return self.parse_complete(head, frame)
        if frame.kind == B_NO_DATA:
            return self.no_data(head, frame)
        if frame.kind == B_CLOSE_COMPLETE and head.kind == OWED_CLOSE:
            return self.close_complete(head, frame)
        if frame.kind == B_PORTAL_SUSPENDED and head.kind == OWED_EXECUTE:
            return self.portal_suspended(head, frame)
        return STEADY_WAKE

    cdef SteadyStatus parse_complete(self, Owed* head, const Frame* frame) noexcept nogil:
        cdef Prepared* prepared = head.prepared
        cdef uint64_t hash = hash_bytes(prepared.name.bytes, prepared.name.length)
        cdef Prepared* previous = <Prepared*> bytemap_find(
            &self.prepared, hash, prepared.name.bytes, prepared.name.length
        )
        if not self.touch_prepared(&prepared.name):
            return STEADY_FAILED
        if bytemap_put(&self.prepared, hash, prepared.name.bytes, prepared.name.length, prepared) == NULL:
            return STEADY_FAILED
        prepared.references += 1
        prepared_release(previous, &self.queue.graveyard)
        owed_pop(&self.queue, self.segment)
        self.forward(frame)
        return STEADY_DONE

    cdef SteadyStatus bind_complete(self, Owed* head, const Frame* frame) noexcept nogil:
        cdef Portal* portal = head.portal
        cdef Portal* previous = self.find_portal(&portal.name)
        if previous != NULL and previous.sequence != 0 and not self.room():
            return STEADY_WAKE
        portal.references += 1
        owed_pop(&self.queue, self.segment)
        if not self.touch_portal(&portal.name) or not self.put_portal(portal):
            return STEADY_FAILED
        if previous != NULL and not self.drop_portal(previous):
            return STEADY_FAILED
        self.forward(frame)
        return STEADY_DONE

    cdef SteadyStatus close_complete(self, Owed* head, const Frame* frame) noexcept nogil:
        cdef Name name = head.name
        cdef uint64_t hash = hash_bytes(name.bytes, name.length)
        cdef Portal* portal = NULL
        if head.closes == STATEMENT:
            if not self.touch_prepared(&name):
                return STEADY_FAILED
            prepared_release(
                <Prepared*> bytemap_remove(&self.prepared, hash, name.bytes, name.length), &self.queue.graveyard
            )
        else:
            portal = self.find_portal(&name)
            if portal != NULL and portal.sequence != 0 and not self.room():
                return STEADY_WAKE
            if not self.touch_portal(&name):
                return STEADY_FAILED
            if name.length == 0:
                self.unnamed_portal = NULL
            else:
                bytemap_remove(&self.portals, hash, name.bytes, name.length)
        owed_pop(&self.queue, self.segment)
        if portal != NULL and not self.drop_portal(portal):
            return STEADY_FAILED
        self.forward(frame)
        return STEADY_DONE

    cdef SteadyStatus row_description(self, Owed* head, const Frame* frame) noexcept nogil:
        cdef const Description* description
        cdef bint swallow = head.swallow
        if head.kind not in (OWED_QUERY, OWED_DESCRIBE_PORTAL, OWED_DESCRIBE_STATEMENT) or head.completed:
            return STEADY_WAKE
        if self.generation != self.freshness.generation or not self.freshness.may_answer(self.now):
            return STEADY_WAKE
        description = find_description(head.known, frame.start, frame.length)
        if description == NULL:
            return STEADY_WAKE
        if head.kind == OWED_DESCRIBE_STATEMENT:
            if not self.touch_prepared(&head.prepared.name):
                return STEADY_FAILED
            head.prepared.described_here = True
            head.prepared.description = description
            owed_pop(&self.queue, self.segment)
        elif description.plan == NULL:
            return STEADY_WAKE
        elif head.kind == OWED_QUERY:
            head.plan = description.plan
        else:
            head.portal.plan = description.plan
            owed_pop(&self.queue, self.segment)
        if not swallow:
            self.forward(frame)
        return STEADY_DONE

    cdef SteadyStatus no_data(self, Owed* head, const Frame* frame) noexcept nogil:
        cdef bint swallow = head.swallow
        if head.kind != OWED_DESCRIBE_PORTAL and head.kind != OWED_DESCRIBE_STATEMENT:
            return STEADY_WAKE
        owed_pop(&self.queue, self.segment)
        if not swallow:
            self.forward(frame)
        return STEADY_DONE

    cdef SteadyStatus portal_suspended(self, Owed* head, const Frame* frame) noexcept nogil:
        if head.portal.sequence != head.sequence:
            return STEADY_WAKE
        count_rows(self.backend, &head.portal.totals)
        owed_pop(&self.queue, self.segment)
        self.forward(frame)
        return STEADY_DONE

    # -- ends of commands

    cdef SteadyStatus command_complete(self, Owed* head, const Frame* frame) noexcept nogil:
        cdef Py_ssize_t length = frame.length - 1
        cdef bint done
        if length < 0 or memchr(frame.start, 0, <size_t> frame.length) != frame.start + length:
            return STEADY_WAKE
        if not plain_tag(frame.start, length) or not self.room():
            return STEADY_WAKE
        if head.known != NULL and head.known.transaction != STEP_NONE and self.suspended() > 1:
            return STEADY_WAKE
        if head.kind == OWED_QUERY and not head.completed:
            done = self.query_complete(head, frame.start, length)
        elif head.kind == OWED_EXECUTE and head.sequence == head.portal.sequence:
            done = self.execute_complete(head, frame.start, length)
        else:
            return STEADY_WAKE
        self.forward(frame)
        return STEADY_DONE if done else STEADY_FAILED

    cdef bint query_complete(self, Owed* head, const unsigned char* tag, Py_ssize_t length) noexcept nogil:
        count_rows(self.backend, &head.totals)
        head.plan = NULL
        head.completed = True
        head.tag_length = <unsigned char> length
        memcpy(head.tag, tag, <size_t> length)
        return self.confirm(
            head.known, NULL, length == 8 and memcmp(tag, b"ROLLBACK", 8) == 0, head.sequence, True
        )

    cdef bint execute_complete(self, Owed* head, const unsigned char* tag, Py_ssize_t length) noexcept nogil:
        cdef Portal* portal = head.portal
        cdef Known* known = portal.known
        cdef int64_t sequence = head.sequence
        cdef bint done
        portal.references += 1
        count_rows(self.backend, &portal.totals)
        owed_pop(&self.queue, self.segment)
        portal.sequence = 0
        done = end_execution(self, sequence, portal.started, &portal.totals, tag, length) and self.confirm(
            known, portal, length == 8 and memcmp(tag, b"ROLLBACK", 8) == 0, sequence, False
        )
        portal_release(portal, &self.queue.graveyard)
        return done

    # A command has been executed: do to the transaction what it did. `goes_on`: its execution has not ended yet.
    cdef bint confirm(
        self, const Known* known, Portal* keep, bint rolled_back, long sequence, bint goes_on
    ) noexcept nogil:
        if known.transaction == STEP_NONE:
            if self.settled == sequence:
                self.settled = 0
            return True
        self.transaction_ended = True  # AND CHAIN: no ReadyForQuery will say so
        # COMMIT of a failed transaction answers ROLLBACK.
        return self.drop_portals(keep) and end_transaction(
            self, rolled_back or known.transaction == STEP_ROLLBACK, sequence if goes_on else 0
        )

    cdef SteadyStatus ready_for_query(self, Owed* head, const Frame* frame) noexcept nogil:
        cdef char status
        if frame.length != 1 or frame.start[0] not in (c"I", c"T", c"E"):
            return STEADY_WAKE
        if not (head.kind == OWED_SYNC or (head.kind == OWED_QUERY and head.completed)):
            return STEADY_WAKE
        status = <char> frame.start[0]
        if not self.room() or (status == c"I" and self.suspended() > 1):
            return STEADY_WAKE
        self.status = status
        if head.kind == OWED_QUERY and not end_execution(
            self, head.sequence, head.started, &head.totals, head.tag, head.tag_length
        ):
            return STEADY_FAILED
        owed_pop(&self.queue, self.segment)
        if status == c"I":
            self.tainted = False
            self.transaction_ended = True
            if not self.drop_portals(NULL) or not end_transaction(self, self.failed, 0):
                return STEADY_FAILED
        self.forward(frame)
        return STEADY_DONE

    # -- portals

    # Whether every record has room that one message can lead to.
    cdef bint room(self) noexcept nogil:
        return self.recording.room(self.recording.context, <int> self.begun + 3)

    # How many portals hold an execution that has begun and not ended. (The order of the records of two that are
    # dropped at once is Python's.)
    cdef int suspended(self) noexcept nogil:
        cdef size_t place = 0
        cdef int count = self.unnamed_portal != NULL and self.unnamed_portal.sequence != 0
        cdef ByteItem* item
        if self.portals.count == 0:
            return count
        item = bytemap_next(&self.portals, &place)
        while item != NULL:
            count += (<Portal*> item.value).sequence != 0
            item = bytemap_next(&self.portals, &place)
        return count

    # Gives a portal its name, and takes over a reference to it; the one that had the name is the caller's then.
    cdef bint put_portal(self, Portal* portal) noexcept nogil:
        if portal.name.length == 0:
            self.unnamed_portal = portal
            return True
        return bytemap_put(
            &self.portals, hash_bytes(portal.name.bytes, portal.name.length), portal.name.bytes,
            portal.name.length, portal,
        ) != NULL

    # A name of a prepared statement changes its meaning, or what is known of it: Python has to hear of it.
    cdef bint touch_prepared(self, const Name* name) noexcept nogil:
        return bytemap_put(
            &self.touched, hash_bytes(name.bytes, name.length), name.bytes, name.length, <void*> 1
        ) != NULL

    # A name of a portal changes its meaning, which Python may have to hear of.
    cdef bint touch_portal(self, const Name* name) noexcept nogil:
        if not self.foreign_portals:
            return True
        return bytemap_put(
            &self.touched_portals, hash_bytes(name.bytes, name.length), name.bytes, name.length, <void*> 1
        ) != NULL

    # A portal is gone: an execution that was suspended in it will not go on.
    cdef bint drop_portal(self, Portal* portal) noexcept nogil:
        cdef bint done = True
        if portal.sequence != 0:
            done = end_execution(
                self, portal.sequence, portal.started, &portal.totals, <const unsigned char*> b"SUSPENDED", 9
            )
            portal.sequence = 0
        portal_release(portal, &self.queue.graveyard)
        return done

    # All portals are gone but `keep`, which is executing.
    cdef bint drop_portals(self, Portal* keep) noexcept nogil:
        cdef ByteItem* item
        cdef Portal* portal
        cdef Portal* kept = NULL
        cdef size_t place = 0
        cdef bint done = True
        if self.unnamed_portal != NULL and self.unnamed_portal != keep:
            done = self.drop_portal(self.unnamed_portal)
            self.unnamed_portal = NULL
        if self.portals.count == 0:
            return done
        item = bytemap_next(&self.portals, &place)
        while item != NULL:
            portal = <Portal*> item.value
            if portal == keep:
                kept = portal
            elif not self.drop_portal(portal):
                done = False
            item = bytemap_next(&self.portals, &place)
        bytemap_release(&self.portals)
        return done and (kept == NULL or self.put_portal(kept))
