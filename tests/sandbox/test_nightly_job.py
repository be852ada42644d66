"""hoopfast/sandbox/nightly_job.py: straight to a server it does what a job does, and knows of no gateway."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopfast.sandbox import clinic, nightly_job
from hoopfast.sandbox.postgres import ThrowawayPostgres
from tests.support.servers import ROLE


@pytest.fixture(scope="module")
def dsn(postgres18: ThrowawayPostgres) -> Iterator[str]:
    clinic.load(postgres18, owner=ROLE, database="job")
    yield postgres18.dsn("job", user=ROLE)
    postgres18.psql("DROP DATABASE job WITH (FORCE)")


def _run(dsn: str, *steps: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, nightly_job.__file__, *steps],
        env={**os.environ, "DATABASE_URL": dsn},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


def test_all_steps(dsn: str) -> None:
    lines = _run(dsn)
    assert lines[0].startswith("> SELECT")
    assert "< 1  |  Felix Fischer  |  907-11-1017  |  2008-01-16  |  Hazel Grove" in lines
    assert "< UPDATE 1" in lines
    assert lines[-1] == "< DROP TABLE"


def test_goes_on_after_an_error(dsn: str) -> None:
    _run(dsn, "drop")
    lines = _run(dsn, "drop", "read")
    assert '< ERROR 42P01: table "bills" does not exist' in lines
    assert lines[-1].startswith("< 5  |  ")


def test_knows_no_gateway() -> None:
    tree = ast.parse(Path(nightly_job.__file__).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.startswith("hoopfast")]
