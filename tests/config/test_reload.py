"""What a reload changes: at once for new sessions, or at the next start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hoopfast.config import Config, diff, merged, parse

RAW: dict[str, Any] = {
    "issuer": [{"name": "i", "url": "https://i.example", "audience": "hoopfast"}],
    "database": [{"name": "clinic", "host": "db.example", "user": "etl"}],
    "access": [{"claims": {"sub": "x"}, "database": "clinic", "policy": "p"}],
    "policy": {"p": {"writes": "deny"}, "q": {}},
}


def read(changes: dict[str, Any]) -> Config:
    return parse(merged(RAW, changes), Path("/srv/hoopfast.toml"))


def test_nothing() -> None:
    assert not diff(read({}), read({}))


@pytest.mark.parametrize(
    ("changes", "restart", "new_sessions"),
    [
        ({"gateway": {"listen": "127.0.0.1:1"}}, ("gateway.listen",), ()),
        ({"gateway": {"workers": 2}}, ("gateway.workers",), ()),
        ({"audit": {"directory": "elsewhere"}}, ("audit.directory",), ()),
        ({"gateway": {"idle_timeout": "1m"}}, (), ("gateway.idle_timeout",)),
        ({"policy": {"p": {"writes": "allow"}}}, (), ("policy.p",)),
        ({"policy": {"r": {}}}, (), ("policy.r",)),
        ({"database": [{"name": "clinic", "host": "other", "user": "etl"}]}, (), ("database.clinic",)),
        ({"access": []}, (), ("access",)),
        (
            {"gateway": {"workers": 2}, "tuning": {"catalog_max_age": "2s"}},
            ("gateway.workers",),
            ("tuning.catalog_max_age",),
        ),
    ],
)
def test_differences(changes: dict[str, Any], restart: tuple[str, ...], new_sessions: tuple[str, ...]) -> None:
    found = diff(read({}), read(changes))
    assert found.restart == restart
    assert found.new_sessions == new_sessions
    assert found
