"""Finding 42: an error that comes at Sync belongs to that Sync; the next pipeline is executed, not skipped."""

from __future__ import annotations

from hoopfast.sandbox.sandbox import Sandbox
from tests.support.compare import side_by_side
from tests.support.protocol import SYNC, Message, bind, describe, execute, parse, query
from tests.support.sandboxes import MASKED_SSN

VIOLATION = parse("INSERT INTO children VALUES (1, 999)") + bind() + execute()
PROTECTED = parse("SELECT ssn, city FROM patients WHERE id = 1", "s") + bind("", "s") + describe() + execute()
STAFF = parse("SELECT ssn, name FROM staff WHERE id = 1", "t") + bind("", "t") + describe() + execute()


def _shape(messages: list[Message]) -> list[tuple[str, str | bytes]]:
    return [(m.type, m.sqlstate if m.type == "E" else m.body if m.type in "CZ" else b"") for m in messages]


def test_deferred_constraint(sandbox: Sandbox) -> None:
    with side_by_side(sandbox) as (gateway, direct):
        answers = []
        for side in (direct, gateway):
            side.send(VIOLATION, SYNC, PROTECTED, SYNC, STAFF, SYNC)
            answers.append([side.read_until("Z") for _ in range(3)])
        theirs, mine = answers
        assert [_shape(one) for one in mine] == [_shape(one) for one in theirs]
        assert [m.type for m in mine[0]] == ["1", "2", "C", "E", "Z"]
        assert [m.cells for m in mine[1] if m.type == "D"] == [[MASKED_SSN.encode(), b"Oakham"]]
        assert [m.cells for m in mine[2] if m.type == "D"] == [[b"BADGE-1", b"Carla"]]


def test_error_at_commit(sandbox: Sandbox) -> None:
    with side_by_side(sandbox) as (gateway, direct):
        answers = []
        for side in (direct, gateway):
            side.run(query("BEGIN"))
            side.run(query("INSERT INTO children VALUES (1, 999)"))
            answers.append(side.run(query("COMMIT")))
        theirs, mine = answers
        assert _shape(mine) == _shape(theirs)
        assert mine[0].sqlstate == "23503"
        assert gateway.rows(query("SELECT ssn FROM patients WHERE id = 1")) == [[MASKED_SSN.encode()]]


def test_error_before_sync_skips(sandbox: Sandbox) -> None:
    """The other side of it: an error before the Sync does skip what follows up to it, and nothing behind it."""
    with side_by_side(sandbox) as (gateway, direct):
        failing = parse("SELECT 1/0") + bind() + execute()
        answers = []
        for side in (direct, gateway):
            side.send(failing, STAFF, SYNC, PROTECTED, SYNC)
            answers.append([side.read_until("Z") for _ in range(2)])
        assert [_shape(one) for one in answers[1]] == [_shape(one) for one in answers[0]]
        assert [m.cells for m in answers[1][1] if m.type == "D"] == [[MASKED_SSN.encode(), b"Oakham"]]
