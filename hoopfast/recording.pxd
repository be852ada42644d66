# How a session's steady state leaves its records without Python: wire/ calls these functions, audit/ implements them.
#
# The lowest layer, as errors.py: it knows neither side. A Recording travels in a PyCapsule of the name RECORDING, what
# audit/ has prepared of one statement in one of the name TEMPLATE; the capsule's owner keeps both alive. All functions
# are called with the GIL held, from the one thread that the session runs in, and make no Python object.

from libc.stdint cimport int64_t, uint64_t


cdef enum RecordedOutcome:
    OUTCOME_COMMITTED = 0
    OUTCOME_ROLLED_BACK = 1


# An execution that has completed.
cdef struct RecordedEnd:
    int64_t sequence
    const unsigned char* tag  # of CommandComplete, without its NUL; at most 64 bytes, printable ASCII
    Py_ssize_t tag_length
    uint64_t rows
    uint64_t received_bytes
    uint64_t delivered_bytes
    uint64_t masked_cells
    uint64_t database_microseconds


cdef struct Recording:
    void* context
    # Records that a statement is about to be forwarded. `parameters`: as Bind has them (an Int16 that counts them, then
    # for each an Int32 length, -1 for NULL, and its bytes), checked by the caller; NULL: none. Returns the execution's
    # sequence number; 0: not now, nothing was recorded, and Python has to be asked.
    int64_t (*execution)(
        void* context, void* template, bint extended, const unsigned char* parameters, Py_ssize_t length
    ) noexcept nogil
    # Whether so many records of ends and transactions can be appended now. False: ask Python.
    bint (*room)(void* context, int records) noexcept nogil
    # Records an end; room() has just said that there is some. False: the session cannot go on.
    bint (*completed)(void* context, const RecordedEnd* end) noexcept nogil
    # Records how the transaction of the executions `first` to `last` ended; as completed().
    bint (*transaction)(void* context, int64_t first, int64_t last, RecordedOutcome outcome) noexcept nogil


cdef inline const char* RECORDING() noexcept nogil:
    return "hoopfast.recording"


cdef inline const char* TEMPLATE() noexcept nogil:
    return "hoopfast.recording.template"
