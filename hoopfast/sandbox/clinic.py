"""The sample clinic: 50,000 made-up patients with their visits and bills, the same on every machine and every run.

Owns how clinic.sql, which holds the schema and makes the rows, gets into a throwaway server. Knows no policy.
"""

from __future__ import annotations

from pathlib import Path

from hoopfast.sandbox.postgres import ThrowawayPostgres, identifier

DATABASE = "clinic"
PATIENTS = 50_000
VISITS = 100_000
TABLES = ("departments", "patients", "visits", "bills")
SCRIPT = Path(__file__).with_name("clinic.sql")


def load(postgres: ThrowawayPostgres, *, owner: str, database: str = DATABASE) -> None:
    """Create the database and fill it; takes a few seconds.

    The tables belong to `owner`, a role that exists: it may change and drop them, so that what stops it is the gateway.
    """
    postgres.create_database(database, owner=owner)
    postgres.load(SCRIPT, database)
    postgres.psql("".join(f"ALTER TABLE {table} OWNER TO {identifier(owner)};" for table in TABLES), database)
