"""psycopg 3 through the gateway: prepared statements, binary, pipelines, server-side cursors, COPY, notifications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from hoopfast.sandbox.sandbox import Sandbox
from tests.support import canaries
from tests.support.sandboxes import MASKED_CARD, MASKED_SSN, direct_as_role, dsn_as

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def connection(sandbox: Sandbox) -> Iterator[Connection]:
    with psycopg.connect(sandbox.gateway_dsn(), autocommit=True) as made:
        yield made


@pytest.fixture
def direct(sandbox: Sandbox) -> Iterator[Connection]:
    with psycopg.connect(direct_as_role(sandbox), autocommit=True) as made:
        yield made


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("prepare", [False, True, None], ids=["unprepared", "prepared", "default"])
def test_protected_twice(connection: Connection, binary: bool, prepare: bool | None) -> None:
    with connection.cursor(binary=binary) as cursor:
        for _ in range(7):  # the driver prepares by itself after five
            cursor.execute("SELECT id, ssn, city FROM patients WHERE id = %s", (1,), prepare=prepare)
            assert cursor.fetchall() == [(1, MASKED_SSN, "Oakham")]


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_every_protected_column(connection: Connection, direct: Connection, binary: bool) -> None:
    with connection.cursor(binary=binary) as cursor:
        rows = cursor.execute("SELECT * FROM patients ORDER BY id", prepare=True).fetchall()
        again = cursor.execute("SELECT * FROM patients ORDER BY id", prepare=True).fetchall()
        cards = cursor.execute("SELECT card_number, amount FROM billing WHERE id = 1").fetchall()
    assert rows == again
    canaries.assert_none(rows)
    true_rows = direct.execute("SELECT * FROM patients ORDER BY id").fetchall()
    for row, true in zip(rows, true_rows, strict=True):
        assert (row[0], row[6]) == (true[0], true[6])
        for index in range(1, 6):
            assert (row[index] is None) == (true[index] is None)
            assert true[index] is None or row[index] != true[index]
    assert cards[0][0] == MASKED_CARD
    assert str(cards[0][1]) == "120.50"


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_unprotected_is_identical(connection: Connection, direct: Connection, binary: bool) -> None:
    for statement in ("SELECT * FROM plain ORDER BY id", "SELECT name, ssn FROM staff ORDER BY id", "SELECT 1 AS one"):
        with connection.cursor(binary=binary) as cursor, direct.cursor(binary=binary) as other:
            mine, theirs = cursor.execute(statement), other.execute(statement)
            assert [tuple(one) for one in mine.description or ()] == [tuple(one) for one in theirs.description or ()]
            assert mine.fetchall() == theirs.fetchall()


def _pipelined(connection: Connection, *statements: str) -> None:
    with connection.pipeline():
        for statement in statements:
            connection.execute(statement.encode())


def test_pipeline(connection: Connection) -> None:
    with connection.pipeline():
        cursors = [connection.execute("SELECT ssn, id FROM patients WHERE id = %s", (1 + n % 2,)) for n in range(20)]
        plain = connection.execute("SELECT label FROM plain WHERE id = 1")
    assert [cursor.fetchone() for cursor in cursors] == [(MASKED_SSN, 1), ("*******7715", 2)] * 10
    assert plain.fetchone() == ("one",)


def test_pipeline_with_an_error(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        _pipelined(connection, "SELECT 1", "SELECT 1/0", "SELECT ssn FROM patients")
    assert connection.execute("SELECT ssn FROM patients WHERE id = 1").fetchone() == (MASKED_SSN,)


def test_pipeline_with_a_refusal(sandbox: Sandbox, connection: Connection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="TRUNCATE is not for jobs"):
        _pipelined(connection, "INSERT INTO parents VALUES (900)", "TRUNCATE children")
    assert sandbox.postgres.psql("SELECT count(*) FROM parents WHERE id = 900", "system").strip() == "0"
    assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_server_side_cursor(connection: Connection, binary: bool) -> None:
    with connection.transaction(), connection.cursor("nightly", binary=binary) as cursor:
        cursor.execute("SELECT id, ssn FROM patients ORDER BY id")
        assert cursor.fetchone() == (1, MASKED_SSN)
        rest = cursor.fetchall()
    assert [row[0] for row in rest] == [2, 3]
    canaries.assert_none(rest, ["931-02-7715"])


def test_stream(connection: Connection) -> None:
    with connection.cursor() as cursor:
        rows = list(cursor.stream("SELECT id, ssn FROM patients ORDER BY id"))
    assert rows[0] == (1, MASKED_SSN)


@pytest.mark.parametrize("form", ["text", "binary", "csv"])
def test_copy_both_ways(connection: Connection, direct: Connection, form: str) -> None:
    copy_out = sql.SQL("COPY plain TO STDOUT ({})").format(sql.SQL(f"FORMAT {form}"))
    with connection.cursor() as cursor, cursor.copy(copy_out) as copy:
        data = b"".join(bytes(block) for block in copy)
    with direct.cursor() as cursor, cursor.copy(copy_out) as copy:
        assert data == b"".join(bytes(block) for block in copy)
    connection.execute("CREATE TABLE copied (LIKE plain)")
    try:
        copy_in = sql.SQL("COPY copied FROM STDIN ({})").format(sql.SQL(f"FORMAT {form}"))
        with connection.cursor() as cursor, cursor.copy(copy_in) as copy:
            for start in range(0, len(data), 7):
                copy.write(data[start : start + 7])
        assert connection.execute("SELECT * FROM copied EXCEPT SELECT * FROM plain").fetchall() == []
        assert connection.execute("SELECT count(*) FROM copied").fetchone() == (2,)
    finally:
        connection.execute("DROP TABLE copied")


def test_copy_in_that_the_client_gives_up(connection: Connection) -> None:
    def give_up() -> None:
        with connection.cursor() as cursor, cursor.copy("COPY parents FROM STDIN") as copy:
            copy.write("901\n")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        give_up()
    assert connection.execute("SELECT count(*) FROM parents WHERE id = 901").fetchone() == (0,)


def test_copy_never_leaks(sandbox: Sandbox, connection: Connection) -> None:
    for statement in (
        "COPY patients TO STDOUT",
        "COPY (SELECT ssn FROM patients) TO STDOUT",
        "COPY patients (ssn) TO STDOUT",
    ):
        data = b""
        try:
            with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
                data = b"".join(bytes(block) for block in copy)
        except psycopg.Error as error:
            canaries.assert_none(str(error))
        canaries.assert_none(data)


def test_errors_are_the_servers(connection: Connection, direct: Connection) -> None:
    for statement in (
        "SELECT 1/0",
        "SELECT no_such_column FROM plain",
        "SELEC 1",
        "SELECT 'x'::int",
        "SELECT * FROM nope",
    ):
        seen = []
        for one in (connection, direct):
            with pytest.raises(psycopg.Error) as caught:
                one.execute(statement.encode())
            seen.append(
                (caught.value.sqlstate, caught.value.diag.message_primary, caught.value.diag.statement_position)
            )
        assert seen[0] == seen[1], statement


def test_transactions_and_savepoints(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute("INSERT INTO parents VALUES (902)")
        with pytest.raises(psycopg.errors.UniqueViolation), connection.transaction():
            connection.execute("INSERT INTO parents VALUES (902)")
        assert connection.execute("SELECT count(*) FROM parents WHERE id = 902").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM parents WHERE id = 902").fetchone() == (0,)


def test_notifications(connection: Connection, sandbox: Sandbox) -> None:
    connection.execute("LISTEN done")
    with psycopg.connect(sandbox.gateway_dsn(), autocommit=True) as other:
        other.execute("NOTIFY done, 'batch 7'")
    received = list(connection.notifies(timeout=5, stop_after=1))
    assert [(one.channel, one.payload) for one in received] == [("done", "batch 7")]


def test_cancel(connection: Connection) -> None:
    import threading

    timer = threading.Timer(0.5, connection.cancel_safe)
    timer.start()
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute("SELECT pg_sleep(30)")
    timer.join()
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_reader_may_not_write(sandbox: Sandbox) -> None:
    with psycopg.connect(dsn_as(sandbox, "reader"), autocommit=True) as reader:
        for statement in (
            "INSERT INTO parents VALUES (903)",
            "UPDATE plain SET label = 'x'",
            "DELETE FROM plain",
            "DROP TABLE plain",
            "CREATE TABLE t (a int)",
            "WITH gone AS (DELETE FROM plain RETURNING id) SELECT * FROM gone",
            "SELECT * FROM plain FOR UPDATE",
            "DO $$ BEGIN DELETE FROM plain; END $$",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement.encode())
        assert reader.execute("SELECT count(*) FROM plain").fetchone() == (2,)


def test_database_that_is_not_there_yet(sandbox: Sandbox) -> None:
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(dsn_as(sandbox, "late", dbname="not_there_yet"))
    sandbox.postgres.create_database("not_there_yet")
    try:
        with psycopg.connect(dsn_as(sandbox, "late", dbname="not_there_yet")) as late:
            assert late.execute("SELECT 1").fetchone() == (1,)
    finally:
        sandbox.postgres.psql("DROP DATABASE not_there_yet WITH (FORCE)")


@pytest.mark.parametrize("spoiled", ["", "x", "a.b.c"])
def test_bad_tokens_are_refused(sandbox: Sandbox, spoiled: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(sandbox.gateway_dsn(token=spoiled))


def test_tokens_of_others_are_refused(sandbox: Sandbox) -> None:
    issuer = sandbox.effective.issuer
    good = {"sub": "writer"}
    for token in (
        issuer.mint(good, seconds=-120),
        issuer.mint(good, audience="other"),
        issuer.mint(good, url="https://elsewhere.invalid"),
        issuer.mint(good, not_before=3600),
        issuer.mint({"sub": "nobody"}),
        issuer.mint(good)[:-4] + "AAAA",
    ):
        with pytest.raises(psycopg.OperationalError) as caught:
            psycopg.connect(sandbox.gateway_dsn(token=token))
        assert token not in str(caught.value)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(sandbox.gateway_dsn(dbname="postgres"))
