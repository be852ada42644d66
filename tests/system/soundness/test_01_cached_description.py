"""Finding 1: a cached RowDescription is not a witness. The description of a statement was made under another path."""

from __future__ import annotations

from hoopfast.sandbox.sandbox import Sandbox
from tests.support import canaries
from tests.support.protocol import SYNC, Frontend, bind, describe, execute, parse, query

SECRETS = [canaries.SSN, "931-02-7715"]
SELECT = "SELECT ssn FROM staff ORDER BY id"


def test_search_path_changes_between_describe_and_execute(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        rows = frontend.rows(parse(SELECT, "s"), describe("S", "s"), bind("", "s"), execute(), SYNC)
        assert rows == [[b"BADGE-1"], [b"BADGE-2"]]
        frontend.run(query("SET search_path = shadow"))
        seen = frontend.run(bind("", "s"), execute(), SYNC)
        canaries.assert_none(b"".join(m.body for m in seen), SECRETS)
        frontend.run(query("SET search_path = public"))
        assert frontend.rows(bind("", "s"), execute(), SYNC) == rows


def test_in_one_pipeline(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.run(parse(SELECT, "s"), describe("S", "s"), SYNC)
        seen = frontend.run(parse("SET search_path = shadow"), bind(), execute(), bind("", "s"), execute(), SYNC)
        canaries.assert_none(b"".join(m.body for m in seen), SECRETS)


def test_set_local_and_rollback(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.run(query("SET search_path = shadow"))
        frontend.run(query("BEGIN"))
        frontend.run(query("SET LOCAL search_path = public"))
        frontend.run(parse(SELECT, "s"), describe("S", "s"), SYNC)
        frontend.run(query("ROLLBACK"))
        seen = frontend.run(bind("", "s"), execute(), SYNC)
        canaries.assert_none(b"".join(m.body for m in seen), SECRETS)


def test_a_portal_of_before(sandbox: Sandbox) -> None:
    """A portal keeps what it was bound to: it goes on reading public.staff, and stays clear or masked, never wrong."""
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.run(query("BEGIN"))
        seen = frontend.run(parse(SELECT), bind("p"), execute("p", 1), SYNC)
        assert [m.cells for m in seen if m.type == "D"] == [[b"BADGE-1"]]
        frontend.run(query("SET search_path = shadow"))
        seen = frontend.run(execute("p"), SYNC)
        assert [len(m.cells) for m in seen if m.type == "D"] == [1]
        canaries.assert_none(b"".join(m.body for m in seen), SECRETS)


def test_simple_protocol_in_one_string(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        seen = frontend.run(query(f"{SELECT}; SET search_path = shadow; {SELECT}"))
        canaries.assert_none(b"".join(m.body for m in seen), SECRETS)
