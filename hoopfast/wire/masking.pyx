"""The only code that rewrites row bytes: a mask plan, made once per result set, and the loop that applies it to a row.

Knows no rules, no types, no users, no sockets: what is to be done with a column was compiled by policy/ into an
action, and this does it. NULL cells stay NULL. A row that does not look exactly as the protocol says is an error, never
a guess. DataRow: manual, 55.7.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from hoopfast.wire.buffer cimport (
    Buffer, buffer_fill, buffer_patch_uint32, buffer_put, buffer_put_uint32, buffer_reserve, buffer_truncate,
)
from hoopfast.wire.cursor cimport (
    Cursor, cursor_int32, cursor_is_ascii, cursor_left, cursor_open, cursor_peek, cursor_since, cursor_take,
    cursor_uint16,
)
from hoopfast.wire.dates cimport put_year

# A masked row may be no longer than any row that a server can make: protocol.LARGEST_BACKEND_MESSAGE.
cdef Py_ssize_t LARGEST_ROW = 0x40000002
# Instead of a text that is not valid UTF-8: a run whose length says nothing about it.
cdef Py_ssize_t INVALID_TEXT_STARS = 8
# The Int16 that counts a row's columns; PostgreSQL itself stops at MaxTupleAttributeNumber, 1664.
cdef Py_ssize_t MOST_COLUMNS = 0xFFFF

cdef enum:
    DATA_ROW = 68  # 'D'
    SPACE = 32
    STAR = 42


# The length of the UTF-8 character at the cursor, 0 if there is no valid one (Unicode 15, table 3-7).
cdef inline Py_ssize_t utf8_length(const Cursor* text) noexcept nogil:
    cdef uint8_t lead = cursor_peek(text, 0)
    cdef Py_ssize_t length, place
    cdef uint8_t low = 0x80
    cdef uint8_t high = 0xBF
    if lead < 0x80:
        return 1
    if lead < 0xC2 or lead > 0xF4:
        return 0
    length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if cursor_left(text) < length:
        return 0
    if lead == 0xE0:
        low = 0xA0
    elif lead == 0xED:
        high = 0x9F
    elif lead == 0xF0:
        low = 0x90
    elif lead == 0xF4:
        high = 0x8F
    if not low <= cursor_peek(text, 1) <= high:
        return 0
    for place in range(2, length):
        if not 0x80 <= cursor_peek(text, place) <= 0xBF:
            return 0
    return length


# How many characters `text` has, -1 if it is not valid UTF-8.
cdef Py_ssize_t utf8_characters(Cursor text) noexcept nogil:
    cdef Py_ssize_t characters = 0
    cdef Py_ssize_t length
    while cursor_left(&text) > 0:
        length = utf8_length(&text)
        if length == 0:
            return -1
        cursor_take(&text, length)
        characters += 1
    return characters


# The number of bytes of the first `characters` characters of `text`, which is valid and has at least that many.
cdef Py_ssize_t utf8_prefix(Cursor text, Py_ssize_t characters) noexcept nogil:
    cdef const unsigned char* start = text.at
    while characters > 0:
        cursor_take(&text, utf8_length(&text))
        characters -= 1
    return cursor_since(&text, start)


# The number of bytes of `text` without the spaces at its end, which char(n) pads with and does not count.
cdef Py_ssize_t unpadded(const Cursor* text) noexcept nogil:
    cdef Py_ssize_t length = cursor_left(text)
    while length > 0 and cursor_peek(text, length - 1) == SPACE:
        length -= 1
    return length


# Writes the value of `length` bytes at `value` with all but `cell.n` of its characters replaced, length field included.
cdef void put_kept(
    Buffer* output, const MaskCell* cell, bint single_byte, const unsigned char* value, Py_ssize_t length
) noexcept nogil:
    cdef Cursor text
    cdef Py_ssize_t bare, characters, shown, cut
    cursor_open(&text, value, length)
    bare = unpadded(&text)
    cursor_open(&text, value, bare)
    # Most values are ASCII; counting an SSN's characters instead costs 90 instructions more (bench/micro, stage mask).
    single_byte = single_byte or cursor_is_ascii(&text)
    characters = bare if single_byte else utf8_characters(text)
    if characters < 0:
        buffer_put_uint32(output, <uint32_t> INVALID_TEXT_STARS)
        buffer_fill(output, STAR, INVALID_TEXT_STARS)
        return
    # At most half of the value, and nothing of one that would be shown whole.
    shown = 0 if characters <= cell.n else min(cell.n, characters // 2)
    cut = shown if cell.action == CELL_KEEP_FIRST else characters - shown  # where the kept part ends or begins
    if not single_byte:
        cut = utf8_prefix(text, cut)
    if cell.action == CELL_KEEP_FIRST:
        buffer_put_uint32(output, <uint32_t> (cut + characters - shown + length - bare))
        buffer_put(output, cursor_take(&text, cut), cut)
        buffer_fill(output, STAR, characters - shown)
    else:
        buffer_put_uint32(output, <uint32_t> (characters - shown + length - cut))
        buffer_fill(output, STAR, characters - shown)
        cursor_take(&text, cut)
        buffer_put(output, cursor_take(&text, bare - cut), bare - cut)
    buffer_fill(output, SPACE, length - bare)


# A function of its own, so that it does not swell the loop below, which most masks go through.
cdef void put_dated(
    Buffer* output, const MaskCell* cell, const unsigned char* value, int32_t length
) noexcept nogil:
    if not put_year(output, cell.n, value, length):
        buffer_put(output, cell.encoded, cell.encoded_length)


# Writes what stands for one cell that is not NULL and not passed.
cdef inline void put_masked(
    Buffer* output, const MaskCell* cell, bint single_byte, const unsigned char* value, int32_t length
) noexcept nogil:
    if cell.action == CELL_KEEP_FIRST or cell.action == CELL_KEEP_LAST:
        put_kept(output, cell, single_byte, value, length)
    elif cell.action != CELL_DATE_YEAR:
        buffer_put(output, cell.encoded, cell.encoded_length)
    else:
        put_dated(output, cell, value, length)


# Walks the cells of `row` and writes them; runs of passed cells go out in one piece.
cdef RowStatus put_cells(const MaskTable* table, Cursor* row, Buffer* output, uint64_t* masked) noexcept nogil:
    cdef const unsigned char* run = row.at  # the first byte that has not been written yet
    cdef const unsigned char* value
    cdef const MaskCell* cell
    cdef Py_ssize_t start = output.length
    cdef Py_ssize_t column, run_length
    cdef int32_t length
    for column in range(table.columns):
        run_length = cursor_since(row, run)
        if not cursor_int32(row, &length):
            return ROW_MALFORMED
        if length < 0:
            if length != -1:
                return ROW_MALFORMED
            continue
        value = cursor_take(row, length)
        if value == NULL:
            return ROW_MALFORMED
        cell = &table.cells[column]
        if cell.action == CELL_PASS:
            continue
        buffer_put(output, run, run_length)
        put_masked(output, cell, table.single_byte, value, length)
        run = row.at
        masked[0] += 1
        if output.length - start > LARGEST_ROW:
            return ROW_TOO_LARGE
    if cursor_left(row) != 0:
        return ROW_MALFORMED
    buffer_put(output, run, cursor_since(row, run))
    return ROW_DONE


cdef RowStatus mask_row(const MaskTable* table, Cursor* row, Buffer* output, uint64_t* masked) noexcept nogil:
    cdef Py_ssize_t start = output.length
    cdef uint64_t masked_before = masked[0]
    cdef uint16_t columns
    cdef RowStatus status
    cdef Cursor count = row[0]
    if not cursor_uint16(row, &columns):
        return ROW_MALFORMED
    if columns != table.columns:
        return ROW_COLUMNS
    buffer_reserve(output, cursor_left(row) + 7)
    buffer_fill(output, DATA_ROW, 1)
    buffer_put_uint32(output, 0)  # the length, known at the end
    buffer_put(output, cursor_take(&count, 2), 2)
    status = put_cells(table, row, output, masked)
    if output.failed:
        status = ROW_MEMORY
    if status == ROW_DONE:
        buffer_patch_uint32(output, start + 1, <uint32_t> (output.length - start - 1))
    else:
        buffer_truncate(output, start)
        masked[0] = masked_before
    return status


# A cell as it goes out, length field included; NULL's length is -1.
cdef bytes encoded_cell(int action, bytes fixed):
    if action in (CELL_FIXED, CELL_DATE_YEAR):
        return len(fixed).to_bytes(4, "big") + fixed
    return b"\xff\xff\xff\xff"


@cython.final
cdef class MaskPlan:
    """What to do with each cell of one result set's rows; immutable.

    `cells` holds for each column a triple: policy.model.CellAction's value, the replacement, the number of characters
    to keep. `single_byte`: the client's encoding has one byte per character; otherwise characters are UTF-8's.
    """

    def __cinit__(self, cells=(), *, bint single_byte=False):
        rules = tuple((int(action), <bytes?> fixed, int(n)) for action, fixed, n in cells)
        if len(rules) > MOST_COLUMNS:
            raise ValueError(f"a row has at most {MOST_COLUMNS} columns, not {len(rules)}")
        for action, _, n in rules:
            if not CELL_PASS <= action <= CELL_DATE_YEAR:
                raise ValueError(f"unknown cell action {action}")
            if n < 0:
                raise ValueError(f"the number of characters to keep cannot be {n}")
        self.table.columns = len(rules)
        self.table.single_byte = single_byte
        self.table.clean = all(action == CELL_PASS for action, _, _ in rules)
        self._encoded = tuple(encoded_cell(action, fixed) for action, fixed, _ in rules)
        if not self.table.clean:
            self._fill(rules)

    def __dealloc__(self):
        PyMem_Free(self.table.cells)

    cdef int _fill(self, tuple rules) except -1:
        cdef Py_ssize_t column
        cdef bytes encoded
        cdef MaskCell* cell
        self.table.cells = <MaskCell*> PyMem_Calloc(<size_t> len(rules), sizeof(MaskCell))
        if self.table.cells == NULL:
            raise MemoryError
        for column in range(len(rules)):
            cell = &self.table.cells[column]
            encoded = self._encoded[column]
            cell.action = <CellActionValue> <int> rules[column][0]
            cell.n = min(rules[column][2], LARGEST_ROW)
            cell.encoded = <const unsigned char*> PyBytes_AS_STRING(encoded)
            cell.encoded_length = PyBytes_GET_SIZE(encoded)
        return 0

    @staticmethod
    def clean(Py_ssize_t columns=-1):
        """A plan that passes every cell; `columns` is checked against each row's count, -1 allows any."""
        if not -1 <= columns <= MOST_COLUMNS:
            raise ValueError(f"a row has at most {MOST_COLUMNS} columns, not {columns}")
        cdef MaskPlan plan = MaskPlan()
        plan.table.columns = columns
        return plan

    @property
    def columns(self) -> int:
        """How many columns a row must have, -1 for any number."""
        return self.table.columns

    @property
    def passes_all(self) -> bool:
        """Whether every cell passes, so that rows need not be held."""
        return self.table.clean
