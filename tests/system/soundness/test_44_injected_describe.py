"""Finding 44: what the gateway asks the server for itself leaves no trace in the answers to the client."""

from __future__ import annotations

import pytest

from hoopfast.sandbox.sandbox import Sandbox
from tests.support.compare import assert_same, side_by_side
from tests.support.protocol import FLUSH, SYNC, Frontend, bind, close, describe, execute, parse, query, types
from tests.support.sandboxes import MASKED_SSN

CLEAR = "SELECT ssn, name FROM staff ORDER BY id"


def test_no_description_where_none_was_asked_for(sandbox: Sandbox) -> None:
    with side_by_side(sandbox) as (gateway, direct):
        for sent in (
            [parse(CLEAR), bind(), execute(), SYNC],
            [parse(CLEAR, "s"), SYNC],
            [bind("", "s"), execute(), SYNC],
            [bind("", "s"), execute("", 1), execute("", 1), execute(), SYNC],
            [bind("a", "s"), bind("b", "s"), execute("b"), execute("a"), close("P", "a"), SYNC],
            [describe("S", "s"), bind("", "s"), execute(), SYNC],
            [bind("", "s"), describe(), execute(), SYNC],
        ):
            assert types(gateway.run(*sent)) == types(direct.run(*sent))


def test_protected_without_describe(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.run(parse("SELECT ssn FROM patients WHERE id = 1", "s"), SYNC)
        for formats in ([], [0], [1], [1]):
            seen = frontend.run(bind("", "s", result_formats=formats), execute(), SYNC)
            assert types(seen) == "2DCZ"
            assert next(m.cells for m in seen if m.type == "D") == [MASKED_SSN.encode()]


@pytest.mark.parametrize("statement", [CLEAR, "SELECT ssn FROM patients", "SELECT 1", "ROLLBACK"])
def test_in_an_aborted_transaction(sandbox: Sandbox, statement: str) -> None:
    """A Describe of a SELECT fails there (25P02): the client sees the error once, at the message where it would be."""
    with side_by_side(sandbox) as (gateway, direct):
        answers = []
        for side in (direct, gateway):
            side.run(parse(statement, "s"), SYNC)
            side.run(query("BEGIN"))
            side.run(query("SELECT 1/0"))
            answers.append(side.run(bind("", "s"), execute(), SYNC) + side.run(query("ROLLBACK")))
        if "patients" in statement:  # the words of errors around protected columns are replaced, their codes are not
            for answer in answers:
                answer[:] = [m._replace(body=f"C{m.sqlstate}".encode()) if m.type == "E" else m for m in answer]
        assert_same(answers[1], answers[0])


def test_error_at_execution(sandbox: Sandbox) -> None:
    with side_by_side(sandbox) as (gateway, direct):
        answers = []
        for side in (direct, gateway):
            side.run(parse("SELECT 10 / $1::int", "s"), SYNC)
            seen = side.run(bind("", "s", [b"0"]), execute(), bind("", "s", [b"1"]), execute(), SYNC)
            answers.append(seen + side.run(bind("", "s", [b"5"]), execute(), SYNC))
        assert_same(answers[1], answers[0])


def test_flush_is_answered_at_once(sandbox: Sandbox) -> None:
    with side_by_side(sandbox) as (gateway, direct):
        answers = []
        for side in (direct, gateway):
            side.send(parse(CLEAR), bind(), execute(), FLUSH)
            answers.append(side.read_until("C") + side.run(SYNC))
        assert types(answers[1]) == types(answers[0])
