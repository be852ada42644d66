# What the window offers to C: appending a record to the segment that is being written, without Python.
#
# All of it is called with the GIL held, and never releases it, so that each append is one step for every other thread.

from libc.stdint cimport int64_t

cdef enum:
    FRAME_OVERHEAD = 36  # of a frame: the record's length and the chain value (segment.py)
    MOST_BODY = 64 * 1024  # longer records are Python's


cdef struct WindowState:
    unsigned char* data  # the mapping of the segment's file
    Py_ssize_t size  # 0: no more records
    Py_ssize_t offset  # where the next frame goes
    int64_t position  # the number of the last record in its stream
    unsigned char chain[32]


cdef struct GateState:
    WindowState* window  # NULL: the gate is closed
    unsigned char* draft  # MOST_BODY bytes, where a record may be spelt before it is appended


# Whether so many more bytes of frames fit in.
cdef inline bint window_room(const WindowState* window, Py_ssize_t length) noexcept nogil:
    return length <= window.size - window.offset


# Appends a record; False, and nothing has changed, if it does not fit.
cdef bint window_append(WindowState* window, const unsigned char* body, Py_ssize_t length) noexcept nogil


cdef class Window:
    cdef WindowState state
    cdef Py_buffer buffer


cdef class Gate:
    cdef GateState state
    cdef Window window  # what keeps the state's alive
