"""Our first messages to the backend: StartupMessage and authentication, up to the first ReadyForQuery.

The mirror of startup.py. Credentials stay in the authenticator that auth/ provides; this file only carries its
messages. Errors of the backend are passed on without their text, which may name the upstream user or host.
"""

from __future__ import annotations

from typing import Protocol

from hoopfast.errors import BackendProtocolError, BackendUnavailable, HoopfastError, NoSuchDatabase, TooManySessions
from hoopfast.wire import backend, protocol
from hoopfast.wire.framer import Framer
from hoopfast.wire.startup import StartupMessage

MAX_MESSAGE = 1024 * 1024
_VERSION_3_0 = 3 << 16
_OK = 0


class Authenticator(Protocol):
    """Answers the backend's authentication requests; auth/upstream.py implements it."""

    def respond(self, code: int, data: bytes) -> bytes | None:
        """The body of the 'p' message that answers Authentication `code`; None if it asks for no answer."""


class BackendStartup:
    """A backend link between connecting and its first ReadyForQuery."""

    def __init__(self, *, user: str, database: str, parameters: dict[str, str], authenticator: Authenticator) -> None:
        self._startup = {"user": user, "database": database} | {
            name: value for name, value in parameters.items() if name not in ("user", "database")
        }
        self._authenticator = authenticator
        self._authenticated = False
        self._framer = Framer(
            protocol.BACKEND_VERDICTS, frontend=False, max_message=MAX_MESSAGE, max_control=MAX_MESSAGE
        )
        self._framer.phase = protocol.BackendPhase.STARTUP
        self.done = False
        self.parameters: dict[str, str] = {}
        self.key: backend.BackendKeyData | None = None

    def start(self) -> bytes:
        """The StartupMessage."""
        parameters = {name.encode("utf-8"): value.encode("utf-8") for name, value in self._startup.items()}
        return StartupMessage(_VERSION_3_0, parameters).encode()

    def feed(self, data: bytes | bytearray | memoryview) -> bytes:
        """Take bytes from the backend; returns what to send back. Raises HoopfastError if there will be no session."""
        self._framer.feed(data)
        answer = b""
        while not self.done:
            message = self._framer.next()
            if message is None:
                return answer
            answer += self._message(*message)
        if self._framer.buffered:
            raise BackendProtocolError("the backend sent data behind its first ReadyForQuery")
        return answer

    def _message(self, kind: int, body: bytes) -> bytes:
        if kind == protocol.B_AUTHENTICATION:
            return self._authentication(backend.Authentication.decode(body))
        if kind == protocol.B_ERROR_RESPONSE:
            raise refused(backend.ErrorResponse.decode(body).fields)
        if kind == protocol.B_NOTICE_RESPONSE:
            return b""
        if not self._authenticated:
            raise BackendProtocolError("the backend went on before authentication was complete")
        if kind == protocol.B_PARAMETER_STATUS:
            status = backend.ParameterStatus.decode(body)
            self.parameters[status.name.decode("utf-8", "replace")] = status.value.decode("utf-8", "replace")
        elif kind == protocol.B_BACKEND_KEY_DATA:
            self.key = backend.BackendKeyData.decode(body)
        elif kind == protocol.B_READY_FOR_QUERY:
            self.done = True
        return b""

    def _authentication(self, request: backend.Authentication) -> bytes:
        if self._authenticated:
            raise BackendProtocolError("the backend asked for authentication twice")
        body = self._authenticator.respond(request.code, request.data)
        if request.code == _OK:
            self._authenticated = True
            return b""
        if body is None:
            return b""
        return bytes([protocol.F_PASSWORD_MESSAGE]) + (len(body) + 4).to_bytes(4, "big") + body


_INVALID_CATALOG_NAME = b"3D000"
_TOO_MANY = frozenset((b"53300", b"53400"))
_STARTING = b"57P03"


def refused(fields: dict[str, bytes]) -> HoopfastError:
    """What the frontend is told when the backend refuses the connection: the cause, nothing of the upstream's text."""
    sqlstate = fields.get("C", b"")
    if sqlstate == _INVALID_CATALOG_NAME:
        return NoSuchDatabase("the database does not exist on its server", hint="Check [[database]] dbname.")
    if sqlstate in _TOO_MANY:
        return TooManySessions("the database server accepts no more connections")
    code = sqlstate.decode("ascii", "replace") if sqlstate.isalnum() else "unknown"
    if sqlstate == _STARTING:
        return BackendUnavailable("the database server is starting up or shutting down", sqlstate="57P03")
    return BackendUnavailable(
        f"the database server refused the gateway's connection (SQLSTATE {code})",
        hint="The gateway's operator finds the cause in the server's log; check [[database]] user and password.",
    )
