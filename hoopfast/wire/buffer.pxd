# A growable run of bytes: what the framer keeps of its input, and what masking writes. And a writer, for bytes whose
# number is known before the first of them is written.
#
# The only code that allocates for bytes and, with cursor.pxd, the only one that advances a pointer. Every write to a
# buffer is checked against the capacity; a failed allocation is sticky (`failed`), writes nothing, and is to be looked
# at once at the end. Grows with what is really written, or known to come of bytes that are there, never with what a
# header announces. A pointer into a buffer is valid until the next write, drop, truncate or release. Debug builds
# overwrite what is given up. Memory is Python's raw allocator's: no GIL is needed, and tracemalloc sees it.

from libc.stdint cimport uint32_t
from libc.string cimport memcpy, memmove, memset

from hoopfast.wire.cursor cimport Cursor, cursor_open, hoopfast_assert

cdef extern from "Python.h" nogil:
    void* PyMem_RawRealloc(void* pointer, size_t size) noexcept
    void PyMem_RawFree(void* pointer) noexcept

cdef extern from *:
    """
    #include <string.h>
    #ifdef HOOPFAST_DEBUG
      #define hoopfast_poison(start, length) memset((start), 0xDD, (length))
    #else
      #define hoopfast_poison(start, length) ((void) 0)
    #endif
    """
    void hoopfast_poison(void* start, size_t length) noexcept nogil


cdef struct Buffer:
    unsigned char* data
    Py_ssize_t length
    Py_ssize_t capacity
    bint failed


cdef inline bint buffer_reserve(Buffer* buffer, Py_ssize_t extra) noexcept nogil:
    cdef Py_ssize_t capacity
    cdef void* data
    if buffer.failed:
        return False
    if extra <= buffer.capacity - buffer.length:
        return True
    capacity = buffer.capacity * 2
    if capacity < buffer.length + extra:
        capacity = buffer.length + extra
    if capacity < 512:
        capacity = 512
    data = PyMem_RawRealloc(buffer.data, <size_t> capacity)
    if data == NULL:
        buffer.failed = True
        return False
    buffer.data = <unsigned char*> data
    buffer.capacity = capacity
    return True


cdef inline void buffer_put(Buffer* buffer, const unsigned char* start, Py_ssize_t length) noexcept nogil:
    hoopfast_assert(length >= 0)
    if length > 0 and buffer_reserve(buffer, length):
        memcpy(buffer.data + buffer.length, start, <size_t> length)
        buffer.length += length


cdef inline void buffer_fill(Buffer* buffer, unsigned char byte, Py_ssize_t length) noexcept nogil:
    hoopfast_assert(length >= 0)
    if length > 0 and buffer_reserve(buffer, length):
        memset(buffer.data + buffer.length, byte, <size_t> length)
        buffer.length += length


cdef inline void buffer_put_uint32(Buffer* buffer, uint32_t value) noexcept nogil:
    cdef unsigned char encoded[4]
    encoded[0] = <unsigned char> (value >> 24)
    encoded[1] = <unsigned char> (value >> 16)
    encoded[2] = <unsigned char> (value >> 8)
    encoded[3] = <unsigned char> value
    buffer_put(buffer, encoded, 4)


# Overwrites four bytes at `position`, which were written before.
cdef inline void buffer_patch_uint32(Buffer* buffer, Py_ssize_t position, uint32_t value) noexcept nogil:
    hoopfast_assert(0 <= position <= buffer.length - 4)
    buffer.data[position] = <unsigned char> (value >> 24)
    buffer.data[position + 1] = <unsigned char> (value >> 16)
    buffer.data[position + 2] = <unsigned char> (value >> 8)
    buffer.data[position + 3] = <unsigned char> value


# Sets `cursor` on what stands in the buffer from `position` on.
cdef inline void buffer_read(const Buffer* buffer, Py_ssize_t position, Cursor* cursor) noexcept nogil:
    hoopfast_assert(0 <= position <= buffer.length)
    if buffer.data == NULL:
        cursor_open(cursor, NULL, 0)
    else:
        cursor_open(cursor, buffer.data + position, buffer.length - position)


# Gives up what was written from `length` on.
cdef inline void buffer_truncate(Buffer* buffer, Py_ssize_t length) noexcept nogil:
    hoopfast_assert(0 <= length <= buffer.length)
    if length < buffer.length:
        hoopfast_poison(buffer.data + length, <size_t> (buffer.length - length))
        buffer.length = length


