"""The frontend's first messages: SSLRequest, GSSENCRequest, CancelRequest, StartupMessage, and the password.

The only code that reads messages without a type byte. Answers in steps that the gateway carries out; checks no token
and opens no link. PostgreSQL manual, 55.2.1 and 55.2.10 to 55.2.12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from hoopfast.errors import AuthenticationFailed, FrontendProtocolError, HoopfastError, PolicyDenied
from hoopfast.session.refusal import fatal_response
from hoopfast.wire import backend, frontend, protocol
from hoopfast.wire.framer import Framer
from hoopfast.wire.startup import (
    CancelRequest,
    GSSENCRequest,
    SSLRequest,
    StartupMessage,
    decode_startup,
)

MAX_STARTUP_PACKET = 10_000  # MAX_STARTUP_PACKET_LENGTH, libpq/pqcomm.h
MAX_PASSWORD = 65_535  # PG_MAX_AUTH_TOKEN_LENGTH, libpq/auth.h
NEWEST_MINOR = 2  # protocol 3.2: PostgreSQL 18, long cancel keys
_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Reply:
    """Send these bytes to the frontend."""

    data: bytes


@dataclass(frozen=True, slots=True)
class UpgradeToTls:
    """Begin the TLS handshake now (the reply before this step was 'S'); what follows comes encrypted."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The connection was made to cancel what another one runs; nothing is answered, the connection is closed."""

    process_id: int
    secret: bytes


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who the frontend says it is, what it wants, and the token that it offers for it."""

    user: str
    database: str
    parameters: dict[str, str]  # the other start-up parameters
    protocol: tuple[int, int]
    password: str

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r}, database={self.database!r}, protocol={self.protocol!r})"


Step: TypeAlias = Reply | UpgradeToTls | Cancel | Credentials


class FrontendStartup:
    """A frontend between its first byte and its password.

    `tls` is "require", "allow" or "off"; `encrypted`: these bytes came through TLS; `loopback`: from this machine, so
    that a token may be asked for in clear. Errors are HoopfastErrors: answer with `reject` and close.
    """

    def __init__(self, *, tls: str, encrypted: bool, loopback: bool) -> None:
        self._tls = tls
        self._encrypted = encrypted
        self._loopback = loopback
        self._buffer = bytearray()
        self._message: StartupMessage | None = None
        self._asked_for_gss = False
        self._password = Framer(
            protocol.FRONTEND_VERDICTS, frontend=True, max_message=MAX_PASSWORD, max_control=MAX_PASSWORD
        )
        self._password.phase = protocol.FrontendPhase.AUTHENTICATION
        self._done = False

    @property
    def remaining(self) -> bytes:
        """What came behind the password, to be fed to the conversation."""
        return bytes(self._buffer)

    def feed(self, data: bytes | bytearray | memoryview) -> list[Step]:
        """Take bytes from the frontend; returns what to do, in order."""
        if self._done:
            self._buffer += data
            return []
        if self._started:
            return self._feed_password(data)
        self._buffer += data
        steps = self._read_packets()
        if self._buffer and self._started:
            rest = bytes(self._buffer)
            self._buffer.clear()
            steps += self._feed_password(rest)
        return steps

    @property
    def _started(self) -> bool:
        return self._message is not None

    def _read_packets(self) -> list[Step]:
        """Steps for the packets without a type byte, up to the one that ends them or changes what the bytes mean."""
        steps: list[Step] = []
        while not self._started:
            packet = self._packet()
            if packet is None:
                break
            steps += self._startup_packet(decode_startup(packet))
            if isinstance(steps[-1], UpgradeToTls | Cancel):
                break
        return steps

    def _packet(self) -> bytes | None:
        if len(self._buffer) < _LENGTH:
            return None
        length = int.from_bytes(self._buffer[:_LENGTH], "big", signed=True)
        if length < 2 * _LENGTH or length > MAX_STARTUP_PACKET:
            raise FrontendProtocolError("invalid length of startup packet")
        if len(self._buffer) < length:
            return None
        packet = bytes(self._buffer[_LENGTH:length])
        del self._buffer[:length]
        return packet

    def _startup_packet(self, packet: StartupMessage | SSLRequest | GSSENCRequest | CancelRequest) -> list[Step]:
        match packet:
            case SSLRequest():
                return self._ssl_request()
            case GSSENCRequest():
                if self._encrypted or self._asked_for_gss:
                    raise FrontendProtocolError("GSSENCRequest is not expected here")
                self._asked_for_gss = True
                return [Reply(b"N")]
            case CancelRequest(process_id, secret):
                return [Cancel(process_id, secret)]
            case StartupMessage():
                return self._startup_message(packet)

    def _ssl_request(self) -> list[Step]:
        if self._encrypted:
            raise FrontendProtocolError("SSLRequest is not expected inside TLS")
        if self._tls == "off":
            return [Reply(b"N")]
        if self._buffer:
            # Bytes sent before the handshake are not protected by it: whoever is in between may have put them there.
            raise FrontendProtocolError("received unencrypted data after SSLRequest")
        return [Reply(b"S"), UpgradeToTls()]

    def _startup_message(self, message: StartupMessage) -> list[Step]:
        major, minor = message.version >> 16, message.version & 0xFFFF
        if major != 3:
            raise FrontendProtocolError(
                f"unsupported frontend protocol {major}.{minor}: hoopfast speaks 3.0 to 3.{NEWEST_MINOR}",
                sqlstate="0A000",
            )
        if self._tls == "require" and not self._encrypted:
            raise AuthenticationFailed(
                "TLS is required", hint="Connect with sslmode=require (better: verify-full), or see [gateway] tls."
            )
        if not self._encrypted and not self._loopback:
            raise AuthenticationFailed("a token is accepted only over TLS", hint="Connect with sslmode=require.")
        parameters = {_text(name): _text(value) for name, value in message.parameters.items()}
        if not parameters.get("user"):
            raise AuthenticationFailed("no user name specified in startup packet")
        if parameters.pop("replication", "false").lower() not in ("false", "off", "no", "0"):
            raise PolicyDenied("replication connections are refused")
        self._message = message
        steps: list[Step] = []
        unknown = tuple(name for name in message.parameters if name.startswith(b"_pq_."))
        if minor > NEWEST_MINOR or unknown:
            version = (3 << 16) | min(minor, NEWEST_MINOR)
            steps.append(Reply(backend.NegotiateProtocolVersion(version, unknown).encode()))
        steps.append(Reply(backend.Authentication(_CLEARTEXT_PASSWORD, b"").encode()))
        return steps

    def _feed_password(self, data: bytes | bytearray | memoryview) -> list[Step]:
        self._password.feed(data)
        message = self._password.next()
        if message is None or self._message is None:
            return []
        password = frontend.PasswordMessage.decode(message[1]).password
        if self._password.buffered:
            raise FrontendProtocolError("received data behind the password, before it was accepted")
        self._done = True
        parameters = {_text(name): _text(value) for name, value in self._message.parameters.items()}
        parameters = {name: value for name, value in parameters.items() if not name.startswith("_pq_.")}
        parameters.pop("replication", None)
        user = parameters.pop("user")
        minor = min(self._message.version & 0xFFFF, NEWEST_MINOR)
        database = parameters.pop("database", "") or user
        return [Credentials(user, database, parameters, (3, minor), _text(password))]


_CLEARTEXT_PASSWORD = 3  # AuthenticationCleartextPassword


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise FrontendProtocolError("the startup packet is not valid UTF-8") from None


def accept(parameters: dict[str, str], process_id: int, secret: bytes) -> bytes:
    """AuthenticationOk, the backend's ParameterStatus messages, our BackendKeyData, and ReadyForQuery."""
    messages = [backend.Authentication(0, b"").encode()]
    messages += [
        backend.ParameterStatus(name.encode("utf-8"), value.encode("utf-8")).encode()
        for name, value in parameters.items()
    ]
    messages.append(backend.BackendKeyData(process_id, secret).encode())
    messages.append(backend.ReadyForQuery(b"I").encode())
    return b"".join(messages)


def reject(error: HoopfastError) -> bytes:
    """The ErrorResponse (FATAL) that ends a connection which never became a session."""
    return fatal_response(error)
