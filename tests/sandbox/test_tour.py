"""hoopfast/sandbox/tour.py: its checks find what goes wrong (that it goes right is shown by tests/cli/test_demo.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopfast.sandbox import clinic, tour
from hoopfast.sandbox.postgres import ThrowawayPostgres
from hoopfast.sandbox.sandbox import Sandbox
from tests.support.servers import ROLE


@pytest.fixture(scope="module")
def leaky(postgres18: ThrowawayPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The clinic behind a policy that forbids nothing and masks hardly anything."""
    file = tmp_path_factory.mktemp("leaky") / "hoopfast.toml"
    file.write_text(
        """
        [[access]]
        claims = { repository = "clinic/nightly" }
        database = "clinic"
        policy = "open"
        [policy.open]
        writes = "allow"
        ddl = "allow"
        predicates = "allow"
        [[policy.open.mask]]
        columns = ["public.patients.email"]
        with = "redact"
        """
    )
    clinic.load(postgres18, owner=ROLE)
    with Sandbox(file, server=postgres18) as box:
        yield box
    postgres18.psql("DROP DATABASE clinic WITH (FORCE)")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("read", "15 protected values came through in clear"),
        ("bills", "3 protected values came through in clear"),
        ("update", "the row was changed"),
        ("drop", "the table is gone"),
    ],
)
def test_problems_are_found(leaky: Sandbox, name: str, problem: str) -> None:
    step = next(one for one in tour.STEPS if one.name == name)
    outcome = tour.run(leaky, step)
    assert problem in outcome.problems
    assert outcome.sent
    assert outcome.got


def test_unprotected_export_is_right(leaky: Sandbox) -> None:
    step = next(one for one in tour.STEPS if one.name == "export")
    assert tour.run(leaky, step).problems == []


def test_job_that_cannot_sign_in(leaky: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaky, "gateway_dsn", lambda: "postgresql://nobody:wrong@127.0.0.1:1/none")
    monkeypatch.setattr(tour, "_JOURNAL_SECONDS", 0.1)
    problems = tour.run(leaky, tour.STEPS[0]).problems
    assert any("the job failed" in one for one in problems)
    assert "the journal holds nothing of it" in problems


def test_configuration_is_shipped() -> None:
    assert Path(tour.CONFIGURATION).is_file()
