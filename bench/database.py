"""The database that everything is measured against: pgbench's tables, and one wide table for bulk.

Owns the schema and how much is in it. Knows no proxy.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from hoopfast.sandbox.postgres import ThrowawayPostgres, wheel_bin_directory
from hoopfast.sandbox.process import plain_environment

DATABASE = "bench"
ROLE = "bench"
SYSTEM_BIN = Path("/usr/lib/postgresql/15/bin")
SETTINGS = {
    "shared_buffers": "256MB",
    "jit": "off",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "autovacuum": "off",
}

# 8 columns and about 235 bytes a row; c2 and c5 are the ones that the masking stage protects.
WIDE = """
CREATE TABLE wide AS
SELECT g AS id, 'SSN-' || lpad(g::text, 11, '0') AS c2, md5(g::text) AS c3, md5((g + 1)::text) AS c4,
       'card-' || lpad((g * 7)::text, 16, '0') AS c5, md5((g + 2)::text) AS c6, repeat('x', 64) AS c7, g * 3 AS c8
  FROM generate_series(1, {rows}) g;
CREATE UNLOGGED TABLE sink (line text);
GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
VACUUM ANALYZE wide;
"""


def bin_directory() -> Path:
    """Debian's PostgreSQL 15 where it is installed (its client has TLS), else the 18 that the wheel brings."""
    return SYSTEM_BIN if (SYSTEM_BIN / "pgbench").exists() else wheel_bin_directory()


def start(directory: Path, rows: int) -> ThrowawayPostgres:
    """A server with the tables in it; with TLS offered where it was built with it."""
    probe = ThrowawayPostgres(directory)
    server = ThrowawayPostgres(directory, settings=SETTINGS, tls=probe.offers_tls).start()
    try:
        server.create_role(ROLE)
        server.create_database(DATABASE, owner=ROLE)
        pgbench = [str(directory / "pgbench"), "-i", "-q", "-s", "1", "-U", "postgres", "-d", DATABASE]
        subprocess.run(
            [*pgbench, "-h", str(server.socket_directory), "-p", str(server.port)],
            check=True,
            capture_output=True,
            env=plain_environment(),
        )
        for statement in WIDE.format(rows=rows, role=ROLE).split(";\n"):
            if statement.strip():
                server.psql(statement, DATABASE)
        server.psql("CHECKPOINT", DATABASE)
    except BaseException:
        server.stop()
        raise
    return server


def versions(directory: Path) -> dict[str, str]:
    """What is measured with, for the report."""
    found = {"PostgreSQL": [str(directory / "postgres"), "--version"]}
    for name in ("pgbouncer", "haproxy"):
        if program := program_path(name):
            found[name] = [program, "-v" if name == "haproxy" else "--version"]
    said = {}
    for name, command in found.items():
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        said[name] = output.splitlines()[0].partition(" https:")[0] if output else "unknown"
    return said


def program_path(name: str) -> str | None:
    """A program on the PATH, or where Debian puts daemons; None if it is not installed."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
