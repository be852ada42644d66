"""The records of a session's steady state, without Python: the functions of hoopfast/recording.pxd.

Owns the sums of one session, its open executions and its position, which recorder.py (in Python) and the functions here
(in C) both go by, so that they may take turns record by record. Spells three kinds of record just as encoding.py does;
everything else, and everything that is out of the ordinary, is Python's. Of a value it sees only the bytes that the
caller holds, and keeps its keyed digest. Knows no statement: what an Execution says of one comes spelt, as a template.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.pycapsule cimport (
    PyCapsule_GetContext, PyCapsule_GetPointer, PyCapsule_New, PyCapsule_SetContext,
)
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from hoopfast.audit.sequences cimport (
    PyMem_RawFree, PyMem_RawMalloc, Sequences, sequences_add, sequences_find, sequences_release, sequences_remove,
    sequences_reserve,
)
from hoopfast.audit.sha256 cimport SHA256_DIGEST, HmacStates, hmac_digest, hmac_prepare
from hoopfast.audit.text cimport Text, text_hexadecimal, text_number, text_open, text_printable, text_put, text_word
from hoopfast.audit.window cimport (
    FRAME_OVERHEAD, MOST_BODY, Gate, GateState, WindowState, window_append, window_room,
)
from hoopfast.recording cimport (
    OUTCOME_COMMITTED, OUTCOME_ROLLED_BACK, RECORDING, TEMPLATE, RecordedEnd, RecordedOutcome, Recording,
)

cdef enum:
    VALUE_DIGEST = 16  # bytes of a digest that stand in the journal (digest.py)
    MOST_PARAMETERS = 1000
    MOST_TAG = 64
    # What an ExecutionEnded takes at most besides the session: its words, seven numbers of 20 digits, a tag that is
    # escaped throughout. A TransactionEnded takes less.
    END_SIZE = 600


# What an Execution says of its statement, spelt.
cdef struct Template:
    Py_ssize_t length
    unsigned char text[1]  # `length` of them


# In the order of records.Totals.
cdef struct Sums:
    int64_t received
    int64_t completed
    int64_t error
    int64_t skipped
    int64_t refused
    int64_t unknown
    uint64_t rows
    uint64_t received_bytes
    uint64_t delivered_bytes
    uint64_t masked_cells


cdef struct Books:
    GateState* gate  # NULL: none, or the session is over
    HmacStates key
    const unsigned char* session  # spelt, with its quotes
    Py_ssize_t session_length
    Sums sums
    Sequences open
    int64_t position


# The window, if records may go there now without asking; otherwise NULL.
cdef inline WindowState* open_window(const Books* books) noexcept nogil:
    return NULL if books.gate == NULL else books.gate.window


cdef inline void put_time_and_session(Text* text, const Books* books) noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    text_number(text, <uint64_t> now.tv_sec * 1000000 + <uint64_t> (now.tv_nsec // 1000))
    text_word(text, b',"session":')
    text_put(text, books.session, books.session_length)


cdef inline uint32_t big_endian(const unsigned char* byte, int count) noexcept nogil:
    cdef uint32_t value = 0
    cdef int i
    for i in range(count):
        value = value << 8 | byte[i]
    return value


# The digests of values as Bind has them; whatever is not exactly as it should be fails.
cdef void put_digests(Text* text, const HmacStates* key, const unsigned char* values, Py_ssize_t length) noexcept nogil:
    cdef const unsigned char* end = values + length
    cdef unsigned char[SHA256_DIGEST] digest
    cdef Py_ssize_t count, size, i
    if length < 2 or big_endian(values, 2) > MOST_PARAMETERS:
        text.failed = True
        return
    count = <Py_ssize_t> big_endian(values, 2)
    values += 2
    for i in range(count):
        if i > 0:
            text_word(text, b",")
        if end - values < 4:
            text.failed = True
            return
        size = <Py_ssize_t> big_endian(values, 4)
        values += 4
        if size == <Py_ssize_t> 0xFFFFFFFF:
            text_word(text, b"null")
            continue
        if size > end - values:
            text.failed = True
            return
        hmac_digest(key, values, <size_t> size, digest)
        values += size
        text_word(text, b'"')
        text_hexadecimal(text, digest, VALUE_DIGEST)
        text_word(text, b'"')
    if values != end:
        text.failed = True


cdef int64_t record_execution(
    void* context, void* template, bint extended, const unsigned char* parameters, Py_ssize_t length
) noexcept nogil:
    cdef Books* books = <Books*> context
    cdef const Template* statement = <const Template*> template
    cdef WindowState* window = open_window(books)
    cdef int64_t sequence = books.sums.received + 1
    cdef Text text
    if window == NULL or not sequences_reserve(&books.open):
        return 0
    text_open(&text, books.gate.draft, MOST_BODY)
    text_word(&text, b'{"record":"execution","version":1,"time":')
    put_time_and_session(&text, books)
    text_word(&text, b',"sequence":')
    text_number(&text, <uint64_t> sequence)
    if extended:
        text_word(&text, b',"protocol":"extended"')
    else:
        text_word(&text, b',"protocol":"simple"')
    text_put(&text, statement.text, statement.length)
    text_word(&text, b',"parameters":[')
    if parameters != NULL:
        put_digests(&text, &books.key, parameters, length)
    text_word(&text, b'],"literals":[]}')
    if text.failed or not window_append(window, books.gate.draft, text.at - books.gate.draft):
        return 0
    sequences_add(&books.open, sequence)
    books.sums.received = sequence
    books.position = window.position
    return sequence


cdef bint room(void* context, int records) noexcept nogil:
    cdef Books* books = <Books*> context
    cdef WindowState* window = open_window(books)
    cdef Py_ssize_t size = FRAME_OVERHEAD + END_SIZE + books.session_length
    return window != NULL and size <= MOST_BODY and records >= 0 and window_room(window, size * records)


cdef bint record_completed(void* context, const RecordedEnd* end) noexcept nogil:
    cdef Books* books = <Books*> context
    cdef WindowState* window = open_window(books)
    cdef Py_ssize_t index = sequences_find(&books.open, end.sequence)
    cdef Text text
    if window == NULL or index < 0 or not 0 <= end.tag_length <= MOST_TAG:
        return False
    text_open(&text, books.gate.draft, MOST_BODY)
    text_word(&text, b'{"record":"execution_ended","version":1,"time":')
    put_time_and_session(&text, books)
    text_word(&text, b',"sequence":')
    text_number(&text, <uint64_t> end.sequence)
    text_word(&text, b',"ending":"completed","tag":"')
    text_printable(&text, end.tag, end.tag_length)
    text_word(&text, b'","sqlstate":"","rows":')
    text_number(&text, end.rows)
    text_word(&text, b',"received_bytes":')
    text_number(&text, end.received_bytes)
    text_word(&text, b',"delivered_bytes":')
    text_number(&text, end.delivered_bytes)
    text_word(&text, b',"masked_cells":')
    text_number(&text, end.masked_cells)
    text_word(&text, b',"masked_columns":[],"database_microseconds":')
    text_number(&text, end.database_microseconds)
    text_word(&text, b',"gateway_microseconds":0}')
    if text.failed or not window_append(window, books.gate.draft, text.at - books.gate.draft):
        return False
    sequences_remove(&books.open, index)
    books.sums.completed += 1
    books.sums.rows += end.rows
    books.sums.received_bytes += end.received_bytes
    books.sums.delivered_bytes += end.delivered_bytes
    books.sums.masked_cells += end.masked_cells
    books.position = window.position
    return True


cdef bint record_transaction(void* context, int64_t first, int64_t last, RecordedOutcome outcome) noexcept nogil:
    cdef Books* books = <Books*> context
    cdef WindowState* window = open_window(books)
    cdef Text text
    if window == NULL or first < 0 or last < 0:
        return False
    text_open(&text, books.gate.draft, MOST_BODY)
    text_word(&text, b'{"record":"transaction_ended","version":1,"time":')
    put_time_and_session(&text, books)
    text_word(&text, b',"first":')
    text_number(&text, <uint64_t> first)
    text_word(&text, b',"last":')
    text_number(&text, <uint64_t> last)
    if outcome == OUTCOME_COMMITTED:
        text_word(&text, b',"outcome":"committed"}')
    elif outcome == OUTCOME_ROLLED_BACK:
        text_word(&text, b',"outcome":"rolled back"}')
    else:
        return False
    if text.failed or not window_append(window, books.gate.draft, text.at - books.gate.draft):
        return False
    books.position = window.position
    return True


cdef void release_recorder(object capsule) noexcept:
    Py_DECREF(<object> PyCapsule_GetContext(capsule))


cdef void release_template(object capsule) noexcept:
    PyMem_RawFree(PyCapsule_GetPointer(capsule, TEMPLATE()))


def make_template(bytes text not None):
    cdef Py_ssize_t length = PyBytes_GET_SIZE(text)
    cdef Template* template = <Template*> PyMem_RawMalloc(sizeof(Template) + <size_t> length)
    if template == NULL:
        raise MemoryError
    template.length = length
    memcpy(template.text, PyBytes_AS_STRING(text), <size_t> length)
    return PyCapsule_New(template, TEMPLATE(), release_template)


cdef class SteadyRecorder:
    """The sums and open executions of one session, and how C records in it."""

    cdef Books books
    cdef Recording functions
    cdef Gate gate
    cdef bytes spelt_session

    def __cinit__(self, *arguments, **named):
        memset(&self.books, 0, sizeof(Books))
        self.functions.context = &self.books
        self.functions.execution = record_execution
        self.functions.room = room
        self.functions.completed = record_completed
        self.functions.transaction = record_transaction

    def __init__(self, Gate gate not None, bytes spelt_session not None, bytes digest_key not None):
        self.gate = gate
        self.spelt_session = spelt_session
        self.books.session = <const unsigned char*> PyBytes_AS_STRING(spelt_session)
        self.books.session_length = PyBytes_GET_SIZE(spelt_session)
        hmac_prepare(
            &self.books.key, <const unsigned char*> PyBytes_AS_STRING(digest_key), <size_t> PyBytes_GET_SIZE(digest_key)
        )
        self.books.gate = &gate.state

    def __dealloc__(self):
        sequences_release(&self.books.open)

    @property
    def recording(self):
        capsule = PyCapsule_New(&self.functions, RECORDING(), release_recorder)
        Py_INCREF(self)
        PyCapsule_SetContext(capsule, <void*> self)
        return capsule

    @property
    def position(self):
        return self.books.position

    @position.setter
    def position(self, int64_t position):
        self.books.position = position

    def _next_sequence(self):
        if not sequences_reserve(&self.books.open):
            raise MemoryError
        return self.books.sums.received + 1

    def _begun(self):
        self.books.sums.received += 1
        sequences_add(&self.books.open, self.books.sums.received)

    def _ended(
        self, int64_t sequence, str ending not None, uint64_t rows, uint64_t received_bytes, uint64_t delivered_bytes,
        uint64_t masked_cells
    ):
        cdef Sums* sums = &self.books.sums
        cdef Py_ssize_t index = sequences_find(&self.books.open, sequence)
        if index < 0:
            raise ValueError(f"execution {sequence} has its end already, or was never begun")
        sequences_remove(&self.books.open, index)
        if ending == "completed":
            sums.completed += 1
        elif ending == "error":
            sums.error += 1
        elif ending == "skipped":
            sums.skipped += 1
        elif ending == "refused":
            sums.refused += 1
        else:
            sums.unknown += 1
        sums.rows += rows
        sums.received_bytes += received_bytes
        sums.delivered_bytes += delivered_bytes
        sums.masked_cells += masked_cells

    def _open_sequences(self):
        cdef Py_ssize_t i
        return [self.books.open.places[self.books.open.start + i] for i in range(self.books.open.count)]

    def _sums(self):
        return self.books.sums

    def _over(self):
        self.books.gate = NULL
