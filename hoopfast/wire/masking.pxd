# What masking offers to C: a plan's table, and the function that masks one row, where it stands or into a buffer.

from libc.stdint cimport uint64_t

from hoopfast.wire.buffer cimport Buffer
from hoopfast.wire.cursor cimport Cursor

cdef enum:
    FEW_CELLS = 16  # so many masked cells of a row are remembered on the stack
    YEAR_CELL = 26  # the longest cell that a year makes: a timestamptz's text and its length field


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
    ROW_LENGTHS = 5  # it has to be copied, and the rows before it have been masked where they stand


# A masked column, and the run of columns before it that pass.
cdef struct MaskCell:
    Py_ssize_t passed
    CellActionValue action
    Py_ssize_t n
    # The whole cell as it goes out, its length field included: CELL_NULL, CELL_FIXED; CELL_DATE_YEAR of no date.
    const unsigned char* encoded
    Py_ssize_t encoded_length


cdef struct MaskTable:
    Py_ssize_t columns  # -1: any number, only where `clean`
    bint clean  # nothing to mask: rows stream
    bint single_byte
    MaskCell* cells  # `masked` of them; NULL where `clean`
    Py_ssize_t masked
    Py_ssize_t passed_after  # columns behind the last masked one


# What becomes of one cell that is not NULL and not passed. All lengths include the length field.
cdef struct Replacement:
    const unsigned char* start
    Py_ssize_t length
    Py_ssize_t length_after
    const unsigned char* encoded  # what stands for it; NULL: the cell itself with stars in it:
    Py_ssize_t head  # so many of its bytes stay in front
    Py_ssize_t stars  # so many stars follow, and then the bytes at its end that make `length_after` full
    unsigned char year[YEAR_CELL]  # where `encoded` may point to


# How the rows of a run leave. All of them the same way, so that the run is one stretch of bytes.
cdef enum MaskWay:
    WAY_OPEN = 0  # the first row decides
    WAY_IN_PLACE = 1  # they keep their lengths, and are written over
    WAY_COPIED = 2


# Rows that are masked one after the other under one plan. Opened and closed around them; holds nothing of a row but
# while mask_row works.
cdef struct MaskRun:
    const MaskTable* table
    MaskWay way
    uint64_t masked  # cells that were replaced
    Replacement* replacements  # room for those of one row
    Replacement few[FEW_CELLS]
    Buffer many  # their place where `few` does not do


# False: out of memory. To be closed either way.
cdef bint mask_run_open(MaskRun* run, const MaskTable* table) noexcept nogil
cdef void mask_run_close(MaskRun* run) noexcept nogil

# Masks the DataRow that is the whole of `message`, header included, which somebody has read: in place, if it keeps all
# lengths and no row of the run was copied, otherwise appended to `output`. All of the row is checked before a byte is
# written: unless it is ROW_DONE, the message, `output` and the run are as they were.
cdef RowStatus mask_row(MaskRun* run, Cursor message, Buffer* output) noexcept nogil


cdef class MaskPlan:
    cdef MaskTable table  # valid, and unchanged, as long as the plan lives
    cdef tuple _encoded  # keeps alive what the cells point to

    cdef int _fill(self, tuple rules) except -1
