"""What the analysis of one command found out, beside the origins of its columns.

Plain mutable records that the analyser fills and the engine reads. Decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hoopfast.policy.catalog import Relation


class Unanalysable(Exception):  # noqa: N818 - an answer, not a failure
    """There is no rule for something in a statement; `location` is a 0-based character index, or -1."""

    def __init__(self, message: str, location: int = -1, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Finding:
    """Something at a place of the text: `what` is a name, or a whole message."""

    what: str
    location: int = -1
    hint: str = ""


@dataclass(slots=True)
class Facts:
    """What one command touches and does."""

    reads: dict[int, Relation] = field(default_factory=dict)
    writes: dict[int, Relation] = field(default_factory=dict)  # closure included
    unknown_writes: bool = False  # opaque code takes part
    guarded: Finding | None = None  # the first relation that only plain columns may be read from
    protected: set[tuple[int, int]] = field(default_factory=set)  # protected columns that it reads
    places: dict[tuple[int, int], int] = field(default_factory=dict)  # where these were named last
    refusals: list[Finding] = field(default_factory=list)
    opaque: list[Finding] = field(default_factory=list)  # functions, operators, types that run unread code
    hidden: list[Finding] = field(default_factory=list)  # the same, run behind a relation: triggers, policies, views
    writing: list[Finding] = field(default_factory=list)  # functions that change stored state
    locks: list[Finding] = field(default_factory=list)  # row locks
    missing: list[Finding] = field(default_factory=list)  # names that the catalog does not have
    functions: set[tuple[str, str]] = field(default_factory=set)  # (schema or "", name) of functions called
    settings: bool = False  # set_config
    notifies: list[tuple[str, str]] = field(default_factory=list)
    modifies: bool = False  # holds INSERT, UPDATE, DELETE or MERGE, at any depth
    tags: list[str] = field(default_factory=list)  # of those, for rules: ("DELETE",) of a WITH before a SELECT
    unconditional: set[str] = field(default_factory=set)  # UPDATE, DELETE without WHERE
    rows_tell: bool = False  # a protected value decides which rows there are
    assigns_column: bool = False  # a column's value is stored somewhere
    unique_writes: list[Finding] = field(
        default_factory=list
    )  # values into protected columns whose keys answer guesses
