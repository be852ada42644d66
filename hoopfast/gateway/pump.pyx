"""The pump: what a session's two links hear, from read buffer to send() without Python while everything is known.

Owns the order of one read's steps: the core takes the bytes (wire/steady.pyx), what it put out is sent, and Python is
woken where the core leaves something to it. The relay says when it may (`direct`), and hears of every failure: nothing
is forwarded after one. Decides nothing, knows no message.
"""

from libc.stdint cimport uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from hoopfast.session.conversation import MOST_OWED

from hoopfast.gateway.links cimport Link, Taker
from hoopfast.wire.freshness cimport Freshness
from hoopfast.wire.steady cimport Steady
from hoopfast.wire.steady_state cimport STEADY_FAILED, STEADY_WAKE, SteadyStatus

cdef Py_ssize_t most_owed = MOST_OWED


cdef class Pump(Taker):
    cdef public bint direct
    cdef object _relay  # None: the session is over
    cdef Link _frontend
    cdef Link _backend
    cdef Steady _core
    cdef Freshness _freshness
    cdef uint64_t _active_at

    def __init__(
        self, relay, Link frontend not None, Link backend not None, Steady core, Freshness freshness not None
    ):
        self._relay = relay
        self._frontend = frontend
        self._backend = backend
        self._core = core
        self._freshness = freshness
        self._active_at = monotonic()

    def start(self):
        self._frontend.taker = self
        self._backend.taker = self

    def stop(self):
        self._relay = None  # what the links still hear is taken, and dropped

    @property
    def active_at(self):
        return self._active_at / 1e9

    cdef bint take(self, Link link, unsigned char* data, Py_ssize_t length) noexcept:
        relay = self._relay
        if relay is None:
            return True
        try:
            if link is self._frontend:
                return self.from_frontend(relay, data, length)
            return self.from_backend(relay, data, length)
        except BaseException as error:
            try:
                relay.fail(error)
            except BaseException:
                link.abort()
            return True

    cdef bint from_frontend(self, relay, unsigned char* data, Py_ssize_t length) except *:
        cdef SteadyStatus status
        if not self.direct or self._core is None:
            self._active_at = monotonic()
            return False
        status = self._core.frontend_data(data, length)
        self._active_at = self._core.now
        if status == STEADY_FAILED:
            relay.steady_failed()
            return True
        self._backend.send_now(self._core.output, self._core.output_length)
        if status == STEADY_WAKE:
            relay.woken_by_frontend()
        elif self._core.queue.count >= most_owed:
            relay.flow()
        return True

    cdef bint from_backend(self, relay, unsigned char* data, Py_ssize_t length) except *:
        cdef SteadyStatus status
        self._active_at = monotonic()
        if not self.direct or self._core is None or not self._freshness.may_answer(self._active_at):
            return False
        status = self._core.backend_data(data, length)
        if status == STEADY_FAILED:
            relay.steady_failed()
            return True
        self._frontend.send_now(self._core.output, self._core.output_length)
        if status == STEADY_WAKE:
            relay.woken_by_backend()
        elif not self._frontend.reading and self._core.queue.count < most_owed:
            relay.flow()
        return True


cdef inline uint64_t monotonic() noexcept nogil:
    cdef timespec clock
    clock_gettime(CLOCK_MONOTONIC, &clock)
    return <uint64_t> clock.tv_sec * 1_000_000_000 + <uint64_t> clock.tv_nsec
