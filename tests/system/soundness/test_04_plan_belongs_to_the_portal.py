"""Finding 4: a portal owns its plan from Bind on; the statement that it came from may be another by then."""

from __future__ import annotations

import pytest

from hoopfast.sandbox.sandbox import Sandbox
from tests.support import canaries
from tests.support.protocol import SYNC, Frontend, bind, close, describe, execute, parse, query
from tests.support.sandboxes import MASKED_SSN

PROTECTED = "SELECT ssn FROM patients WHERE id = 1"
CLEAR = "SELECT ssn FROM staff WHERE id = 1"
MASKED = [MASKED_SSN.encode()]


@pytest.mark.parametrize("format_code", [0, 1], ids=["text", "binary"])
def test_unnamed_statement_replaced(sandbox: Sandbox, format_code: int) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        formats = [format_code]
        rows = frontend.rows(
            *(parse(PROTECTED), bind("p1", result_formats=formats)),
            *(parse(CLEAR), bind("p2", result_formats=formats)),
            *(execute("p1"), execute("p2"), SYNC),
        )
        assert rows == [MASKED, [b"BADGE-1"]]
        rows = frontend.rows(
            *(parse(CLEAR), bind("p1", result_formats=formats)),
            *(parse(PROTECTED), bind("p2", result_formats=formats)),
            *(execute("p1"), execute("p2"), SYNC),
        )
        assert rows == [[b"BADGE-1"], MASKED]


def test_closed_statement_leaves_its_portals(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        rows = frontend.rows(parse(PROTECTED, "s"), bind("p", "s"), close("S", "s"), execute("p"), SYNC)
        assert rows == [MASKED]


def test_name_given_again(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.run(query("BEGIN"))
        rows = frontend.rows(
            *(parse(PROTECTED, "s"), bind("p1", "s"), close("S", "s")),
            *(parse(CLEAR, "s"), bind("p2", "s"), describe("P", "p2"), execute("p2"), execute("p1"), SYNC),
        )
        assert rows == [[b"BADGE-1"], MASKED]


def test_formats_belong_to_the_portal(sandbox: Sandbox) -> None:
    """One statement, two portals with different result formats, both alive."""
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.run(query("BEGIN"))
        rows = frontend.rows(
            parse("SELECT account, ssn FROM patients WHERE id = 1", "s"),
            *(bind("text", "s", result_formats=[0]), bind("binary", "s", result_formats=[1])),
            *(execute("binary"), execute("text"), SYNC),
        )
        assert [row[1] for row in rows] == MASKED * 2
        binary, text = rows[0][0], rows[1][0]
        assert binary is not None
        assert len(binary) == 8
        assert text != b"8841977203"
        assert int.from_bytes(binary, "big", signed=True) != 8841977203
        canaries.assert_none(rows)


def test_suspended_portal(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.run(query("BEGIN"))
        first = frontend.run(parse("SELECT ssn FROM patients ORDER BY id"), bind("p"), execute("p", 1), SYNC)
        assert [m.cells for m in first if m.type == "D"] == [MASKED]
        assert "s" in [m.type for m in first]
        rows = frontend.rows(parse(CLEAR), bind(), execute("", 0), execute("p", 1), SYNC)
        assert rows == [[b"BADGE-1"], [b"*******7715"]]
        assert frontend.rows(execute("p"), SYNC) == [[None]]
