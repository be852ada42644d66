"""Every transcript runs twice: with all of the conversation in Python, and with its steady state in C."""

from __future__ import annotations

import pytest

from tests.session import scripted


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Both ways, for the modules that play transcripts."""
    if {"Player", "play"} & vars(metafunc.module).keys():
        metafunc.fixturenames.append("steady_state")
        metafunc.parametrize("steady_state", [False, True], ids=["python", "steady"], indirect=True)


@pytest.fixture
def steady_state(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which way players play."""
    monkeypatch.setattr(scripted.Player, "steady", request.param)
