"""The messages of a backend that belong to a session's start alone (manual, 55.7).

backend.py offers them with the others. What they carry for authentication and cancelling is secret, and no repr shows
it.
"""

from __future__ import annotations

from typing import NamedTuple

from hoopfast.wire import protocol
from hoopfast.wire.fields import backend_reader, string, uint32, whole


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


class BackendKeyData(NamedTuple):
    """What a CancelRequest has to show; the secret has 4 bytes up to protocol 3.0, up to 256 from 3.2 on."""

    process_id: int
    secret: bytes

    @classmethod
    def decode(cls, body: bytes) -> BackendKeyData:
        """Read a body."""
        reader = backend_reader(body, "BackendKeyData")
        message = cls(reader.uint32(), reader.rest())
        if not 0 < len(message.secret) <= 256:  # manual, 55.2.8
            raise reader.malformed()
        return message

    def encode(self) -> bytes:
        """Write the whole message."""
        return whole(protocol.B_BACKEND_KEY_DATA, uint32(self.process_id) + self.secret)

    def __repr__(self) -> str:
        return f"BackendKeyData(process_id={self.process_id})"


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
