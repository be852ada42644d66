# What a session holds while its steady state runs in C: prepared statements, portals, and the replies that it is owed.
#
# Plain structures and what keeps their counts of references right; steady.pyx says what happens to them when. A thing
# is freed when nothing refers to it any more, unless Python knows it: then it waits in the graveyard until somebody
# comes by who may touch Python's references. Memory is Python's raw allocator's. One thread at a time.

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from hoopfast.wire.buffer cimport PyMem_RawFree, PyMem_RawRealloc
from hoopfast.wire.bytemap cimport PyMem_RawMalloc
from hoopfast.wire.cursor cimport hoopfast_assert
from hoopfast.wire.framer cimport RowTotals
from hoopfast.wire.masking cimport MaskTable
from hoopfast.wire.shapes cimport Description, Known

cdef enum:
    LONGEST_NAME = 63  # NAMEDATALEN - 1; longer ones collide with others in PostgreSQL
    LONGEST_TAG = 64
    FEWEST_ENTRIES = 16
    RETAINED_ENTRIES = 256  # which an empty queue may keep allocated


# The name of a prepared statement or portal: ASCII, without a zero byte.
cdef struct Name:
    uint8_t length
    unsigned char bytes[64]


cdef struct Prepared:
    Py_ssize_t references
    Prepared* next  # in the graveyard
    Known* known  # holds one of its uses
    const Description* description  # of the statement; NULL: not known
    bint described_here  # since Python last saw it
    PyObject* python  # the session's object of it, a strong reference; NULL: none yet
    Name name
    # For Python, which may have to decide anew: the text, and the parameter types as Parse has them. Empty once Python
    # has its object.
    Py_ssize_t text_length
    Py_ssize_t types_length
    unsigned char source[1]


cdef struct Portal:
    Py_ssize_t references
    Known* known
    Prepared* prepared  # holds a reference
    const MaskTable* plan  # for its rows; NULL: not known yet
    bint described  # a Describe of this very portal was sent, whose answer comes before any rows
    int64_t sequence  # of the execution that has begun and not ended; 0: none
    uint64_t started
    RowTotals totals
    Name name
    Py_ssize_t formats_length
    Py_ssize_t parameters_length
    unsigned char source[1]  # the result formats and the parameters, as Bind has them


cdef enum OwedKind:
    OWED_QUERY = 0
    OWED_PARSE = 1
    OWED_BIND = 2
    OWED_DESCRIBE_STATEMENT = 3
    OWED_DESCRIBE_PORTAL = 4
    OWED_EXECUTE = 5
    OWED_CLOSE = 6
    OWED_SYNC = 7


# Which names the message behind a reply changes.
cdef enum Changes:
    CHANGES_NOTHING = 0
    CHANGES_PORTALS = 1
    CHANGES_PREPARED = 2


# A reply that the backend owes. What stands from `name` on is not cleared when it is entered: it would be most of it.
cdef struct Owed:
    OwedKind kind
    Changes changes
    bint swallow  # the frontend did not ask
    bint completed  # OWED_QUERY: CommandComplete has come, with `tag`
    uint8_t closes  # OWED_CLOSE: 'S' or 'P'
    uint8_t tag_length
    int64_t segment
    int64_t sequence
    uint64_t started
    Known* known  # holds one of its uses; NULL for Close and Sync
    Prepared* prepared  # holds a reference
    Portal* portal  # holds a reference
    const MaskTable* plan  # OWED_QUERY: for the rows that come now
    RowTotals totals
    Name name  # OWED_CLOSE
    unsigned char tag[LONGEST_TAG]


# The replies, oldest first: a ring.
cdef struct OwedQueue:
    Owed* entries
    Py_ssize_t capacity  # a power of two, or 0
    Py_ssize_t head
    Py_ssize_t count
    Py_ssize_t changing[3]  # how many of them change names, by Changes …
    Py_ssize_t changing_now[3]  # … and how many of those belong to the segment that is being sent
    Prepared* graveyard


cdef inline bint same_name(const Name* one, const Name* other) noexcept nogil:
    return one.length == other.length and memcmp(one.bytes, other.bytes, one.length) == 0


cdef inline void prepared_release(Prepared* prepared, Prepared** graveyard) noexcept nogil:
    if prepared == NULL:
        return
    hoopfast_assert(prepared.references > 0)
    prepared.references -= 1
    if prepared.references != 0:
        return
    prepared.known.uses -= 1
    if prepared.python != NULL:
        prepared.next = graveyard[0]
        graveyard[0] = prepared
    else:
        PyMem_RawFree(prepared)


cdef inline void portal_release(Portal* portal, Prepared** graveyard) noexcept nogil:
    if portal == NULL:
        return
    hoopfast_assert(portal.references > 0)
    portal.references -= 1
    if portal.references != 0:
        return
    portal.known.uses -= 1
    prepared_release(portal.prepared, graveyard)
    PyMem_RawFree(portal)


