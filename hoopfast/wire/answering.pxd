# What answering.pyx offers to steady.pyx: the backend's side of the steady state, and what is to be sent.

from hoopfast.wire.framer cimport Frame
from hoopfast.wire.holdings cimport Name, Owed, Portal
from hoopfast.wire.masking cimport MaskTable
from hoopfast.wire.shapes cimport Known
from hoopfast.wire.steady_state cimport SteadyState, SteadyStatus


cdef class Answering(SteadyState):
    # What is to be sent after a call: a stretch of what came in as long as it is one, and a copy from then on.
    cdef const unsigned char* output
    cdef Py_ssize_t output_length
    cdef const unsigned char* span
    cdef Py_ssize_t span_length
    cdef bint copied  # what is emitted now will not stay where it is

    cdef void emit(self, const unsigned char* start, Py_ssize_t length) noexcept nogil
    cdef void emit_copy(self, const unsigned char* start, Py_ssize_t length) noexcept nogil
    cdef void emit_rows(self) noexcept nogil
    cdef void forward(self, const Frame* frame) noexcept nogil
    cdef void keep_output(self) noexcept nogil

    cdef const MaskTable* next_plan(self) noexcept nogil
    cdef SteadyStatus backend_message(self, const Frame* frame) noexcept nogil
    cdef SteadyStatus parse_complete(self, Owed* head, const Frame* frame) noexcept nogil
    cdef SteadyStatus bind_complete(self, Owed* head, const Frame* frame) noexcept nogil
    cdef SteadyStatus close_complete(self, Owed* head, const Frame* frame) noexcept nogil
    cdef SteadyStatus row_description(self, Owed* head, const Frame* frame) noexcept nogil
    cdef SteadyStatus no_data(self, Owed* head, const Frame* frame) noexcept nogil
    cdef SteadyStatus portal_suspended(self, Owed* head, const Frame* frame) noexcept nogil
    cdef SteadyStatus command_complete(self, Owed* head, const Frame* frame) noexcept nogil
    cdef bint query_complete(self, Owed* head, const unsigned char* tag, Py_ssize_t length) noexcept nogil
    cdef bint execute_complete(self, Owed* head, const unsigned char* tag, Py_ssize_t length) noexcept nogil
    cdef bint confirm(
        self, const Known* known, Portal* keep, bint rolled_back, long sequence, bint goes_on
    ) noexcept nogil
    cdef SteadyStatus ready_for_query(self, Owed* head, const Frame* frame) noexcept nogil

    cdef bint room(self) noexcept nogil
    cdef int suspended(self) noexcept nogil
    cdef bint put_portal(self, Portal* portal) noexcept nogil
    cdef bint touch_prepared(self, const Name* name) noexcept nogil
    cdef bint touch_portal(self, const Name* name) noexcept nogil
    cdef bint drop_portal(self, Portal* portal) noexcept nogil
    cdef bint drop_portals(self, Portal* keep) noexcept nogil
