"""The messages without a type byte, with which a connection begins: StartupMessage and three requests (manual, 55.7).

`decode_startup` reads a body (what follows the Int32 length), `encode` writes the whole message. The length of the
packet is its reader's business. A malformed body is the frontend's fault: FrontendProtocolError.
"""

from __future__ import annotations

from typing import NamedTuple

from hoopfast.wire.fields import frontend_reader, string, uint32

# src/include/libpq/pqcomm.h: the upper half is no version that will ever be.
CANCEL_REQUEST_CODE = 1234 << 16 | 5678
SSL_REQUEST_CODE = 1234 << 16 | 5679
GSSENC_REQUEST_CODE = 1234 << 16 | 5680

MAX_CANCEL_KEY = 256  # manual, 55.2.8; 4 bytes exactly before protocol 3.2


def _packet(body: bytes) -> bytes:
    return uint32(len(body) + 4) + body


class StartupMessage(NamedTuple):
    """Opens a session. `version` is major << 16 | minor; of a parameter given twice, the last counts."""

    version: int
    parameters: dict[bytes, bytes]

    def encode(self) -> bytes:
        """Write the whole message."""
        pairs = [string(name) + string(content) for name, content in self.parameters.items()]
        return _packet(uint32(self.version) + b"".join(pairs) + b"\x00")


class SSLRequest(NamedTuple):
    """Asks whether the connection may go on in TLS."""

    def encode(self) -> bytes:
        """Write the whole message."""
        return _packet(uint32(SSL_REQUEST_CODE))


class GSSENCRequest(NamedTuple):
    """Asks whether the connection may go on in GSSAPI encryption."""

    def encode(self) -> bytes:
        """Write the whole message."""
        return _packet(uint32(GSSENC_REQUEST_CODE))


class CancelRequest(NamedTuple):
    """Asks to cancel what another connection runs; the secret is that of its BackendKeyData."""

    process_id: int
    secret: bytes

    def encode(self) -> bytes:
        """Write the whole message."""
        return _packet(uint32(CANCEL_REQUEST_CODE) + uint32(self.process_id) + self.secret)

    def __repr__(self) -> str:
        return f"CancelRequest(process_id={self.process_id})"


def decode_startup(body: bytes) -> StartupMessage | SSLRequest | GSSENCRequest | CancelRequest:
    """Read the body of a first message; a StartupMessage of any version is read as one of version 3."""
    reader = frontend_reader(body, "startup")
    code = reader.uint32()
    if code == CANCEL_REQUEST_CODE:
        request = CancelRequest(reader.uint32(), reader.rest())
        if not 0 < len(request.secret) <= MAX_CANCEL_KEY:
            raise reader.malformed()
        return request
    if code in (SSL_REQUEST_CODE, GSSENC_REQUEST_CODE):
        reader.end()
        return SSLRequest() if code == SSL_REQUEST_CODE else GSSENCRequest()
    parameters: dict[bytes, bytes] = {}
    if code >> 16 == 3:  # no other version's layout is known
        while name := reader.string():
            parameters[name] = reader.string()
        reader.end()
    return StartupMessage(code, parameters)