# Gives up the first `length` bytes; the others move to the front.
cdef inline void buffer_drop(Buffer* buffer, Py_ssize_t length) noexcept nogil:
    hoopfast_assert(0 <= length <= buffer.length)
    if length == 0:
        return
    if length < buffer.length:
        memmove(buffer.data, buffer.data + length, <size_t> (buffer.length - length))
    buffer_truncate(buffer, buffer.length - length)


cdef inline void buffer_release(Buffer* buffer) noexcept nogil:
    if buffer.data != NULL:
        hoopfast_poison(buffer.data, <size_t> buffer.capacity)
        PyMem_RawFree(buffer.data)
    buffer.data = NULL
    buffer.length = 0
    buffer.capacity = 0
    buffer.failed = False


# A place for exactly so many bytes. Writes are not checked (debug builds assert): whoever opens it has measured.
cdef struct Writer:
    unsigned char* at
    unsigned char* end


cdef inline void writer_open(Writer* writer, unsigned char* start, Py_ssize_t length) noexcept nogil:
    hoopfast_assert(start != NULL)
    hoopfast_assert(length >= 0)
    writer.at = start
    writer.end = start + length


# The one place where bytes that came from outside become writable. They lie in a buffer of ours, by the contract of
# framer_step, through whose Cursor nobody could write; the caller has checked that they are there.
cdef inline void writer_open_over(Writer* writer, const unsigned char* start, Py_ssize_t length) noexcept nogil:
    writer_open(writer, <unsigned char*> start, length)


# Appends `length` bytes to the buffer and opens a writer on them; all of them are to be written before the buffer is
# touched again. False, and nothing is appended, where there is no memory.
cdef inline bint writer_append(Writer* writer, Buffer* buffer, Py_ssize_t length) noexcept nogil:
    hoopfast_assert(length > 0)
    if not buffer_reserve(buffer, length):
        return False
    writer_open(writer, buffer.data + buffer.length, length)
    buffer.length += length
    return True


cdef inline Py_ssize_t writer_left(const Writer* writer) noexcept nogil:
    return writer.end - writer.at


# Leaves what stands there.
cdef inline void writer_skip(Writer* writer, Py_ssize_t length) noexcept nogil:
    hoopfast_assert(0 <= length <= writer.end - writer.at)
    writer.at += length


# Short runs, which cells and what lies between them are, cost less in line than the call of memcpy does: two moves that
# overlap instead of a loop.
cdef inline void writer_put(Writer* writer, const unsigned char* start, Py_ssize_t length) noexcept nogil:
    cdef unsigned char* at = writer.at
    hoopfast_assert(0 <= length <= writer.end - at)
    writer.at = at + length
    if length > 64:
        memcpy(at, start, <size_t> length)
    elif length >= 32:
        memcpy(at, start, 16)
        memcpy(at + 16, start + 16, 16)
        memcpy(at + length - 32, start + length - 32, 16)
        memcpy(at + length - 16, start + length - 16, 16)
    elif length >= 16:
        memcpy(at, start, 16)
        memcpy(at + length - 16, start + length - 16, 16)
    elif length >= 8:
        memcpy(at, start, 8)
        memcpy(at + length - 8, start + length - 8, 8)
    elif length >= 4:
        memcpy(at, start, 4)
        memcpy(at + length - 4, start + length - 4, 4)
    elif length > 0:
        at[0] = start[0]
        at[length >> 1] = start[length >> 1]
        at[length - 1] = start[length - 1]


cdef inline void writer_fill(Writer* writer, unsigned char byte, Py_ssize_t length) noexcept nogil:
    cdef unsigned char* at = writer.at
    hoopfast_assert(0 <= length <= writer.end - at)
    writer.at = at + length
    if length > 32:
        memset(at, byte, <size_t> length)
    elif length >= 16:
        memset(at, byte, 16)
        memset(at + length - 16, byte, 16)
    elif length >= 8:
        memset(at, byte, 8)
        memset(at + length - 8, byte, 8)
    elif length >= 4:
        memset(at, byte, 4)
        memset(at + length - 4, byte, 4)
    elif length > 0:
        at[0] = byte
        at[length >> 1] = byte
        at[length - 1] = byte


cdef inline void writer_put_uint32(Writer* writer, uint32_t value) noexcept nogil:
    cdef unsigned char* at = writer.at
    hoopfast_assert(writer.end - at >= 4)
    at[0] = <unsigned char> (value >> 24)
    at[1] = <unsigned char> (value >> 16)
    at[2] = <unsigned char> (value >> 8)
    at[3] = <unsigned char> value
    writer.at = at + 4
