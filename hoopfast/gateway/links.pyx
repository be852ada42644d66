"""A link: one peer's connection as a BufferedProtocol on uvloop, frontend or backend, in the clear or in TLS.

Owns reading (one buffer per loop for all links: between get_buffer and buffer_updated nothing else runs), writing, flow
control in terms of the transport, and an orderly close that drains what was written. Knows no message; who receives the
bytes is its `taker` (in C), or else its `receiver`.

In the clear it sends on the socket itself as long as the transport has nothing queued; what the kernel does not take,
and every error, is left to the transport, so that order, flow control and the connection's end stay uvloop's.

Two pitfalls of uvloop: `pause_reading` inside `connection_made` does nothing; and its TLS transports take nothing but
bytes, bytearray and memoryview, and keep what they cannot encrypt at once, so they get bytes.
"""

from cpython.buffer cimport PyBUF_SIMPLE, Py_buffer, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_FromStringAndSize

import asyncio
import contextlib
import socket

from hoopfast.gateway.inbox import NOBODY

cdef extern from "<sys/socket.h>" nogil:
    ssize_t c_send "send"(int descriptor, const void* data, size_t length, int flags)
    int MSG_DONTWAIT
    int MSG_NOSIGNAL

LINGER = 2.0  # seconds that the peer has to hang up after it was told everything
FLUSH = 30.0  # seconds that the peer has to read what was written before the close
TLS_CLOSE = 10.0
TLS_HANDSHAKE = 15.0
# In TLS every byte is held several times on its way: encrypted as it came, in the clear, encrypted again, and queued
# (uvloop/sslproto.pyx). Small steps keep all of that below 1 MiB for a session whose frontend reads slowly.
TLS_READ = 64 * 1024
# Resume above the largest part of a record that can be waiting for its rest (18 KiB, RFC 5246, 6.2.3), or a link that
# has paused there would never read that rest.
TLS_INCOMING_LOW, TLS_INCOMING_HIGH = 20 * 1024, 40 * 1024


cdef class ReadBuffer:
    def __init__(self, Py_ssize_t size):
        self.size = size
        self._memory = bytearray(size)
        self.view = memoryview(self._memory)  # as long as it is there, the memory does not move
        self._tls_view = self.view[:TLS_READ]
        self.start = <unsigned char*> PyByteArray_AS_STRING(self._memory)


cdef class Taker:
    cdef bint take(self, Link link, unsigned char* data, Py_ssize_t length) noexcept:
        return False


