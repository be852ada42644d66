# What masking offers to C: a plan's table, and the function that writes one masked row.

from libc.stdint cimport uint64_t

from hoopfast.wire.buffer cimport Buffer
from hoopfast.wire.cursor cimport Cursor


# policy.model.CellAction, by value.
cdef enum CellActionValue:
    CELL_PASS = 0
    CELL_NULL = 1
    CELL_FIXED = 2
    CELL_KEEP_FIRST = 3
    CELL_KEEP_LAST = 4
    CELL_DATE_YEAR = 5


cdef enum RowStatus:
    ROW_DONE = 0
    ROW_COLUMNS = 1  # not as many columns as the plan has
    ROW_MALFORMED = 2  # a length that is negative, or more than what is there; or bytes left over
    ROW_TOO_LARGE = 3  # masked, it would be longer than any message
    ROW_MEMORY = 4


cdef struct MaskCell:
    CellActionValue action
    Py_ssize_t n
    # The whole cell as it goes out, its length field included: CELL_NULL, CELL_FIXED; CELL_DATE_YEAR of no date.
    const unsigned char* encoded
    Py_ssize_t encoded_length


cdef struct MaskTable:
    Py_ssize_t columns  # -1: any number, only where `clean`
    bint clean  # nothing to mask: rows stream
    bint single_byte
    MaskCell* cells  # `columns` of them; NULL where `clean`


# Appends to `output` the DataRow, header included, that `table` makes of the body under `row`, which is used up; adds
# to `masked` the number of cells that were replaced. Unless it is ROW_DONE, `output` and `masked` stay as they were.
cdef RowStatus mask_row(const MaskTable* table, Cursor* row, Buffer* output, uint64_t* masked) noexcept nogil


cdef class MaskPlan:
    cdef MaskTable table  # valid, and unchanged, as long as the plan lives
    cdef tuple _encoded  # keeps alive what the cells point to

    cdef int _fill(self, tuple rules) except -1
