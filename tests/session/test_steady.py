"""What C learns of decisions, when it takes over, and that nothing of one session's basis serves another's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hoopfast.audit.journal import Journal
from hoopfast.errors import FrontendProtocolError
from hoopfast.policy.model import Command, Kind, Rows, Statement, Verdict
from hoopfast.session import steady
from hoopfast.session.steady import _MOST_TABLES, Shapes, _repeatable, parameter_values, types_of
from hoopfast.wire import backend, frontend
from hoopfast.wire.freshness import Freshness
from tests.session.scripted import OWN_ANSWER, READ, SECRET, STATEMENTS, error
from tests.session.steady_session import (
    BOUND,
    COLUMNS,
    MASKED_ROW,
    PARSED,
    READY,
    ROW,
    SYNC,
    SteadySession,
    command_complete,
    extended,
    looked,
    query,
    session_recorder,
)

TEXT = COLUMNS + ROW + command_complete(b"SELECT 1") + READY


def test_only_plain_statements_are_repeated() -> None:
    repeatable = {text for text, statement in STATEMENTS.items() if _repeatable(statement)}
    assert repeatable == {"read", "other", "secret", "write", "begin", "commit"}


@pytest.mark.parametrize(
    "change",
    [
        {"copy": "in"}, {"prepares": "p"}, {"executes": "p"}, {"deallocates": ""}, {"declares": "c"},
        {"fetches": "c"}, {"closes": ""}, {"discards_all": True}, {"changes_settings": True},
        {"changes_catalog": True}, {"opaque": True}, {"notifies": (("a", "b"),)}, {"transaction": "prepare"},
        {"rows": Rows.NAMED}, {"tag": "EXPLAIN"}, {"holdable": True},
    ],
)  # fmt: skip
def test_what_changes_more_than_rows_is_python_s(change: dict[str, object]) -> None:
    command = replace(READ.commands[0], **change)  # type: ignore[arg-type]
    assert not _repeatable(replace(READ, commands=(command,)))
    assert not _repeatable(replace(READ, commands=(READ.commands[0],) * 2))
    assert not _repeatable(replace(READ, verdict=Verdict.DENY))


def test_another_session_of_the_same_basis_needs_no_python() -> None:
    shapes = Shapes()
    first = SteadySession(shapes=shapes)
    first.ask(query(b"select secret"))
    first.answer(TEXT)
    second = SteadySession(shapes=shapes)
    second.policy.asked.clear()
    assert second.ask(query(b"select secret")) == query(b"select secret")
    assert second.answer(TEXT) == TEXT.replace(ROW, MASKED_ROW)
    assert second.core.active
    assert not second.policy.asked


def test_another_basis_knows_nothing_of_it() -> None:
    shapes = Shapes()
    first = SteadySession(shapes=shapes)
    first.ask(query(b"read"))
    first.answer(TEXT)
    second = SteadySession(shapes=shapes)
    second.policy.version = 2
    second.freshness.renew()
    second.policy.asked.clear()
    second.conversation.frontend_data(query(b"read"))
    assert not second.core.active  # it asks for the effective schemas again, and then decides
    second.conversation.backend_data(OWN_ANSWER)
    assert second.policy.asked


def test_tables_are_bounded() -> None:
    shapes = Shapes()
    kept = [shapes.table(basis) for basis in range(_MOST_TABLES + 8)]
    assert shapes.table(0) is not kept[0]
    assert shapes.table(_MOST_TABLES + 7) is kept[-1]


def test_tables_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    session = SteadySession()
    assert session.core.active
    shapes = session.conversation._handover._shapes  # type: ignore[union-attr]
    first = shapes.size
    assert first > 0
    monkeypatch.setattr(steady, "_MOST_BYTES", first)
    shapes.table("one")
    shapes.table("two")
    session.policy.version = 2
    session.freshness.renew()
    session.conversation.frontend_data(query(b"read"))
    session.conversation.backend_data(OWN_ANSWER)
    session.conversation.backend_data(TEXT)
    assert shapes.size > first  # what was learnt just now counts from the next look on
    shapes.table("three")
    assert shapes.size <= first


def test_recorders_of_two_kinds_do_not_share_templates(tmp_path: Path) -> None:
    shapes = Shapes()
    SteadySession(shapes=shapes)
    journal = Journal.open(tmp_path, "steady")
    with pytest.raises(ValueError, match="two kinds"):
        SteadySession(session_recorder(journal), shapes)
    journal.close()


def test_a_prepared_statement_outlives_its_table() -> None:
    shapes = Shapes()
    session = SteadySession(shapes=shapes)
    session.ask(frontend.Parse(b"s", b"read", ()).encode() + SYNC)
    session.answer(PARSED + READY)
    for basis in range(_MOST_TABLES + 1):
        shapes.table(basis)
    session.policy.version = 2
    session.freshness.renew()
    bind = frontend.Bind(b"", b"s", (), (), ()).encode() + frontend.Execute(b"", 0).encode() + SYNC
    session.ask(bind)
    session.conversation.backend_data(OWN_ANSWER)
    session.answer(BOUND + ROW + command_complete(b"SELECT 1") + READY)
    assert session.core.active
    assert session.ask(bind) == bind


@pytest.mark.parametrize("text", [b"set", b"ddl", b"opaque", b"prepare"])
def test_it_waits_until_python_is_sure_again(text: bytes) -> None:
    session = SteadySession()
    session.ask(query(b"begin"))
    session.answer(command_complete(b"BEGIN") + backend.ReadyForQuery(b"T").encode())
    session.ask(query(text))
    session.answer(command_complete(b"X") + backend.ReadyForQuery(b"T").encode())
    assert session.core.active == (text == b"prepare")


def test_it_does_not_take_over_while_the_backend_skips() -> None:
    session = SteadySession()
    session.ask(frontend.Parse(b"", b"read", ()).encode() + frontend.Flush().encode())
    session.answer(error(b"42601", b"no"))
    assert not session.core.active
    session.ask(SYNC)
    session.answer(READY)
    assert session.core.active


def test_a_statement_that_opaque_code_may_have_replaced_is_python_s() -> None:
    session = SteadySession()
    session.ask(frontend.Parse(b"s", b"read", ()).encode() + SYNC)
    session.answer(PARSED + READY)
    session.ask(query(b"opaque"))
    session.answer(command_complete(b"DO") + READY)
    session.conversation.frontend_data(query(b"read"))  # after opaque code the schemas are asked for again
    session.conversation.backend_data(OWN_ANSWER)
    session.answer(TEXT)
    assert session.core.active
    session.conversation.frontend_data(frontend.Bind(b"", b"s", (), (), ()).encode())
    assert not session.core.active


def test_idle_and_friends_are_the_core_s() -> None:
    session = SteadySession()
    conversation = session.conversation
    session.ask(query(b"read"))
    session.answer(TEXT)
    session.ask(query(b"begin"))
    session.answer(command_complete(b"BEGIN") + backend.ReadyForQuery(b"T").encode())
    assert session.core.active
    assert (conversation.idle, conversation.in_transaction, conversation.cancellable) == (True, True, False)
    session.ask(query(b"read"))
    assert (conversation.idle, conversation.cancellable, conversation.reads_frontend) == (False, True, True)
    session.ask(frontend.Parse(b"", b"read", ()).encode())
    session.answer(TEXT + PARSED)
    assert session.core.active
    assert not conversation.idle  # a Sync is missing


def test_parameters_and_types_are_read_as_they_were_sent() -> None:
    assert types_of((23, 25)) == b"\0\0\0\x17\0\0\0\x19"
    assert parameter_values(b"\0\2\0\0\0\1x\xff\xff\xff\xff") == (b"x", None)
    with pytest.raises(FrontendProtocolError):
        parameter_values(b"\0\1\0\0\0\2x")


def test_a_secret_in_any_protocol_is_masked_by_c_as_by_python() -> None:
    assert isinstance(SECRET, Statement)
    session = SteadySession()
    for asked, answered in (
        (query(b"select secret"), TEXT),
        (extended(b"select secret"), PARSED + BOUND + TEXT),
    ):
        first = (session.ask(asked), session.answer(answered))
        second = (session.ask(asked), session.answer(answered))
        assert session.core.active
        assert first == second
        assert b"secret" not in first[1]


def test_a_command_has_no_field_that_nobody_has_thought_of() -> None:
    # A new field of Command makes a statement Python's until steady.py says otherwise.
    assert Command("SELECT", Kind.READ).__dataclass_fields__.keys() >= {"tag", "kind", "rows", "columns", "clean"}


def session_with_catalog() -> SteadySession:
    """A session that knows a statement, and whose catalog can grow old."""
    session = SteadySession(freshness=looked(Freshness()))
    session.ask(query(b"read"))
    session.answer(TEXT)
    assert session.core.active
    session.freshness.doubt()
    session.policy.asked.clear()
    return session


def test_a_look_at_the_catalog_leaves_c_in_charge() -> None:
    session = session_with_catalog()
    conversation = session.conversation
    effects = conversation.frontend_data(query(b"read") + query(b"read")[:3])
    assert effects.catalog_needed
    assert not effects.to_backend
    assert not conversation.reads_frontend
    assert not conversation.idle
    assert session.ask(query(b"read")[3:]) == b""  # waits too
    looked(session.freshness)
    assert conversation.resume().to_backend == [query(b"read") * 2]
    assert session.core.active
    assert not session.policy.asked
    assert conversation.reads_frontend
    assert session.answer(TEXT * 2) == TEXT * 2


def test_another_catalog_after_the_look_is_python_s() -> None:
    session = session_with_catalog()
    assert session.conversation.frontend_data(query(b"read")).catalog_needed
    session.policy.version = 2
    session.freshness.renew()
    looked(session.freshness)
    session.conversation.resume()
    assert not session.core.active
    session.conversation.backend_data(OWN_ANSWER)
    assert session.policy.asked


def test_a_look_that_does_not_help_is_python_s() -> None:
    session = session_with_catalog()
    session.policy.version = None
    assert session.conversation.frontend_data(query(b"read")).catalog_needed
    again = session.conversation.resume()
    assert again.catalog_needed
    assert not again.to_backend
    assert not session.core.active


def test_a_frontend_that_leaves_during_a_look_is_answered() -> None:
    session = session_with_catalog()
    session.policy.version = None
    assert session.conversation.frontend_data(query(b"read")).catalog_needed
    assert not session.conversation.frontend_eof().close
    session.policy.version = 1
    looked(session.freshness)
    assert session.conversation.resume().to_backend == [query(b"read")]
    effects = session.conversation.backend_data(TEXT)
    assert b"".join(effects.to_frontend) == TEXT
    assert effects.close
