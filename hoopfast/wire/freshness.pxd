# What freshness offers to C: whether what decisions rest on may be relied upon at this moment.

from cpython.buffer cimport Py_buffer
from libc.stdint cimport int64_t, uint64_t


cdef class Freshness:
    # Counts up whenever another catalog takes the place of the one before. What was decided under one number does not
    # hold under another.
    cdef readonly uint64_t generation

    # Whether a statement may be decided by what is known, at `now` (CLOCK_MONOTONIC, nanoseconds); changes nothing.
    # False: ask Python, which looks at the catalog first.
    cdef bint may_decide(self, uint64_t now) noexcept nogil

    # A statement was decided at `now`, after may_decide() had allowed it.
    cdef void decided(self, uint64_t now) noexcept nogil

    # Whether rows may be passed on by plans that were made before; counts as a question, so that it is no rest.
    cdef bint may_answer(self, uint64_t now) noexcept nogil

    cdef readonly bint alive
    cdef readonly uint64_t asked_at
    cdef readonly uint64_t valid_until
    cdef public bint just_looked
    cdef public uint64_t cheap
    cdef bint _always
    cdef int64_t _look_took
    cdef int64_t _credit
    cdef uint64_t _epoch
    cdef Py_buffer _cells
    cdef const volatile uint64_t* _first
    cdef Py_ssize_t _count

    cdef uint64_t epoch_now(self) noexcept nogil
    cdef bint fresh(self, uint64_t now) noexcept nogil
    cdef bint look_due(self, uint64_t now) noexcept nogil
    cdef int64_t credit_at(self, uint64_t now) noexcept nogil
