"""Which driver a client seems to be, guessed from the parameters of its StartupMessage.

For a reader of the journal only: a client can send what it likes, and nothing is decided by it.
"""

from __future__ import annotations

from collections.abc import Mapping


def guess_driver(parameters: Mapping[str, str]) -> str:
    """The name of a driver or tool, or an empty string where the parameters fit several.

    Each test is what the named driver sends by default; application_name is trusted where a tool sets it itself.
    """
    name = parameters.get("application_name", "").lower()
    for prefix, driver in _APPLICATION_NAMES:
        if name.startswith(prefix):
            return driver
    encoding = parameters.get("client_encoding", "")
    if encoding == "'utf-8'":
        return "asyncpg"
    if "DateStyle" in parameters and "TimeZone" in parameters:
        return "pgjdbc"
    if parameters.get("datestyle") == "ISO, MDY" and "extra_float_digits" in parameters:
        return "lib/pq"
    if encoding == "UTF8" and "TimeZone" not in parameters and "application_name" not in parameters:
        return "node-postgres, or Npgsql"
    if set(parameters) <= {"user", "database", "application_name", "client_encoding", "fallback_application_name"}:
        return "libpq"
    return ""


_APPLICATION_NAMES = (
    ("psql", "psql"),
    ("pgbench", "pgbench"),
    ("pg_dump", "pg_dump"),
    ("pg_restore", "pg_restore"),
    ("postgresql jdbc driver", "pgjdbc"),
    ("dbeaver", "DBeaver"),
    ("datagrip", "DataGrip"),
    ("pgadmin", "pgAdmin"),
)
