# The sequence numbers of the executions of one session that have begun and not ended, ascending.
#
# Numbers come in ascending, and mostly leave at the front: both cost a step. One that leaves from elsewhere moves those
# of the shorter side, so that one execution that stays open makes no other dearer. Takes memory for what is open only.

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memmove

cdef extern from "Python.h" nogil:
    void* PyMem_RawMalloc(size_t size) noexcept
    void PyMem_RawFree(void* pointer) noexcept

cdef enum:
    SEQUENCES_RETAINED = 256  # places that may stay allocated when nothing is open


cdef struct Sequences:
    int64_t* places
    Py_ssize_t capacity
    Py_ssize_t start
    Py_ssize_t count


# Makes room for one more; False: out of memory.
cdef inline bint sequences_reserve(Sequences* open) noexcept nogil:
    cdef Py_ssize_t capacity
    cdef int64_t* places
    if open.start + open.count < open.capacity:
        return True
    if open.start > open.capacity // 2:
        memmove(open.places, open.places + open.start, <size_t> open.count * sizeof(int64_t))
        open.start = 0
        return True
    capacity = open.capacity * 2 if open.capacity > 0 else 16
    places = <int64_t*> PyMem_RawMalloc(<size_t> capacity * sizeof(int64_t))
    if places == NULL:
        return False
    if open.count > 0:
        memcpy(places, open.places + open.start, <size_t> open.count * sizeof(int64_t))
    PyMem_RawFree(open.places)
    open.places = places
    open.capacity = capacity
    open.start = 0
    return True


# Adds a number that is higher than all others; there is room.
cdef inline void sequences_add(Sequences* open, int64_t sequence) noexcept nogil:
    open.places[open.start + open.count] = sequence
    open.count += 1


# Where a number stands, counted from `start`; -1: nowhere.
cdef inline Py_ssize_t sequences_find(const Sequences* open, int64_t sequence) noexcept nogil:
    cdef const int64_t* first = open.places + open.start
    cdef Py_ssize_t low = 0
    cdef Py_ssize_t high = open.count
    cdef Py_ssize_t middle
    if open.count > 0 and first[0] == sequence:
        return 0
    while low < high:
        middle = (low + high) // 2
        if first[middle] < sequence:
            low = middle + 1
        else:
            high = middle
    return low if low < open.count and first[low] == sequence else -1


# Takes out the number that stands at `index`.
cdef inline void sequences_remove(Sequences* open, Py_ssize_t index) noexcept nogil:
    cdef int64_t* first = open.places + open.start
    open.count -= 1
    if index <= open.count // 2:
        memmove(first + 1, first, <size_t> index * sizeof(int64_t))
        open.start += 1
    else:
        memmove(first + index, first + index + 1, <size_t> (open.count - index) * sizeof(int64_t))
    if open.count == 0:
        open.start = 0
        if open.capacity > SEQUENCES_RETAINED:
            sequences_release(open)


cdef inline void sequences_release(Sequences* open) noexcept nogil:
    PyMem_RawFree(open.places)
    open.places = NULL
    open.capacity = 0
    open.start = 0
    open.count = 0
