"""A proxy between gateway and server that spoils what the server says, when a test tells it to.

It stands for a server that is broken, hostile or out of step. Each connection is copied in both directions by two
threads; the server's messages are framed, so that one of them can be changed, repeated or followed by others.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, cast

from hoopfast.sandbox.postgres import ThrowawayPostgres

Change = Callable[[bytes, bytes], bytes]  # (type, whole message) -> what is sent instead


class TamperingServer:
    """Listens on a port of its own; `change` is applied to each backend message of sessions once they are `armed`.

    A session is armed by a Query or Parse whose text holds `marker`, so that the gateway's own connections never are.
    """

    marker = b"/* tamper */"

    def __init__(self, server: ThrowawayPostgres) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.change: Change = lambda _, message: message
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    def as_server(self) -> ThrowawayPostgres:
        """Itself, for what wants a ThrowawayPostgres: everything but the port is the real one's."""
        return cast(ThrowawayPostgres, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._server.port))
            self._open += [near, far]
            armed = threading.Event()
            threading.Thread(target=self._upstream, args=(near, far, armed), daemon=True).start()
            threading.Thread(target=self._downstream, args=(far, near, armed), daemon=True).start()

    def _upstream(self, near: socket.socket, far: socket.socket, armed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                if self.marker in data:
                    armed.set()
                far.sendall(data)
        with contextlib.suppress(OSError):
            far.shutdown(socket.SHUT_WR)

    def _downstream(self, far: socket.socket, near: socket.socket, armed: threading.Event) -> None:
        held = b""
        with contextlib.suppress(OSError):
            while data := far.recv(65536):
                held += data
                out = b""
                while len(held) >= 5 and len(held) >= (size := 1 + int.from_bytes(held[1:5], "big")):
                    message, held = held[:size], held[size:]
                    out += self.change(message[:1], message) if armed.is_set() else message
                near.sendall(out)
        with contextlib.suppress(OSError):
            near.shutdown(socket.SHUT_WR)
