"""The catalogs of this worker: one keeper for each (host, port, database, role), shared by its sessions.

A catalog lives as long as the connection that read it (another database may have the same OIDs), is compared by
fingerprint at least every `catalog_max_age` while somebody asks for it, after a rest, and whenever a worker has bumped
the epoch.
Owns when it is read; what is read and what it means is policy/'s, and whether it may be believed wire/freshness.pyx's.
`current` never waits: CatalogNeeded says that somebody must `refresh` first.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from hoopfast.errors import BackendProtocolError, BackendUnavailable, HoopfastError
from hoopfast.gateway.logs import logger
from hoopfast.gateway.query import QueryConnection, QueryFailed, Row
from hoopfast.gateway.shared import Epochs
from hoopfast.gateway.upstream import DatabaseKey, Upstream
from hoopfast.policy.catalog import FINGERPRINT, QUERIES, Catalog
from hoopfast.policy.model import CatalogNeeded
from hoopfast.wire.freshness import Freshness

QUERY = 30.0  # seconds for one query
ATTEMPTS = 3
# Without sessions the connection is closed after this many seconds: DROP DATABASE waits 5 s for others to leave
# (CountOtherDBBackends, src/backend/storage/ipc/procarray.c).
LINGER = 3.0
BUSY = 3.0  # after the last question for this long, the catalog is kept fresh without being asked for
LEAST_VALID = 50_000_000  # nanoseconds
SECOND = 1_000_000_000
_LOOK = "hoopfast_look"

log = logger("catalog")
Prepare = Callable[[Catalog], None]


class CatalogKeeper:
    """The catalog of one database."""

    def __init__(self, upstream: Upstream, epochs: Epochs, max_age: float, prepare: Prepare | None = None) -> None:
        """`prepare` is called in a thread with each catalog that is new, before anybody is given it."""
        self.max_age = max_age
        self._prepare = prepare
        self._upstream = upstream
        self._epochs = epochs
        self._slot = Epochs.slot((upstream.key.host, upstream.key.port, upstream.key.dbname))
        self.freshness = Freshness(epochs.cells(self._slot))
        self._connection: QueryConnection | None = None
        self._catalog: Catalog | None = None
        self._held: Catalog | None = None
        self._kept: Catalog | None = None
        self._fingerprint: list[Row] = []
        self._refreshing: asyncio.Task[None] | None = None
        self._sessions = 0
        self._keep: asyncio.Task[None] | None = None

    # -- what policy/ and the relay use

    def current(self) -> Catalog:
        """The catalog; CatalogNeeded if there is none that is known to be fresh enough."""
        if self._held is not None:
            return self._held
        if self._kept is not None:
            return self._kept
        if not self.freshness.ask(time.monotonic_ns()) or self._catalog is None:
            raise CatalogNeeded
        # Until the loop's next turn: what one call into the conversation begins with, it ends with.
        self._kept = self._catalog
        asyncio.get_running_loop().call_soon(self._forget_kept)
        return self._catalog

    def hold(self, *, refreshed: bool = False) -> bool:
        """Let `current` answer with the same catalog until `let_go`; False, and nothing held, if it is not fresh.

        For the rows of a statement that was decided and forwarded before: one call into the conversation must not find
        the catalog grown old half-way. `refreshed`: it has just been, and that will do.
        """
        if not self.freshness.answer(time.monotonic_ns(), refreshed=refreshed) or self._catalog is None:
            return False
        self._held = self._catalog
        return True

    def let_go(self) -> None:
        """End `hold`."""
        self._held = None

    async def refresh(self) -> None:
        """Compare or read the catalog; all who ask meanwhile share one go. BackendUnavailable on failure."""
        task = self._refreshing
        if task is None:
            task = self._refreshing = asyncio.create_task(self._refresh())
            task.add_done_callback(self._refreshed)
        await asyncio.shield(task)

    def changed(self) -> None:
        """DDL goes to this database: no worker may trust its catalog."""
        self._kept = None
        self._epochs.bump(self._slot)

    def use(self, upstream: Upstream) -> None:
        """Connect as a reloaded configuration says from the next connection on."""
        self._upstream = upstream

    def acquire(self) -> None:
        """A session uses the catalog: keep it, and begin to read it."""
        self._sessions += 1
        self.freshness.touch(time.monotonic_ns())
        if self._keep is None:
            self._keep = asyncio.create_task(self._keep_fresh())

    def release(self) -> None:
        """That session is over."""
        self._sessions -= 1

    async def close(self) -> None:
        """Stop, and hang up."""
        tasks = [task for task in (self._keep, self._refreshing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._connection is not None:
            await self._connection.closed()
        self._drop()

    # -- reading

    def _forget_kept(self) -> None:
        self._kept = None

    async def _refresh(self) -> None:
        for attempt in range(ATTEMPTS):
            try:
                await self._compare()
                return
            except (BackendUnavailable, BackendProtocolError) as error:
                self._drop()
                if attempt + 1 == ATTEMPTS or isinstance(error, QueryFailed):
                    raise
                await asyncio.sleep(0.1 * 4**attempt)
            except BaseException:
                self._drop()
                raise

    async def _compare(self) -> None:
        connection = self._connection
        if connection is None or not connection.alive:
            self._drop()
            connection = self._connection = await QueryConnection.open(self._upstream)
            # Planning it takes longer than running it.
            await connection.query("SET plan_cache_mode = force_generic_plan", seconds=QUERY)
            await connection.query(f"PREPARE {_LOOK} AS {FINGERPRINT}", seconds=QUERY)
        epoch, began = self.freshness.epoch, time.monotonic_ns()
        fingerprint = await connection.query(f"EXECUTE {_LOOK}", seconds=QUERY)
        took = time.monotonic_ns() - began
        if self._catalog is None or fingerprint != self._fingerprint:
            fingerprint, began = await self._read(connection)
        self._fingerprint = fingerprint
        # A server that takes longer than max_age to answer would otherwise never be believed.
        valid_until = max(began + int(self.max_age * SECOND), time.monotonic_ns() + LEAST_VALID)
        self.freshness.looked(epoch, took=took, valid_until=valid_until)
        connection.when_doubtful(self._doubt)

    async def _read(self, connection: QueryConnection) -> tuple[list[Row], int]:
        """Read it all in one snapshot, with the fingerprint that belongs to it; when that began."""
        self._catalog = None
        self.freshness.renew()
        began = time.monotonic_ns()
        await connection.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", seconds=QUERY)
        fingerprint = await connection.query(FINGERPRINT, seconds=QUERY)
        results = {name: await connection.query(sql, seconds=QUERY) for name, sql in QUERIES.items()}
        await connection.query("COMMIT", seconds=QUERY)
        catalog = await asyncio.to_thread(self._build, results)
        self._catalog = catalog
        self.freshness.renew()
        log.info("catalog read", database=self._upstream.database.name, version=str(catalog.version),
                 seconds=round((time.monotonic_ns() - began) / SECOND, 3))  # fmt: skip
        return fingerprint, began

    def _build(self, results: dict[str, list[Row]]) -> Catalog:
        catalog = Catalog.build(results)
        if self._prepare is not None:
            self._prepare(catalog)
        return catalog

    async def _keep_fresh(self) -> None:
        """Refresh ahead of time while somebody asks, so that statements need not wait; end when nobody is left."""
        idle_since: int | None = None
        while True:
            now = time.monotonic_ns()
            idle_since = None if self._sessions else idle_since or now
            if idle_since is not None and now - idle_since >= LINGER * SECOND and self._refreshing is None:
                break  # one that is under way would open the connection again
            freshness = self.freshness
            due = now >= freshness.valid_until - self.max_age / 2 * SECOND
            if self._sessions and due and now - freshness.asked_at < BUSY * SECOND:
                with contextlib.suppress(Exception):  # logged; whoever needs the catalog tries again, and tells
                    await self.refresh()
                    freshness.just_looked = False
            await asyncio.sleep(max(self.max_age / 4, 0.05))
        self._keep = None
        self._drop()

    def _refreshed(self, task: asyncio.Task[None]) -> None:
        self._refreshing = None
        if not task.cancelled() and (error := task.exception()) is not None:
            reason = error.message if isinstance(error, HoopfastError) else type(error).__name__
            log.warning("catalog not read", database=self._upstream.database.name, reason=reason)

    def _doubt(self) -> None:
        self.freshness.doubt()

    def _drop(self) -> None:
        self._catalog = self._kept = None
        self.freshness.renew()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Catalogs:
    """The keepers of one worker."""

    def __init__(self, epochs: Epochs, prepare: Prepare | None = None) -> None:
        self._epochs = epochs
        self._prepare = prepare
        self._keepers: dict[DatabaseKey, CatalogKeeper] = {}

    def keeper(self, upstream: Upstream, max_age: float) -> CatalogKeeper:
        """The keeper for this database, made at its first use."""
        keeper = self._keepers.get(upstream.key)
        if keeper is None:
            keeper = self._keepers[upstream.key] = CatalogKeeper(upstream, self._epochs, max_age, self._prepare)
        keeper.use(upstream)
        keeper.max_age = max_age
        return keeper

    async def close(self) -> None:
        """Hang up everywhere."""
        await asyncio.gather(*(keeper.close() for keeper in self._keepers.values()))
