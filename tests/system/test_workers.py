"""Several workers behind one port: sessions spread, and a CancelRequest finds its session wherever it is."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hoopfast.sandbox.postgres import ThrowawayPostgres
from hoopfast.sandbox.sandbox import Sandbox
from tests.support.servers import ROLE

CONFIGURATION = """
[gateway]
workers = 3
[[access]]
claims = { sub = "*" }
database = "workers"
policy = "p"
[policy.p]
writes = "allow"
"""


@pytest.fixture(scope="module")
def box(postgres18: ThrowawayPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("workers")
    (folder / "hoopfast.toml").write_text(CONFIGURATION)
    (folder / "schema.sql").write_text("CREATE TABLE t (a int);")
    with Sandbox(folder / "hoopfast.toml", schema=folder / "schema.sql", role=ROLE, server=postgres18) as made:
        yield made
    postgres18.psql("DROP DATABASE workers WITH (FORCE)")


def test_all_processes_are_named(box: Sandbox) -> None:
    assert len(set(box.gateway.pids)) == 4
    names = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in box.gateway.pids]
    assert sum(b"worker" in name for name in names) == 3


def test_cancel_reaches_every_worker(box: Sandbox) -> None:
    connections = [psycopg.connect(box.gateway_dsn(), autocommit=True) for _ in range(9)]
    ended: list[str | None] = []

    def sleep(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        try:
            connection.execute("SELECT pg_sleep(20)")
            ended.append(None)
        except psycopg.Error as error:
            ended.append(error.sqlstate)

    threads = [threading.Thread(target=sleep, args=(one,)) for one in connections]
    for thread in threads:
        thread.start()
    time.sleep(1)
    started = time.monotonic()
    for one in connections:
        one.cancel_safe(timeout=5)
    for thread in threads:
        thread.join(15)
    assert ended == ["57014"] * 9
    assert time.monotonic() - started < 10
    for one in connections:
        assert one.execute("SELECT 1").fetchone() == (1,)
        one.close()


def test_killed_worker_is_replaced(box: Sandbox) -> None:
    os.kill(box.gateway.pids[-1], signal.SIGKILL)
    until = time.monotonic() + 10
    served = 0
    while served < 12 and time.monotonic() < until:
        try:
            with psycopg.connect(box.gateway_dsn()) as connection:
                served += connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            served = 0
            time.sleep(0.1)
    assert served == 12
