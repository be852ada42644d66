"""A small blocking frontend of its own, for bytes that no driver would send.

It shares no code with hoopfast.wire, so that a mistake there cannot hide here. It frames messages as the PostgreSQL
manual (55.7) says, decodes what the assertions need, and checks nothing else.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import parse_qs, unquote, urlsplit

SSL_REQUEST = struct.pack("!II", 8, 80877103)
PROTOCOL_3_0 = 196608
PROTOCOL_3_2 = 196610


class Target(NamedTuple):
    """Where a connection URI leads."""

    host: str
    port: int
    user: str
    password: str
    dbname: str
    root_certificate: str | None


def target(dsn: str) -> Target:
    """Take a connection URI apart."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    return Target(
        parts.hostname or "127.0.0.1",
        parts.port or 5432,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        unquote(parts.path.lstrip("/")),
        query.get("sslrootcert", [None])[0],
    )


class Message(NamedTuple):
    """One backend message."""

    type: str
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """The fields of an ErrorResponse or NoticeResponse."""
        return {part[:1].decode(): part[1:].decode() for part in self.body.split(b"\0") if part}

    @property
    def sqlstate(self) -> str:
        """Field C of an ErrorResponse or NoticeResponse."""
        return self.fields.get("C", "")

    @property
    def cells(self) -> list[bytes | None]:
        """The cells of a DataRow."""
        (count,) = struct.unpack_from("!H", self.body)
        offset, cells = 2, list[bytes | None]()
        for _ in range(count):
            (length,) = struct.unpack_from("!i", self.body, offset)
            offset += 4
            cells.append(None if length < 0 else self.body[offset : offset + length])
            offset += max(length, 0)
        return cells


class HungUpError(Exception):
    """The peer closed the connection."""


def message(kind: str, body: bytes = b"") -> bytes:
    """One frontend message with its header."""
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def _z(text: str | bytes) -> bytes:
    return (text.encode() if isinstance(text, str) else text) + b"\0"


def query(sql: str) -> bytes:
    """Query."""
    return message("Q", _z(sql))


def parse(sql: str, name: str = "", types: Sequence[int] = ()) -> bytes:
    """Parse."""
    return message("P", _z(name) + _z(sql) + struct.pack(f"!H{len(types)}I", len(types), *types))


def bind(
    portal: str = "",
    statement: str = "",
    parameters: Sequence[bytes | None] = (),
    parameter_formats: Sequence[int] = (),
    result_formats: Sequence[int] = (),
) -> bytes:
    """Bind."""
    body = _z(portal) + _z(statement)
    body += struct.pack(f"!H{len(parameter_formats)}H", len(parameter_formats), *parameter_formats)
    body += struct.pack("!H", len(parameters))
    for value in parameters:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    body += struct.pack(f"!H{len(result_formats)}H", len(result_formats), *result_formats)
    return message("B", body)


def describe(kind: str = "P", name: str = "") -> bytes:
    """Describe a portal ("P") or a statement ("S")."""
    return message("D", kind.encode() + _z(name))


def execute(portal: str = "", max_rows: int = 0) -> bytes:
    """Execute."""
    return message("E", _z(portal) + struct.pack("!I", max_rows))


def close(kind: str, name: str = "") -> bytes:
    """Close a portal ("P") or a statement ("S")."""
    return message("C", kind.encode() + _z(name))


SYNC = message("S")
FLUSH = message("H")
TERMINATE = message("X")


def startup(user: str, dbname: str, protocol: int = PROTOCOL_3_0, **parameters: str) -> bytes:
    """StartupMessage."""
    pairs = {"user": user, "database": dbname, "client_encoding": "UTF8", **parameters}
    body = struct.pack("!I", protocol) + b"".join(_z(k) + _z(v) for k, v in pairs.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


class Frontend:
    """One connection; reads whole messages, raises HungUpError when the peer has closed."""

    def __init__(self, host: str, port: int, *, timeout: float = 10.0) -> None:
        self.socket: socket.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.parameters: dict[str, str] = {}
        self.backend_key: bytes = b""
        self._buffer = b""

    @classmethod
    def connect(
        cls,
        dsn: str,
        *,
        protocol: int = PROTOCOL_3_0,
        timeout: float = 10.0,
        password: str | None = None,
        **parameters: str,
    ) -> Self:
        """Connect and sign in with a connection URI; TLS where the URI names a root certificate."""
        to = target(dsn)
        self = cls(to.host, to.port, timeout=timeout)
        try:
            if to.root_certificate:
                self.start_tls(to.root_certificate)
            self.sign_in(to.user, to.dbname, to.password if password is None else password, protocol, **parameters)
        except BaseException:
            self.close()
            raise
        return self

    def start_tls(self, root_certificate: str) -> None:
        """SSLRequest and the handshake."""
        self.socket.sendall(SSL_REQUEST)
        if (answer := self.socket.recv(1)) != b"S":
            raise AssertionError(f"SSLRequest was answered {answer!r}")
        context = ssl.create_default_context(cafile=root_certificate)
        self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")

    def sign_in(
        self, user: str, dbname: str, password: str, protocol: int = PROTOCOL_3_0, **parameters: str
    ) -> list[Message]:
        """StartupMessage to the first ReadyForQuery; ErrorResponse becomes a SignInError."""
        self.send(startup(user, dbname, protocol, **parameters))
        seen = []
        while True:
            got = self.read()
            seen.append(got)
            if got.type == "R" and got.body == struct.pack("!I", 3):
                self.send(message("p", _z(password)))
            elif got.type == "S":
                name, value = got.body.split(b"\0")[:2]
                self.parameters[name.decode()] = value.decode()
            elif got.type == "K":
                self.backend_key = got.body
            elif got.type == "E":
                raise SignInError(got)
            elif got.type == "Z":
                return seen

    def send(self, *data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(b"".join(data))

    def read(self) -> Message:
        """The next message."""
        head = self._take(5)
        (length,) = struct.unpack("!I", head[1:])
        if length < 4:
            raise AssertionError(f"the peer sent length {length}")
        return Message(head[:1].decode("latin-1"), self._take(length - 4))

    def read_until(self, types: str = "Z") -> list[Message]:
        """Messages up to the first of one of these types, which is the last of the list."""
        seen = [self.read()]
        while seen[-1].type not in types:
            seen.append(self.read())
        return seen

    def read_to_end(self) -> list[Message]:
        """Messages until the peer closes."""
        seen = []
        while True:
            try:
                seen.append(self.read())
            except (HungUpError, ConnectionError):
                return seen

    def run(self, *data: bytes) -> list[Message]:
        """Send, then read to ReadyForQuery."""
        self.send(*data)
        return self.read_until("Z")

    def rows(self, *data: bytes) -> list[list[bytes | None]]:
        """Send, then read to ReadyForQuery; the cells of the rows. An ErrorResponse is an AssertionError."""
        seen = self.run(*data)
        if errors := [m.fields for m in seen if m.type == "E"]:
            raise AssertionError(f"ErrorResponse {errors}")
        return [m.cells for m in seen if m.type == "D"]

    def close(self) -> None:
        """Close the socket, without Terminate."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            data = self.socket.recv(65536)
            if not data:
                raise HungUpError
            self._buffer += data
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken


class SignInError(Exception):
    """The sign-in ended in an ErrorResponse."""

    def __init__(self, response: Message) -> None:
        super().__init__(str(response.fields))
        self.response = response


def types(messages: Sequence[Message]) -> str:
    """The type bytes of messages in order, asynchronous ones (N, A, S) left out."""
    return "".join(m.type for m in messages if m.type not in "NAS")
