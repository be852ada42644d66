"""What a session is given: the ports through which the conversation is handed decisions and leaves its records.

With effects.py this is the whole boundary of session/. gateway/ injects the implementations; nothing here imports them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hoopfast.policy.model import Policy, Statement

__all__ = ["Ending", "Limits", "Outcome", "Policy", "Recorder"]


class Ending(StrEnum):
    """The one way in which a recorded execution ends (docs/design.md §7)."""

    COMPLETED = "completed"
    ERROR = "error"
    SKIPPED = "skipped"  # after an error the server skipped to Sync
    REFUSED = "refused"
    UNKNOWN = "unknown"  # the link was lost, or the session died, before the reply


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended, and how much of it reached the frontend."""

    ending: Ending
    tag: str = ""  # the CommandComplete tag(s), joined by "; "
    sqlstate: str = ""
    rows: int = 0  # rows handed on to the frontend
    received_bytes: int = 0  # bytes of rows received from the backend
    delivered_bytes: int = 0  # bytes of rows handed on
    masked_cells: int = 0
    database_seconds: float = 0.0  # from forwarding to the reply


class Recorder(Protocol):
    """The session's side of the audit journal. A call that returns has appended; JournalUnavailable: forward
    nothing."""

    def execution(self, statement: Statement, *, protocol: str, parameters: tuple[bytes | None, ...] = ()) -> int:
        """Record that a statement is about to be forwarded (or refused); returns its sequence number.

        `protocol` is "simple" or "extended"; `parameters` are the bound values as they came, for keyed digests only.
        """

    def ended(self, sequence: int, outcome: Outcome) -> None:
        """Record how it ended; exactly once for each sequence number."""

    def transaction(self, first: int, last: int, outcome: str) -> None:
        """Record how a transaction ended for the executions `first` to `last`.

        `outcome` is "committed", "rolled back", "prepared" or "unknown".
        """


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes that bound one session's memory."""

    max_message: int = 256 * 1024 * 1024  # [gateway] max_message: a statement, a masked row
    max_control: int = 1024 * 1024  # messages other than Query, Parse, Bind, DataRow, CopyData
