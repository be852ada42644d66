# What framing offers to C: the state of one direction of a link, and the step that takes the next thing off its bytes.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hoopfast.wire.buffer cimport Buffer
from hoopfast.wire.cursor cimport Cursor
from hoopfast.wire.masking cimport MaskPlan, MaskTable


# What a step came to. Errors are negative, leave the cursor where it was, and are final for the session.
cdef enum StepStatus:
    STEP_MEMORY = -9
    STEP_MASKED_TOO_LARGE = -8  # a masked row would be longer than any message
    STEP_ROW_TOO_LARGE = -7  # a row that has to be held is over the cap
    STEP_MALFORMED_ROW = -6
    STEP_COLUMNS = -5  # a row has not as many columns as the plan
    STEP_NO_PLAN = -4
    STEP_TOO_LARGE = -3  # any other message over its cap
    STEP_LENGTH = -2  # a length field that cannot be
    STEP_ILLEGAL = -1  # a type that the phase does not allow
    STEP_MORE = 0  # nothing can be done before more input has come
    STEP_SPAN = 1  # `frame` is a stretch of the input, to be forwarded as it stands there now
    STEP_MASKED = 2  # `output` holds whole messages to be forwarded
    STEP_DELIVER = 3  # `frame` is the body of a message of type `frame.kind`


# protocol.Verdict, by value.
cdef enum VerdictValue:
    VERDICT_ILLEGAL = 0
    VERDICT_FORWARD = 1
    VERDICT_WITHHOLD = 2
    VERDICT_DELIVER = 3
    VERDICT_ROW = 4


cdef struct Frame:
    uint8_t kind
    uint32_t announced  # what the length field says; for STEP_LENGTH as it came
    const unsigned char* start  # valid as long as the memory under the cursor
    Py_ssize_t length


cdef struct RowTotals:
    uint64_t rows
    uint64_t received_bytes
    uint64_t delivered_bytes
    uint64_t masked_cells


# One direction of a link. Holds no bytes: the caller keeps what a step leaves under the cursor.
cdef struct FramerState:
    const uint8_t* verdicts  # of the present phase, 256 of them
    const uint8_t* large  # 1 for types that may be as large as `max_message`
    int64_t max_message
    int64_t max_control
    int64_t max_forwarded
    int64_t remaining  # bytes still to come of a message whose head has gone by
    bint remaining_forwarded  # they are forwarded, otherwise dropped
    bint remaining_row  # they end a row
    RowTotals totals


# Takes the next thing off `input`. `plan` is NULL where there is none. Writes into the input, which therefore has to be
# memory that may be written, though only into rows that it steps over: where masks keep the lengths of all cells, the
# rows are masked where they stand and are part of a STEP_SPAN. Bytes that it has stepped over are not to be judged
# again. For STEP_MASKED the messages are appended to `output`; a run ends with the row that reaches SPAN_LIMIT bytes.
cdef StepStatus framer_step(
    FramerState* state, Cursor* input, const MaskTable* plan, Buffer* output, Frame* frame
) noexcept nogil


cdef class VerdictTables:
    cdef uint8_t verdicts[8][256]
    cdef uint8_t large[256]
    cdef readonly Py_ssize_t phases


cdef class Framer:
    cdef FramerState state
    cdef Buffer input
    cdef Buffer output
    cdef Py_ssize_t consumed  # of `input`
    cdef VerdictTables tables
    cdef MaskPlan _plan
    cdef object _phase
    cdef object error  # what next() raised, and raises for ever after
    cdef bint frontend

    cdef object take(self, StepStatus status, Frame* frame)
    cdef object failure(self, StepStatus status, const Frame* frame)
    cdef int release_idle(self) except -1
