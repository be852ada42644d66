# The books of one transaction in C, as session/ledger.py keeps them in Python: what began, what ended, and in which
# transaction. Calls the recorder and nothing else.

from libc.stdint cimport int64_t, uint64_t

from hoopfast.recording cimport OUTCOME_COMMITTED, OUTCOME_ROLLED_BACK, RecordedEnd
from hoopfast.wire.framer cimport Framer, RowTotals
from hoopfast.wire.steady_state cimport SteadyState


# Adds what has gone by of rows to an execution's totals.
cdef inline void count_rows(Framer backend, RowTotals* totals) noexcept nogil:
    cdef RowTotals* seen = &backend.state.totals
    totals.rows += seen.rows
    totals.received_bytes += seen.received_bytes
    totals.delivered_bytes += seen.delivered_bytes
    totals.masked_cells += seen.masked_cells
    seen.rows = seen.received_bytes = seen.delivered_bytes = seen.masked_cells = 0


# An execution has completed. False: that could not be recorded.
cdef inline bint end_execution(
    SteadyState state, int64_t sequence, uint64_t started, const RowTotals* totals, const unsigned char* tag,
    Py_ssize_t tag_length,
) noexcept nogil:
    cdef RecordedEnd end
    if sequence != state.settled:
        if state.first == 0:
            state.first = sequence
        if sequence > state.last:
            state.last = sequence
    end.sequence = sequence
    end.tag = tag
    end.tag_length = tag_length
    end.rows = totals.rows
    end.received_bytes = totals.received_bytes
    end.delivered_bytes = totals.delivered_bytes
    end.masked_cells = totals.masked_cells
    end.database_microseconds = (state.now - started) // 1000 if state.now > started else 0
    state.begun -= 1
    return state.recording.completed(state.recording.context, &end)


# The transaction is over. `under_way`: an execution that goes on and whose command ended it; 0: none.
cdef inline bint end_transaction(SteadyState state, bint rolled_back, int64_t under_way) noexcept nogil:
    cdef int64_t first
    if under_way != 0 and under_way != state.settled:
        if state.first == 0:
            state.first = under_way
        if under_way > state.last:
            state.last = under_way
        state.settled = under_way
    first = state.first
    state.first = 0
    state.failed = False
    if first == 0:
        state.last = 0
        return True
    under_way = state.last
    state.last = 0
    return state.recording.transaction(
        state.recording.context, first, under_way, OUTCOME_ROLLED_BACK if rolled_back else OUTCOME_COMMITTED
    )
