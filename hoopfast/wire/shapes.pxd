# What the shape table offers to C: from a statement's text to what is known of it, without Python.

from cpython.object cimport PyObject
from libc.stdint cimport uint8_t

from hoopfast.wire.buffer cimport Buffer
from hoopfast.wire.bytemap cimport ByteItem, ByteMap
from hoopfast.wire.lexer cimport Lexed
from hoopfast.wire.masking cimport MaskTable


# What a known statement does to the transaction.
cdef enum TransactionStep:
    STEP_NONE = 0  # nothing that matters here: BEGIN, SAVEPOINT and RELEASE too
    STEP_COMMIT = 1
    STEP_ROLLBACK = 2


# The plan for rows that a statement's description and Bind's result formats together describe.
cdef struct FormatPlan:
    FormatPlan* next
    unsigned char* formats  # as Bind has them: an Int16 that counts them, then Int16 each
    Py_ssize_t length
    const MaskTable* plan
    PyObject* owner  # the MaskPlan


# A RowDescription that Python has seen and checked, for a statement, for its portals, or in answer to its Query.
cdef struct Description:
    Description* next
    unsigned char* body
    Py_ssize_t length
    const MaskTable* plan  # for the execution that this description was made for; NULL: not known
    PyObject* owner  # the MaskPlan
    FormatPlan* formats


# What is known of one statement: one command that is allowed and changes neither settings, nor catalog, nor names.
cdef struct Known:
    Py_ssize_t uses  # by prepared statements, portals and replies of sessions; plain, as the GIL is held
    void* table  # the ShapeTable that it was learnt by: valid under that table's basis only
    void* template  # for Recording.execution
    bint clean  # errors and notices pass whole
    bint returns_rows
    bint rows_clean  # every cell passes, described or not
    bint describe_always  # a description of each execution is needed before its rows
    bint planned  # Bind settles what its names mean
    uint8_t transaction  # TransactionStep
    Description* descriptions
    PyObject* statement  # the decision, a policy.model.Statement; borrowed from the KnownStatement
    PyObject* owner  # the KnownStatement


# The description with exactly this body; NULL: Python has to look at it first.
cdef const Description* find_description(
    const Known* known, const unsigned char* body, Py_ssize_t length
) noexcept nogil

# The plan for rows of a described statement under these result formats; NULL: ask Python.
cdef const MaskTable* find_plan(
    const Description* description, const unsigned char* formats, Py_ssize_t length
) noexcept nogil


# What stands in a table under one key or two.
cdef struct ShapeEntry:
    ShapeEntry* next  # all entries of a table make a ring
    ShapeEntry* previous
    ByteItem* item  # the key: of a shape, or of an exact text
    ByteItem* alias  # of a text without literals that has a shape: its exact text; or NULL
    Known* known  # NULL: texts of this shape stand under their exact text
    bint referenced  # found since the hand has last passed


cdef class KnownStatement:
    cdef Known known
    cdef readonly object statement
    cdef object _template
    cdef bint literals_matter
    cdef list _plans  # keeps alive what descriptions point to, or have pointed to
    cdef Py_ssize_t _entries  # of its table
    cdef Py_ssize_t _size  # what it counts for in its table
    cdef Py_ssize_t _described  # of that, descriptions


cdef class ShapeTable:
    cdef ByteMap _map
    cdef Lexed _lexed
    cdef Buffer _exact  # the last text's exact key
    cdef ShapeEntry* _hand  # the entry to be looked at first when one has to go; NULL: there are none
    cdef Py_ssize_t _entries
    cdef Py_ssize_t _most_entries
    cdef Py_ssize_t _most_bytes
    cdef list _retired  # evicted statements that are, or may be, in use
    cdef Py_ssize_t _place  # in that list
    cdef readonly Py_ssize_t size
    cdef readonly Py_ssize_t hits
    cdef readonly Py_ssize_t misses

    # The statement behind a text, NULL if it is not known. `types`: the parameter types as Parse has them, Int32 each.
    # A Known that is handed out stays valid as long as `uses` is not 0, even without the table, and otherwise until the
    # next learn().
    cdef Known* find(
        self, const unsigned char* text, Py_ssize_t length, const unsigned char* types, Py_ssize_t types_length
    ) noexcept nogil
