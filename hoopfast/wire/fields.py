"""Reading and writing the fields that messages are made of: Int8, Int16, Int32, String, Byten (manual, 55.6).

For messages that are looked at once per statement or less; rows go through masking.pyx. Every read is checked against
what is there, and a body has to be used up exactly. Errors name the message and never what stands in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from hoopfast.errors import BackendProtocolError, FrontendProtocolError, ProtocolError

_INT16 = struct.Struct(">h")
_UINT16 = struct.Struct(">H")
_INT32 = struct.Struct(">i")
_UINT32 = struct.Struct(">I")

NULL_LENGTH = -1


class Reader:
    """The body of one message, read from front to back."""

    __slots__ = ("_at", "_body", "_error", "_message")

    def __init__(self, body: bytes, message: str, error: type[ProtocolError]) -> None:
        self._body = body
        self._at = 0
        self._message = message
        self._error = error

    def malformed(self) -> ProtocolError:
        """The error to raise for a body that is not what the manual says."""
        return self._error(f"malformed {self._message} message")

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        end = self._at + length
        if length < 0 or end > len(self._body):
            raise self.malformed()
        taken = self._body[self._at : end]
        self._at = end
        return taken

    def byte(self) -> int:
        """An Int8, unsigned."""
        return self.take(1)[0]

    def int16(self) -> int:
        """An Int16."""
        value: int = _INT16.unpack(self.take(2))[0]
        return value

    def count(self) -> int:
        """An Int16 that counts something: PostgreSQL reads it unsigned (pq_getmsgint, src/backend/libpq/pqformat.c)."""
        value: int = _UINT16.unpack(self.take(2))[0]
        return value

    def int32(self) -> int:
        """An Int32."""
        value: int = _INT32.unpack(self.take(4))[0]
        return value

    def uint32(self) -> int:
        """An Int32 that cannot be negative, such as an OID."""
        value: int = _UINT32.unpack(self.take(4))[0]
        return value

    def string(self) -> bytes:
        """A String, without the zero byte at its end."""
        end = self._body.find(0, self._at)
        if end < 0:
            raise self.malformed()
        taken = self._body[self._at : end]
        self._at = end + 1
        return taken

    def value(self) -> bytes | None:
        """An Int32 length and that many bytes; None for length -1, which is NULL."""
        length = self.int32()
        return None if length == NULL_LENGTH else self.take(length)

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(len(self._body) - self._at)

    def end(self) -> None:
        """Make sure that nothing is left."""
        if self._at != len(self._body):
            raise self.malformed()


def frontend_reader(body: bytes, message: str) -> Reader:
    """A reader that blames the frontend."""
    return Reader(body, message, FrontendProtocolError)


def backend_reader(body: bytes, message: str) -> Reader:
    """A reader that blames the backend."""
    return Reader(body, message, BackendProtocolError)


def whole(kind: int, body: bytes) -> bytes:
    """A message with its header."""
    return bytes((kind,)) + _UINT32.pack(len(body) + 4) + body


def int16(value: int) -> bytes:
    """An Int16."""
    return _INT16.pack(value)


def count(value: int) -> bytes:
    """An Int16 that counts something, unsigned as PostgreSQL reads it."""
    return _UINT16.pack(value)


def int32(value: int) -> bytes:
    """An Int32."""
    return _INT32.pack(value)


def uint32(value: int) -> bytes:
    """An Int32 that cannot be negative, such as an OID."""
    return _UINT32.pack(value)


def string(value: bytes) -> bytes:
    """A String, with the zero byte at its end; it cannot hold one itself."""
    if 0 in value:
        raise ValueError("a String of the protocol cannot hold a zero byte")
    return value + b"\x00"


def value(content: bytes | None) -> bytes:
    """An Int32 length and that many bytes; length -1 for NULL."""
    return _INT32.pack(NULL_LENGTH) if content is None else _INT32.pack(len(content)) + content


def int16s(values: Iterable[int]) -> bytes:
    """An Int16 count and as many Int16."""
    packed = [_INT16.pack(each) for each in values]
    return count(len(packed)) + b"".join(packed)
