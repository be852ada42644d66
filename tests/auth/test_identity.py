"""Identities: when their sessions end."""

from __future__ import annotations

import pytest

from hoopfast.auth.identity import Identity

IDENTITY = Identity("corp", "https://corp.example", "job", {"sub": "job"}, expires_at=1000.0)


@pytest.mark.parametrize(
    ("now", "beyond_expiry", "session_limit", "deadline"),
    [
        (900.0, 0.0, 1e6, 1000.0),  # session = "token"
        (900.0, 3600.0, 1e6, 4600.0),
        (900.0, 3600.0, 60.0, 960.0),
    ],
)
def test_the_earlier_of_two_limits(now: float, beyond_expiry: float, session_limit: float, deadline: float) -> None:
    assert IDENTITY.session_deadline(now, beyond_expiry=beyond_expiry, session_limit=session_limit) == deadline


def test_its_text() -> None:
    assert str(IDENTITY) == "job (corp)"
