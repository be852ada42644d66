"""The messages that a backend sends, one class each, named as in the manual (55.7).

`decode` reads a body, `encode` writes the whole message. Names, texts and tags are bytes as they came. Knows no order of
messages and no meaning. A malformed body is the backend's fault: BackendProtocolError.
"""

from __future__ import annotations

from typing import NamedTuple

from hoopfast.wire import protocol
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

IDLE = b"I"  # the statuses of ReadyForQuery: no transaction block, …
IN_TRANSACTION = b"T"  # … in one, …
FAILED = b"E"  # … in one that has failed


def _empty(body: bytes, message: str) -> None:
    backend_reader(body, message).end()


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


class BackendKeyData(NamedTuple):
    """What a CancelRequest has to show; the secret has 4 bytes up to protocol 3.0, up to 256 from 3.2 on."""

    process_id: int
    secret: bytes

    @classmethod
    def decode(cls, body: bytes) -> BackendKeyData:
        """Read a body."""
        reader = backend_reader(body, "BackendKeyData")
        message = cls(reader.uint32(), reader.rest())
        if not 0 < len(message.secret) <= 256:  # noqa: PLR2004 - manual, 55.7
            raise reader.malformed()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_BACKEND_KEY_DATA, uint32(self.process_id) + self.secret)

    def __repr__(self) -> str:
        return f"BackendKeyData(process_id={self.process_id})"


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


class NegotiateProtocolVersion(NamedTuple):
    """The server does not know the minor version, or some `_pq_.` options, that the frontend asked for.

    `newest_minor` is the field as PostgreSQL fills it: the whole version, 3 << 16 | minor.
    """

    newest_minor: int
    options: tuple[bytes, ...]

    @classmethod
    def decode(cls, body: bytes) -> NegotiateProtocolVersion:
        """Read a body."""
        reader = backend_reader(body, "NegotiateProtocolVersion")
        newest_minor, options = reader.uint32(), reader.uint32()
        if options > len(body):
            raise reader.malformed()
        message = cls(newest_minor, tuple([reader.string() for _ in range(options)]))
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        options = b"".join([string(option) for option in self.options])
        body = uint32(self.newest_minor) + uint32(len(self.options)) + options
        return whole(protocol.B_NEGOTIATE_PROTOCOL_VERSION, body)


class Authentication(NamedTuple):
    """A step of authentication: 0 Ok, 3 cleartext, 5 MD5 with its salt, 10 to 12 SASL (manual, 55.7)."""

    code: int
    data: bytes

    @classmethod
    def decode(cls, body: bytes) -> Authentication:
        """Read a body."""
        reader = backend_reader(body, "Authentication")
        return cls(reader.uint32(), reader.rest())

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_AUTHENTICATION, uint32(self.code) + self.data)

    def __repr__(self) -> str:
        return f"Authentication(code={self.code})"


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


class BindComplete(NamedTuple):
    """A portal has been made."""

    @classmethod
    def decode(cls, body: bytes) -> BindComplete:
        """Read a body."""
        _empty(body, "BindComplete")
        return cls()

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_BIND_COMPLETE, b"")


class CloseComplete(NamedTuple):
    """A prepared statement or portal has been closed, or was not there."""

    @classmethod
    def decode(cls, body: bytes) -> CloseComplete:
        """Read a body."""
        _empty(body, "CloseComplete")
        return cls()

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_CLOSE_COMPLETE, b"")


class CopyDone(NamedTuple):
    """A COPY TO has sent all its data."""

    @classmethod
    def decode(cls, body: bytes) -> CopyDone:
        """Read a body."""
        _empty(body, "CopyDone")
        return cls()

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_COPY_DONE, b"")


class EmptyQueryResponse(NamedTuple):
    """Stands for CommandComplete where the text held no command."""

    @classmethod
    def decode(cls, body: bytes) -> EmptyQueryResponse:
        """Read a body."""
        _empty(body, "EmptyQueryResponse")
        return cls()

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_EMPTY_QUERY_RESPONSE, b"")


class NoData(NamedTuple):
    """Answers Describe where no rows will come."""

    @classmethod
    def decode(cls, body: bytes) -> NoData:
        """Read a body."""
        _empty(body, "NoData")
        return cls()

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_NO_DATA, b"")


class ParseComplete(NamedTuple):
    """A prepared statement has been made."""

    @classmethod
    def decode(cls, body: bytes) -> ParseComplete:
        """Read a body."""
        _empty(body, "ParseComplete")
        return cls()

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_PARSE_COMPLETE, b"")


class PortalSuspended(NamedTuple):
    """Execute has reached its row limit; more rows may follow."""

    @classmethod
    def decode(cls, body: bytes) -> PortalSuspended:
        """Read a body."""
        _empty(body, "PortalSuspended")
        return cls()

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_PORTAL_SUSPENDED, b"")
