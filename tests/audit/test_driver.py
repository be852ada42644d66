"""The guess at the driver, from what drivers send by default."""

from __future__ import annotations

import pytest

from hoopfast.audit.driver import guess_driver


@pytest.mark.parametrize(
    ("parameters", "driver"),
    [
        ({"application_name": "psql", "client_encoding": "UTF8"}, "psql"),
        ({"application_name": "pgbench"}, "pgbench"),
        ({"application_name": "pg_dump"}, "pg_dump"),
        ({"application_name": "PostgreSQL JDBC Driver"}, "pgjdbc"),
        ({"client_encoding": "'utf-8'"}, "asyncpg"),
        ({"client_encoding": "UTF8", "DateStyle": "ISO", "TimeZone": "UTC", "extra_float_digits": "2"}, "pgjdbc"),
        ({"client_encoding": "UTF8", "datestyle": "ISO, MDY", "extra_float_digits": "2"}, "lib/pq"),
        ({"client_encoding": "UTF8"}, "node-postgres, or Npgsql"),
        ({}, "libpq"),
        ({"application_name": "nightly"}, "libpq"),
        ({"search_path": "x"}, ""),
    ],
)
def test_guess(parameters: dict[str, str], driver: str) -> None:
    assert guess_driver({"user": "etl", "database": "clinic"} | parameters) == driver
