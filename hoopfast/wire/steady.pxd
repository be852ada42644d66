# What the steady state offers to C: the core of the data path, from buffer to buffer.

from hoopfast.wire.answering cimport Answering
from hoopfast.wire.cursor cimport Cursor
from hoopfast.wire.framer cimport Frame, Framer
from hoopfast.wire.holdings cimport Name, Portal, Prepared
from hoopfast.wire.steady_state cimport Expectation, SteadyStatus


cdef class Steady(Answering):
    # Takes in bytes of the frontend, or of the backend; may write into `data`. What is to be sent to the other peer
    # then is `output`, `output_length` bytes: valid until the next call for any session of the thread, and as long as
    # `data` is.
    cdef SteadyStatus frontend_data(self, unsigned char* data, Py_ssize_t length) noexcept nogil
    cdef SteadyStatus backend_data(self, unsigned char* data, Py_ssize_t length) noexcept nogil

    cdef int feed(self, Framer framer, data) except -1
    cdef void begin(self) noexcept nogil
    cdef SteadyStatus take_in(self, Framer framer, unsigned char* data, Py_ssize_t length) noexcept nogil
    cdef Py_ssize_t missing(self, Framer framer) noexcept nogil
    cdef void settle_input(self, Framer framer) noexcept nogil
    cdef SteadyStatus run(self, Framer framer, Cursor* cursor) noexcept nogil

    cdef bint current(self) noexcept nogil
    cdef bint prepared_settled(self) noexcept nogil
    cdef bint names_settled(self) noexcept nogil
    cdef void end_segment(self) noexcept nogil
    cdef Expectation* expectation(self, bint portal, const Name* name) noexcept nogil
    cdef bint may_expect(self, bint portal, const Name* name) noexcept nogil
    cdef void expect(self, bint portal, const Name* name, void* target) noexcept nogil
    cdef Prepared* prepared_now(self, const Name* name) noexcept nogil
    cdef Portal* portal_now(self, const Name* name) noexcept nogil

    cdef SteadyStatus frontend_message(self, const Frame* frame) noexcept nogil
    cdef SteadyStatus query(self, const Frame* frame) noexcept nogil
    cdef SteadyStatus parse(self, const Frame* frame) noexcept nogil
    cdef SteadyStatus bind(self, const Frame* frame) noexcept nogil
    cdef SteadyStatus describe(self, const Frame* frame) noexcept nogil
    cdef SteadyStatus execute(self, const Frame* frame) noexcept nogil
    cdef bint plan_portal(self, Portal* portal, bint* inject) noexcept nogil
    cdef SteadyStatus execute_portal(self, const Frame* frame, Portal* portal, bint inject) noexcept nogil
    cdef void emit_describe(self, const Name* name) noexcept nogil
    cdef SteadyStatus close(self, const Frame* frame) noexcept nogil
    cdef SteadyStatus give_up(self, bint cut) noexcept nogil