# A prepared statement with one reference, which is the caller's; NULL: out of memory.
cdef inline Prepared* prepared_new(
    const Name* name, Known* known, const unsigned char* text, Py_ssize_t text_length,
    const unsigned char* types, Py_ssize_t types_length,
) noexcept nogil:
    cdef Prepared* prepared = <Prepared*> PyMem_RawMalloc(
        sizeof(Prepared) + <size_t> text_length + <size_t> types_length
    )
    if prepared == NULL:
        return NULL
    memset(prepared, 0, sizeof(Prepared))
    prepared.references = 1
    prepared.known = known
    known.uses += 1
    prepared.name = name[0]
    prepared.text_length = text_length
    prepared.types_length = types_length
    if text_length > 0:
        memcpy(prepared.source, text, <size_t> text_length)
    if types_length > 0:
        memcpy(prepared.source + text_length, types, <size_t> types_length)
    return prepared


# A portal with one reference, which is the caller's; NULL: out of memory.
cdef inline Portal* portal_new(
    const Name* name, Prepared* prepared, const unsigned char* formats, Py_ssize_t formats_length,
    const unsigned char* parameters, Py_ssize_t parameters_length,
) noexcept nogil:
    cdef Portal* portal = <Portal*> PyMem_RawMalloc(
        sizeof(Portal) + <size_t> formats_length + <size_t> parameters_length
    )
    if portal == NULL:
        return NULL
    memset(portal, 0, sizeof(Portal))
    portal.references = 1
    portal.known = prepared.known
    portal.known.uses += 1
    portal.prepared = prepared
    prepared.references += 1
    portal.name = name[0]
    portal.formats_length = formats_length
    portal.parameters_length = parameters_length
    memcpy(portal.source, formats, <size_t> formats_length)
    memcpy(portal.source + formats_length, parameters, <size_t> parameters_length)
    return portal


# The reply that comes next; NULL if none is owed.
cdef inline Owed* owed_head(OwedQueue* queue) noexcept nogil:
    return NULL if queue.count == 0 else &queue.entries[queue.head]


cdef inline Owed* owed_at(OwedQueue* queue, Py_ssize_t place) noexcept nogil:
    hoopfast_assert(0 <= place < queue.count)
    return &queue.entries[(queue.head + place) & (queue.capacity - 1)]


cdef inline bint owed_grow(OwedQueue* queue) noexcept nogil:
    cdef Py_ssize_t capacity = queue.capacity * 2 if queue.capacity else FEWEST_ENTRIES
    cdef Owed* entries = <Owed*> PyMem_RawMalloc(<size_t> capacity * sizeof(Owed))
    cdef Py_ssize_t place
    if entries == NULL:
        return False
    for place in range(queue.count):
        entries[place] = owed_at(queue, place)[0]
    PyMem_RawFree(queue.entries)
    queue.entries = entries
    queue.capacity = capacity
    queue.head = 0
    return True


# Enters a reply at the end; it holds what it is given references to. NULL: out of memory.
cdef inline Owed* owed_push(
    OwedQueue* queue, OwedKind kind, int64_t segment, Known* known, Prepared* prepared, Portal* portal,
    Changes changes,
) noexcept nogil:
    cdef Owed* entry
    if queue.count == queue.capacity and not owed_grow(queue):
        return NULL
    queue.count += 1
    entry = owed_at(queue, queue.count - 1)
    memset(entry, 0, <size_t> (<char*> &entry.name - <char*> entry))
    entry.kind = kind
    entry.segment = segment
    entry.known = known
    entry.prepared = prepared
    entry.portal = portal
    if known != NULL:
        known.uses += 1
    if prepared != NULL:
        prepared.references += 1
    if portal != NULL:
        portal.references += 1
    entry.changes = changes
    queue.changing[<int> changes] += 1
    queue.changing_now[<int> changes] += 1
    return entry


cdef inline void owed_let_go(OwedQueue* queue, Owed* entry, int64_t segment) noexcept nogil:
    if entry.known != NULL:
        entry.known.uses -= 1
    prepared_release(entry.prepared, &queue.graveyard)
    portal_release(entry.portal, &queue.graveyard)
    queue.changing[<int> entry.changes] -= 1
    if entry.segment == segment:
        queue.changing_now[<int> entry.changes] -= 1
    queue.count -= 1


# The head has been answered. `segment` is the one that is being sent. What a burst needed is given back behind it.
cdef inline void owed_pop(OwedQueue* queue, int64_t segment) noexcept nogil:
    owed_let_go(queue, &queue.entries[queue.head], segment)
    queue.head = (queue.head + 1) & (queue.capacity - 1)
    if queue.count == 0 and queue.capacity > RETAINED_ENTRIES:
        PyMem_RawFree(queue.entries)
        queue.entries = NULL
        queue.capacity = queue.head = 0


# A Sync or Query has been sent: what follows is a segment of its own.
cdef inline void owed_next_segment(OwedQueue* queue) noexcept nogil:
    memset(queue.changing_now, 0, sizeof(queue.changing_now))


# Takes back the last push, which was of the segment that is being sent.
cdef inline void owed_take_back(OwedQueue* queue, int64_t segment) noexcept nogil:
    owed_let_go(queue, owed_at(queue, queue.count - 1), segment)


cdef inline void owed_release(OwedQueue* queue) noexcept nogil:
    while queue.count > 0:
        owed_pop(queue, -1)
    PyMem_RawFree(queue.entries)
    queue.entries = NULL
    queue.capacity = queue.head = 0
    owed_next_segment(queue)
