"""The stages leave out what they say, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from bench import staged
from hoopfast.policy.model import Environment, Policy, Verdict
from hoopfast.session.boundary import Ending, Outcome, Recorder

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
