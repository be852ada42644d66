"""A recorder in Python behind the face that C calls (hoopfast/recording.pxd), for those that have none of their own.

Slow, as every record costs Python; the gateway's own recorder does without. An exception of the recorder is kept in
`error`: before an execution has begun it means "ask Python", afterwards the session cannot go on.
"""

from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport int64_t

from hoopfast.recording cimport OUTCOME_COMMITTED, RECORDING, TEMPLATE, RecordedEnd, RecordedOutcome, Recording


cdef class RecorderBridge:
    """The C face of `target`, whose methods are called in the words of C.

    `target.execution(statement, extended, parameters)` returns the sequence number, `parameters` being those of Bind as
    it has them, or None; `target.completed(sequence, tag, rows, received_bytes, delivered_bytes, masked_cells,
    database_microseconds)`; `target.transaction(first, last, committed)`. The bridge must outlive its capsules' users.
    """

    cdef Recording table
    cdef object target
    cdef readonly object error

    def __cinit__(self, target):
        self.target = target
        self.table.context = <void*> self
        self.table.execution = bridge_execution
        self.table.room = bridge_room
        self.table.completed = bridge_completed
        self.table.transaction = bridge_transaction

    @property
    def recording(self):
        """The capsule that C takes."""
        return PyCapsule_New(&self.table, RECORDING(), NULL)

    @staticmethod
    def template(statement):
        """The capsule that stands for a statement, which its caller keeps alive."""
        return PyCapsule_New(<PyObject*> statement, TEMPLATE(), NULL)


cdef int64_t bridge_execution(
    void* context, void* template, bint extended, const unsigned char* parameters, Py_ssize_t length
) noexcept with gil:
    cdef RecorderBridge self = <RecorderBridge> context
    try:
        given = None if parameters == NULL else (<const char*> parameters)[:length]
        return self.target.execution(<object> template, bool(extended), given)
    except Exception:
        return 0  # whoever is asked now meets it again


cdef bint bridge_room(void* context, int records) noexcept nogil:
    return True


cdef bint bridge_completed(void* context, const RecordedEnd* end) noexcept with gil:
    cdef RecorderBridge self = <RecorderBridge> context
    try:
        self.target.completed(
            end.sequence, (<const char*> end.tag)[:end.tag_length], end.rows, end.received_bytes, end.delivered_bytes,
            end.masked_cells, end.database_microseconds,
        )
    except Exception as error:
        self.error = error
        return False
    return True


cdef bint bridge_transaction(void* context, int64_t first, int64_t last, RecordedOutcome outcome) noexcept with gil:
    cdef RecorderBridge self = <RecorderBridge> context
    try:
        self.target.transaction(first, last, outcome == OUTCOME_COMMITTED)
    except Exception as error:
        self.error = error
        return False
    return True
