"""Finding 41: how many ReadyForQuery a COPY FROM STDIN leads to depends on the server's answer."""

from __future__ import annotations

import pytest

from hoopfast.sandbox.sandbox import Sandbox
from tests.support.compare import assert_same, side_by_side
from tests.support.protocol import FLUSH, SYNC, Frontend, bind, execute, message, parse, query
from tests.support.sandboxes import MASKED_SSN

DATA = message("d", b"930\n")
DONE = message("c")
PROTECTED = "SELECT ssn FROM patients WHERE id = 1"


@pytest.fixture(autouse=True)
def no_row_930(sandbox: Sandbox) -> None:
    sandbox.postgres.psql("DELETE FROM parents WHERE id >= 930", "system")


def _copy(table: str) -> bytes:
    return parse(f"COPY {table} FROM STDIN") + bind() + execute()


@pytest.mark.parametrize(
    ("table", "syncs"),
    [("parents", 1), ("no_such_table", 2), ("parents (nothing)", 2)],
    ids=["success", "table", "column"],
)
def test_sync_behind_copy(sandbox: Sandbox, table: str, syncs: int) -> None:
    """On success the Sync in the middle is swallowed; on failure the data is ignored and both Syncs are answered."""
    with side_by_side(sandbox) as (gateway, direct):
        answers = []
        for side in (direct, gateway):
            side.send(_copy(table), SYNC, DATA, DONE, SYNC)
            answers.append([one for _ in range(syncs) for one in side.read_until("Z")])
            side.run(query("DELETE FROM parents WHERE id = 930"))
        if table == "no_such_table":
            # Of a COPY the server's Parse knows no tables: what the gateway cannot decide on it refuses by itself.
            assert [m.body for m in answers[1] if m.type == "Z"] == [m.body for m in answers[0] if m.type == "Z"]
            assert [m.type for m in answers[1] if m.type in "EGC"] == ["E"]
        else:
            assert_same(answers[1], answers[0])
        # In step: the next answers belong to the next questions.
        assert gateway.rows(query(PROTECTED)) == [[MASKED_SSN.encode()]]
        assert gateway.rows(query("SELECT 'clear'")) == [[b"clear"]]


def test_everything_in_one_write(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.send(
            _copy("parents"), DATA, DONE, SYNC, parse(PROTECTED), bind(), execute(), SYNC, query("SELECT 'x'")
        )
        first = frontend.read_until("Z")
        assert [m.type for m in first] == ["1", "2", "G", "C", "Z"]
        second = frontend.read_until("Z")
        assert [m.cells for m in second if m.type == "D"] == [[MASKED_SSN.encode()]]
        third = frontend.read_until("Z")
        assert [m.cells for m in third if m.type == "D"] == [[b"x"]]


def test_flush_and_sync_are_dropped_in_copy_in(sandbox: Sandbox) -> None:
    with side_by_side(sandbox) as (gateway, direct):
        answers = []
        for side in (direct, gateway):
            side.send(_copy("parents"), FLUSH)
            seen = side.read_until("G")
            seen += side.run(FLUSH, SYNC, DATA, SYNC, FLUSH, DONE, SYNC)
            answers.append(seen)
            side.run(query("DELETE FROM parents WHERE id = 930"))
        assert_same(answers[1], answers[0])


def test_statement_in_the_middle_of_copy_in(sandbox: Sandbox) -> None:
    """Only CopyData, CopyDone and CopyFail may come: the server would take a Query for the end of the session."""
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.send(query("COPY parents FROM STDIN"))
        frontend.read_until("G")
        frontend.send(DATA, query(PROTECTED))
        seen = frontend.read_to_end()
        assert not [m for m in seen if m.type == "D"]
        assert [m.type for m in seen][:1] == ["E"]
    assert sandbox.postgres.psql("SELECT count(*) FROM parents WHERE id = 930", "system").strip() == "0"


def test_stray_copy_messages_are_dropped(sandbox: Sandbox) -> None:
    with side_by_side(sandbox) as (gateway, direct):
        sent = [DATA, DONE, message("f", b"no\0"), query("SELECT 'still here'")]
        assert_same(gateway.run(*sent), direct.run(*sent))


def test_failed_copy_in_the_simple_protocol(sandbox: Sandbox) -> None:
    with side_by_side(sandbox) as (gateway, direct):
        for bad in (b"not a number\n", b"1\t2\n"):
            answers = []
            for side in (direct, gateway):
                side.send(query("COPY parents FROM STDIN"))
                seen = side.read_until("G")
                answers.append(seen + side.run(message("d", bad), DONE))
            assert [m.type for m in answers[1]] == [m.type for m in answers[0]]
            assert answers[1][-2].sqlstate == answers[0][-2].sqlstate
        assert gateway.rows(query(PROTECTED)) == [[MASKED_SSN.encode()]]
