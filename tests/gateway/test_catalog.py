"""Tests of hoopfast/gateway/catalog.py: when a catalog is read, believed, and read again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator

import pytest
import uvloop

from hoopfast.auth.scram import ScramCache
from hoopfast.config import Database
from hoopfast.errors import HoopfastError
from hoopfast.gateway import shared
from hoopfast.gateway.catalog import CatalogKeeper
from hoopfast.gateway.links import ReadBuffer
from hoopfast.gateway.upstream import Upstream
from hoopfast.policy.model import CatalogNeeded
from hoopfast.sandbox.postgres import ThrowawayPostgres
from tests.gateway.running import Gateway, Place, until
from tests.support import protocol
from tests.support.protocol import Frontend, SignInError

NewDatabase = Callable[[ThrowawayPostgres, str], str]


@pytest.fixture
def memory() -> Iterator[int]:
    descriptor = shared.create()
    yield descriptor
    os.close(descriptor)


def keeper_for(server: ThrowawayPostgres, dbname: str, memory: int, worker: int = 0, age: float = 1.0) -> CatalogKeeper:
    values = {
        "name": "db",
        "host": server.host,
        "port": server.port,
        "dbname": dbname,
        "user": "hoop_app",
        "tls": "off",
    }
    upstream = Upstream(Database.model_validate(values), ReadBuffer(65536), 65536, ScramCache())
    return CatalogKeeper(upstream, shared.Epochs(memory, worker, 2), age)


def needed(keeper: CatalogKeeper) -> bool:
    try:
        keeper.current()
    except CatalogNeeded:
        return True
    return False


def test_it_is_read_when_needed_and_compared_afterwards(
    postgres18: ThrowawayPostgres, new_database: NewDatabase, memory: int
) -> None:
    dbname = new_database(postgres18, "CREATE TABLE t (a int)")

    async def scenario() -> None:
        keeper = keeper_for(postgres18, dbname, memory, age=0.2)
        assert needed(keeper)
        await asyncio.gather(keeper.refresh(), keeper.refresh())
        first = keeper.current()
        assert first.relation_named("public", "t") is not None
        await asyncio.sleep(0.3)
        assert needed(keeper)
        await keeper.refresh()
        assert keeper.current() is first  # nothing had changed
        postgres18.psql("ALTER TABLE t ADD b text", dbname)
        await asyncio.sleep(0.3)
        await keeper.refresh()
        relation = keeper.current().relation_named("public", "t")
        assert relation is not None
        assert [column.name for column in relation.columns] == ["a", "b"]
        await keeper.close()

    uvloop.run(scenario())


def test_an_epoch_of_any_worker_counts(postgres18: ThrowawayPostgres, memory: int) -> None:
    async def scenario() -> None:
        one, other = (keeper_for(postgres18, "postgres", memory, worker, age=60) for worker in (0, 1))
        await one.refresh()
        assert not needed(one)
        other.changed()
        await asyncio.sleep(0)
        assert needed(one)
        await one.refresh()
        assert not needed(one)
        await one.close()

    uvloop.run(scenario())


def test_it_is_not_believed_without_its_connection(postgres18: ThrowawayPostgres, memory: int) -> None:
    async def scenario() -> None:
        keeper = keeper_for(postgres18, "postgres", memory, age=60)
        await keeper.refresh()
        postgres18.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hoopfast catalog'"
        )
        await asyncio.sleep(0.2)
        assert needed(keeper)
        await keeper.refresh()
        assert not needed(keeper)
        await keeper.close()

    uvloop.run(scenario())


def test_a_database_that_is_not_there(postgres18: ThrowawayPostgres, memory: int) -> None:
    async def scenario() -> None:
        keeper = keeper_for(postgres18, "not_there", memory)
        with pytest.raises(HoopfastError) as error:
            await keeper.refresh()
        assert error.value.sqlstate == "3D000"
        assert needed(keeper)
        await asyncio.sleep(0.1)  # the last attempt's link closes

    uvloop.run(scenario())


def test_the_connection_goes_with_the_last_session(
    postgres18: ThrowawayPostgres, new_database: NewDatabase, place: Place
) -> None:
    # DROP DATABASE waits 5 s for others to leave; a gateway that nobody uses is no reason for it to fail.
    dbname = new_database(postgres18, "")
    place.tables["database"][0]["dbname"] = dbname
    with Gateway(place) as gateway:
        with Frontend.connect(gateway.dsn()) as frontend:
            frontend.rows(protocol.query("SELECT 1"))
        postgres18.psql(f"DROP DATABASE {dbname}")


def test_sessions_of_other_workers_see_ddl(
    postgres18: ThrowawayPostgres, new_database: NewDatabase, place: Place
) -> None:
    place.tables["database"][0]["dbname"] = new_database(postgres18, "")
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(Gateway(place, gateway={"workers": 2}, tuning={"catalog_max_age": "60s"}))
        frontends = [stack.enter_context(Frontend.connect(gateway.dsn())) for _ in range(8)]
        for frontend in frontends:
            frontend.rows(protocol.query("SELECT 1"))
        frontends[0].run(protocol.query("CREATE TABLE made_here AS SELECT 7 AS n"))
        for frontend in frontends:
            assert frontend.rows(protocol.query("SELECT n FROM made_here")) == [[b"7"]]


def test_a_database_may_come_go_and_come_again(postgres18: ThrowawayPostgres, place: Place) -> None:
    place.tables["database"][0]["dbname"] = "comes_and_goes"
    create = "CREATE DATABASE comes_and_goes OWNER hoop_app"
    drop = "DROP DATABASE IF EXISTS comes_and_goes WITH (FORCE)"

    def value(gateway: Gateway) -> bytes | None:
        with Frontend.connect(gateway.dsn()) as frontend:
            [[cell]] = frontend.rows(protocol.query("SELECT n FROM t"))
            return cell

    postgres18.psql(drop)
    with Gateway(place) as gateway:
        with pytest.raises(SignInError) as error:
            Frontend.connect(gateway.dsn())
        assert error.value.response.sqlstate == "3D000"
        try:
            for number in range(3):
                postgres18.psql(create)
                postgres18.psql(f"CREATE TABLE t (n int); INSERT INTO t VALUES ({number}); GRANT ALL ON t TO hoop_app",
                                "comes_and_goes")  # fmt: skip
                assert value(gateway) == str(number).encode()
                with Frontend.connect(gateway.dsn()) as open_session:
                    open_session.rows(protocol.query("SELECT n FROM t"))
                    postgres18.psql(drop)
                    seen = open_session.read_to_end()
                    assert [m.sqlstate for m in seen if m.type == "E"] == ["57P01"]
                with pytest.raises(SignInError):
                    Frontend.connect(gateway.dsn())
        finally:
            postgres18.psql(drop)


def test_a_server_that_restarts(place: Place) -> None:
    # Its catalogs end with it; so do its sessions; the gateway goes on.
    with ThrowawayPostgres() as server:
        server.create_role("hoop_app")
        port = server.port
        place.tables["database"][0]["port"] = port
        with Gateway(place) as gateway:
            with Frontend.connect(gateway.dsn()) as frontend:
                frontend.rows(protocol.query("SELECT 1"))
                server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hoop_app'")
                assert [m.sqlstate for m in frontend.read_to_end() if m.type == "E"] == ["57P01"]

            def back() -> bool:
                with contextlib.suppress(SignInError), Frontend.connect(gateway.dsn()) as again:
                    return again.rows(protocol.query("SELECT 1")) == [[b"1"]]
                return False

            assert until(back)


def test_one_turn_of_the_loop_sees_one_catalog(postgres18: ThrowawayPostgres, memory: int) -> None:
    async def scenario() -> None:
        keeper = keeper_for(postgres18, "postgres", memory, age=0.1)
        await keeper.refresh()
        first = keeper.current()
        time.sleep(0.2)  # a decision that takes long, between two questions of one call
        assert keeper.current() is first
        await asyncio.sleep(0)
        assert needed(keeper)
        await keeper.close()

    uvloop.run(scenario())


def test_after_a_rest_the_first_question_looks_again(
    postgres18: ThrowawayPostgres, new_database: NewDatabase, memory: int
) -> None:
    dbname = new_database(postgres18, "CREATE TABLE t (a int)")

    async def scenario() -> None:
        keeper = keeper_for(postgres18, dbname, memory, age=60)
        await keeper.refresh()
        assert not needed(keeper)
        postgres18.psql("ALTER TABLE t RENAME a TO b", dbname)
        await asyncio.sleep(0.05)
        assert needed(keeper)
        await keeper.refresh()
        await asyncio.sleep(0.05)  # a slow loop: what was asked for is answered all the same
        relation = keeper.current().relation_named("public", "t")
        assert relation is not None
        assert [column.name for column in relation.columns] == ["b"]
        await keeper.close()

    uvloop.run(scenario())


def test_it_is_kept_fresh_ahead_of_time(postgres18: ThrowawayPostgres, memory: int) -> None:
    async def scenario() -> None:
        keeper = keeper_for(postgres18, "postgres", memory, age=0.4)
        keeper.freshness.cheap = 0  # no look after a rest
        keeper.acquire()
        await keeper.refresh()
        until_then = time.monotonic() + 1.5
        waited = 0
        while time.monotonic() < until_then:
            waited += needed(keeper)
            await asyncio.sleep(0.01)
        assert waited == 0
        keeper.release()
        await keeper.close()

    uvloop.run(scenario())


def test_rows_that_come_when_the_catalog_is_old(gateway: Gateway, postgres18: ThrowawayPostgres) -> None:
    # Nobody has asked for the catalog while the statement ran; its rows come all the same.
    with Frontend.connect(gateway.dsn()) as frontend:
        frontend.run(protocol.query("SELECT 1"))
        rows = frontend.rows(protocol.query("SELECT oid > 0, pg_sleep(6) IS NULL FROM pg_class LIMIT 1"))
        assert rows == [[b"t", b"f"]]


def test_rows_that_come_while_another_session_changes_the_catalog(gateway: Gateway) -> None:
    with Frontend.connect(gateway.dsn()) as frontend, Frontend.connect(gateway.dsn()) as other:
        frontend.run(protocol.query("SELECT 1"))
        frontend.send(protocol.query("SELECT oid > 0, pg_sleep(1) IS NULL FROM pg_class LIMIT 1"))
        time.sleep(0.3)
        other.run(protocol.query("CREATE TABLE came_between (n int)"), protocol.query("DROP TABLE came_between"))
        other.read_until("Z")
        assert protocol.types(frontend.read_until("Z")) == "TDCZ"
