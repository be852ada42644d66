"""The smallest possible frontend: a blocking socket and prepared bytes, so that what is measured is not the client.

Owns the startup of a connection (trust, cleartext password, TLS) and the exchange of requests that were encoded
before. It looks at a reply only where it ends, and whether it is an error. For measuring only: it verifies no
certificate.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from typing import NamedTuple, Self

READY = b"Z\x00\x00\x00\x05I"  # ReadyForQuery outside a transaction
COPY_CHUNK = 64 * 1024


class BenchError(Exception):
    """The server, or what stands before it, refused; the message is its own."""


class Address(NamedTuple):
    """Where and as whom to connect."""

    host: str
    port: int
    database: str
    user: str
    password: str = ""
    tls: bool = False


def message(kind: bytes, body: bytes) -> bytes:
    """A message of the protocol: type, length, body."""
    return kind + struct.pack("!I", len(body) + 4) + body


def query(text: str) -> bytes:
    """A simple Query."""
    return message(b"Q", text.encode() + b"\0")


def parse(name: str, text: str) -> bytes:
    """A Parse without parameter types."""
    return message(b"P", name.encode() + b"\0" + text.encode() + b"\0" + b"\0\0")


def execute(statement: str, parameters: tuple[str, ...]) -> bytes:
    """Bind and Execute of the unnamed portal, text formats."""
    values = b"".join(struct.pack("!I", len(value)) + value.encode() for value in parameters)
    bind = b"\0" + statement.encode() + b"\0" + b"\0\0" + struct.pack("!H", len(parameters)) + values + b"\0\0"
    return message(b"B", bind) + message(b"E", b"\0" + b"\0\0\0\0")


SYNC = message(b"S", b"")
DESCRIBE = message(b"D", b"P\0")


def error_text(reply: bytes) -> str:
    """The message of the first ErrorResponse in whole messages; empty if there is none."""
    position = 0
    while position + 5 <= len(reply):
        (length,) = struct.unpack_from("!I", reply, position + 1)
        if reply[position] == ord("E"):
            fields = reply[position + 5 : position + 1 + length].split(b"\0")
            return next((field[1:].decode(errors="replace") for field in fields if field[:1] == b"M"), "an error")
        position += 1 + length
    return ""


class Connection:
    """One session."""

    def __init__(self, address: Address) -> None:
        """Connect and sign in; returns when the server is ready for a query."""
        self._buffer = memoryview(bytearray(1 << 20))
        plain = socket.create_connection((address.host, address.port), timeout=60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = self._encrypted(plain) if address.tls else plain
        names = {"user": address.user, "database": address.database, "application_name": "bench"}
        pairs = b"".join(f"{name}\0{value}\0".encode() for name, value in names.items())
        body = struct.pack("!I", 0x30000) + pairs + b"\0"
        self._socket.sendall(struct.pack("!I", len(body) + 4) + body)
        self._sign_in(address)

    @staticmethod
    def _encrypted(plain: socket.socket) -> socket.socket:
        plain.sendall(struct.pack("!II", 8, 80877103))  # SSLRequest
        if plain.recv(1) != b"S":
            raise BenchError("no TLS is offered here")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(plain)

    def _sign_in(self, address: Address) -> None:
        seen = bytearray()
        answered = False
        while not seen.endswith(READY):
            received = self._socket.recv(65536)
            if not received:
                raise BenchError(error_text(bytes(seen)) or "the connection was closed during startup")
            seen += received
            if not answered and seen[:1] == b"R" and seen[5:9] == b"\0\0\0\3":  # AuthenticationCleartextPassword
                self._socket.sendall(message(b"p", address.password.encode() + b"\0"))
                answered = True
        if said := error_text(bytes(seen)):
            raise BenchError(said)

    def ask(self, request: bytes) -> bytes:
        """Send, and return everything up to ReadyForQuery; raises BenchError for an ErrorResponse."""
        self._socket.sendall(request)
        reply = self._socket.recv(65536)
        while not reply.endswith(READY):
            more = self._socket.recv(65536)
            if not more:
                raise BenchError(error_text(reply) or "the connection was closed")
            reply += more
        if said := error_text(reply):
            raise BenchError(said)
        return reply

    def time(self, request: bytes) -> float:
        """Seconds from sending the request to ReadyForQuery."""
        start = time.perf_counter_ns()
        self._socket.sendall(request)
        while not self._socket.recv(65536).endswith(READY):
            pass
        return (time.perf_counter_ns() - start) / 1e9

    def drain(self, request: bytes) -> int:
        """Send, read a large result without keeping it, and return its number of bytes."""
        self._socket.sendall(request)
        received, tail = 0, b""
        while True:
            count = self._socket.recv_into(self._buffer)
            if not count:
                raise BenchError("the connection was closed within a result")
            if not received and self._buffer[0] == ord("E"):
                raise BenchError(error_text(bytes(self._buffer[:count])))
            received += count
            tail = (tail + bytes(self._buffer[max(0, count - 6) : count]))[-6:]
            if tail == READY:
                return received

    def copy_in(self, statement: str, line: bytes, size: int) -> int:
        """COPY `size` bytes or a little more in by repeating a line; returns the bytes of data."""
        self._socket.sendall(query(statement))
        reply = self._socket.recv(65536)
        if reply[:1] != b"G":
            raise BenchError(error_text(reply) or "COPY was not accepted")
        chunk = line * (COPY_CHUNK // len(line))
        wrapped = message(b"d", chunk)
        sent = 0
        while sent < size:
            self._socket.sendall(wrapped)
            sent += len(chunk)
        self.ask(message(b"c", b""))
        return sent

    def close(self) -> None:
        """Say Terminate, and close."""
        try:
            self._socket.sendall(message(b"X", b""))
        except OSError:
            pass
        self._socket.close()

    def __enter__(self) -> Self:
        """Use as a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()
