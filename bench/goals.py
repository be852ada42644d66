"""What is promised: each figure that hoopfast is held to, its limit, and what came out.

Owns the limits. They are for everything on (policy, records, the look at masks), as medians of the ratios within paired
rounds; `aim` is what would be better than promised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bench import rows
from bench.arithmetic import Spread
from bench.loads import MODES
from bench.results import ADDED, ONE_SHAPE, Load, Results, many_shapes
from bench.targets import MASKED

SHAPES = 10_000  # fewer are another figure
MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"


class Goal(NamedTuple):
    """One limit."""

    group: str
    what: str
    limit: float
    aim: float | None
    measured: Callable[[Results], Spread | None]
    at_least: bool = False
    factor: float = 1.0  # from the measured value to what is shown
    unit: str = ""


class Outcome(NamedTuple):
    """A limit beside what was measured."""

    goal: Goal
    found: Spread | None

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the limit; None: it was not measured."""
        return None if self.found is None else _keeps(self.goal, self.found.median, self.goal.limit)

    @property
    def verdict(self) -> str:
        """In words."""
        goal, found = self.goal, self.found
        if found is None:
            return NOT_MEASURED
        if not _keeps(goal, found.median, goal.limit):
            return MISSED
        return MET if goal.aim is None or not _keeps(goal, found.median, goal.aim) else f"{MET}, the aim too"


def _keeps(goal: Goal, value: float, limit: float) -> bool:
    shown = round(value * goal.factor, 2)  # as the reader sees it
    return shown >= limit if goal.at_least else shown <= limit


def outcomes(results: Results) -> list[Outcome]:
    """Every limit, and what these results say of it."""
    return [Outcome(goal, goal.measured(results)) for goal in _goals()]


def _ratio(load: Load, base: str, metric: str, target: str = "hoopfast") -> Callable[[Results], Spread | None]:
    """A target's ratio to a base under one load."""

    def measured(results: Results) -> Spread | None:
        if load not in results.samples:
            return None
        found = next((figures for figures in results.figures(load) if figures.target == target), None)
        return None if found is None else found.ratios.get(base, {}).get(metric)

    return measured


def _goals() -> list[Goal]:
    found = []
    for base, metric, what, limit, aim in (
        ("pgbouncer", "cpu", "CPU per query, {}, × pgbouncer", 1.10, 1.00),
        ("relay", "cpu", "CPU per query, {}, × relay", 1.35, 1.15),
        ("pgbouncer", ADDED, "added p50, {}, × pgbouncer", 1.10, 1.00),
    ):
        for mode in MODES:
            measured = _ratio(Load("latency", False, mode, 1), base, metric)
            found.append(Goal("1 client", what.format(mode), limit, aim, measured))
    for mode, limit, aim in (("simple", 1.15, 1.05), ("prepared", 1.15, 1.05), ("extended", 1.25, 1.10)):
        eight = Load("pgbench", False, mode, 8)
        what = f"CPU per query, {mode}, × pgbouncer"
        found.append(Goal("8 clients", what, limit, aim, _ratio(eight, "pgbouncer", "cpu")))
    for section, clients in (("latency", 1), ("pgbench", 8)):
        for mode in MODES:
            load = Load(section, True, mode, clients)
            what = f"CPU per query, {mode}, {clients} client{'s' if clients > 1 else ''}, × pgbouncer"
            found.append(Goal("TLS", what, 1.40, 1.10, _ratio(load, "pgbouncer", "cpu")))
    return [*found, *_bulk(), _masked_row(), _shapes()]


def _bulk() -> list[Goal]:
    found = []
    for target, group, limit, aim in (("hoopfast", "bulk", 1.00, 0.85), (MASKED, "bulk, 2 of 8 masked", 1.10, 0.95)):
        for name in ("select", "copy out"):
            load, what = Load("bulk", False, name, 1), name.upper()
            speed, used = _ratio(load, "direct", "rate", target), _ratio(load, "pgbouncer", "cpu", target)
            found.append(Goal(group, f"{what}: MB/s × direct", 0.95, 1.00, speed, at_least=True))
            found.append(Goal(group, f"{what}: CPU per GB × pgbouncer", limit, aim, used))
        if target == "hoopfast":
            copy_in = _ratio(Load("bulk", False, "copy in", 1), "pgbouncer", "cpu")
            found.append(Goal(group, "COPY IN: CPU per GB × pgbouncer", 1.15, 1.00, copy_in))
    return found


def _masked_row() -> Goal:
    def measured(results: Results) -> Spread | None:
        return results.over(rows.LOAD, rows.MASKED_ROW, rows.FRAMED, "p50")

    return Goal("masking", "a row of 235 bytes, 2 cells, over framing it", 40, 20, measured, factor=1e9, unit=" ns")


def _shapes() -> Goal:
    def measured(results: Results) -> Spread | None:
        return results.across(many_shapes(SHAPES), ONE_SHAPE, "hoopfast", "rate")

    what = f"{SHAPES:,} shapes, 8 clients: throughput × that of one shape"
    return Goal("shapes", what, 0.90, None, measured, at_least=True)
