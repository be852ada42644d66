"""Fixtures for the gateway's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopfast.sandbox.postgres import ThrowawayPostgres
from tests.gateway.running import Gateway, Place


@pytest.fixture
def place(tmp_path: Path, postgres18: ThrowawayPostgres) -> Place:
    """A configuration in the making, before PostgreSQL 18."""
    return Place(tmp_path, postgres18)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, postgres18: ThrowawayPostgres) -> Iterator[Gateway]:
    """A running gateway with one worker, for tests that leave it as it was."""
    with Gateway(Place(tmp_path_factory.mktemp("gateway"), postgres18)) as running:
        yield running


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory, postgres18: ThrowawayPostgres) -> Iterator[Gateway]:
    """A running gateway with two workers, for tests that leave it as it was."""
    with Gateway(Place(tmp_path_factory.mktemp("gateway"), postgres18), gateway={"workers": 2}) as running:
        yield running
