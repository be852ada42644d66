"""What a database looks like to the gateway: for `hoopfast check --connect`.

Signs in as the gateway does, reads the catalog, and holds the policies against it: roles that may do too much, mask
rules that match nothing, masks that do not fit. Changes nothing, starts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import uvloop

from hoopfast.auth.scram import ScramCache
from hoopfast.config import Config, Database, Finding
from hoopfast.errors import ConfigError, HoopfastError, NoSuchDatabase
from hoopfast.gateway.links import ReadBuffer
from hoopfast.gateway.query import QueryConnection, Row
from hoopfast.gateway.upstream import Upstream
from hoopfast.policy.catalog import QUERIES, Catalog
from hoopfast.policy.check import findings

OLDEST, NEWEST = 13, 18  # PostgreSQL versions
QUERY = 60.0

_ROLE = """
SELECT rolsuper, rolbypassrls, rolreplication, rolcreaterole,
       pg_catalog.pg_has_role(oid, 'pg_execute_server_program', 'MEMBER'),
       pg_catalog.pg_has_role(oid, 'pg_read_server_files', 'MEMBER')
  FROM pg_catalog.pg_roles WHERE rolname = current_user"""
_POWERS = (
    "is a superuser: whatever the gateway lets pass, the database lets pass too",
    "bypasses row-level security, so the database's own policies do not hold",
    "may replicate, and so read everything",
    "may create roles",
    "may run programs on the server (pg_execute_server_program)",
    "may read files of the server (pg_read_server_files)",
)


def probe_database(config: Config, database: Database) -> list[Finding]:
    """What is wrong with a database, or may be; nothing is, if the list is empty."""
    return uvloop.run(_probed(config, database))


async def _probed(config: Config, database: Database) -> list[Finding]:
    where = f"database.{database.name}"
    try:
        upstream = Upstream(database, ReadBuffer(64 * 1024), 64 * 1024, ScramCache())
        connection = await QueryConnection.open(upstream)
    except HoopfastError as error:
        return [Finding("error", *_unreachable(database, error))]
    try:
        role = await connection.query(_ROLE, seconds=QUERY)
        results = {name: await connection.query(sql, seconds=QUERY) for name, sql in QUERIES.items()}
    except HoopfastError as error:
        return [Finding("error", where, f"the catalog cannot be read: {error.message}")]
    finally:
        await connection.closed()
    catalog = Catalog.build(results)
    return [*_of_the_server(where, catalog), *_of_the_role(where, role), *_of_the_policies(config, database, catalog)]


def _unreachable(database: Database, error: HoopfastError) -> tuple[str, str]:
    """Where a connection failed, and why: with the address, as it is for the gateway's operator only."""
    where = f"database.{database.name}"
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ConfigError):
        return f"{where}.password", cause.message
    if error.sqlstate == NoSuchDatabase.sqlstate:
        return f"{where}.dbname", f'the server at {_address(database)} has no database "{database.dbname}"'
    hint = f"; {error.hint}" if error.hint else ""
    if "SQLSTATE" in error.message:
        hint = "; its log says why: user, password and pg_hba.conf are the usual reasons"
    return where, f'as "{database.user}" at {_address(database)}: {error.message}{hint}'


def _address(database: Database) -> str:
    host = f"[{database.host}]" if ":" in database.host else database.host
    return f"{host}:{database.port}"


def _of_the_server(where: str, catalog: Catalog) -> Iterator[Finding]:
    major = catalog.server_version // 10000
    if not OLDEST <= major <= NEWEST:
        yield Finding("error", where, f"PostgreSQL {major} is not supported: versions {OLDEST} to {NEWEST} are")
    if catalog.encoding not in ("UTF8", "SQL_ASCII"):
        yield Finding("warning", where, f"its encoding is {catalog.encoding}: statements must be ASCII outside strings")


def _of_the_role(where: str, rows: list[Row]) -> Iterator[Finding]:
    for row in rows:
        for has, power in zip(row, _POWERS, strict=True):
            if has == "t":
                yield Finding("warning", f"{where}.user", f"the role {power}")
            if has == "t" and power is _POWERS[0]:
                return  # a superuser has all the others


def _of_the_policies(config: Config, database: Database, catalog: Catalog) -> Iterator[Finding]:
    """What the policies under which the database is reached come to in it."""
    for name in dict.fromkeys(access.policy for access in config.access if access.database == database.name):
        yield from findings(name, config.policy[name], catalog)
