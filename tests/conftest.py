"""Fixtures for all tests; they live in tests/support/ and are described in its README.md."""

from __future__ import annotations

from tests.support.servers import new_database, postgres, postgres15, postgres18

__all__ = ["new_database", "postgres", "postgres15", "postgres18"]
