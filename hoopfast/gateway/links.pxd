# What a link offers to C: sending without Python, and a place for somebody who receives without it.


cdef class ReadBuffer:
    cdef readonly Py_ssize_t size
    cdef readonly object view  # of all of it
    cdef unsigned char* start  # valid as long as this object is
    cdef bytearray _memory
    cdef object _tls_view


# Who may take what a link hears before its `receiver` is asked.
cdef class Taker:
    # The bytes, which the taker may overwrite, are valid until this returns. False: they are the receiver's.
    cdef bint take(self, Link link, unsigned char* data, Py_ssize_t length) noexcept


cdef class Link:
    cdef public object receiver
    cdef public Taker taker
    cdef readonly object transport
    cdef readonly bint full  # the peer reads too slowly
    cdef readonly bint closing
    cdef readonly bint connected
    cdef readonly bint reading  # what comes is not left to the kernel
    cdef ReadBuffer _buffer
    cdef Py_ssize_t _write_high
    cdef int _descriptor  # to send on; -1: the transport has to
    cdef bint _queued  # the transport may have something that is not sent
    cdef bint _in_tls
    cdef bint _heard_all  # the peer has sent its end of file
    cdef object _gone
    cdef object _timer

    # Sends, or leaves to the transport what the kernel does not take. The bytes may be overwritten afterwards.
    cdef int send_now(self, const unsigned char* data, Py_ssize_t length) except -1
    cdef bint still_queued(self) except -1
    cdef int use(self, object transport) except -1