cdef class Link:
    def __init__(self, ReadBuffer buffer not None, Py_ssize_t write_high, receiver):
        self.receiver = receiver
        self._buffer = buffer
        self._write_high = write_high
        self._descriptor = -1
        self.reading = True
        self._gone = asyncio.Event()

    # -- what uvloop calls

    def connection_made(self, transport):
        self.use(transport)
        self._descriptor = transport.get_extra_info("socket").fileno()
        self.connected = True

    def get_buffer(self, sizehint):
        # On plain TCP uvloop takes any buffer: none costs less than a bytearray.
        return self._buffer._tls_view if self._in_tls else self._buffer._memory

    def buffer_updated(self, Py_ssize_t nbytes):
        cdef Taker taker = self.taker  # held, as it may leave this link meanwhile
        if self.closing or not 0 <= nbytes <= self._buffer.size:
            return
        if taker is None or not taker.take(self, self._buffer.start, nbytes):
            self.receiver.received(self._buffer.view[:nbytes])

    def eof_received(self):
        # In TLS it ends the link, and uvloop warns of those who ask it not to.
        self._heard_all = True
        keep = not self.closing and self.receiver.ended()
        return keep and not self.encryption

    def connection_lost(self, exc):
        self.connected = False
        self._descriptor = -1  # it is closed next, and may then be somebody else's
        self.taker = None
        self._gone.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.closing:
            self.receiver.lost(exc)
        self.receiver = NOBODY

    def pause_writing(self):
        self.full = True
        self.receiver.congested(True)

    def resume_writing(self):
        self.full = False
        self._queued = False  # the limit that it has sunk to is 0
        self.receiver.congested(False)

    # -- what its owner calls

    @property
    def encryption(self):
        connection = None if self.transport is None else self.transport.get_extra_info("ssl_object")
        return connection.version() or "" if connection is not None else ""

    @property
    def reset(self):
        connection = None if self.transport is None else self.transport.get_extra_info("socket")
        return connection is not None and connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def send(self, buffers):
        cdef Py_buffer data
        # One write for all: each would be a segment of its own, or, in TLS, a record.
        PyObject_GetBuffer(buffers[0] if len(buffers) == 1 else b"".join(buffers), &data, PyBUF_SIMPLE)
        try:
            self.send_now(<const unsigned char*> data.buf, data.len)
        finally:
            PyBuffer_Release(&data)

    def read(self, bint wanted):
        if wanted == self.reading or self.transport is None:
            return
        self.reading = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    async def start_tls(self, context, *, server_side, hostname=None):
        self._descriptor = -1  # nothing passes the transport by any more
        transport = await asyncio.get_running_loop().start_tls(
            self.transport,
            self,
            context,
            server_side=server_side,
            server_hostname=hostname,
            ssl_handshake_timeout=TLS_HANDSHAKE,
            ssl_shutdown_timeout=TLS_CLOSE,
        )
        if transport is None or self._gone.is_set():
            raise ConnectionResetError("the peer hung up during the TLS handshake")
        self._in_tls = True
        self.use(transport)
        transport.set_read_buffer_limits(high=TLS_INCOMING_HIGH, low=TLS_INCOMING_LOW)
        self.reading = True

    def finish(self):
        if self.closing:
            return
        self.closing = True
        transport = self.transport
        if transport is None or not self.connected:
            return
        if transport.is_closing() or self._heard_all or self.encryption:
            transport.close()  # flushes; in TLS it says close_notify and waits for the peer's
            self._timer = asyncio.get_running_loop().call_later(FLUSH, transport.abort)
            return
        with contextlib.suppress(OSError, RuntimeError):
            transport.write_eof()
        self.read(True)
        self._linger(FLUSH)

    def abort(self):
        self.closing = True
        if self.transport is not None:
            self.transport.abort()

    async def gone(self):
        await self._gone.wait()

    # -- sending

    cdef int send_now(self, const unsigned char* data, Py_ssize_t length) except -1:
        cdef ssize_t sent = 0
        if length <= 0 or self.closing or not self.connected:
            return 0
        if self._descriptor >= 0 and not (self._queued and self.still_queued()):
            sent = c_send(self._descriptor, data, <size_t> length, MSG_DONTWAIT | MSG_NOSIGNAL)
            if sent == length:
                return 0
            if sent < 0:
                sent = 0  # too much, or an error: the transport comes upon it too
        self._queued = True  # before the call: resume_writing may come in it
        self.transport.write(PyBytes_FromStringAndSize(<const char*> data + sent, length - sent))
        return 0

    cdef bint still_queued(self) except -1:
        self._queued = self.transport.get_write_buffer_size() != 0
        return self._queued

    # -- the transport

    cdef int use(self, object transport) except -1:
        self.transport = transport
        # One more read may be added to what is queued: then it is write_high, no more. Not 0: uvloop's TLS transports
        # would take an empty queue for a full one.
        transport.set_write_buffer_limits(high=max(self._write_high - self._buffer.size, 1), low=0)
        return 0

    def _linger(self, left):
        transport = self.transport
        if transport is None or not self.connected:
            return
        if left <= 0:
            transport.abort()
            return
        flushed = transport.get_write_buffer_size() == 0
        self._timer = asyncio.get_running_loop().call_later(LINGER, self._linger, 0.0 if flushed else left - LINGER)
