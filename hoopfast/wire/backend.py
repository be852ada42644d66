"""The messages that a backend sends, one class each, named as in the manual (55.7).

`decode` reads a body, `encode` writes the whole message. Names, texts and tags are bytes as they came. Knows no order
of messages and no meaning. A malformed body is the backend's fault: BackendProtocolError.
"""

from __future__ import annotations

from typing import NamedTuple

from hoopfast.wire import protocol
from hoopfast.wire.backend_authentication import Authentication, BackendKeyData, NegotiateProtocolVersion
from hoopfast.wire.backend_bodiless import (
    BindComplete,
    CloseComplete,
    CopyDone,
    EmptyQueryResponse,
    NoData,
    ParseComplete,
    PortalSuspended,
)
from hoopfast.wire.fields import (
    Reader,
    backend_reader,
    count,
    int16,
    int16s,
    int32,
    string,
    uint32,
    value,
    whole,
)

__all__ = [
    "FAILED",
    "IDLE",
    "IN_TRANSACTION",
    "Authentication",
    "BackendKeyData",
    "BindComplete",
    "CloseComplete",
    "CommandComplete",
    "CopyData",
    "CopyDone",
    "CopyInResponse",
    "CopyOutResponse",
    "DataRow",
    "EmptyQueryResponse",
    "ErrorResponse",
    "Field",
    "FunctionCallResponse",
    "NegotiateProtocolVersion",
    "NoData",
    "NoticeResponse",
    "NotificationResponse",
    "ParameterDescription",
    "ParameterStatus",
    "ParseComplete",
    "PortalSuspended",
    "ReadyForQuery",
    "RowDescription",
]

IDLE = b"I"  # the statuses of ReadyForQuery: no transaction block, …
IN_TRANSACTION = b"T"  # … in one, …
FAILED = b"E"  # … in one that has failed


class Field(NamedTuple):
    """One column of a RowDescription."""

    name: bytes
    table_oid: int
    attribute_number: int
    type_oid: int
    type_size: int
    type_modifier: int
    format: int


class RowDescription(NamedTuple):
    """What the rows that follow look like."""

    fields: tuple[Field, ...]

    @classmethod
    def decode(cls, body: bytes) -> RowDescription:
        """Read a body."""
        reader = backend_reader(body, "RowDescription")
        fields = [
            Field(
                reader.string(),
                reader.uint32(),
                reader.int16(),
                reader.uint32(),
                reader.int16(),
                reader.int32(),
                reader.int16(),
            )
            for _ in range(reader.count())
        ]
        reader.end()
        return cls(tuple(fields))

    def encode(self) -> bytes:
        """Write the whole message."""
        parts = [count(len(self.fields))]
        for field in self.fields:
            parts += (
                string(field.name),
                uint32(field.table_oid),
                int16(field.attribute_number),
                uint32(field.type_oid),
                int16(field.type_size),
                int32(field.type_modifier),
                int16(field.format),
            )
        return whole(protocol.B_ROW_DESCRIPTION, b"".join(parts))


class DataRow(NamedTuple):
    """One row; None is NULL. For the gateway's own questions: rows of sessions are never decoded."""

    cells: tuple[bytes | None, ...]

    @classmethod
    def decode(cls, body: bytes) -> DataRow:
        """Read a body."""
        reader = backend_reader(body, "DataRow")
        message = cls(tuple([reader.value() for _ in range(reader.count())]))
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        cells = b"".join([value(cell) for cell in self.cells])
        return whole(protocol.B_DATA_ROW, count(len(self.cells)) + cells)

    def __repr__(self) -> str:
        return f"DataRow({len(self.cells)} cells)"


class ParameterDescription(NamedTuple):
    """The types of a prepared statement's parameters."""

    types: tuple[int, ...]

    @classmethod
    def decode(cls, body: bytes) -> ParameterDescription:
        """Read a body."""
        reader = backend_reader(body, "ParameterDescription")
        message = cls(tuple([reader.uint32() for _ in range(reader.count())]))
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        types = b"".join([uint32(oid) for oid in self.types])
        return whole(protocol.B_PARAMETER_DESCRIPTION, count(len(self.types)) + types)


def _decode_fields(body: bytes, message: str) -> dict[str, bytes]:
    reader = backend_reader(body, message)
    fields: dict[str, bytes] = {}
    while code := reader.byte():
        name = chr(code)
        if name in fields:
            raise reader.malformed()
        fields[name] = reader.string()
    reader.end()
    return fields


def _encode_fields(kind: int, fields: dict[str, bytes]) -> bytes:
    return whole(kind, b"".join([code.encode("latin-1") + string(text) for code, text in fields.items()]) + b"\x00")


