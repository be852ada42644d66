"""Fixtures for all tests; they live in tests/support/ and are described in its README.md."""

from __future__ import annotations

from tests.support.sandboxes import sandbox, sandbox15, sandbox18
from tests.support.servers import new_database, postgres, postgres15, postgres18

__all__ = ["new_database", "postgres", "postgres15", "postgres18", "sandbox", "sandbox15", "sandbox18"]
