"""Decisions that take long: taken in a thread, once, with what belongs to the session left where it is."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from hoopfast.policy.engine import PolicyEngine, SessionPolicy
from hoopfast.policy.model import DecisionNeeded, Environment, Statement, Verdict
from tests.policy.clinic import KNOWN, UNKNOWN, Clinic, Fixed, Named, policy

THREADED = replace(KNOWN, threaded=True)
LONG = ("SELECT name FROM staff WHERE id IN (" + ", ".join(map(str, range(500))) + ")").encode()
HUGE = LONG + b" -- " + b"x" * (70 << 10)


def needed(session: SessionPolicy, text: bytes, environment: Environment) -> DecisionNeeded:
    with pytest.raises(DecisionNeeded) as caught:
        session.decide(text, (), environment)
    return caught.value


def worked(session: SessionPolicy, text: bytes, environment: Environment) -> Statement:
    """The decision that is taken in a thread, once."""
    work = threading.Thread(target=needed(session, text, environment).work)
    work.start()
    work.join()
    return session.decide(text, (), environment)


@pytest.mark.parametrize("text", [LONG, HUGE, b"SELEC " + LONG, b"DELETE FROM staff; " + LONG], ids=len)
def test_a_long_text_is_decided_in_a_thread(clinic: Clinic, text: bytes) -> None:
    session = clinic.session()
    session.decide(b"SELECT 1", (), KNOWN)
    assert worked(session, text, THREADED) == clinic.decide(text)
    if text is HUGE:  # is not remembered: handed over once
        needed(session, text, THREADED)
    else:
        assert session.decide(text, (), THREADED) is session.decide(text, (), KNOWN)


def test_a_short_text_is_decided_at_once_if_the_policy_is_compiled(clinic: Clinic) -> None:
    session = clinic.session()
    assert worked(session, b"SELECT 1", THREADED) == clinic.decide("SELECT 1")
    assert session.decide(b"SELECT 2", (), THREADED).verdict is Verdict.ALLOW
    other = session.engine.session(session.name, session.config, session.source)
    assert other.decide(b"SELECT 3", (), THREADED).verdict is Verdict.ALLOW
    assert session.basis(THREADED) == session.basis(KNOWN)


def test_basis_needs_no_compiled_policy(clinic: Clinic) -> None:
    session = clinic.session()
    assert session.basis(THREADED) == session.decide(b"SELECT 1", (), KNOWN).basis
    assert not clinic.session().engine.is_compiled(session.name, session.config, clinic.catalog)


def test_a_thread_is_asked_for_only_where_there_are_threads(clinic: Clinic) -> None:
    assert clinic.decide(HUGE, KNOWN).verdict is Verdict.ALLOW


def test_what_depends_on_names_is_decided_where_they_are(clinic: Clinic) -> None:
    inner = clinic.decide("SELECT ssn FROM patients")

    class Here(Named):
        def prepared_statement(self, name: str) -> Statement | None:
            assert threading.current_thread() is threading.main_thread()
            return super().prepared_statement(name)

    text = b"EXECUTE s -- " + b"x" * 2000
    environment = replace(THREADED, names=Here(statements={"s": inner}))
    session = clinic.session()
    assert worked(session, text, environment).commands[0].executes == "s"
    assert worked(session, text, environment).verdict is Verdict.ALLOW, "and is not remembered"


def test_a_decision_from_a_thread_is_for_its_basis_only(clinic: Clinic) -> None:
    session = clinic.session()
    needed(session, LONG, THREADED).work()
    needed(session, LONG, replace(UNKNOWN, threaded=True)).work()
    assert session.decide(LONG, (), replace(UNKNOWN, threaded=True)).verdict is Verdict.DENY
    assert worked(session, LONG, THREADED).verdict is Verdict.ALLOW


def test_work_raises_nothing(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> object:
        raise KeyError("977-13-4281")

    monkeypatch.setattr("hoopfast.policy.engine.Compiled", broken)
    session = clinic.session()
    needed(session, LONG, THREADED).work()
    with pytest.raises(KeyError):  # where the session sees it
        session.decide(LONG, (), THREADED)
    monkeypatch.undo()
    monkeypatch.setattr("hoopfast.policy.decision.parse", broken)
    statement = worked(session, LONG, THREADED)
    assert (statement.verdict, statement.rule) == (Verdict.DENY, "unanalysable")
    assert "977" not in str(statement)


def test_many_sessions_may_ask_for_the_same_at_once(clinic: Clinic) -> None:
    engine = PolicyEngine()
    sessions = [engine.session("nightly", policy(), Fixed(clinic.catalog)) for _ in range(8)]
    works = [threading.Thread(target=needed(session, LONG, THREADED).work) for session in sessions]
    for work in works:
        work.start()
    for work in works:
        work.join()
    statements = [session.decide(LONG, (), THREADED) for session in sessions]
    assert all(statement == statements[0] for statement in statements)
    assert len(engine._compiled) == 1


def test_what_is_in_use_is_compiled_before_another_catalog_is_used(clinic: Clinic) -> None:
    engine = PolicyEngine()
    source = Fixed(clinic.catalog)
    session = engine.session("nightly", policy(), source)
    engine.session("other", policy(writes="allow"), source).decide(b"SELECT 1", (), KNOWN)
    session.decide(b"SELECT 1", (), KNOWN)
    source.catalog = type(clinic.catalog)({**clinic.catalog._results, "policies": []})
    assert not engine.is_compiled("nightly", session.config, source.catalog)
    engine.prepare(source.catalog)
    assert engine.is_compiled("nightly", session.config, source.catalog)
    assert engine.is_compiled("other", policy(writes="allow"), source.catalog)
    assert session.decide(b"SELECT 1", (), THREADED).verdict is Verdict.ALLOW


def test_texts_that_never_come_again_leave_the_others(clinic: Clinic) -> None:
    session = clinic.session()
    hot = session.decide(b"SELECT name FROM staff", (), KNOWN)
    assert session.decide(b"SELECT name FROM staff", (), KNOWN) is hot
    session.engine.decisions.limit = 1_000_000
    for i in range(1000):
        session.decide(b"SELECT %d" % i, (), KNOWN)
    assert session.engine.decisions.size <= 1_000_000
    assert session.decide(b"SELECT name FROM staff", (), KNOWN) is hot
