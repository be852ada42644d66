# A position in bytes that somebody else owns, and its end: the only code that advances a pointer.
#
# Every read asks for what it wants and is told whether it is there; nothing here reads or steps past `end`. A cursor is
# valid as long as the memory under it, which its opener must name. Knows no message and no layout. Numbers are in
# network byte order, as everything in the PostgreSQL protocol (manual, 55.6).

from libc.stdint cimport int32_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #ifdef HOOPFAST_DEBUG
      #undef NDEBUG
      #include <assert.h>
      #define hoopfast_assert(condition) assert(condition)
    #else
      #define hoopfast_assert(condition) ((void) 0)
    #endif
    """
    void hoopfast_assert(bint condition) noexcept nogil


cdef struct Cursor:
    const unsigned char* at
    const unsigned char* end


cdef inline void cursor_open(Cursor* cursor, const unsigned char* start, Py_ssize_t length) noexcept nogil:
    hoopfast_assert(length >= 0)
    hoopfast_assert((start == NULL) <= (length == 0))
    cursor.at = start
    cursor.end = start + length


cdef inline Py_ssize_t cursor_left(const Cursor* cursor) noexcept nogil:
    return cursor.end - cursor.at


# How far `cursor` has come since it stood at `mark`.
cdef inline Py_ssize_t cursor_since(const Cursor* cursor, const unsigned char* mark) noexcept nogil:
    hoopfast_assert(mark <= cursor.at)
    return cursor.at - mark


# How far it is to `mark`, which lies ahead.
cdef inline Py_ssize_t cursor_until(const Cursor* cursor, const unsigned char* mark) noexcept nogil:
    hoopfast_assert(cursor.at <= mark <= cursor.end)
    return mark - cursor.at


# The next `length` bytes, and steps over them; NULL, and stays, where there are fewer (or length is negative).
cdef inline const unsigned char* cursor_take(Cursor* cursor, Py_ssize_t length) noexcept nogil:
    cdef const unsigned char* start = cursor.at
    if length < 0 or length > cursor.end - start:
        return NULL
    cursor.at = start + length
    return start


# The byte `offset` bytes on, which the caller has made sure is there.
cdef inline unsigned char cursor_peek(const Cursor* cursor, Py_ssize_t offset) noexcept nogil:
    hoopfast_assert(0 <= offset < cursor.end - cursor.at)
    return cursor.at[offset]


# The signed 32-bit number `offset` bytes on, which the caller has made sure is there.
cdef inline int32_t cursor_peek_int32(const Cursor* cursor, Py_ssize_t offset) noexcept nogil:
    cdef const unsigned char* byte = cursor.at + offset
    hoopfast_assert(0 <= offset <= cursor.end - cursor.at - 4)
    return <int32_t> (
        (<uint32_t> byte[0] << 24) | (<uint32_t> byte[1] << 16) | (<uint32_t> byte[2] << 8) | <uint32_t> byte[3]
    )


# The unsigned 16-bit number `offset` bytes on, which the caller has made sure is there.
cdef inline uint16_t cursor_peek_uint16(const Cursor* cursor, Py_ssize_t offset) noexcept nogil:
    cdef const unsigned char* byte = cursor.at + offset
    hoopfast_assert(0 <= offset <= cursor.end - cursor.at - 2)
    return <uint16_t> ((<uint16_t> byte[0] << 8) | <uint16_t> byte[1])


# Whether all that is left is ASCII, so that characters are bytes. What is no multiple of a word is looked at twice.
cdef inline bint cursor_is_ascii(const Cursor* cursor) noexcept nogil:
    cdef const unsigned char* byte = cursor.at
    cdef Py_ssize_t left = cursor.end - byte
    cdef uint64_t word, other
    cdef uint32_t half, other_half
    if left >= 8:
        while cursor.end - byte > 16:
            memcpy(&word, byte, 8)
            memcpy(&other, byte + 8, 8)
            if (word | other) & <uint64_t> 0x8080808080808080:
                return False
            byte += 16
        # 16 at most are left, and 8 before the end there is something in any case.
        memcpy(&word, byte if cursor.end - byte > 8 else cursor.end - 8, 8)
        memcpy(&other, cursor.end - 8, 8)
        return not (word | other) & <uint64_t> 0x8080808080808080
    if left >= 4:
        memcpy(&half, byte, 4)
        memcpy(&other_half, cursor.end - 4, 4)
        return not (half | other_half) & <uint32_t> 0x80808080
    return left == 0 or (byte[0] | byte[left >> 1] | byte[left - 1]) < 0x80


# Reads a signed 32-bit number into `value` and steps over it; False, and stays, where there are fewer than four bytes.
cdef inline bint cursor_int32(Cursor* cursor, int32_t* value) noexcept nogil:
    if cursor.end - cursor.at < 4:
        return False
    value[0] = cursor_peek_int32(cursor, 0)
    cursor.at += 4
    return True


# Reads the length of a counted value (Int32, then as many bytes; -1: null, no bytes) into `length` and steps over both;
# False, and stays, where it is not there or has any other negative length.
cdef inline bint cursor_counted(Cursor* cursor, int32_t* length) noexcept nogil:
    cdef Py_ssize_t left = cursor.end - cursor.at - 4
    if left < 0:
        return False
    length[0] = cursor_peek_int32(cursor, 0)
    # As an unsigned number a negative one is more than any length.
    if <uint64_t> <Py_ssize_t> length[0] > <uint64_t> left:
        if length[0] != -1:
            return False
        cursor.at += 4
        return True
    cursor.at += 4 + <Py_ssize_t> length[0]
    return True


# Reads an unsigned 16-bit number into `value` and steps over it; False, and stays, where there is less than that.
cdef inline bint cursor_uint16(Cursor* cursor, uint16_t* value) noexcept nogil:
    if cursor.end - cursor.at < 2:
        return False
    value[0] = cursor_peek_uint16(cursor, 0)
    cursor.at += 2
    return True
