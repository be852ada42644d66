"""The slow twins of framer.pyx and masking.pyx: written for being obviously right, sharing no code with them.

Hypothesis compares the two. `naive_frame` sees all bytes at once; the framer under test gets them in pieces.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from hoopfast.wire.masking import MaskPlan

Cell = tuple[int, bytes, int]
PASS, NULL, FIXED, KEEP_FIRST, KEEP_LAST, DATE_YEAR = range(6)
MALFORMED, COLUMNS, TOO_LARGE = "DataRow is malformed", "not as many columns", "is larger than"


class NaiveError(Exception):
    """The bytes are refused; the text is a part of the real error's."""


def naive_cell(value: bytes, rule: Cell, *, single_byte: bool) -> bytes | None:
    """What stands for one cell that is not NULL."""
    action, fixed, n = rule
    if action == PASS:
        return value
    if action == NULL:
        return None
    if action == FIXED:
        return fixed
    if action == DATE_YEAR:
        year = naive_year(value, n)
        return fixed if year is None else year
    bare = value.rstrip(b" ")
    padding = value[len(bare) :]
    try:
        text = bare.decode("latin-1" if single_byte else "utf-8")
    except UnicodeDecodeError:
        return b"*" * 8
    shown = 0 if len(text) <= n else min(n, len(text) // 2)
    stars = "*" * (len(text) - shown)
    kept = text[:shown] + stars if action == KEEP_FIRST else stars + text[len(text) - shown :]
    return kept.encode("latin-1" if single_byte else "utf-8") + padding


BEGIN = datetime.datetime(2000, 1, 1)
TIMES = ("", " 00:00:00", " 00:00:00+00")


def naive_year(value: bytes, form: int) -> bytes | None:
    """January 1st of the year of a date or timestamp; None if it is not of that form."""
    if form in (0, 1, 2):
        pattern = rb"\d{4}-\d\d-\d\d" if form == 0 else rb"\d{4}-\d\d-\d\d [-+:.0-9]{8,}"
        return value[:4] + b"-01-01" + TIMES[form].encode() if re.fullmatch(pattern, value) else None
    size = 4 if form == 3 else 8
    if len(value) != size:
        return None
    unit = datetime.timedelta(days=1) if form == 3 else datetime.timedelta(microseconds=1)
    try:
        year = (BEGIN + int.from_bytes(value, "big", signed=True) * unit).year
    except OverflowError:
        return None
    return ((datetime.datetime(year, 1, 1) - BEGIN) // unit).to_bytes(size, "big", signed=True)


def naive_row(body: bytes, rules: Sequence[Cell], *, single_byte: bool) -> tuple[bytes, int]:
    """The masked DataRow message, and how many cells were replaced."""
    if len(body) < 2:
        raise NaiveError(MALFORMED)
    if int.from_bytes(body[:2], "big") != len(rules):
        raise NaiveError(COLUMNS)
    at = 2
    out = body[:2]
    masked = 0
    for rule in rules:
        if len(body) - at < 4:
            raise NaiveError(MALFORMED)
        length = int.from_bytes(body[at : at + 4], "big", signed=True)
        at += 4
        if length < -1 or at + length > len(body):
            raise NaiveError(MALFORMED)
        cell = None if length == -1 else body[at : at + length]
        at += max(length, 0)
        if cell is not None:
            masked += rule[0] != PASS
            cell = naive_cell(cell, rule, single_byte=single_byte)
        out += b"\xff\xff\xff\xff" if cell is None else len(cell).to_bytes(4, "big") + cell
    if at != len(body):
        raise NaiveError(MALFORMED)
    return b"D" + (len(out) + 4).to_bytes(4, "big") + out, masked


class Deliver(NamedTuple):
    """A message handed to the conversation."""

    kind: int
    body: bytes


Event = Deliver | bytes


@dataclass
class Plan:
    """A mask plan that both twins understand; `rules` None: rows pass, `columns` is checked unless it is -1."""

    rules: tuple[Cell, ...] | None = None
    columns: int = -1
    single_byte: bool = False

    def compiled(self) -> MaskPlan:
        """The same for the framer under test."""
        if self.rules is None:
            return MaskPlan.clean(self.columns)
        return MaskPlan(self.rules, single_byte=self.single_byte)

    @property
    def clean(self) -> bool:
        """Whether rows pass."""
        return self.rules is None or all(rule[0] == PASS for rule in self.rules)

    @property
    def expected(self) -> int:
        """How many columns a row has to have, -1 for any number."""
        return self.columns if self.rules is None else len(self.rules)


@dataclass
class Setting:
    """What a framer is told besides the bytes: phase and plan, and what they become after each delivered message."""

    tables: Mapping[Any, Mapping[int, Any]]
    frontend: bool
    phase: int
    plan: Plan | None = None
    max_message: int = 1 << 20
    max_control: int = 1 << 16
    large: frozenset[int] = frozenset()
    largest: int = 0x40000002
    after: list[tuple[int, Plan | None]] = field(default_factory=list)  # cycled through, one per delivered message


@dataclass
class Result:
    """What came out: runs of forwarded bytes are joined, so that the way of splitting does not show."""

    events: list[Event] = field(default_factory=list)
    error: str = ""
    rows: int = 0
    received: int = 0
    delivered: int = 0
    masked: int = 0
    mid_message: bool = False
    buffered: int = 0

    def forward(self, data: bytes) -> None:
        """Append forwarded bytes."""
        if data and self.events and isinstance(self.events[-1], bytes):
            self.events[-1] += data
        elif data:
            self.events.append(data)


_LEGAL: dict[int, Literal["forward", "withhold", "deliver", "row"]] = {
    1: "forward",
    2: "withhold",
    3: "deliver",
    4: "row",
}


def naive_frame(data: bytes, setting: Setting) -> Result:
    """What the framer has to make of `data`, all of which has come."""
    result = Result()
    phase, plan = setting.phase, setting.plan
    deliveries = 0
    at = 0
    try:
        while at < len(data):
            kind = data[at]
            what = _LEGAL.get(setting.tables[phase].get(kind, 0))
            if what is None:
                raise NaiveError("is not allowed in phase")
            if len(data) - at < 5:
                break
            length = int.from_bytes(data[at + 1 : at + 5], "big", signed=True)
            if length < 4:
                raise NaiveError("invalid length")
            here = data[at : at + 1 + length]
            complete = len(here) == 1 + length
            if what == "deliver":
                if length > (setting.max_message if kind in setting.large else setting.max_control):
                    raise NaiveError("over the limit")
                if not complete:
                    break
                result.events.append(Deliver(kind, here[5:]))
                if setting.after:
                    phase, plan = setting.after[deliveries % len(setting.after)]
                    deliveries += 1
            elif what == "row" and not _row(here, length, plan, setting, result):
                break
            elif what in ("forward", "withhold"):
                if length > setting.largest:
                    raise NaiveError("over the limit")
                if what == "forward":
                    _pass(here, length, result)
            at += len(here)
    except NaiveError as error:
        result.error = str(error)
        return result
    result.buffered = len(data) - at
    return result


def _pass(here: bytes, length: int, result: Result) -> None:
    result.forward(here)
    result.received += len(here)
    result.delivered += len(here)
    result.mid_message = len(here) < 1 + length


def _row(here: bytes, length: int, plan: Plan | None, setting: Setting, result: Result) -> bool:
    complete = len(here) == 1 + length
    if plan is None:
        raise NaiveError("no rows are expected")
    if length < 6:
        raise NaiveError(MALFORMED)
    if plan.clean:
        if length > setting.largest:
            raise NaiveError("over the limit")
        if plan.expected >= 0:
            if len(here) < 7:
                return False
            if int.from_bytes(here[5:7], "big") != plan.expected:
                raise NaiveError(COLUMNS)
        _pass(here, length, result)
        result.rows += complete
        return True
    if length > setting.max_message:
        raise NaiveError(TOO_LARGE)
    if not complete:
        return False
    assert plan.rules is not None
    message, masked = naive_row(here[5:], plan.rules, single_byte=plan.single_byte)
    result.forward(message)
    result.rows += 1
    result.received += len(here)
    result.delivered += len(message)
    result.masked += masked
    return True
