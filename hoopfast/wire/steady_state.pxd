# What a session's state in C is made of; steady.pyx runs on it, steady_state.pyx hands it to Python and takes it back.

from libc.stdint cimport int64_t, uint64_t

from hoopfast.recording cimport Recording
from hoopfast.wire.buffer cimport Buffer
from hoopfast.wire.bytemap cimport ByteMap
from hoopfast.wire.framer cimport Framer
from hoopfast.wire.freshness cimport Freshness
from hoopfast.wire.holdings cimport Name, Owed, OwedQueue, Portal, Prepared
from hoopfast.wire.shapes cimport ShapeTable


cdef enum SteadyStatus:
    STEADY_DONE = 0  # all bytes were taken; what is to be sent stands in `output`
    STEADY_WAKE = 1  # as DONE, but what comes next needs Python: it is kept in the framer, unforwarded
    STEADY_FAILED = 2  # out of memory, or a record could not be written: nothing may be forwarded any more


cdef enum:
    MOST_EXPECTED = 16
    MOST_TOUCHED = 1024


# What a message since the last Sync will have done to a name, if nothing fails.
cdef struct Expectation:
    bint portal  # the name is a portal's
    Name name
    void* target  # a Prepared or a Portal, holding a reference; NULL: the name will stand for nothing


# What is to be sent after a call; one for all sessions of a thread.
cdef class Scratch:
    cdef Buffer out
    cdef Buffer rows


cdef class SteadyState:
    cdef Framer frontend
    cdef Framer backend
    cdef Freshness freshness
    cdef ShapeTable table  # of the basis under which Python last handed over
    cdef Scratch scratch
    cdef Recording recording
    cdef object _recording

    cdef OwedQueue queue
    cdef ByteMap prepared  # by name, each holding a reference
    cdef ByteMap portals  # … but for the unnamed one, which comes and goes with every statement
    cdef Portal* unnamed_portal
    cdef bint foreign_portals  # Python holds some
    cdef ByteMap touched_portals  # … which these names may have taken away from
    cdef ByteMap touched  # names of prepared statements that changed since Python handed over
    cdef Expectation expected[MOST_EXPECTED]
    cdef int expected_count

    cdef int64_t segment  # counts the Syncs and Querys that were forwarded
    cdef bint unsynced
    cdef bint tainted
    cdef char status  # of the last ReadyForQuery
    cdef bint transaction_ended  # since Python handed over
    cdef uint64_t generation  # of the freshness, when Python handed over

    # The transaction's books (session/ledger.py).
    cdef int64_t first
    cdef int64_t last
    cdef int64_t settled
    cdef bint failed
    cdef Py_ssize_t begun  # executions that have no end yet

    cdef readonly bint active
    cdef readonly bint look_due  # why it has woken Python: a statement waits for a look at the catalog
    cdef public bint looking  # that look is under way: what the frontend sends waits
    cdef public bint streams_frontend  # while not active: CopyData may pass without Python
    cdef public bint streams_backend  # … rows by the framer's plan, or CopyData
    cdef uint64_t now

    cdef Portal* find_portal(self, const Name* name) noexcept nogil
    cdef void release_expected(self, Expectation* entry) noexcept nogil
    cdef void forget_expected(self) noexcept nogil
    cdef void release_portals(self) noexcept nogil
    cdef int bury(self) except -1
    cdef object confirmed(self, bytes name, make, described)
    cdef object prepared_of(self, Prepared* prepared, make, described)
    cdef object portal_of(self, Portal* portal, dict portals, list opened, make, described, make_portal)
    cdef object reply(self, Owed* entry, dict portals, list opened, make, described, make_portal)
