"""The steady state of a conversation, from buffer to buffer: what is known already passes without Python.

A Query or Parse of a known shape, Bind, Describe, Execute, Close, Sync and Flush on what is known, and the answers that
they lead to (answering.pyx). It does what session/requests.py does with the same messages, to the byte; whatever it is
not sure of it leaves untouched and unforwarded, and wakes Python. All but the Python face at the top is free of Python:
no object is made, no function called; the compiler sees to it. Knows no socket and no loop.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memchr, memcpy
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from hoopfast.wire.steady_state import ANY_CLEAN

from hoopfast.wire.answering cimport Answering
from hoopfast.wire.buffer cimport buffer_drop, buffer_put, buffer_read, buffer_release, buffer_truncate
from hoopfast.wire.bytemap cimport bytemap_find, hash_bytes
from hoopfast.wire.cursor cimport (
    Cursor, cursor_int32, cursor_is_ascii, cursor_left, cursor_open, cursor_peek_int32, cursor_take, cursor_uint16,
)
from hoopfast.wire.framer cimport STEP_DELIVER, STEP_MASKED, STEP_MORE, STEP_SPAN, Frame, Framer, framer_step
from hoopfast.wire.holdings cimport (
    CHANGES_NOTHING, CHANGES_PORTALS, CHANGES_PREPARED, LONGEST_NAME, OWED_BIND, OWED_CLOSE, OWED_DESCRIBE_PORTAL,
    OWED_DESCRIBE_STATEMENT, OWED_EXECUTE, OWED_PARSE, OWED_QUERY, OWED_SYNC, Name, Owed, Portal, Prepared,
    owed_next_segment, owed_push, owed_take_back, portal_new, portal_release,
    prepared_new, prepared_release, same_name,
)
from hoopfast.wire.masking cimport MaskPlan, MaskTable
from hoopfast.wire.shapes cimport Known, find_plan
from hoopfast.wire.steady_state cimport (
    MOST_EXPECTED, MOST_TOUCHED, STEADY_DONE, STEADY_FAILED, STEADY_WAKE, Expectation, SteadyStatus,
)

cdef enum:
    HEADER = 5
    ROW_HEADER = 7
    RETAINED = 16 * 1024  # what an idle framer may keep allocated …
    RETAINED_OUTPUT = 1024 * 1024  # … and the buffers that all sessions share
    STATEMENT = 83  # 'S'
    PORTAL = 80  # 'P'

cdef enum FrontendType:
    F_BIND = 66
    F_CLOSE = 67
    F_DESCRIBE = 68
    F_EXECUTE = 69
    F_FLUSH = 72
    F_PARSE = 80
    F_QUERY = 81
    F_SYNC = 83

DONE, WAKE, FAILED = STEADY_DONE, STEADY_WAKE, STEADY_FAILED

cdef const MaskTable* CLEAN = &(<MaskPlan> ANY_CLEAN).table


# Reads a String that can be a name; False if it is none that C may hold.
cdef inline bint take_name(Cursor* cursor, Name* name) noexcept nogil:
    cdef const unsigned char* start = cursor.at
    cdef const unsigned char* end
    cdef Cursor text
    cdef Py_ssize_t left = min(cursor_left(cursor), <Py_ssize_t> LONGEST_NAME + 1)
    if left <= 0:
        return False
    end = <const unsigned char*> memchr(start, 0, <size_t> left)
    if end == NULL:
        return False
    cursor_open(&text, start, end - start)
    if not cursor_is_ascii(&text):
        return False
    name.length = <uint8_t> (end - start)
    memcpy(name.bytes, start, name.length)
    cursor_take(cursor, name.length + 1)
    return True


# Reads an Int16 that counts, and as many Int16; their first byte, NULL if they are not there.
cdef inline const unsigned char* take_formats(Cursor* cursor, Py_ssize_t* length) noexcept nogil:
    cdef const unsigned char* start = cursor.at
    cdef uint16_t count
    if not cursor_uint16(cursor, &count) or cursor_take(cursor, 2 * <Py_ssize_t> count) == NULL:
        return NULL
    length[0] = 2 + 2 * <Py_ssize_t> count
    return start


# Reads an Int16 that counts, and as many values; their first byte, NULL if they are not there.
cdef inline const unsigned char* take_parameters(Cursor* cursor, Py_ssize_t* length) noexcept nogil:
    cdef const unsigned char* start = cursor.at
    cdef uint16_t count
    cdef int32_t size
    if not cursor_uint16(cursor, &count):
        return NULL
    while count > 0:
        if not cursor_int32(cursor, &size) or size < -1 or (size > 0 and cursor_take(cursor, size) == NULL):
            return NULL
        count -= 1
    length[0] = cursor.at - start
    return start


# Whether a message has been forwarded in part.
cdef inline bint in_message(Framer framer) noexcept nogil:
    return framer.state.remaining != 0 and framer.state.remaining_forwarded


cdef class Steady(Answering):
    """One session's steady state; SteadyState says how it is handed over."""

    # -- the Python face

    def feed_frontend(self, data) -> int:
        """Take in bytes of the frontend: DONE, WAKE or FAILED. What is to be sent then is `take_output()`."""
        return self.feed(self.frontend, data)

    def feed_backend(self, data) -> int:
        """Take in bytes of the backend, as `feed_frontend`; may write into what is writable."""
        return self.feed(self.backend, data)

    def take_output(self) -> bytes:
        """What is to be sent to the other peer after the last call."""
        if self.output_length == 0:
            return b""
        return PyBytes_FromStringAndSize(<const char*> self.output, self.output_length)

    cdef int feed(self, Framer framer, data) except -1:
        cdef Py_buffer view
        cdef SteadyStatus status
        cdef bint cut = in_message(self.backend)
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            self.begin()
            if view.readonly:  # what rows are masked in has to be ours
                buffer_put(&framer.input, <const unsigned char*> view.buf, view.len)
                status = self.take_in(framer, NULL, 0)
            else:
                status = self.take_in(framer, <unsigned char*> view.buf, view.len)
            # What the caller gave may be gone before it asks for the output.
            self.keep_output()
            if self.scratch.out.failed:
                status = self.give_up(cut)
        finally:
            PyBuffer_Release(&view)
        return status

    # -- from here on, no Python ---------------------------------------------------------------------------------------

    cdef SteadyStatus frontend_data(self, unsigned char* data, Py_ssize_t length) noexcept nogil:
        self.begin()
        return self.take_in(self.frontend, data, length)

    cdef SteadyStatus backend_data(self, unsigned char* data, Py_ssize_t length) noexcept nogil:
        self.begin()
        return self.take_in(self.backend, data, length)

    cdef void begin(self) noexcept nogil:
        cdef timespec clock
        clock_gettime(CLOCK_MONOTONIC, &clock)
        self.now = <uint64_t> clock.tv_sec * 1_000_000_000 + <uint64_t> clock.tv_nsec
        self.span_length = 0
        self.look_due = False
        buffer_truncate(&self.scratch.out, 0)
        # A failure is one session's, the buffers are everybody's.
        if self.scratch.out.failed or self.scratch.out.capacity > RETAINED_OUTPUT:
            buffer_release(&self.scratch.out)
        if self.scratch.rows.failed:
            buffer_release(&self.scratch.rows)

    # Takes in what is there: first what the framer still holds of a message, completed by what has come; then the rest
    # where it lies. What cannot be dealt with yet, or not here, is kept in the framer.
    cdef SteadyStatus take_in(self, Framer framer, unsigned char* data, Py_ssize_t length) noexcept nogil:
        cdef SteadyStatus status = STEADY_DONE
        cdef Cursor cursor
        cdef Py_ssize_t part
        cdef bint cut = in_message(self.backend)
        if not (self.active or (self.streams_frontend if framer is self.frontend else self.streams_backend)):
            status = STEADY_WAKE
        elif self.looking and framer is self.frontend:
            status = STEADY_WAKE
        while status == STEADY_DONE and framer.input.length > framer.consumed:
            self.copied = True
            buffer_read(&framer.input, framer.consumed, &cursor)
            status = self.run(framer, &cursor)
            framer.consumed = framer.input.length - cursor_left(&cursor)
            self.settle_input(framer)
            if status != STEADY_DONE or length == 0:
                break
            if framer.input.length > framer.consumed:
                part = min(self.missing(framer), length)
                buffer_put(&framer.input, data, part)
                data += part
                length -= part
        self.copied = False
        if length > 0:
            cursor_open(&cursor, data, length)
            if status == STEADY_DONE:
                status = self.run(framer, &cursor)
            buffer_put(&framer.input, cursor.at, cursor_left(&cursor))
        if self.scratch.out.failed or self.scratch.rows.failed or framer.input.failed:
            status = STEADY_FAILED
        self.output = self.span
        self.output_length = self.span_length
        if self.span_length == 0:
            self.output = self.scratch.out.data
            self.output_length = self.scratch.out.length
        return self.give_up(cut) if status == STEADY_FAILED else status

    # Nothing of this call is sent. `cut`: the frontend had had a part of a message before, and so it stays.
    cdef SteadyStatus give_up(self, bint cut) noexcept nogil:
        self.output_length = 0
        self.backend.state.remaining = cut
        self.backend.state.remaining_forwarded = cut
        return STEADY_FAILED

    # How many bytes the framer needs at least before it can go on; some of a message are there.
    cdef Py_ssize_t missing(self, Framer framer) noexcept nogil:
        cdef Cursor cursor
        cdef Py_ssize_t left, announced
        buffer_read(&framer.input, framer.consumed, &cursor)
        left = cursor_left(&cursor)
        if left < HEADER:
            return HEADER - left
        announced = <Py_ssize_t> cursor_peek_int32(&cursor, 1) + 1
        if left < ROW_HEADER:
            announced = min(announced, <Py_ssize_t> ROW_HEADER)
        return max(announced - left, 1)

    cdef void settle_input(self, Framer framer) noexcept nogil:
        buffer_drop(&framer.input, framer.consumed)
        framer.consumed = 0
        if framer.input.length == 0 and framer.input.capacity > RETAINED:
            buffer_release(&framer.input)

    # Everything that can be done with the bytes under the cursor; it is left at the first that cannot.
    cdef SteadyStatus run(self, Framer framer, Cursor* cursor) noexcept nogil:
        cdef Frame frame
        cdef const MaskTable* plan = NULL
        cdef SteadyStatus status
        cdef int step
        cdef bint from_frontend = framer is self.frontend
        while True:
            if not from_frontend:
                plan = self.next_plan()
            frame.announced = 0
            step = framer_step(&framer.state, cursor, plan, &self.scratch.rows, &frame)
            if step == STEP_SPAN:
                self.emit(frame.start, frame.length)
            elif step == STEP_MASKED:
                self.emit_rows()
            elif step == STEP_MORE:
                return STEADY_DONE
            elif step != STEP_DELIVER:
                return STEADY_WAKE  # an error, which Python raises; the cursor has stayed
            else:
                status = STEADY_WAKE
                if self.active:
                    status = self.frontend_message(&frame) if from_frontend else self.backend_message(&frame)
                if status != STEADY_DONE:
                    cursor_open(cursor, frame.start - HEADER, cursor.end - frame.start + HEADER)
                    return status

    # -- what the frontend asks ----------------------------------------------------------------------------------------

    cdef SteadyStatus frontend_message(self, const Frame* frame) noexcept nogil:
        if frame.kind == F_QUERY:
            return self.query(frame)
        if frame.kind == F_BIND:
            return self.bind(frame)
        if frame.kind == F_EXECUTE:
            return self.execute(frame)
        if frame.kind == F_PARSE:
            return self.parse(frame)
        if frame.kind == F_DESCRIBE:
            return self.describe(frame)
        if frame.kind == F_CLOSE:
            return self.close(frame)
        if frame.length != 0:
            return STEADY_WAKE
        if frame.kind == F_SYNC:
            if owed_push(&self.queue, OWED_SYNC, self.segment, NULL, NULL, NULL, CHANGES_NOTHING) == NULL:
                return STEADY_FAILED
            self.end_segment()
            self.unsynced = False
        elif frame.kind != F_FLUSH:
            return STEADY_WAKE
        self.forward(frame)
        return STEADY_DONE

    # Whether a statement may be decided by what was decided before. Where only a look at the catalog is missing for
    # that, `look_due` says so.
    cdef bint current(self) noexcept nogil:
        if self.generation != self.freshness.generation:
            return False
        self.look_due = not self.freshness.may_decide(self.now)
        return not self.look_due

    # Whether no earlier segment may still change a name of a prepared statement …
    cdef bint prepared_settled(self) noexcept nogil:
        return self.queue.changing[<int> CHANGES_PREPARED] == self.queue.changing_now[<int> CHANGES_PREPARED]

    # … or any name.
    cdef bint names_settled(self) noexcept nogil:
        return self.prepared_settled() and (
            self.queue.changing[<int> CHANGES_PORTALS] == self.queue.changing_now[<int> CHANGES_PORTALS]
        )

    cdef void end_segment(self) noexcept nogil:
        self.segment += 1
        owed_next_segment(&self.queue)
        self.forget_expected()

    # What a name will stand for, if a message since the last Sync says something of it.
    cdef Expectation* expectation(self, bint portal, const Name* name) noexcept nogil:
        cdef int index
        for index in range(self.expected_count):
            if self.expected[index].portal == portal and same_name(&self.expected[index].name, name):
                return &self.expected[index]
        return NULL

    # Whether expect() of one name more has room.
    cdef bint may_expect(self, bint portal, const Name* name) noexcept nogil:
        return self.expected_count < MOST_EXPECTED or self.expectation(portal, name) != NULL

    # A message was forwarded that gives a name another meaning; takes over a reference to `target`.
    cdef void expect(self, bint portal, const Name* name, void* target) noexcept nogil:
        cdef Expectation* entry = self.expectation(portal, name)
        if entry == NULL:
            entry = &self.expected[self.expected_count]
            self.expected_count += 1
            entry.portal = portal
            entry.name = name[0]
        else:
            self.release_expected(entry)
        entry.target = target

    # The prepared statement that a message sent now would find; NULL: none that is known here, or not for sure.
    cdef Prepared* prepared_now(self, const Name* name) noexcept nogil:
        cdef Expectation* entry = self.expectation(False, name)
        if entry != NULL:
            return <Prepared*> entry.target
        if not self.prepared_settled():
            return NULL
        return <Prepared*> bytemap_find(
            &self.prepared, hash_bytes(name.bytes, name.length), name.bytes, name.length
        )

    cdef Portal* portal_now(self, const Name* name) noexcept nogil:
        cdef Expectation* entry = self.expectation(True, name)
        if entry != NULL:
            return <Portal*> entry.target
        return self.find_portal(name) if self.names_settled() else NULL

    cdef SteadyStatus query(self, const Frame* frame) noexcept nogil:
        cdef Py_ssize_t length = frame.length - 1
        cdef Known* known
        cdef Owed* entry
        if self.unsynced or length < 0 or memchr(frame.start, 0, <size_t> frame.length) != frame.start + length:
            return STEADY_WAKE
        if not self.current():
            return STEADY_WAKE
        known = self.table.find(frame.start, length, NULL, 0)
        if known == NULL:
            return STEADY_WAKE
        entry = owed_push(&self.queue, OWED_QUERY, self.segment, known, NULL, NULL, CHANGES_NOTHING)
        if entry == NULL:
            return STEADY_FAILED
        entry.sequence = self.recording.execution(self.recording.context, known.template, False, NULL, 0)
        if entry.sequence == 0:
            owed_take_back(&self.queue, self.segment)
            return STEADY_WAKE
        entry.started = self.now
        self.begun += 1
        self.freshness.decided(self.now)
        self.forward(frame)
        self.end_segment()
        return STEADY_DONE

    cdef SteadyStatus parse(self, const Frame* frame) noexcept nogil:
        cdef Cursor cursor
        cdef Name name
        cdef const unsigned char* text
        cdef const unsigned char* end
        cdef const unsigned char* types
        cdef uint16_t count
        cdef Known* known
        cdef Prepared* prepared
        cursor_open(&cursor, frame.start, frame.length)
        if not take_name(&cursor, &name):
            return STEADY_WAKE
        text = cursor.at
        end = <const unsigned char*> memchr(text, 0, <size_t> cursor_left(&cursor)) if cursor_left(&cursor) else NULL
        if end == NULL or cursor_take(&cursor, end - text + 1) == NULL or not cursor_uint16(&cursor, &count):
            return STEADY_WAKE
        types = cursor_take(&cursor, 4 * <Py_ssize_t> count)
        if types == NULL or cursor_left(&cursor) != 0:
            return STEADY_WAKE
        if self.touched.count >= MOST_TOUCHED or not self.may_expect(False, &name) or not self.current():
            return STEADY_WAKE
        known = self.table.find(text, end - text, types, 4 * <Py_ssize_t> count)
        if known == NULL:
            return STEADY_WAKE
        prepared = prepared_new(&name, known, text, end - text, types, 4 * <Py_ssize_t> count)
        if prepared == NULL:
            return STEADY_FAILED
        if owed_push(&self.queue, OWED_PARSE, self.segment, known, prepared, NULL, CHANGES_PREPARED) == NULL:
            prepared_release(prepared, &self.queue.graveyard)
            return STEADY_FAILED
        self.expect(False, &name, prepared)
        self.unsynced = True
        self.freshness.decided(self.now)
        self.forward(frame)
        return STEADY_DONE

    cdef SteadyStatus bind(self, const Frame* frame) noexcept nogil:
        cdef Cursor cursor
        cdef Name name, statement
        cdef Py_ssize_t skipped, formats_length, parameters_length
        cdef const unsigned char* parameters
        cdef const unsigned char* formats
        cdef Prepared* prepared
        cdef Portal* portal
        cursor_open(&cursor, frame.start, frame.length)
        if not take_name(&cursor, &name) or not take_name(&cursor, &statement):
            return STEADY_WAKE
        if take_formats(&cursor, &skipped) == NULL:
            return STEADY_WAKE
        parameters = take_parameters(&cursor, &parameters_length)
        if parameters == NULL:
            return STEADY_WAKE
        formats = take_formats(&cursor, &formats_length)
        if formats == NULL or cursor_left(&cursor) != 0:
            return STEADY_WAKE
        if not self.may_expect(True, &name) or self.touched_portals.count >= MOST_TOUCHED:
            return STEADY_WAKE
        if self.portals.count >= MOST_TOUCHED:
            return STEADY_WAKE  # so that no hand-over takes long
        prepared = self.prepared_now(&statement)
        if prepared == NULL or prepared.known.table != <void*> self.table or not self.current():
            return STEADY_WAKE
        portal = portal_new(&name, prepared, formats, formats_length, parameters, parameters_length)
        if portal == NULL:
            return STEADY_FAILED
        if owed_push(&self.queue, OWED_BIND, self.segment, prepared.known, NULL, portal, CHANGES_PORTALS) == NULL:
            portal_release(portal, &self.queue.graveyard)
            return STEADY_FAILED
        self.expect(True, &name, portal)
        self.unsynced = True
        self.freshness.decided(self.now)
        self.forward(frame)
        return STEADY_DONE

    cdef SteadyStatus describe(self, const Frame* frame) noexcept nogil:
        cdef Cursor cursor
        cdef Name name
        cdef Prepared* prepared
        cdef Portal* portal
        cdef Owed* entry = NULL
        cdef int kind = frame.start[0] if frame.length > 0 else 0
        cursor_open(&cursor, frame.start, frame.length)
        cursor_take(&cursor, 1)
        if not take_name(&cursor, &name) or cursor_left(&cursor) != 0:
            return STEADY_WAKE
        if kind == STATEMENT:
            prepared = self.prepared_now(&name)
            if prepared == NULL:
                return STEADY_WAKE
            entry = owed_push(
                &self.queue, OWED_DESCRIBE_STATEMENT, self.segment, prepared.known, prepared, NULL, CHANGES_NOTHING
            )
        elif kind == PORTAL:
            portal = self.portal_now(&name)
            if portal == NULL:
                return STEADY_WAKE
            entry = owed_push(
                &self.queue, OWED_DESCRIBE_PORTAL, self.segment, portal.known, NULL, portal, CHANGES_NOTHING
            )
            portal.described = True
        else:
            return STEADY_WAKE
        if entry == NULL:
            return STEADY_FAILED
        self.unsynced = True
        self.forward(frame)
        return STEADY_DONE

    cdef SteadyStatus execute(self, const Frame* frame) noexcept nogil:
        cdef Cursor cursor
        cdef Name name
        cdef int32_t most_rows
        cdef Portal* portal
        cdef bint inject = False
        cursor_open(&cursor, frame.start, frame.length)
        if not take_name(&cursor, &name) or not cursor_int32(&cursor, &most_rows) or cursor_left(&cursor) != 0:
            return STEADY_WAKE
        portal = self.portal_now(&name)
        if portal == NULL:
            return STEADY_WAKE
        if portal.sequence == 0 and not portal.known.planned and not self.current():
            return STEADY_WAKE
        if portal.plan == NULL and not portal.described and portal.known.returns_rows:
            if not self.plan_portal(portal, &inject):
                return STEADY_WAKE
        return self.execute_portal(frame, portal, inject)

    # Finds the plan of a portal that was not described; `inject`: a Describe has to go first. False: ask Python.
    cdef bint plan_portal(self, Portal* portal, bint* inject) noexcept nogil:
        cdef const Known* known = portal.known
        if known.describe_always or (portal.prepared.description == NULL and not known.rows_clean):
            inject[0] = True
            return True
        if portal.prepared.description == NULL:
            portal.plan = CLEAN
            return True
        if not self.current():
            return False
        portal.plan = find_plan(portal.prepared.description, portal.source, portal.formats_length)
        return portal.plan != NULL

    cdef SteadyStatus execute_portal(self, const Frame* frame, Portal* portal, bint inject) noexcept nogil:
        cdef Known* known = portal.known
        cdef Owed* entry
        if inject:
            entry = owed_push(&self.queue, OWED_DESCRIBE_PORTAL, self.segment, known, NULL, portal, CHANGES_NOTHING)
            if entry == NULL:
                return STEADY_FAILED
            entry.swallow = True
        entry = owed_push(&self.queue, OWED_EXECUTE, self.segment, known, NULL, portal, CHANGES_NOTHING)
        if entry == NULL:
            return STEADY_FAILED
        if portal.sequence == 0:
            portal.sequence = self.recording.execution(
                self.recording.context, known.template, True, portal.source + portal.formats_length,
                portal.parameters_length,
            )
            if portal.sequence == 0:
                owed_take_back(&self.queue, self.segment)
                if inject:
                    owed_take_back(&self.queue, self.segment)
                return STEADY_WAKE
            portal.started = self.now
            portal.totals.rows = portal.totals.masked_cells = 0
            portal.totals.received_bytes = portal.totals.delivered_bytes = 0
            self.begun += 1
        entry.sequence = portal.sequence
        if inject:
            portal.described = True
            self.emit_describe(&portal.name)
        self.unsynced = True
        self.forward(frame)
        return STEADY_DONE

    cdef void emit_describe(self, const Name* name) noexcept nogil:
        cdef unsigned char message[HEADER + 66]
        message[0] = F_DESCRIBE
        message[1] = message[2] = message[3] = 0
        message[4] = <unsigned char> (name.length + 6)
        message[5] = PORTAL
        memcpy(message + 6, name.bytes, name.length)
        message[6 + name.length] = 0
        self.emit_copy(message, 7 + <Py_ssize_t> name.length)

    cdef SteadyStatus close(self, const Frame* frame) noexcept nogil:
        cdef Cursor cursor
        cdef Name name
        cdef Owed* entry
        cdef int kind = frame.start[0] if frame.length > 0 else 0
        cdef bint portal = kind == PORTAL
        cursor_open(&cursor, frame.start, frame.length)
        cursor_take(&cursor, 1)
        if (kind != STATEMENT and not portal) or not take_name(&cursor, &name) or cursor_left(&cursor) != 0:
            return STEADY_WAKE
        if not self.names_settled() or not self.may_expect(portal, &name) or self.touched.count >= MOST_TOUCHED:
            return STEADY_WAKE
        if (self.portal_now(&name) == NULL) if portal else (self.prepared_now(&name) == NULL):
            return STEADY_WAKE  # Python may know it
        entry = owed_push(
            &self.queue, OWED_CLOSE, self.segment, NULL, NULL, NULL,
            CHANGES_PORTALS if portal else CHANGES_PREPARED,
        )
        if entry == NULL:
            return STEADY_FAILED
        entry.closes = <uint8_t> kind
        entry.name = name
        self.expect(portal, &name, NULL)
        self.unsynced = True
        self.forward(frame)
        return STEADY_DONE
