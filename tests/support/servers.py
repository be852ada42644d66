"""Fixtures for throwaway servers: PostgreSQL 15 of the system, with contrib and TLS, and 18 of the wheel.

All are made once per test process and thrown away with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from hoopfast.sandbox.postgres import ThrowawayPostgres, wheel_bin_directory
from hoopfast.sandbox.process import SandboxError

SYSTEM_15 = Path("/usr/lib/postgresql/15/bin")
ROLE = "hoop_app"  # on every server: may log in, no superuser
SETTINGS = {"wal_level": "logical", "max_prepared_transactions": "10", "max_connections": "200"}
_names = count(1)


def bin_directory(version: int) -> Path:
    """Where the programs of PostgreSQL 15 or 18 are; skips the test if they are not there."""
    if version == 15:
        if not (SYSTEM_15 / "postgres").exists():
            pytest.skip(f"skipped for want of PostgreSQL 15 in {SYSTEM_15} (make system-packages)")
        return SYSTEM_15
    try:
        return wheel_bin_directory()
    except SandboxError as error:
        pytest.skip(f"skipped for want of the wheel's PostgreSQL 18: {error.message}")


def _server(version: int, *, tls: bool) -> Iterator[ThrowawayPostgres]:
    with ThrowawayPostgres(bin_directory(version), tls=tls, settings=SETTINGS) as server:
        server.create_role(ROLE)
        yield server


@pytest.fixture(scope="session")
def postgres18() -> Iterator[ThrowawayPostgres]:
    """PostgreSQL 18 from the wheel, without TLS and contrib."""
    yield from _server(18, tls=False)


@pytest.fixture(scope="session")
def postgres15() -> Iterator[ThrowawayPostgres]:
    """PostgreSQL 15 of the system, with contrib, accepting TLS."""
    yield from _server(15, tls=True)


@pytest.fixture(scope="session", params=[pytest.param(15, marks=pytest.mark.needs_postgres15), 18])
def postgres(request: pytest.FixtureRequest) -> ThrowawayPostgres:
    """Both servers, one after the other: for tests that must hold on either."""
    server: ThrowawayPostgres = request.getfixturevalue(f"postgres{request.param}")
    return server


@pytest.fixture
def new_database() -> Iterator[Callable[[ThrowawayPostgres, str], str]]:
    """A function (server, SQL) -> name of a new database that holds what the SQL makes; dropped after the test."""
    made: list[tuple[ThrowawayPostgres, str]] = []

    def make(server: ThrowawayPostgres, sql: str = "") -> str:
        name = f"t{next(_names)}"
        server.create_database(name, owner=ROLE)
        made.append((server, name))
        if sql:
            server.psql(sql, name)
        return name

    yield make
    for server, name in made:
        server.psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
