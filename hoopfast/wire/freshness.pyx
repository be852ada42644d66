"""Whether a catalog may be relied upon at this moment: for decisions, and for passing rows on.

The only place where that is decided (docs/decisions/0005), for Python and for C. Knows when the catalog was compared,
the epoch that it was compared under, and when it was last asked for; knows neither the catalog nor how it is read.
Times are nanoseconds of CLOCK_MONOTONIC (time.monotonic_ns).
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint64_t, uintptr_t

# After a rest of so long somebody may have changed the schema: the first question looks again, if a look takes no
# longer than CHEAP, and looks have not taken more than one part in SHARE of the time and SAVED beyond it.
cdef enum:
    REST = 500_000
    CHEAP = 20_000_000
    SHARE = 10
    SAVED = 100_000_000
    CELL = 8  # bytes


cdef class Freshness:
    def __cinit__(self, cells=None):
        self._credit = SAVED
        self.cheap = CHEAP
        if cells is None:
            return
        PyObject_GetBuffer(cells, &self._cells, PyBUF_SIMPLE)
        if self._cells.len % CELL or <uintptr_t> self._cells.buf % CELL:
            raise ValueError("cells of an epoch are whole, aligned 64-bit integers")
        self._first = <const volatile uint64_t*> self._cells.buf
        self._count = self._cells.len // CELL

    def __dealloc__(self):
        PyBuffer_Release(&self._cells)

    @staticmethod
    def always():
        cdef Freshness self = Freshness()
        self._always = True
        self.alive = True
        return self

    @property
    def epoch(self):
        return self.epoch_now()

    # -- what happens to the catalog

    def renew(self):
        self.generation += 1
        self.alive = self._always

    def doubt(self):
        self.alive = False

    def looked(self, uint64_t epoch, *, uint64_t took, uint64_t valid_until):
        self.alive = True
        self._epoch = epoch
        self._look_took = <int64_t> min(took, <uint64_t> SAVED)
        self.valid_until = valid_until
        self.just_looked = True

    def touch(self, uint64_t now):
        self.asked_at = max(self.asked_at, now)

    # -- questions

    def ask(self, uint64_t now):
        cdef bint fresh = self.fresh(now)
        cdef bint due = fresh and self.look_due(now)
        if fresh:
            self.decided(now)  # or, after the look that is due, as good as decided
            if due:
                self._credit -= self._look_took
        else:
            self.asked_at = max(self.asked_at, now)
        return fresh and not due

    def answer(self, uint64_t now, *, bint refreshed=False):
        return self.may_answer(now) or (refreshed and self.alive)

    cdef bint may_decide(self, uint64_t now) noexcept nogil:
        return self.fresh(now) and not self.look_due(now)

    cdef void decided(self, uint64_t now) noexcept nogil:
        self._credit = self.credit_at(now)
        self.asked_at = max(self.asked_at, now)
        self.just_looked = False

    cdef bint may_answer(self, uint64_t now) noexcept nogil:
        self.asked_at = max(self.asked_at, now)
        return self.fresh(now)

    # -- how it is decided

    cdef bint fresh(self, uint64_t now) noexcept nogil:
        if self._always:
            return True
        return self.alive and now <= self.valid_until and self.epoch_now() == self._epoch

    cdef bint look_due(self, uint64_t now) noexcept nogil:
        # Somebody who has just looked is answered, however long the loop took.
        if self._always or self.just_looked or now <= self.asked_at + REST:
            return False
        return self._look_took <= min(<int64_t> self.cheap, self.credit_at(now))

    cdef int64_t credit_at(self, uint64_t now) noexcept nogil:
        cdef uint64_t rested = now - self.asked_at if now > self.asked_at else 0
        if rested >= <uint64_t> SAVED * SHARE:
            return SAVED
        return min(<int64_t> SAVED, self._credit + <int64_t> (rested // SHARE))

    cdef uint64_t epoch_now(self) noexcept nogil:
        cdef uint64_t total = 0
        cdef Py_ssize_t index
        for index in range(self._count):  # each worker is the only writer of its cell
            total += self._first[index]
        return total