class ErrorResponse(NamedTuple):
    """An error: field code (manual, 55.8) to text, in the order in which they came."""

    fields: dict[str, bytes]

    @classmethod
    def decode(cls, body: bytes) -> ErrorResponse:
        """Read a body."""
        return cls(_decode_fields(body, "ErrorResponse"))

    def encode(self) -> bytes:
        """Write the whole message."""
        return _encode_fields(protocol.B_ERROR_RESPONSE, self.fields)


class NoticeResponse(NamedTuple):
    """A warning or a notice, with the fields of an error."""

    fields: dict[str, bytes]

    @classmethod
    def decode(cls, body: bytes) -> NoticeResponse:
        """Read a body."""
        return cls(_decode_fields(body, "NoticeResponse"))

    def encode(self) -> bytes:
        """Write the whole message."""
        return _encode_fields(protocol.B_NOTICE_RESPONSE, self.fields)


class CommandComplete(NamedTuple):
    """A command has ended; the tag names it and counts its rows."""

    tag: bytes

    @classmethod
    def decode(cls, body: bytes) -> CommandComplete:
        """Read a body."""
        reader = backend_reader(body, "CommandComplete")
        message = cls(reader.string())
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_COMMAND_COMPLETE, string(self.tag))


class ReadyForQuery(NamedTuple):
    """The backend waits for the next statement; `status` is IDLE, IN_TRANSACTION or FAILED."""

    status: bytes

    @classmethod
    def decode(cls, body: bytes) -> ReadyForQuery:
        """Read a body."""
        reader = backend_reader(body, "ReadyForQuery")
        message = cls(reader.take(1))
        reader.end()
        if message.status not in (IDLE, IN_TRANSACTION, FAILED):
            raise reader.malformed()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_READY_FOR_QUERY, self.status)


class ParameterStatus(NamedTuple):
    """A setting's present value."""

    name: bytes
    value: bytes

    @classmethod
    def decode(cls, body: bytes) -> ParameterStatus:
        """Read a body."""
        reader = backend_reader(body, "ParameterStatus")
        message = cls(reader.string(), reader.string())
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_PARAMETER_STATUS, string(self.name) + string(self.value))


class NotificationResponse(NamedTuple):
    """Somebody has notified a channel that the session listens to."""

    process_id: int
    channel: bytes
    payload: bytes

    @classmethod
    def decode(cls, body: bytes) -> NotificationResponse:
        """Read a body."""
        reader = backend_reader(body, "NotificationResponse")
        message = cls(reader.uint32(), reader.string(), reader.string())
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        names = string(self.channel) + string(self.payload)
        return whole(protocol.B_NOTIFICATION_RESPONSE, uint32(self.process_id) + names)


def _decode_copy(body: bytes, message: str) -> tuple[Reader, int, tuple[int, ...]]:
    reader = backend_reader(body, message)
    overall = reader.byte()
    return reader, overall, tuple([reader.int16() for _ in range(reader.count())])


class CopyInResponse(NamedTuple):
    """The backend waits for CopyData; `format` 0 text, 1 binary."""

    format: int
    column_formats: tuple[int, ...]

    @classmethod
    def decode(cls, body: bytes) -> CopyInResponse:
        """Read a body."""
        reader, overall, columns = _decode_copy(body, "CopyInResponse")
        reader.end()
        return cls(overall, columns)

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_COPY_IN_RESPONSE, bytes((self.format,)) + int16s(self.column_formats))


class CopyOutResponse(NamedTuple):
    """CopyData follows; `format` 0 text, 1 binary."""

    format: int
    column_formats: tuple[int, ...]

    @classmethod
    def decode(cls, body: bytes) -> CopyOutResponse:
        """Read a body."""
        reader, overall, columns = _decode_copy(body, "CopyOutResponse")
        reader.end()
        return cls(overall, columns)

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_COPY_OUT_RESPONSE, bytes((self.format,)) + int16s(self.column_formats))


class CopyData(NamedTuple):
    """A piece of a COPY's data."""

    data: bytes

    @classmethod
    def decode(cls, body: bytes) -> CopyData:
        """Read a body."""
        return cls(body)

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_COPY_DATA, self.data)

    def __repr__(self) -> str:
        return f"CopyData({len(self.data)} bytes)"


class FunctionCallResponse(NamedTuple):
    """What a function has returned; None is NULL."""

    result: bytes | None

    @classmethod
    def decode(cls, body: bytes) -> FunctionCallResponse:
        """Read a body."""
        reader = backend_reader(body, "FunctionCallResponse")
        message = cls(reader.value())
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_FUNCTION_CALL_RESPONSE, value(self.result))

    def __repr__(self) -> str:
        return "FunctionCallResponse()"
