"""asyncpg through the gateway: binary results, cached prepared statements, cursors, COPY, notifications, timeouts."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from hoopfast.sandbox.sandbox import Sandbox
from tests.support import canaries
from tests.support.sandboxes import MASKED_SSN, direct_as_role


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


def _run(box: Sandbox, work: Callable[[Any], Awaitable[None]]) -> None:
    async def main() -> None:
        async with _connected(box.gateway_dsn()) as connection:
            await work(connection)

    asyncio.run(main())


def test_cached_prepared_statement(sandbox: Sandbox) -> None:
    async def work(connection: Any) -> None:
        for _ in range(3):
            row = await connection.fetchrow("SELECT id, ssn, city FROM patients WHERE id = $1", 1)
            assert tuple(row) == (1, MASKED_SSN, "Oakham")

    _run(sandbox, work)


def test_every_protected_column(sandbox: Sandbox) -> None:
    async def work(connection: Any) -> None:
        statement = await connection.prepare("SELECT * FROM patients ORDER BY id")
        first, second = await statement.fetch(), await statement.fetch()
        assert first == second
        canaries.assert_none([tuple(row) for row in first])
        async with _connected(direct_as_role(sandbox)) as direct:
            true = await direct.fetch("SELECT * FROM patients ORDER BY id")
        for mine, theirs in zip(first, true, strict=True):
            assert (mine["id"], mine["city"]) == (theirs["id"], theirs["city"])
            for name in ("full_name", "ssn", "born", "account", "notes"):
                assert theirs[name] is None or mine[name] != theirs[name]

    _run(sandbox, work)


def test_unprotected_is_identical(sandbox: Sandbox) -> None:
    async def work(connection: Any) -> None:
        async with _connected(direct_as_role(sandbox)) as direct:
            for statement in ("SELECT * FROM plain ORDER BY id", "SELECT name, ssn FROM staff ORDER BY id"):
                assert await connection.fetch(statement) == await direct.fetch(statement)

    _run(sandbox, work)


def test_cursor(sandbox: Sandbox) -> None:
    async def work(connection: Any) -> None:
        async with connection.transaction():
            rows = [
                tuple(row) async for row in connection.cursor("SELECT id, ssn FROM patients ORDER BY id", prefetch=1)
            ]
        assert [row[0] for row in rows] == [1, 2, 3]
        assert rows[0][1] == MASKED_SSN
        canaries.assert_none(rows, ["931-02-7715"])

    _run(sandbox, work)


def test_copy(sandbox: Sandbox) -> None:
    async def work(connection: Any) -> None:
        out = io.BytesIO()
        await connection.copy_from_table("plain", output=out)
        assert out.getvalue().count(b"\n") == 2
        await connection.execute("CREATE TABLE copied (id int, label text)")
        try:
            await connection.copy_records_to_table("copied", records=[(n, str(n)) for n in range(5000)])
            assert await connection.fetchval("SELECT count(*) FROM copied") == 5000
        finally:
            await connection.execute("DROP TABLE copied")

    _run(sandbox, work)


def test_statement_timeout_cancels(sandbox: Sandbox) -> None:
    async def work(connection: Any) -> None:
        with pytest.raises(TimeoutError):
            await connection.execute("SELECT pg_sleep(30)", timeout=0.3)
        assert await connection.fetchval("SELECT 1") == 1

    _run(sandbox, work)


def test_notifications(sandbox: Sandbox) -> None:
    async def work(connection: Any) -> None:
        seen: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        await connection.add_listener("done", lambda _c, _p, channel, payload: seen.put_nowait((channel, payload)))
        async with _connected(sandbox.gateway_dsn()) as other:
            await other.execute("NOTIFY done, 'batch 8'")
        assert await asyncio.wait_for(seen.get(), 5) == ("done", "batch 8")
        await connection.reset()

    _run(sandbox, work)


def test_pool_resets_its_connections(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with asyncpg.create_pool(sandbox.gateway_dsn(), min_size=2, max_size=4) as pool:
            for _ in range(3):
                rows = await asyncio.gather(*(pool.fetchval("SELECT ssn FROM patients WHERE id = 1") for _ in range(8)))
                assert rows == [MASKED_SSN] * 8

    asyncio.run(main())


def test_refused_and_alive(sandbox: Sandbox) -> None:
    async def work(connection: Any) -> None:
        for _ in range(2):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="TRUNCATE is not for jobs"):
                await connection.execute("TRUNCATE plain")
            assert await connection.fetchval("SELECT ssn FROM patients WHERE id = $1", 1) == MASKED_SSN

    _run(sandbox, work)
