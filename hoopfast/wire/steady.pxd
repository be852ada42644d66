# What the steady state offers to C: the core of the data path, from buffer to buffer.

from libc.stdint cimport uint64_t


cdef enum SteadyStatus:
    STEADY_DONE = 0  # all bytes were taken; what is to be sent stands in `output`
    STEADY_WAKE = 1  # as DONE, but what comes next needs Python: it is kept in the framer, unforwarded
    STEADY_FAILED = 2  # out of memory, or a record could not be written: nothing may be forwarded any more


cdef class Steady:
    # Takes in bytes of the frontend, or of the backend; may write into `data`. What is to be sent to the other peer is
    # `output`, valid until the next call of either, and as long as `data` is.
    cdef SteadyStatus frontend_data(self, unsigned char* data, Py_ssize_t length) noexcept nogil
    cdef SteadyStatus backend_data(self, unsigned char* data, Py_ssize_t length) noexcept nogil

    cdef const unsigned char* output
    cdef Py_ssize_t output_length
    cdef readonly bint active  # it is in charge; otherwise Python is, and only rows and CopyData are taken here
    cdef readonly Py_ssize_t owed  # replies that the backend owes, while it is in charge
    cdef uint64_t now  # CLOCK_MONOTONIC at the last call, nanoseconds
