# What freshness offers to C: whether what decisions rest on may be relied upon at this moment.

from libc.stdint cimport uint64_t


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
