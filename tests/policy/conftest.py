"""The clinic on PostgreSQL 18 (and on 15 where versions matter), made once for all tests of policy/."""

from __future__ import annotations

import pytest

from hoopfast.sandbox.postgres import ThrowawayPostgres
from tests.policy.clinic import SCHEMA, Clinic, read_catalog


def _clinic(server: ThrowawayPostgres) -> Clinic:
    server.create_database("policy_clinic")
    server.psql(SCHEMA.read_text(encoding="utf-8"), "policy_clinic")
    dsn = server.dsn("policy_clinic")
    return Clinic(read_catalog(dsn), dsn)


@pytest.fixture(scope="session")
def clinic18(postgres18: ThrowawayPostgres) -> Clinic:
    """The clinic on 18."""
    return _clinic(postgres18)


@pytest.fixture(scope="session")
def clinic15(postgres15: ThrowawayPostgres) -> Clinic:
    """The clinic on 15."""
    return _clinic(postgres15)


@pytest.fixture
def clinic(clinic18: Clinic) -> Clinic:
    """The clinic where the version does not matter."""
    return clinic18
