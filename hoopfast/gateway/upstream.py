"""The way to one database: connecting, TLS, signing in, cancelling.

Owns what a [[database]] section says. What can go wrong becomes BackendUnavailable (08006) or what the server said in
its place (3D000, 53300); neither host nor user nor password is in a text that a frontend sees. Knows no session.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hoopfast.auth.scram import ScramCache
from hoopfast.auth.upstream import Authenticator
from hoopfast.config import Database, Secret
from hoopfast.errors import BackendProtocolError, BackendUnavailable, ConfigError, HoopfastError
from hoopfast.gateway import tls
from hoopfast.gateway.inbox import NOBODY, Inbox, expect
from hoopfast.gateway.links import Link, ReadBuffer
from hoopfast.gateway.logs import logger, where
from hoopfast.gateway.sockets import is_loopback, keep_alive
from hoopfast.session.backend_startup import BackendStartup
from hoopfast.wire.backend import BackendKeyData
from hoopfast.wire.startup import CancelRequest, SSLRequest

CONNECT = 10.0  # seconds for TCP and TLS
SIGN_IN = 20.0
CANCEL = 5.0

log = logger("upstream")


class DatabaseKey(NamedTuple):
    """What makes two sections lead to the same database, seen by the same role."""

    host: str
    port: int
    dbname: str
    user: str


@dataclass(slots=True)
class UpstreamSession:
    """A backend link that is ready for the first query."""

    link: Link
    parameters: dict[str, str]
    key: BackendKeyData | None


class Upstream:
    """One [[database]], as it is reached from this worker."""

    def __init__(self, database: Database, buffer: ReadBuffer, write_high: int, cache: ScramCache) -> None:
        """Raises ConfigError if its TLS files do not do."""
        self.database = database
        self.key = DatabaseKey(database.host, database.port, database.dbname, database.user)
        self._buffer = buffer
        self._write_high = write_high
        self._context = tls.client_context(database)
        self._cache = cache

    async def sign_in(self, parameters: Mapping[str, str]) -> UpstreamSession:
        """Connect and sign in with the gateway's credentials; `parameters` are start-up parameters."""
        try:
            async with asyncio.timeout(SIGN_IN):
                return await self._sign_in(parameters)
        except TimeoutError:
            raise BackendUnavailable("the database server did not answer in time") from None

    async def cancel(self, key: BackendKeyData, wanted: Callable[[], bool]) -> None:
        """Ask the server to cancel what the link with this key runs; returns when the server has taken note.

        `wanted` is asked right before the request goes out. Best effort, as CancelRequest is: what fails is logged
        only.
        """
        try:
            async with asyncio.timeout(CANCEL):
                link, inbox = await self._connect()
                try:
                    if not wanted():
                        return
                    link.send([CancelRequest(key.process_id, key.secret).encode()])
                    while await inbox.read():
                        pass  # the server closes the connection when it has passed the signal on
                except ConnectionError:
                    pass
                finally:
                    link.abort()
        except (TimeoutError, BackendUnavailable, BackendProtocolError) as error:
            log.warning("cancel request not delivered", database=self.database.name, error=where(error))

    async def _sign_in(self, parameters: Mapping[str, str]) -> UpstreamSession:
        authenticator = await self._authenticator()
        link, inbox = await self._connect()
        try:
            startup = BackendStartup(
                user=self.database.user,
                database=self.database.dbname,
                parameters=dict(parameters),
                authenticator=authenticator,
            )
            link.send([startup.start()])
            while not startup.done:
                answer = startup.feed(await expect(inbox))
                if answer:
                    link.send([answer])
        except BaseException as error:
            link.abort()
            if isinstance(error.__cause__, ConfigError):
                log.error(
                    "no credentials for the database", database=self.database.name, reason=error.__cause__.message
                )
            elif isinstance(error, HoopfastError):
                log.warning("database not signed in to", database=self.database.name, reason=error.message)
            raise
        link.receiver = NOBODY
        return UpstreamSession(link, startup.parameters, startup.key)

    async def _authenticator(self) -> Authenticator:
        database = self.database
        secret = database.password
        password: Secret | str | None = secret
        if secret is not None and secret.kind == "command":  # it must not hold up the loop
            try:
                password = await asyncio.to_thread(secret.resolve)
            except ConfigError as error:
                log.error("no credentials for the database", database=database.name, reason=error.message)
                raise BackendUnavailable("the gateway's credentials for this database are not available") from None
        secure = database.tls != "off" or database.unix or is_loopback(database.host)
        host = f"{database.host}:{database.port}"
        return Authenticator(database.user, password, self._cache, host=host, secure=secure)

    async def _connect(self) -> tuple[Link, Inbox]:
        database, inbox = self.database, Inbox()
        link = Link(self._buffer, self._write_high, inbox)
        inbox.link = link
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT):
                if database.unix:
                    path = f"{database.host}/.s.PGSQL.{database.port}"
                    await loop.create_unix_connection(lambda: link, path)
                else:
                    transport, _ = await loop.create_connection(lambda: link, database.host, database.port)
                    keep_alive(transport.get_extra_info("socket"))
                if self._context is not None:
                    await self._start_tls(link, inbox, self._context)
        except (OSError, TimeoutError) as error:
            link.abort()
            reason = _reason(error)
            log.warning("database not reachable", database=database.name, host=database.host, port=database.port,
                        reason=reason)  # fmt: skip
            raise BackendUnavailable(f"the database server cannot be reached: {reason}") from None
        except BaseException:
            link.abort()
            raise
        return link, inbox

    async def _start_tls(self, link: Link, inbox: Inbox, context: ssl.SSLContext) -> None:
        link.send([SSLRequest().encode()])
        answer = await expect(inbox)
        if answer == b"N":
            raise BackendUnavailable("the database server refuses TLS, which the gateway's configuration requires")
        if answer != b"S" or inbox.buffered:
            # More than one byte: somebody in between speaks before the handshake protects anything.
            raise BackendProtocolError("the database server gave no valid answer to SSLRequest")
        await link.start_tls(context, server_side=False, hostname=self.database.host)


def _reason(error: BaseException) -> str:
    """What is wrong with a connection, without addresses."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not accepted"
    if isinstance(error, ssl.SSLError):
        return "the TLS handshake failed"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, FileNotFoundError):
        return "no Unix socket there"
    return "unknown host" if type(error).__name__ == "gaierror" else "connection failed"
