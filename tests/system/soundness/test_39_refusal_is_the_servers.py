"""Finding 39: a refusal is made by PostgreSQL: what stood before it is rolled back and what follows is skipped."""

from __future__ import annotations

import pytest

from hoopfast.sandbox.sandbox import Sandbox
from tests.support.compare import assert_same, side_by_side
from tests.support.protocol import SYNC, Frontend, bind, describe, execute, parse, query, types

REFUSED = "TRUNCATE plain"  # by the rule nobody-truncates


@pytest.fixture(autouse=True)
def no_row_900(sandbox: Sandbox) -> None:
    sandbox.postgres.psql("DELETE FROM parents WHERE id >= 900", "system")


def _count(box: Sandbox) -> str:
    return box.postgres.psql("SELECT count(*) FROM parents WHERE id >= 900", "system").strip()


def _run_statement(text: str) -> bytes:
    return parse(text) + bind() + execute()


def test_pipeline_is_rolled_back(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        seen = frontend.run(
            _run_statement("INSERT INTO parents VALUES (900)"),
            _run_statement(REFUSED),
            _run_statement("INSERT INTO parents VALUES (901)"),
            SYNC,
        )
        error = next(m for m in seen if m.type == "E")
        assert error.sqlstate == "42501"
        assert "TRUNCATE is not for jobs" in error.fields["M"]
        assert seen[-1].body == b"I"
        assert _count(sandbox) == "0"
        assert frontend.rows(query("SELECT 1")) == [[b"1"]]


def test_transaction_ends_in_rollback(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.run(query("BEGIN"))
        frontend.run(query("INSERT INTO parents VALUES (900)"))
        assert frontend.run(query(REFUSED))[-1].body == b"E"
        seen = frontend.run(query("SELECT 1"))
        assert next(m.sqlstate for m in seen if m.type == "E") == "25P02"
        seen = frontend.run(query("COMMIT"))
        assert [m.body for m in seen if m.type == "C"] == [b"ROLLBACK\0"]
    assert _count(sandbox) == "0"


def test_savepoint_survives(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        for text in ("BEGIN", "INSERT INTO parents VALUES (900)", "SAVEPOINT s"):
            frontend.run(query(text))
        assert frontend.run(query(REFUSED))[-1].body == b"E"
        assert frontend.run(query("ROLLBACK TO s"))[-1].body == b"T"
        frontend.run(query("COMMIT"))
    assert _count(sandbox) == "1"


def test_string_with_a_refused_statement_is_refused_whole(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        seen = frontend.run(query(f"INSERT INTO parents VALUES (900); {REFUSED}; SELECT 1"))
        assert [m.type for m in seen] == ["E", "Z"]
    assert _count(sandbox) == "0"


def test_unnamed_statement_survives_a_refused_named_one(sandbox: Sandbox) -> None:
    with side_by_side(sandbox) as (gateway, direct):
        sent = [parse("SELECT 42"), SYNC], [parse(REFUSED, "named"), SYNC], [bind(), describe(), execute(), SYNC]
        seen = [gateway.run(*step) for step in sent]
        expected = [direct.run(*sent[0]), direct.run(parse("SELEC", "named"), SYNC), direct.run(*sent[2])]
        assert types(seen[1]) == types(expected[1])
        assert_same(seen[2], expected[2])


@pytest.mark.parametrize(
    "after", [[SYNC], [bind(), execute(), SYNC], [bind(), execute(), parse("SELECT 1"), SYNC, query("SELECT 2")]]
)
def test_same_replies_as_an_error_of_the_server(sandbox: Sandbox, after: list[bytes]) -> None:
    """The order of replies, skipping until Sync and the status byte are those of a statement that cannot be parsed."""
    syncs = sum(1 for one in after if one[:1] in (b"S", b"Q"))
    with side_by_side(sandbox) as (gateway, direct):
        seen, expected = [], []
        gateway.send(parse(REFUSED), *after)
        direct.send(parse("TRUNCATE no_such_table ("), *after)
        for _ in range(syncs):
            seen += gateway.read_until("Z")
            expected += direct.read_until("Z")
        shape = [(m.type, m.body if m.type == "Z" else None) for m in seen]
        assert shape == [(m.type, m.body if m.type == "Z" else None) for m in expected]
