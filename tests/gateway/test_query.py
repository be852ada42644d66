"""Tests of hoopfast/gateway/query.py: the gateway's own queries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from hoopfast.auth.scram import ScramCache
from hoopfast.config import Database
from hoopfast.errors import BackendUnavailable
from hoopfast.gateway.links import ReadBuffer
from hoopfast.gateway.query import QueryConnection, QueryFailed
from hoopfast.gateway.upstream import Upstream
from hoopfast.sandbox.postgres import ThrowawayPostgres


def with_connection(server: ThrowawayPostgres, scenario: Callable[[QueryConnection], Awaitable[None]]) -> None:
    async def run() -> None:
        values = {"name": "d", "host": server.host, "port": server.port, "dbname": "postgres", "user": "hoop_app"}
        upstream = Upstream(Database.model_validate({**values, "tls": "off"}), ReadBuffer(8192), 65536, ScramCache())
        connection = await QueryConnection.open(upstream)
        try:
            await scenario(connection)
        finally:
            await connection.closed()

    uvloop.run(asyncio.wait_for(run(), 20))


def test_rows_and_nulls(postgres18: ThrowawayPostgres) -> None:
    async def scenario(connection: QueryConnection) -> None:
        assert await connection.query("SELECT 1, NULL, 'ä'", seconds=5) == [["1", None, "ä"]]
        rows = await connection.query("SELECT n, repeat('x', 100) FROM generate_series(1, 5000) n", seconds=5)
        assert len(rows) == 5000
        assert rows[-1] == ["5000", "x" * 100]
        assert await connection.query("", seconds=5) == []

    with_connection(postgres18, scenario)


def test_names_are_qualified_and_nothing_can_be_written(postgres18: ThrowawayPostgres) -> None:
    async def scenario(connection: QueryConnection) -> None:
        assert await connection.query("SELECT current_schemas(false)", seconds=5) == [["{}"]]
        with pytest.raises(QueryFailed) as error:
            await connection.query("CREATE TABLE public.x (n int)", seconds=5)
        assert error.value.code == "25006"

    with_connection(postgres18, scenario)


def test_an_error_leaves_the_connection_usable(postgres18: ThrowawayPostgres) -> None:
    async def scenario(connection: QueryConnection) -> None:
        with pytest.raises(QueryFailed) as error:
            await connection.query("SELECT 1/0 AS secret_name", seconds=5)
        assert error.value.code == "22012"
        assert "secret_name" not in error.value.message
        assert await connection.query("SELECT 2", seconds=5) == [["2"]]

    with_connection(postgres18, scenario)


def test_one_that_takes_too_long(postgres18: ThrowawayPostgres) -> None:
    async def scenario(connection: QueryConnection) -> None:
        with pytest.raises(BackendUnavailable):
            await connection.query("SELECT pg_sleep(10)", seconds=0.2)
        assert not connection.alive

    with_connection(postgres18, scenario)


def test_several_at_once_take_turns(postgres18: ThrowawayPostgres) -> None:
    async def scenario(connection: QueryConnection) -> None:
        answers = await asyncio.gather(*(connection.query(f"SELECT {n}", seconds=5) for n in range(20)))
        assert answers == [[[str(n)]] for n in range(20)]

    with_connection(postgres18, scenario)


def test_the_servers_end_is_seen_at_once(postgres18: ThrowawayPostgres) -> None:
    async def scenario(connection: QueryConnection) -> None:
        [[pid]] = await connection.query("SELECT pg_backend_pid()", seconds=5)
        postgres18.psql(f"SELECT pg_terminate_backend({pid})")
        await asyncio.sleep(0.2)
        assert not connection.alive
        with pytest.raises(BackendUnavailable):
            await connection.query("SELECT 1", seconds=5)

    with_connection(postgres18, scenario)
