"""The sample clinic's nightly job: an ordinary psycopg program that is given a connection string and nothing else.

It knows of no gateway. `DATABASE_URL=… python -m hoopfast.sandbox.nightly_job [STEP …]` runs the steps named, or all;
each prints what it sends ("> ") and what it gets ("< "). A step that fails is reported and the next one goes on, as
nightly jobs do.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from decimal import Decimal

import psycopg

PATIENTS = "SELECT id, full_name, ssn, date_of_birth, city FROM patients WHERE id <= %s ORDER BY id"
BILLS = "SELECT id, amount, card_number FROM bills WHERE NOT paid ORDER BY id"
EXPORT = (
    "COPY (SELECT id, department_id, visited_on, minutes, diagnosis FROM visits ORDER BY id) TO STDOUT (FORMAT csv)"
)
UPDATE = "UPDATE bills SET paid = true WHERE id = %s"
DROP = "DROP TABLE bills"

Connection = psycopg.Connection[tuple[object, ...]]


def read(connection: Connection) -> None:
    """The first patients of the list."""
    say_sent(PATIENTS, 5)
    for row in connection.execute(PATIENTS, (5,)):
        say_got(*row)


def bills(connection: Connection) -> None:
    """All open bills, through a server-side cursor: a few thousand rows at a time."""
    say_sent(f"DECLARE … CURSOR FOR {BILLS}")
    count, total = 0, Decimal(0)
    with connection.transaction(), connection.cursor("open_bills") as cursor:
        cursor.itersize = 5000
        for row in cursor.execute(BILLS):
            count, total = count + 1, total + Decimal(str(row[1]))
            if count <= 3:
                say_got(*row)
    say_got(f"{count} open bills, {total} in all")


def export(connection: Connection) -> None:
    """The visits as CSV, for the warehouse: nothing in it is protected."""
    say_sent(EXPORT)
    digest, size = hashlib.sha256(), 0
    with connection.cursor() as cursor, cursor.copy(EXPORT.encode()) as copy:
        for block in copy:
            digest.update(block)
            size += len(block)
        say_got(f"{size} bytes, sha256 {digest.hexdigest()}")


def update(connection: Connection) -> None:
    """Mark a bill as paid."""
    say_sent(UPDATE, 1)
    say_got(connection.execute(UPDATE, (1,)).statusmessage)


def drop(connection: Connection) -> None:
    """What a broken migration would do."""
    say_sent(DROP)
    say_got(connection.execute(DROP).statusmessage)


STEPS: dict[str, Callable[[Connection], None]] = {one.__name__: one for one in (read, bills, export, update, drop)}


def say_sent(statement: str, *parameters: object) -> None:
    """One line for what goes out."""
    print(f"> {statement}" + (f"   {list(parameters)}" if parameters else ""))


def say_got(*values: object) -> None:
    """One line for what comes back."""
    print("< " + "  |  ".join(str(value) for value in values))


def main() -> None:
    """Run the steps that the command line names, or all of them."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, application_name="nightly-job") as connection:
        for name in sys.argv[1:] or STEPS:
            try:
                STEPS[name](connection)
            except psycopg.Error as error:
                say_got(f"{error.diag.severity} {error.sqlstate}: {error.diag.message_primary}")
                for more in (error.diag.message_detail, error.diag.message_hint):
                    if more:
                        say_got(more)


if __name__ == "__main__":
    main()
