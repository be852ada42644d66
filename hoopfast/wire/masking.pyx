"""The only code that rewrites row bytes: a mask plan, made once per result set, and the loop that applies it to a row.

Knows no rules, no types, no users, no sockets: what is to be done with a column was compiled by policy/ into an
action, and this does it. NULL cells stay NULL. A row that does not look exactly as the protocol says is an error, never
a guess. DataRow: manual, 55.7.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from hoopfast.wire.buffer cimport (
    Buffer, Writer, buffer_release, buffer_reserve, writer_append, writer_fill, writer_left, writer_open,
    writer_open_over, writer_put, writer_put_uint32, writer_skip,
)
from hoopfast.wire.cursor cimport (
    Cursor, cursor_counted, cursor_is_ascii, cursor_left, cursor_open, cursor_peek, cursor_since, cursor_take,
    cursor_uint16, cursor_until, hoopfast_assert,
)
from hoopfast.wire.dates cimport YEAR_BINARY_TIMESTAMP, put_year

# A masked row may be no longer than any row that a server can make: protocol.LARGEST_BACKEND_MESSAGE.
cdef Py_ssize_t LARGEST_ROW = 0x40000002
# Instead of a text that is not valid UTF-8: a run whose length says nothing about it.
cdef Py_ssize_t INVALID_TEXT_STARS = 8
# The Int16 that counts a row's columns; PostgreSQL itself stops at MaxTupleAttributeNumber, 1664.
cdef Py_ssize_t MOST_COLUMNS = 0xFFFF

cdef enum:
    HEADER = 5  # type byte, Int32 length that counts itself
    LENGTH_FIELD = 4  # of a cell
    NULL_LENGTH = -1
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


# How many of a value's characters are shown: at most half of them, and none of one that would be shown whole.
cdef inline Py_ssize_t shown_of(Py_ssize_t characters, Py_ssize_t n) noexcept nogil:
    return 0 if characters <= n else min(n, characters >> 1)


# Sets `value` on the cell without its length field.
cdef inline void value_of(const Replacement* replacement, Cursor* value) noexcept nogil:
    cursor_open(value, replacement.start, replacement.length)
    cursor_take(value, LENGTH_FIELD)


# As plan_kept, where characters are not bytes.
cdef void plan_characters(const MaskCell* cell, Replacement* replacement) noexcept nogil:
    cdef Cursor text
    cdef Py_ssize_t padding, bare, characters, shown, cut
    value_of(replacement, &text)
    bare = unpadded(&text)
    padding = cursor_left(&text) - bare
    cursor_open(&text, cursor_take(&text, bare), bare)
    characters = utf8_characters(text)
    replacement.head = 0
    if characters < 0:
        replacement.stars = INVALID_TEXT_STARS
        replacement.length_after = LENGTH_FIELD + INVALID_TEXT_STARS
        return
    shown = shown_of(characters, cell.n)
    replacement.stars = characters - shown
    if cell.action == CELL_KEEP_FIRST:
        replacement.head = utf8_prefix(text, shown)
        replacement.length_after = LENGTH_FIELD + replacement.head + replacement.stars + padding
    else:
        cut = utf8_prefix(text, characters - shown)
        replacement.length_after = LENGTH_FIELD + replacement.stars + bare - cut + padding


# All but `cell.n` of the value's characters become stars; blanks at its end stay.
cdef inline void plan_kept(const MaskCell* cell, bint single_byte, Replacement* replacement) noexcept nogil:
    cdef Cursor text
    cdef Py_ssize_t characters, shown
    value_of(replacement, &text)
    replacement.encoded = NULL
    # Most values are ASCII; counting an SSN's characters instead costs 90 instructions more (bench/micro).
    if not (single_byte or cursor_is_ascii(&text)):
        plan_characters(cell, replacement)
        return
    characters = unpadded(&text)
    shown = shown_of(characters, cell.n)
    replacement.head = shown if cell.action == CELL_KEEP_FIRST else 0
    replacement.stars = characters - shown
    replacement.length_after = replacement.length


cdef void plan_dated(const MaskCell* cell, Replacement* replacement) noexcept nogil:
    cdef Writer writer
    cdef Cursor value
    cdef Py_ssize_t length
    value_of(replacement, &value)
    length = cursor_left(&value)
    writer_open(&writer, replacement.year, YEAR_CELL)
    if put_year(&writer, cell.n, cursor_take(&value, length), length):
        replacement.encoded = replacement.year
        replacement.length_after = YEAR_CELL - writer_left(&writer)
    else:
        replacement.encoded = cell.encoded
        replacement.length_after = cell.encoded_length


# What becomes of the cell; `replacement` has `start` and `length` already.
cdef inline void plan_cell(const MaskCell* cell, bint single_byte, Replacement* replacement) noexcept nogil:
    if cell.action <= CELL_FIXED:
        replacement.encoded = cell.encoded
        replacement.length_after = cell.encoded_length
    elif cell.action != CELL_DATE_YEAR:
        plan_kept(cell, single_byte, replacement)
    else:
        plan_dated(cell, replacement)


# Steps over `count` cells; False where they are not there, or no cells.
cdef inline bint skip_cells(Cursor* row, Py_ssize_t count) noexcept nogil:
    cdef int32_t length
    while count > 0:
        if not cursor_counted(row, &length):
            return False
        count -= 1
    return True


# What a row comes to, as long as nothing is written.
cdef struct RowSums:
    Py_ssize_t replaced  # cells
    bint lengths_change


# Walks all cells of the row under `row`, from the count of its columns on, and fills the run's replacements.
cdef inline RowStatus read_row(const MaskRun* run, Cursor row, RowSums* sums) noexcept nogil:
    cdef const MaskTable* table = run.table
    cdef const MaskCell* cell
    cdef Replacement* replacement
    cdef Py_ssize_t place
    cdef Py_ssize_t replaced = 0
    cdef bint lengths_change = False
    cdef uint16_t columns
    cdef int32_t length
    if not cursor_uint16(&row, &columns):
        return ROW_MALFORMED
    if columns != table.columns:
        return ROW_COLUMNS
    for place in range(table.masked):
        cell = &table.cells[place]
        if not skip_cells(&row, cell.passed):
            return ROW_MALFORMED
        replacement = &run.replacements[replaced]
        replacement.start = row.at
        if not cursor_counted(&row, &length):
            return ROW_MALFORMED
        if length == NULL_LENGTH:
            continue
        replacement.length = <Py_ssize_t> length + LENGTH_FIELD
        plan_cell(cell, table.single_byte, replacement)
        lengths_change |= replacement.length_after != replacement.length
        replaced += 1
    if not skip_cells(&row, table.passed_after) or cursor_left(&row) != 0:
        return ROW_MALFORMED
    sums.replaced = replaced
    sums.lengths_change = lengths_change
    return ROW_DONE


# Where lengths are kept all that changes is the stars, or else the whole cell.
cdef inline void write_over(const Replacement* replacement) noexcept nogil:
    cdef Writer writer
    hoopfast_assert(replacement.length == replacement.length_after)
    writer_open_over(&writer, replacement.start, replacement.length)
    if replacement.encoded == NULL:
        writer_skip(&writer, LENGTH_FIELD + replacement.head)
        writer_fill(&writer, STAR, replacement.stars)
    else:
        writer_put(&writer, replacement.encoded, replacement.length)


# Writes what stands for the cell under `row`, and steps over it.
cdef inline void write_cell(Writer* writer, const Replacement* replacement, Cursor* row) noexcept nogil:
    cdef Py_ssize_t tail
    cdef Cursor cell
    cursor_open(&cell, cursor_take(row, replacement.length), replacement.length)
    if replacement.encoded != NULL:
        writer_put(writer, replacement.encoded, replacement.length_after)
        return
    tail = replacement.length_after - LENGTH_FIELD - replacement.head - replacement.stars
    writer_put_uint32(writer, <uint32_t> (replacement.length_after - LENGTH_FIELD))
    cursor_take(&cell, LENGTH_FIELD)
    writer_put(writer, cursor_take(&cell, replacement.head), replacement.head)
    writer_fill(writer, STAR, replacement.stars)
    cursor_take(&cell, cursor_left(&cell) - tail)
    writer_put(writer, cursor_take(&cell, tail), tail)


# Writes the whole message; runs of passed cells go out in one piece.
cdef inline void write_row(Writer* writer, const MaskRun* run, Cursor message, Py_ssize_t replaced) noexcept nogil:
    cdef Py_ssize_t place, passed
    writer_put(writer, cursor_take(&message, 1), 1)
    writer_put_uint32(writer, <uint32_t> writer_left(writer))  # which the length field counts itself, too
    cursor_take(&message, LENGTH_FIELD)
    for place in range(replaced):
        passed = cursor_until(&message, run.replacements[place].start)
        writer_put(writer, cursor_take(&message, passed), passed)
        write_cell(writer, &run.replacements[place], &message)
    passed = cursor_left(&message)
    writer_put(writer, cursor_take(&message, passed), passed)
    hoopfast_assert(writer_left(writer) == 0)


cdef RowStatus mask_row(MaskRun* run, Cursor message, Buffer* output) noexcept nogil:
    cdef Cursor row = message
    cdef Py_ssize_t place, length_after
    cdef RowStatus status
    cdef RowSums sums
    cdef Writer writer
    cursor_take(&row, HEADER)
    status = read_row(run, row, &sums)
    if status != ROW_DONE:
        return status
    if run.way != WAY_COPIED and not sums.lengths_change:
        for place in range(sums.replaced):
            write_over(&run.replacements[place])
        run.way = WAY_IN_PLACE
    elif run.way == WAY_IN_PLACE:
        return ROW_LENGTHS
    else:
        length_after = cursor_left(&message)
        for place in range(sums.replaced):
            length_after += run.replacements[place].length_after - run.replacements[place].length
        if length_after > LARGEST_ROW:
            return ROW_TOO_LARGE
        if not writer_append(&writer, output, length_after):
            return ROW_MEMORY
        write_row(&writer, run, message, sums.replaced)
        run.way = WAY_COPIED
    run.masked += <uint64_t> sums.replaced
    return ROW_DONE


cdef bint mask_run_open(MaskRun* run, const MaskTable* table) noexcept nogil:
    hoopfast_assert(not table.clean)
    run.table = table
    run.way = WAY_OPEN
    run.masked = 0
    memset(&run.many, 0, sizeof(Buffer))
    run.replacements = run.few
    if table.masked > FEW_CELLS:
        if not buffer_reserve(&run.many, table.masked * <Py_ssize_t> sizeof(Replacement)):
            return False
        run.replacements = <Replacement*> run.many.data
    return True


cdef void mask_run_close(MaskRun* run) noexcept nogil:
    buffer_release(&run.many)


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
            if action == CELL_DATE_YEAR and n > YEAR_BINARY_TIMESTAMP:
                raise ValueError(f"unknown form of a date {n}")
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
        cdef Py_ssize_t passed = 0
        cdef bytes encoded
        cdef MaskCell* cell
        self.table.cells = <MaskCell*> PyMem_Calloc(<size_t> len(rules), sizeof(MaskCell))
        if self.table.cells == NULL:
            raise MemoryError
        for column in range(len(rules)):
            if rules[column][0] == CELL_PASS:
                passed += 1
                continue
            cell = &self.table.cells[self.table.masked]
            encoded = self._encoded[column]
            cell.passed = passed
            cell.action = <CellActionValue> <int> rules[column][0]
            cell.n = min(rules[column][2], LARGEST_ROW)
            cell.encoded = <const unsigned char*> PyBytes_AS_STRING(encoded)
            cell.encoded_length = PyBytes_GET_SIZE(encoded)
            self.table.masked += 1
            passed = 0
        self.table.passed_after = passed
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
