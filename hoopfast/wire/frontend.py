"""The messages that a frontend sends, one class each, named as in the manual (55.7); startup.py has the first ones.

`decode` reads a body, `encode` writes the whole message. Names and texts are bytes in the client's encoding. Knows no
order of messages and no meaning. A malformed body is the frontend's fault: FrontendProtocolError.
"""

from __future__ import annotations

from typing import NamedTuple

from hoopfast.wire import protocol
from hoopfast.wire.fields import Reader, count, frontend_reader, int16, int16s, int32, string, uint32, value, whole

STATEMENT = b"S"  # what Describe and Close mean: a prepared statement …
PORTAL = b"P"  # … or a portal


def _formats(reader: Reader) -> tuple[int, ...]:
    return tuple([reader.int16() for _ in range(reader.count())])


def _empty(body: bytes, message: str) -> None:
    frontend_reader(body, message).end()


def _kind(reader: Reader) -> bytes:
    kind = reader.take(1)
    if kind not in (STATEMENT, PORTAL):
        raise reader.malformed()
    return kind


class Query(NamedTuple):
    """A simple query: any number of commands in one text."""

    text: bytes

    @classmethod
    def decode(cls, body: bytes) -> Query:
        """Read a body."""
        reader = frontend_reader(body, "Query")
        message = cls(reader.string())
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_QUERY, string(self.text))


class Parse(NamedTuple):
    """Makes a prepared statement of a text."""

    name: bytes
    text: bytes
    parameter_types: tuple[int, ...]

    @classmethod
    def decode(cls, body: bytes) -> Parse:
        """Read a body."""
        reader = frontend_reader(body, "Parse")
        name, text = reader.string(), reader.string()
        message = cls(name, text, tuple([reader.uint32() for _ in range(reader.count())]))
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        types = count(len(self.parameter_types)) + b"".join([uint32(oid) for oid in self.parameter_types])
        return whole(protocol.F_PARSE, string(self.name) + string(self.text) + types)


class Bind(NamedTuple):
    """Makes a portal of a prepared statement and parameter values; None is NULL."""

    portal: bytes
    statement: bytes
    parameter_formats: tuple[int, ...]
    parameters: tuple[bytes | None, ...]
    result_formats: tuple[int, ...]

    @classmethod
    def decode(cls, body: bytes) -> Bind:
        """Read a body."""
        reader = frontend_reader(body, "Bind")
        portal, statement = reader.string(), reader.string()
        parameter_formats = _formats(reader)
        parameters = tuple([reader.value() for _ in range(reader.count())])
        message = cls(portal, statement, parameter_formats, parameters, _formats(reader))
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        parts = [string(self.portal), string(self.statement), int16s(self.parameter_formats)]
        parts.append(count(len(self.parameters)))
        parts += [value(parameter) for parameter in self.parameters]
        parts.append(int16s(self.result_formats))
        return whole(protocol.F_BIND, b"".join(parts))


class Describe(NamedTuple):
    """Asks what a prepared statement (kind b"S") or a portal (b"P") returns."""

    kind: bytes
    name: bytes

    @classmethod
    def decode(cls, body: bytes) -> Describe:
        """Read a body."""
        reader = frontend_reader(body, "Describe")
        message = cls(_kind(reader), reader.string())
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_DESCRIBE, self.kind + string(self.name))


class Execute(NamedTuple):
    """Runs a portal; `max_rows` 0 is no limit."""

    portal: bytes
    max_rows: int

    @classmethod
    def decode(cls, body: bytes) -> Execute:
        """Read a body."""
        reader = frontend_reader(body, "Execute")
        message = cls(reader.string(), reader.int32())
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_EXECUTE, string(self.portal) + int32(self.max_rows))


class Close(NamedTuple):
    """Closes a prepared statement (kind b"S") or a portal (b"P")."""

    kind: bytes
    name: bytes

    @classmethod
    def decode(cls, body: bytes) -> Close:
        """Read a body."""
        reader = frontend_reader(body, "Close")
        message = cls(_kind(reader), reader.string())
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_CLOSE, self.kind + string(self.name))


