"""A connection of the gateway's own to a database, for its own queries: simple protocol, text results.

Owns one link and the exchange of one query at a time. Used for reading catalogs; no frontend's byte goes this way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from hoopfast.errors import BackendProtocolError, BackendUnavailable
from hoopfast.gateway.inbox import NOBODY, Inbox, expect
from hoopfast.gateway.links import Link
from hoopfast.gateway.upstream import Upstream
from hoopfast.wire import backend, frontend, protocol

MOST_BUFFERED = 1 << 30
GOODBYE = 1.0  # seconds
Row = list[str | None]

# What the catalog is read with: names always qualified in what the server prints, values in one form, no limits of the
# role's own in the way, no trace of an own time-out.
_SETTINGS = {
    "application_name": "hoopfast catalog",
    "client_encoding": "UTF8",
    "search_path": "",
    "DateStyle": "ISO",
    "extra_float_digits": "3",
    "standard_conforming_strings": "on",
    "default_transaction_read_only": "on",
    "idle_in_transaction_session_timeout": "0",
    "statement_timeout": "0",
    # Printing a view's definition locks what it reads: a transaction that has altered that, and now waits for a
    # decision, must not be waited for.
    "lock_timeout": "2s",
}


class QueryFailed(BackendUnavailable):
    """The server answered a query of the gateway's own with an error; `code` is its SQLSTATE."""

    def __init__(self, code: str) -> None:
        super().__init__(f"a query of the gateway's own failed (SQLSTATE {code})")
        self.code = code


class QueryConnection:
    """One connection, one query at a time."""

    def __init__(self, link: Link, inbox: Inbox, parameters: dict[str, str]) -> None:
        self.parameters = parameters  # what the server reported at the start
        self._link = link
        self._inbox = inbox
        self._rest = bytearray()
        self._busy = asyncio.Lock()
        self._doubt: Callable[[], None] = lambda: None

    @classmethod
    async def open(cls, upstream: Upstream) -> QueryConnection:
        """Connect and sign in; the errors are Upstream's."""
        session = await upstream.sign_in(_SETTINGS)
        inbox = Inbox(always=True)
        inbox.link = session.link
        session.link.receiver = inbox
        session.link.read(True)
        connection = cls(session.link, inbox, session.parameters)
        inbox.noticed = connection._noticed
        return connection

    @property
    def alive(self) -> bool:
        """Whether the server has neither hung up nor, unasked, said that it will."""
        said_something = self._inbox.buffered and not self._busy.locked()
        return self._link.connected and not self._link.closing and not self._inbox.over and not said_something

    def when_doubtful(self, doubt: Callable[[], None]) -> None:
        """Call this once `alive` is no longer so; at once, if it is not now."""
        self._doubt = doubt
        self._noticed()

    async def query(self, sql: str, *, seconds: float) -> list[Row]:
        """The rows of one query; BackendUnavailable if it fails or takes too long (then the connection is closed)."""
        async with self._busy:
            try:
                async with asyncio.timeout(seconds):
                    return await self._query(sql)
            except TimeoutError:
                self.close()
                raise BackendUnavailable("a query of the gateway's own took too long") from None
            except QueryFailed:
                raise
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Say Terminate and hang up."""
        self._link.send([frontend.Terminate().encode()])
        self._link.receiver = NOBODY
        self._link.finish()
        self._noticed()
        self._doubt = lambda: None

    async def closed(self) -> None:
        """Close, and wait until the server has hung up too, or it takes too long."""
        self.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._link.gone(), GOODBYE)
        self._link.abort()

    def _noticed(self) -> None:
        if not self.alive:
            self._doubt()

    async def _query(self, sql: str) -> list[Row]:
        self._link.send([frontend.Query(sql.encode()).encode()])
        rows: list[Row] = []
        failed = ""
        while True:
            kind, body = await self._message()
            if kind == protocol.B_DATA_ROW:
                cells = backend.DataRow.decode(body).cells
                rows.append([None if cell is None else bytes(cell).decode("utf-8", "replace") for cell in cells])
            elif kind == protocol.B_ERROR_RESPONSE:
                failed = backend.ErrorResponse.decode(body).fields.get("C", b"").decode("ascii", "replace")
            elif kind == protocol.B_READY_FOR_QUERY:
                if failed:
                    raise QueryFailed(failed)
                return rows

    async def _message(self) -> tuple[int, bytes]:
        rest = self._rest
        while True:
            if len(rest) >= _HEADER:
                length = int.from_bytes(rest[1:_HEADER], "big")
                if not _LENGTH <= length < MOST_BUFFERED:
                    raise BackendProtocolError("the database server sent an invalid message length")
                if len(rest) > length:
                    body = bytes(rest[_HEADER : length + 1])
                    kind = rest[0]
                    del rest[: length + 1]
                    return kind, body
            rest += await expect(self._inbox)


_LENGTH = 4
_HEADER = 5
