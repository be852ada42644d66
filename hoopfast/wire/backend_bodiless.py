"""The messages of a backend that consist of their type alone (manual, 55.7).

backend.py offers them with the others.
"""

from __future__ import annotations

from typing import NamedTuple

from hoopfast.wire import protocol
from hoopfast.wire.fields import backend_reader, whole


def _empty(body: bytes, message: str) -> None:
    backend_reader(body, message).end()


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
