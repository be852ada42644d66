# A run of bytes of a fixed size that a record is spelt into, piece by piece.
#
# Every piece is checked against the end; one that does not fit is sticky (`failed`) and writes nothing, so that it is
# enough to look once, before the bytes are used. Allocates nothing. Knows how JSON spells numbers and plain strings,
# and no record.

from libc.stdint cimport uint64_t
from libc.string cimport memcpy, strlen


cdef struct Text:
    unsigned char* at
    unsigned char* end
    bint failed


cdef inline void text_open(Text* text, unsigned char* start, Py_ssize_t capacity) noexcept nogil:
    text.at = start
    text.end = start + capacity
    text.failed = False


# The next `length` bytes, to be written by the caller; NULL where there are fewer.
cdef inline unsigned char* text_take(Text* text, Py_ssize_t length) noexcept nogil:
    cdef unsigned char* start = text.at
    if length > text.end - start:
        text.failed = True
        text.end = start  # so that no shorter piece is put where this one belongs
        return NULL
    text.at = start + length
    return start


cdef inline void text_put(Text* text, const void* piece, Py_ssize_t length) noexcept nogil:
    cdef unsigned char* start = text_take(text, length)
    if start != NULL:
        memcpy(start, piece, <size_t> length)


# A constant: its length is known when this is compiled.
cdef inline void text_word(Text* text, const char* word) noexcept nogil:
    text_put(text, word, <Py_ssize_t> strlen(word))


cdef inline void text_number(Text* text, uint64_t value) noexcept nogil:
    cdef uint64_t rest = value
    cdef Py_ssize_t digits = 1
    cdef unsigned char* start
    while rest >= 10:
        rest //= 10
        digits += 1
    start = text_take(text, digits)
    if start == NULL:
        return
    while digits > 0:
        digits -= 1
        start[digits] = <unsigned char> (48 + value % 10)
        value //= 10


# As `count` bytes in hexadecimal.
cdef inline void text_hexadecimal(Text* text, const unsigned char* value, Py_ssize_t count) noexcept nogil:
    cdef const char* digits = "0123456789abcdef"
    cdef unsigned char* start = text_take(text, 2 * count)
    cdef Py_ssize_t i
    if start == NULL:
        return
    for i in range(count):
        start[2 * i] = <unsigned char> digits[value[i] >> 4]
        start[2 * i + 1] = <unsigned char> digits[value[i] & 15]


# The inside of a JSON string of printable ASCII; anything else fails.
cdef inline void text_printable(Text* text, const unsigned char* value, Py_ssize_t length) noexcept nogil:
    cdef Py_ssize_t escapes = 0
    cdef Py_ssize_t i
    cdef unsigned char* start
    for i in range(length):
        escapes += value[i] == 34 or value[i] == 92
        if not 0x20 <= value[i] <= 0x7E:
            text.failed = True
    start = text_take(text, length + escapes)
    if start == NULL:
        return
    for i in range(length):
        if value[i] == 34 or value[i] == 92:
            start[0] = 92
            start += 1
        start[0] = value[i]
        start += 1
