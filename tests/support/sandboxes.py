"""Fixtures for whole gateways: `hoopfast serve` before a real server, with the schema and policy of this folder.

One for PostgreSQL 15 with TLS on both sides, one for 18 without; made once per test process. Tests that change rows use
new tables, or the tables `plain`, `parents` and `children`, and clean up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopfast.sandbox.postgres import ThrowawayPostgres
from hoopfast.sandbox.sandbox import Sandbox
from tests.support.servers import ROLE

HERE = Path(__file__).parent
SCHEMA = HERE / "schema.sql"
CONFIGURATION = HERE / "sandbox.toml"
DATABASE = "system"
MASKED_SSN = "*******4281"  # keep_last(4) of canaries.SSN
MASKED_CARD = "***************4409"


def _running(server: ThrowawayPostgres, *, tls: bool) -> Iterator[Sandbox]:
    with Sandbox(CONFIGURATION, schema=SCHEMA, role=ROLE, tls=tls, server=server) as box:
        yield box
    server.psql(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture(scope="session")
def sandbox18(postgres18: ThrowawayPostgres) -> Iterator[Sandbox]:
    """A gateway before PostgreSQL 18, without TLS."""
    yield from _running(postgres18, tls=False)


@pytest.fixture(scope="session")
def sandbox15(postgres15: ThrowawayPostgres) -> Iterator[Sandbox]:
    """A gateway before PostgreSQL 15, TLS on both sides."""
    yield from _running(postgres15, tls=True)


@pytest.fixture(scope="session", params=[pytest.param(15, marks=pytest.mark.needs_postgres15), 18])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Both gateways, one after the other."""
    box: Sandbox = request.getfixturevalue(f"sandbox{request.param}")
    return box


def dsn_as(box: Sandbox, subject: str, *, dbname: str | None = None) -> str:
    """The gateway's URI with a token of another subject ("reader", "late")."""
    return box.gateway_dsn(token=box.effective.issuer.mint({"sub": subject}), dbname=dbname)


def direct_as_role(box: Sandbox) -> str:
    """The server's own URI, signed in as the upstream role: what the gateway's answers are compared with."""
    return box.postgres.dsn(DATABASE, user=ROLE)


def resident_bytes(box: Sandbox) -> int:
    """The resident memory of all the gateway's processes."""
    pages = 0
    for pid in box.gateway.pids:
        pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
