"""A connection from its first byte to a running session: TLS, token, access, the database's own sign-in.

One task per connection, within a deadline. Owns the order of these steps, the journal's records of who came in and
who was turned away, and what a frontend is told that is turned away. Verifies nothing itself.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoopfast.audit import records
from hoopfast.audit.driver import guess_driver
from hoopfast.audit.identifiers import new_session_id
from hoopfast.audit.recorder import SessionRecorder
from hoopfast.auth.access import Access, match
from hoopfast.auth.identity import Identity
from hoopfast.errors import FrontendProtocolError, HoopfastError, JournalUnavailable, QueryCanceled, ShuttingDown
from hoopfast.gateway import limits
from hoopfast.gateway.claims import recorded_claims
from hoopfast.gateway.inbox import Inbox
from hoopfast.gateway.links import Link
from hoopfast.gateway.logs import logger, where
from hoopfast.gateway.relay import Ports, Relay
from hoopfast.gateway.settings import Settings
from hoopfast.gateway.sockets import is_loopback
from hoopfast.gateway.upstream import Upstream, UpstreamSession
from hoopfast.policy.settings import startup_parameters
from hoopfast.session.conversation import Conversation
from hoopfast.session.startup import (
    Cancel,
    Credentials,
    FrontendStartup,
    Reply,
    UpgradeToTls,
    accept,
    reject,
)
from hoopfast.session.steady import SteadyPorts

if TYPE_CHECKING:
    from hoopfast.gateway.worker import Worker

LONGEST_NAME = 63  # of a name in a record: what PostgreSQL keeps (NAMEDATALEN - 1), and too little for a token

log = logger("signin")


class HungUp(Exception):  # noqa: N818 - not an error: a port scan, a health check, a CancelRequest
    """The connection ends here, without a word."""


@dataclass(slots=True)
class Attempt:
    """What is known so far of who is signing in: for the records."""

    session: str
    client_address: str
    loopback: bool
    tls: str = ""
    credentials: Credentials | None = None
    identity: Identity | None = None


class SignIn:
    """One connection that is not a session yet."""

    def __init__(self, worker: Worker, link: Link, inbox: Inbox, peer: tuple[str, int]) -> None:
        self._worker = worker
        self._settings: Settings = worker.settings
        self._link = link
        self._inbox = inbox
        address = f"[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{peer[0]}:{peer[1]}"
        self._attempt = Attempt(new_session_id(), address, is_loopback(peer[0]))

    async def run(self) -> None:
        """Sign in and start the session, or turn the connection away. Raises nothing but cancellation."""
        try:
            async with asyncio.timeout(limits.STARTUP):
                await self._sign_in()
        except HungUp:
            self._link.finish()
        except HoopfastError as error:
            self._refuse(error)
        except TimeoutError:
            self._refuse(QueryCanceled("canceling authentication due to timeout"))
        except asyncio.CancelledError:
            self._refuse(ShuttingDown("the gateway is shutting down"))
            raise
        except OSError:  # the handshake failed, or the peer is gone
            self._link.abort()
        except Exception as error:
            self._refuse(HoopfastError("internal error; the connection is closed"))
            log.error("sign-in failed", session=self._attempt.session, error=where(error))

    async def _sign_in(self) -> None:
        credentials = await self._credentials()
        self._attempt.credentials = credentials
        identity = await self._settings.keys.verify(credentials.password)
        self._attempt.identity = identity
        access = match(self._settings.config, identity, credentials.database)
        parameters = startup_parameters(credentials.parameters)
        self._worker.journal.opened()
        upstream = self._settings.upstreams[access.database.name]
        keeper = self._worker.catalogs.keeper(upstream, self._settings.config.tuning.catalog_max_age)
        keeper.acquire()  # it is read while the backend starts
        try:
            backend = await upstream.sign_in(parameters)
            try:
                self._start(credentials, identity, access, upstream, backend)
            except BaseException:
                backend.link.finish()
                raise
        except BaseException:
            keeper.release()
            raise

    async def _credentials(self) -> Credentials:
        """Everything up to the password."""
        gateway, attempt = self._settings.config.gateway, self._attempt
        startup = FrontendStartup(tls=gateway.tls, encrypted=False, loopback=attempt.loopback)
        while True:
            try:
                data = await self._inbox.read()
            except ConnectionError:
                raise HungUp from None
            if not data:
                raise HungUp
            for step in startup.feed(data):
                match step:
                    case Reply(answer):
                        self._link.send([answer])
                    case UpgradeToTls():
                        startup = await self._upgrade()
                    case Cancel(process_id, secret):
                        await self._worker.cancel(process_id, secret)
                        raise HungUp
                    case Credentials():
                        return step

    async def _upgrade(self) -> FrontendStartup:
        gateway, context = self._settings.config.gateway, self._settings.tls
        if self._inbox.buffered or context is None:
            raise FrontendProtocolError("received unencrypted data after SSLRequest")
        await self._link.start_tls(context, server_side=True)
        self._attempt.tls = self._link.encryption
        return FrontendStartup(tls=gateway.tls, encrypted=True, loopback=self._attempt.loopback)

    def _start(
        self,
        credentials: Credentials,
        identity: Identity,
        access: Access,
        upstream: Upstream,
        backend: UpstreamSession,
    ) -> None:
        """From here on it is a session: nothing waits any more."""
        if not self._link.connected:
            raise HungUp
        worker, attempt, gateway = self._worker, self._attempt, self._settings.config.gateway
        keeper = worker.catalogs.keeper(upstream, self._settings.config.tuning.catalog_max_age)
        recorder = SessionRecorder(worker.journal.opened(), attempt.session, worker.journal.digest_key())
        conversation = Conversation(
            worker.engine.session(access.policy, access.policy_config, keeper),
            recorder,
            limits=self._settings.limits,
            parameters=backend.parameters,
            notifications=worker.notifications,
            steady=SteadyPorts(keeper.freshness, worker.shapes, recorder),
            threaded=True,
        )
        recorder.start(self._session_start(credentials, identity, access, backend))
        process_id, secret = worker.cancel_keys.reserve(long=credentials.protocol >= (3, 2))

        async def cancel_upstream() -> None:
            if backend.key is not None:
                await upstream.cancel(backend.key, lambda: relay.over or conversation.cancellable)

        def ended() -> None:
            keeper.release()
            worker.forget(relay, process_id)

        ports = Ports(
            self._link,
            backend.link,
            conversation,
            keeper,
            worker.journal,
            recorder,
            worker.thinking,
            cancel_upstream,
            ended,
        )
        now, loop_now = time.time(), asyncio.get_running_loop().time()
        deadline = identity.session_deadline(
            now, beyond_expiry=access.issuer.session, session_limit=gateway.session_limit
        )
        relay = Relay(
            ports,
            session=attempt.session,
            idle_timeout=gateway.idle_timeout,
            deadline=loop_now + (deadline - now),
            probe=next(iter(backend.parameters.items()), ("server_version", "")),
        )
        worker.cancel_keys.register(process_id, secret, relay)
        worker.add(relay)
        self._link.send([accept(backend.parameters, process_id, secret)])
        relay.start()

    def _session_start(
        self, credentials: Credentials, identity: Identity, access: Access, backend: UpstreamSession
    ) -> records.SessionStart:
        attempt = self._attempt
        return records.SessionStart(
            session=attempt.session,
            caller=_caller(identity, access),
            database=access.database.name,
            policy=access.policy,
            policy_version=access.policy_config.version,
            client_address=attempt.client_address,
            tls=attempt.tls,
            application_name=credentials.parameters.get("application_name", "")[:LONGEST_NAME],
            driver=guess_driver(credentials.parameters),
            user=credentials.user[:LONGEST_NAME],
            protocol=".".join(str(number) for number in credentials.protocol),
            upstream_user=access.database.user,
            backend_process_id=0 if backend.key is None else backend.key.process_id,
        )

    def _refuse(self, error: HoopfastError) -> None:
        """Turn the connection away: the frontend is told, the journal too."""
        attempt, credentials = self._attempt, self._attempt.credentials
        if self._link.connected:
            self._link.send([reject(error)])
        self._link.finish()
        parameters = {} if credentials is None else credentials.parameters
        record = records.SignInRefused(
            session=attempt.session,
            reason=error.message,
            sqlstate=error.sqlstate,
            caller=None if attempt.identity is None else _caller(attempt.identity, None),
            client_address=attempt.client_address,
            tls=attempt.tls,
            application_name=parameters.get("application_name", "")[:LONGEST_NAME],
            user="" if credentials is None else credentials.user[:LONGEST_NAME],
            database="" if credentials is None else credentials.database[:LONGEST_NAME],
        )
        log.info("sign-in refused", session=attempt.session, sqlstate=error.sqlstate, reason=error.message)
        try:
            self._worker.journal.note(record)
        except JournalUnavailable:
            log.error("refused sign-in not recorded", session=attempt.session)


def _caller(identity: Identity, access: Access | None) -> records.Caller:
    return records.Caller(
        issuer=identity.issuer_url,
        subject=identity.subject,
        claims=recorded_claims(identity.claims, () if access is None else access.rule.claims),
        token=identity.token_id,
        expires=int(identity.expires_at),
    )
