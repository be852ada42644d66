"""An identity: what a verified token says about its bearer.

Plain values. Never holds the token itself, so that nothing that prints an identity can leak one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller, as its issuer vouches for it. Times are seconds since the epoch."""

    issuer: str  # the name of the [[issuer]]
    issuer_url: str
    subject: str
    claims: Mapping[str, Any]
    expires_at: float
    issued_at: float | None = None
    token_id: str = ""  # the claim `jti`; without it the start of the token's SHA-256

    def session_deadline(self, now: float, *, beyond_expiry: float, session_limit: float) -> float:
        """When a session that begins now ends at the latest: past the token's expiry, and by its own limit."""
        return min(self.expires_at + beyond_expiry, now + session_limit)

    def __str__(self) -> str:
        return f"{self.subject} ({self.issuer})"
