"""The stages leave out what they say, and nothing else."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from bench import neighbours, staged
from hoopfast.policy.model import Environment, Policy, Verdict
from hoopfast.session.boundary import Ending, Outcome, Recorder
from hoopfast.session.conversation import Conversation
from hoopfast.session.steady import Shapes, SteadyPorts
from hoopfast.wire.freshness import Freshness

needs_compiler = pytest.mark.skipif(neighbours.compiler() is None, reason="there is no C compiler")
ENVIRONMENT = Environment(schemas=("public",), role="bench")


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Policy, Recorder]]:
    """What conversations are made with."""
    found: list[tuple[Policy, Recorder]] = []
    monkeypatch.setattr(staged, "Conversation", lambda policy, recorder, **_: found.append((policy, recorder)))
    return found


@pytest.mark.parametrize(
    ("stage", "decides", "records"),
    [("off", False, False), ("policy", True, False), ("records", True, True)],
)
def test_each_stage_leaves_something_out(
    stage: str, decides: bool, records: bool, handed: list[tuple[Policy, Recorder]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(staged.STAGE, stage)
    policy: Any = object()
    recorder: Any = object()
    staged.conversation(policy, recorder)
    assert (handed[0][0] is policy) == decides
    assert (handed[0][1] is recorder) == records


def test_without_a_policy_one_clean_command_is_allowed() -> None:
    policy = staged.OpenPolicy()
    statement = policy.decide(b"SELECT 1", (), ENVIRONMENT)
    assert statement.verdict is Verdict.ALLOW
    assert statement.clean
    assert statement.basis == policy.basis(ENVIRONMENT)
    assert policy.cell_rules(statement, statement.commands[0], [], this_execution=True) == ()
    assert not policy.needs_description(statement.commands[0])


def test_without_records_the_sequence_still_counts() -> None:
    recorder = staged.NoRecorder()
    statement = staged.OpenPolicy().decide(b"SELECT 1", (), ENVIRONMENT)
    numbers = [recorder.execution(statement, protocol="simple") for _ in range(3)]
    recorder.ended(numbers[0], Outcome(Ending.COMPLETED))
    assert numbers == [1, 2, 3]


def test_a_statement_that_is_always_allowed_holds_for_all_of_its_shape() -> None:
    assert not staged.OpenPolicy().decide(b"SELECT 1", (), ENVIRONMENT).literals_matter


@needs_compiler
def test_the_steady_state_is_given_what_the_session_is_given(
    handed: list[tuple[Policy, Recorder]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(staged, "Conversation", lambda policy, recorder, **given: seen.update(given, own=recorder))
    monkeypatch.setenv(staged.STAGE, "policy")
    theirs: Any = object()
    staged.conversation(theirs, theirs, steady=SteadyPorts(theirs, theirs, theirs), threaded=True)
    assert seen["steady"].recorder is seen["own"]
    assert isinstance(seen["own"], staged.NoRecorder)
    assert seen["steady"].freshness is theirs
    assert seen["threaded"]


@needs_compiler
def test_c_calls_it_without_python_and_counts_on() -> None:
    recorder = staged.NoRecorder()
    statement = staged.OpenPolicy().decide(b"SELECT 1", (), ENVIRONMENT)
    context, execution, room, completed, transaction = recorder._functions.words
    as_execution = ctypes.CFUNCTYPE(
        ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_ssize_t
    )(execution)
    assert recorder.execution(statement, protocol="simple") == 1
    assert as_execution(context, None, 1, None, 0) == 2
    assert recorder.execution(statement, protocol="extended") == 3
    assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(room)(context, 5) == 1
    assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(completed)(context, None) == 1
    as_transaction = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int)
    assert as_transaction(transaction)(context, 1, 3, 0) == 1


@needs_compiler
def test_a_conversation_takes_it_into_its_steady_state() -> None:
    recorder = staged.NoRecorder()
    ports = SteadyPorts(Freshness.always(), Shapes(), recorder)
    assert Conversation(staged.OpenPolicy(), recorder, steady=ports).core is not None
    statement = staged.OpenPolicy().decide(b"SELECT 1", (), ENVIRONMENT)
    assert "hoopfast.recording.template" in repr(recorder.template(statement))
