"""The part of a segment's file that is still free, as memory: the only code that writes records, for C and for Python.

A Window belongs to one segment and holds the one truth of where it ends: offset, chain value, number of the last
record. The journal's Gate says whether C may append by itself: only while an append is nothing but that, so not while
the journal is blocked, suspended or closed, keeps records, or changes segments. Every append and every change of the
gate is one step under the GIL. Knows no record and no file; the journal's lock is the journal's.
"""

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EINVAL, errno
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy

from hoopfast.audit.sha256 cimport SHA256_DIGEST, sha256_digest

cdef extern from "Python.h" nogil:
    void* PyMem_RawMalloc(size_t size) noexcept
    void PyMem_RawFree(void* pointer) noexcept

cdef extern from *:
    """
    #include <sys/mman.h>
    #include <unistd.h>
    #ifndef MADV_POPULATE_WRITE
    #define MADV_POPULATE_WRITE 23  /* since Linux 5.14; what does not know it says EINVAL */
    #endif
    """
    int MADV_POPULATE_WRITE
    int _SC_PAGESIZE
    int madvise(void* start, size_t length, int advice) noexcept nogil
    long sysconf(int name) noexcept nogil

cdef enum:
    LENGTH_SIZE = 4  # of a record's length in its frame

cdef Py_ssize_t PAGE = sysconf(_SC_PAGESIZE)
cdef bint can_populate = True


cdef bint window_append(WindowState* window, const unsigned char* body, Py_ssize_t length) noexcept nogil:
    cdef unsigned char[FRAME_OVERHEAD] head
    cdef unsigned char* frame
    cdef uint32_t announced = <uint32_t> length
    cdef int i
    if length <= 0 or length > <Py_ssize_t> 0x7FFFFFFF or not window_room(window, FRAME_OVERHEAD + length):
        return False
    frame = window.data + window.offset
    memcpy(head, window.chain, SHA256_DIGEST)
    for i in range(LENGTH_SIZE):
        head[SHA256_DIGEST + i] = <unsigned char> (announced >> (8 * i))
    sha256_digest(head, FRAME_OVERHEAD, body, <size_t> length, window.chain)
    memcpy(frame, head + SHA256_DIGEST, LENGTH_SIZE)
    memcpy(frame + LENGTH_SIZE, window.chain, SHA256_DIGEST)
    memcpy(frame + FRAME_OVERHEAD, body, <size_t> length)
    window.offset += FRAME_OVERHEAD + length
    window.position += 1
    return True


cdef class Window:
    """The rest of a segment from `offset` on."""

    def __cinit__(self, object mapping, *, Py_ssize_t offset, int64_t position, bytes chain not None):
        PyObject_GetBuffer(mapping, &self.buffer, PyBUF_WRITABLE)
        if not 0 <= offset <= self.buffer.len or PyBytes_GET_SIZE(chain) != SHA256_DIGEST:
            raise ValueError("the window begins outside of its mapping, or with no chain value")
        self.state.data = <unsigned char*> self.buffer.buf
        self.state.size = self.buffer.len
        self.state.offset = offset
        self.state.position = position
        memcpy(self.state.chain, PyBytes_AS_STRING(chain), SHA256_DIGEST)

    def __dealloc__(self):
        PyBuffer_Release(&self.buffer)

    @property
    def offset(self):
        return self.state.offset

    @property
    def position(self):
        return self.state.position

    @property
    def chain(self):
        return PyBytes_FromStringAndSize(<const char*> self.state.chain, SHA256_DIGEST)

    def room(self, Py_ssize_t length):
        return window_room(&self.state, FRAME_OVERHEAD + length)

    def append(self, bytes body not None):
        if not window_append(
            &self.state, <const unsigned char*> PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body)
        ):
            raise ValueError("the record does not fit into its segment")

    def populate(self, Py_ssize_t ahead):
        global can_populate
        cdef Py_ssize_t start = self.state.offset & ~(PAGE - 1)
        cdef Py_ssize_t end = min(self.state.size, self.state.offset + ahead)
        cdef unsigned char* data = self.state.data
        cdef bint unknown
        if can_populate and start < end:
            with nogil:
                unknown = madvise(data + start, <size_t> (end - start), MADV_POPULATE_WRITE) != 0 and errno == EINVAL
            can_populate = not unknown

    def seal(self):
        self.state.size = 0

    def release(self):
        self.state.size = 0
        self.state.data = NULL
        PyBuffer_Release(&self.buffer)


cdef class Gate:
    """Whether C may append, and to which window."""

    def __cinit__(self):
        self.state.draft = <unsigned char*> PyMem_RawMalloc(MOST_BODY)
        if self.state.draft == NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_RawFree(self.state.draft)

    @property
    def is_open(self):
        return self.state.window != NULL

    def open(self, Window window not None):
        self.window = window
        self.state.window = &window.state

    def close(self):
        self.state.window = NULL
        self.window = None
