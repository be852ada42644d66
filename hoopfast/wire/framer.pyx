"""The framer: takes one direction's bytes apart into stretches to forward and messages to hand to the conversation.

The only code that reads a message's header. What becomes of a type is looked up in the verdict table of the phase,
which is compiled from protocol.py. Holds whole only what the conversation has to see and rows that have to be masked;
all else streams. Every length is checked before a byte is kept for it. Knows no policy, no statement, no socket.
Message flow and formats: manual, 55.2 and 55.7.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memset

from typing import NamedTuple

from hoopfast.errors import BackendProtocolError, FrontendProtocolError, LimitExceeded
from hoopfast.wire import protocol

from hoopfast.wire.buffer cimport (
    Buffer, buffer_drop, buffer_put, buffer_read, buffer_release, buffer_reserve, buffer_truncate,
)
from hoopfast.wire.cursor cimport (
    Cursor, cursor_left, cursor_open, cursor_peek, cursor_peek_int32, cursor_peek_uint16, cursor_since, cursor_take,
)
from hoopfast.wire.masking cimport (
    ROW_COLUMNS, ROW_DONE, ROW_MEMORY, ROW_TOO_LARGE, WAY_COPIED, MaskPlan, MaskRun, MaskTable, RowStatus, mask_row,
    mask_run_close, mask_run_open,
)

# A masked run leaves once it is this long, so that masks that lengthen cells cannot pile up.
cdef Py_ssize_t SPAN_LIMIT = 256 * 1024
# What an idle framer may keep allocated.
cdef Py_ssize_t RETAINED = 16 * 1024

cdef enum:
    HEADER = 5  # type byte, Int32 length that counts itself
    ROW_HEADER = 7  # … and the Int16 that counts the columns


# What is to be done with the message under the cursor. Errors are those of StepStatus.
cdef enum Head:
    HEAD_MORE = 0
    HEAD_FORWARD = 1
    HEAD_ROW = 2  # a row to forward as it is
    HEAD_MASK = 3  # a row to mask, all of it there
    HEAD_DELIVER = 4  # all of it there
    HEAD_WITHHOLD = 5


# Judges a DataRow by its length and the plan; a Head or an error of StepStatus.
cdef inline int judge_row(
    const FramerState* state, const Cursor* input, const MaskTable* plan, int64_t length
) noexcept nogil:
    if plan == NULL:
        return STEP_NO_PLAN
    if length < ROW_HEADER - 1:
        return STEP_MALFORMED_ROW
    if not plan.clean:
        if length > state.max_message:
            return STEP_ROW_TOO_LARGE
        return HEAD_MASK if cursor_left(input) > length else HEAD_MORE
    if length > state.max_forwarded:
        return STEP_TOO_LARGE
    if plan.columns >= 0:
        if cursor_left(input) < ROW_HEADER:
            return HEAD_MORE
        if cursor_peek_uint16(input, HEADER) != plan.columns:
            return STEP_COLUMNS
    return HEAD_ROW


# Judges the head of the message under the cursor and steps over nothing; a Head or an error of StepStatus. Fills
# `frame.kind` and `frame.announced` as far as they are there.
cdef inline int judge(
    const FramerState* state, const Cursor* input, const MaskTable* plan, Frame* frame
) noexcept nogil:
    cdef int verdict
    cdef int64_t length
    if cursor_left(input) < 1:
        return HEAD_MORE
    frame.kind = cursor_peek(input, 0)
    verdict = state.verdicts[frame.kind]
    if verdict == VERDICT_ILLEGAL:
        return STEP_ILLEGAL
    if cursor_left(input) < HEADER:
        return HEAD_MORE
    length = cursor_peek_int32(input, 1)
    frame.announced = length
    if length < 4:
        return STEP_LENGTH
    if verdict == VERDICT_ROW:
        return judge_row(state, input, plan, length)
    if verdict == VERDICT_DELIVER:
        if length > (state.max_message if state.large[frame.kind] else state.max_control):
            return STEP_TOO_LARGE
        return HEAD_DELIVER if cursor_left(input) > length else HEAD_MORE
    if length > state.max_forwarded:
        return STEP_TOO_LARGE
    return HEAD_FORWARD if verdict == VERDICT_FORWARD else HEAD_WITHHOLD


# Steps over what has come of the message whose head has gone by.
cdef inline void pass_remaining(FramerState* state, Cursor* input) noexcept nogil:
    cdef int64_t length = min(state.remaining, <int64_t> cursor_left(input))
    cursor_take(input, <Py_ssize_t> length)
    state.remaining -= length
    if state.remaining == 0 and state.remaining_row:
        state.totals.rows += 1
        state.remaining_row = False


# Takes the longest stretch of messages, and parts of one at either end, that are forwarded as they are.
cdef StepStatus forward_run(
    FramerState* state, Cursor* input, const MaskTable* plan, Frame* frame
) noexcept nogil:
    cdef const unsigned char* start = input.at
    cdef int head
    while True:
        if state.remaining == 0:
            head = judge(state, input, plan, frame)
            if head != HEAD_ROW and head != HEAD_FORWARD:
                break
            if cursor_take(input, <Py_ssize_t> frame.announced + 1) != NULL:
                state.totals.rows += head == HEAD_ROW
                continue
            state.remaining = <int64_t> frame.announced + 1
            state.remaining_forwarded = True
            state.remaining_row = head == HEAD_ROW
        pass_remaining(state, input)
        if state.remaining != 0:
            break
    frame.start = start
    frame.length = cursor_since(input, start)
    state.totals.received_bytes += frame.length
    state.totals.delivered_bytes += frame.length
    return STEP_SPAN


cdef StepStatus row_error(RowStatus status) noexcept nogil:
    if status == ROW_COLUMNS:
        return STEP_COLUMNS
    if status == ROW_TOO_LARGE:
        return STEP_MASKED_TOO_LARGE
    if status == ROW_MEMORY:
        return STEP_MEMORY
    return STEP_MALFORMED_ROW


# The length of the whole row to mask that comes next; 0 if anything else does, or not all of it has come: then judge
# says what it is. `kind` is the type of the row before it, in the same phase and under the same plan.
cdef inline Py_ssize_t row_ahead(const FramerState* state, const Cursor* input, uint8_t kind) noexcept nogil:
    cdef int64_t length
    if cursor_left(input) < ROW_HEADER or cursor_peek(input, 0) != kind:
        return 0
    length = cursor_peek_int32(input, 1)
    if length < ROW_HEADER - 1 or length > state.max_message or length >= cursor_left(input):
        return 0
    return <Py_ssize_t> length + 1


# Masks whole rows until something else comes, or enough has been written: where they stand as long as all cells keep
# their lengths, otherwise into `output`, and once there, there to the end of the run, for who takes it has to copy what
# follows anyhow. An error behind good rows is left for the next step, so that what a peer gets does not depend on how
# the bytes were split. `frame` describes the first row.
cdef StepStatus mask_rows(
    FramerState* state, Cursor* input, MaskRun* run, Buffer* output, Frame* frame
) noexcept nogil:
    cdef const unsigned char* start = input.at
    cdef Py_ssize_t before = output.length
    cdef Py_ssize_t length = <Py_ssize_t> frame.announced + 1
    cdef Cursor message
    cdef RowStatus status
    cursor_open(&message, input.at, length)
    status = mask_row(run, message, output)
    if status != ROW_DONE:
        return row_error(status)
    if run.way == WAY_COPIED:
        # Room at once for the rows that have come; the buffer still grows where masks lengthen them.
        buffer_reserve(output, min(SPAN_LIMIT, cursor_left(input) - length))
    while True:
        cursor_take(input, length)
        state.totals.rows += 1
        length = row_ahead(state, input, frame.kind)
        if length == 0 or output.length - before >= SPAN_LIMIT:
            break
        cursor_open(&message, input.at, length)
        if mask_row(run, message, output) != ROW_DONE:
            break
    frame.start = start
    frame.length = cursor_since(input, start)
    state.totals.received_bytes += frame.length
    state.totals.masked_cells += run.masked
    if run.way == WAY_COPIED:
        state.totals.delivered_bytes += output.length - before
        return STEP_MASKED
    state.totals.delivered_bytes += frame.length
    return STEP_SPAN


cdef StepStatus mask_run(
    FramerState* state, Cursor* input, const MaskTable* plan, Buffer* output, Frame* frame
) noexcept nogil:
    cdef MaskRun run
    cdef StepStatus status = STEP_MEMORY
    if mask_run_open(&run, plan):
        status = mask_rows(state, input, &run, output, frame)
    mask_run_close(&run)
    return status


cdef StepStatus framer_step(
    FramerState* state, Cursor* input, const MaskTable* plan, Buffer* output, Frame* frame
) noexcept nogil:
    cdef int head
    while True:
        if state.remaining != 0:
            if cursor_left(input) == 0:
                return STEP_MORE
            if state.remaining_forwarded:
                return forward_run(state, input, plan, frame)
            pass_remaining(state, input)
            continue
        head = judge(state, input, plan, frame)
        if head == HEAD_WITHHOLD:
            state.remaining = <int64_t> frame.announced + 1
            state.remaining_forwarded = False
        elif head == HEAD_FORWARD or head == HEAD_ROW:
            return forward_run(state, input, plan, frame)
        elif head == HEAD_MASK:
            return mask_run(state, input, plan, output, frame)
        elif head == HEAD_DELIVER:
            cursor_take(input, HEADER)
            frame.length = <Py_ssize_t> frame.announced - 4
            frame.start = cursor_take(input, frame.length)
            return STEP_DELIVER
        else:
            return <StepStatus> head


class RowCounts(NamedTuple):
    """What has gone by of rows, CopyData included: whole rows, bytes with headers, cells replaced."""

    rows: int
    received_bytes: int
    delivered_bytes: int
    masked_cells: int


@cython.final
cdef class VerdictTables:
    """A verdict table of protocol.py, compiled: for each phase and type byte one verdict."""

    def __cinit__(self, tables, *, bint frontend):
        if len(tables) > 8 or sorted(tables) != list(range(len(tables))):
            raise ValueError("phases must be numbered from 0, and be eight at most")
        memset(self.verdicts, VERDICT_ILLEGAL, sizeof(self.verdicts))
        memset(self.large, 0, sizeof(self.large))
        self.phases = len(tables)
        for phase, verdicts in tables.items():
            for kind, verdict in verdicts.items():
                self.verdicts[<int> phase][<uint8_t> kind] = <uint8_t> verdict
        for kind in protocol.LARGE_FRONTEND if frontend else protocol.LARGE_BACKEND:
            self.large[<uint8_t> kind] = 1


cdef dict COMPILED = {
    id(protocol.FRONTEND_VERDICTS): VerdictTables(protocol.FRONTEND_VERDICTS, frontend=True),
    id(protocol.BACKEND_VERDICTS): VerdictTables(protocol.BACKEND_VERDICTS, frontend=False),
}


@cython.final
cdef class Framer:
    """One direction of a link: bytes in, and out of them stretches to forward and messages to look at.

    `tables` are protocol.FRONTEND_VERDICTS or protocol.BACKEND_VERDICTS; `frontend` says whose messages these are, and
    so whom an error blames. `max_message` and `max_control` bound, in bytes and as the length field counts, what is
    held whole. Any error is final: every later call raises it again.
    """

    def __cinit__(self, tables, *, bint frontend, int64_t max_message, int64_t max_control):
        compiled = COMPILED.get(id(tables))
        self.tables = VerdictTables(tables, frontend=frontend) if compiled is None else compiled
        self.frontend = frontend
        self.state.large = self.tables.large
        self.state.max_message = max_message
        self.state.max_control = max_control
        self.state.max_forwarded = (
            protocol.LARGEST_FRONTEND_MESSAGE if frontend else protocol.LARGEST_BACKEND_MESSAGE
        )
        self.phase = min(tables)

    def __dealloc__(self):
        buffer_release(&self.input)
        buffer_release(&self.output)

    @property
    def phase(self):
        """The phase whose verdicts hold for what follows; the row or message that is under way ends as it began."""
        return self._phase

    @phase.setter
    def phase(self, phase):
        cdef Py_ssize_t number = phase
        if not 0 <= number < self.tables.phases:
            raise ValueError(f"unknown phase {phase!r}")
        self._phase = phase
        self.state.verdicts = self.tables.verdicts[number]

    @property
    def plan(self):
        """The mask plan for the rows that follow; None: a row is an error."""
        return self._plan

    @plan.setter
    def plan(self, MaskPlan plan):
        self._plan = plan

    @property
    def mid_message(self) -> bool:
        """Whether a message has been forwarded in part, so that nothing may be written in between."""
        return self.state.remaining != 0 and self.state.remaining_forwarded

    @property
    def buffered(self) -> int:
        """How many bytes have been fed and not yet been forwarded, delivered or dropped."""
        return self.input.length - self.consumed

    def feed(self, data) -> None:
        """Copy `data` in; the caller may reuse its buffer at once."""
        cdef Py_buffer view
        if self.error is not None:
            raise self.error
        buffer_drop(&self.input, self.consumed)
        self.consumed = 0
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        buffer_put(&self.input, <const unsigned char*> view.buf, view.len)
        PyBuffer_Release(&view)
        if self.input.failed:
            self.error = MemoryError()
            raise self.error

    def next(self):
        """The next thing: (type, body), or (0, bytes to forward as they are), or None if more input is needed first."""
        cdef Cursor cursor
        cdef Frame frame
        cdef StepStatus status
        if self.error is not None:
            raise self.error
        buffer_read(&self.input, self.consumed, &cursor)
        frame.announced = 0
        status = framer_step(
            &self.state, &cursor, NULL if self._plan is None else &self._plan.table, &self.output, &frame
        )
        self.consumed = self.input.length - cursor_left(&cursor)
        return self.take(status, &frame)

    def take_counts(self) -> RowCounts:
        """What has gone by since this was last called."""
        cdef RowTotals totals = self.state.totals
        memset(&self.state.totals, 0, sizeof(RowTotals))
        return RowCounts(totals.rows, totals.received_bytes, totals.delivered_bytes, totals.masked_cells)

    cdef object take(self, StepStatus status, Frame* frame):
        cdef bytes span
        if status == STEP_DELIVER:
            return frame.kind, PyBytes_FromStringAndSize(<const char*> frame.start, frame.length)
        if status == STEP_SPAN:
            return 0, PyBytes_FromStringAndSize(<const char*> frame.start, frame.length)
        if status == STEP_MASKED:
            span = PyBytes_FromStringAndSize(<const char*> self.output.data, self.output.length)
            buffer_truncate(&self.output, 0)
            return 0, span
        if status == STEP_MORE:
            self.release_idle()
            return None
        self.error = self.failure(status, frame)
        buffer_release(&self.input)
        buffer_release(&self.output)
        self.consumed = 0
        raise self.error

    cdef int release_idle(self) except -1:
        buffer_drop(&self.input, self.consumed)
        self.consumed = 0
        if self.input.length == 0 and self.input.capacity > RETAINED:
            buffer_release(&self.input)
        if self.output.capacity > RETAINED:
            buffer_release(&self.output)
        return 0

    cdef object failure(self, StepStatus status, const Frame* frame):
        if status == STEP_MEMORY:
            return MemoryError()
        if status == STEP_ROW_TOO_LARGE or status == STEP_MASKED_TOO_LARGE:
            return LimitExceeded(
                f"a row with masked columns is larger than {self.state.max_message} bytes",
                hint="Select fewer or smaller columns, or raise max_message in [gateway].",
            )
        name = protocol.message_name(frame.kind, frontend=self.frontend)
        if status == STEP_ILLEGAL:
            problem = f"{name} is not allowed in phase {getattr(self._phase, 'name', self._phase)}"
        elif status == STEP_TOO_LARGE:
            problem = f"{name} announces {frame.announced} bytes, which is over the limit"
        elif status == STEP_LENGTH:
            problem = f"{name} has an invalid length"
        elif status == STEP_NO_PLAN:
            problem = "DataRow came where no rows are expected"
        elif status == STEP_COLUMNS:
            problem = "DataRow has not as many columns as were described"
        else:
            problem = "DataRow is malformed"
        if self.frontend:
            return FrontendProtocolError(f"protocol violation by the client: {problem}")
        return BackendProtocolError(f"protocol violation by the database server: {problem}")