class FunctionCall(NamedTuple):
    """Calls a function by its OID; None is NULL."""

    function: int
    argument_formats: tuple[int, ...]
    arguments: tuple[bytes | None, ...]
    result_format: int

    @classmethod
    def decode(cls, body: bytes) -> FunctionCall:
        """Read a body."""
        reader = frontend_reader(body, "FunctionCall")
        function = reader.uint32()
        argument_formats = _formats(reader)
        arguments = tuple([reader.value() for _ in range(reader.count())])
        message = cls(function, argument_formats, arguments, reader.int16())
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        parts = [uint32(self.function), int16s(self.argument_formats), count(len(self.arguments))]
        parts += [value(argument) for argument in self.arguments]
        parts.append(int16(self.result_format))
        return whole(protocol.F_FUNCTION_CALL, b"".join(parts))


class CopyFail(NamedTuple):
    """Ends a COPY FROM with an error; `reason` becomes part of its text."""

    reason: bytes

    @classmethod
    def decode(cls, body: bytes) -> CopyFail:
        """Read a body."""
        reader = frontend_reader(body, "CopyFail")
        message = cls(reader.string())
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_COPY_FAIL, string(self.reason))


class PasswordMessage(NamedTuple):
    """The answer to a request for a password; never shown."""

    password: bytes

    @classmethod
    def decode(cls, body: bytes) -> PasswordMessage:
        """Read a body."""
        reader = frontend_reader(body, "PasswordMessage")
        message = cls(reader.string())
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_PASSWORD_MESSAGE, string(self.password))

    def __repr__(self) -> str:
        return "PasswordMessage()"


class SASLInitialResponse(NamedTuple):
    """Chooses a SASL mechanism; `data` None: no initial response."""

    mechanism: bytes
    data: bytes | None

    @classmethod
    def decode(cls, body: bytes) -> SASLInitialResponse:
        """Read a body."""
        reader = frontend_reader(body, "SASLInitialResponse")
        message = cls(reader.string(), reader.value())
        reader.end()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_PASSWORD_MESSAGE, string(self.mechanism) + value(self.data))

    def __repr__(self) -> str:
        return f"SASLInitialResponse(mechanism={self.mechanism!r})"


class SASLResponse(NamedTuple):
    """A further step of SASL."""

    data: bytes

    @classmethod
    def decode(cls, body: bytes) -> SASLResponse:
        """Read a body."""
        return cls(body)

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_PASSWORD_MESSAGE, self.data)

    def __repr__(self) -> str:
        return "SASLResponse()"


class CopyData(NamedTuple):
    """A piece of a COPY's data; boundaries mean nothing."""

    data: bytes

    @classmethod
    def decode(cls, body: bytes) -> CopyData:
        """Read a body."""
        return cls(body)

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_COPY_DATA, self.data)


class CopyDone(NamedTuple):
    """Ends a COPY FROM."""

    @classmethod
    def decode(cls, body: bytes) -> CopyDone:
        """Read a body."""
        _empty(body, "CopyDone")
        return cls()

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_COPY_DONE, b"")


class Sync(NamedTuple):
    """Ends a pipeline segment: closes its implicit transaction and asks for ReadyForQuery."""

    @classmethod
    def decode(cls, body: bytes) -> Sync:
        """Read a body."""
        _empty(body, "Sync")
        return cls()

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_SYNC, b"")


class Flush(NamedTuple):
    """Asks for what the backend still holds in its output buffer."""

    @classmethod
    def decode(cls, body: bytes) -> Flush:
        """Read a body."""
        _empty(body, "Flush")
        return cls()

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_FLUSH, b"")


class Terminate(NamedTuple):
    """Ends the session."""

    @classmethod
    def decode(cls, body: bytes) -> Terminate:
        """Read a body."""
        _empty(body, "Terminate")
        return cls()

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.F_TERMINATE, b"")
