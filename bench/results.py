"""What was measured, per load, target and round, and the figures made of it.

Owns the pairing: every figure of a target beside the same figure of another in the same rounds, or beside its own under
another load in the same rounds. Knows no process and no table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from bench.arithmetic import Spread, difference, paired, ratio, spread
from bench.loads import Sample

BASES = ("direct", "pgbouncer", "relay")
METRICS = ("p50", "p99", "rate", "cpu")
ADDED = "added p50"  # the ratio of what two targets add to direct's p50


class Load(NamedTuple):
    """One thing that is measured."""

    section: str
    tls: bool
    name: str  # "simple", "select", …
    clients: int


ONE_SHAPE = Load("shapes", False, "one shape", 8)
FIRST_SIGHT = Load("shapes", False, "first sight", 1)


def many_shapes(count: int) -> Load:
    """The load of so many shapes."""
    return Load("shapes", False, f"{count:,} shapes", 8)


class Figures(NamedTuple):
    """What one target gave under one load."""

    target: str
    values: dict[str, Spread]  # by metric
    ratios: dict[str, dict[str, Spread]]  # by base, then metric (or ADDED)
    added: dict[str, Spread]  # p50, p99: seconds more than direct
    refused: str = ""


class Results:
    """All samples of a run."""

    def __init__(self) -> None:
        self.samples: dict[Load, dict[str, dict[int, Sample]]] = {}
        self.refusals: dict[Load, dict[str, str]] = {}
        self.seconds: dict[str, float] = {}  # that each section took

    def add(self, load: Load, target: str, number: int, sample: Sample) -> None:
        """Keep what a target gave in a round."""
        self.samples.setdefault(load, {}).setdefault(target, {})[number] = sample

    def refuse(self, load: Load, target: str, reason: str) -> None:
        """Keep why a target gave nothing."""
        self.samples.setdefault(load, {}).setdefault(target, {})
        self.refusals.setdefault(load, {}).setdefault(target, reason)

    def is_refused(self, load: Load, target: str) -> bool:
        """Whether a target has refused this load before."""
        return target in self.refusals.get(load, {})

    def figures(self, load: Load) -> list[Figures]:
        """The figures of every target under a load, in the order in which they were first measured."""
        return [self._of(load, target) for target in self.samples[load]]

    def across(self, load: Load, base: Load, target: str, metric: str) -> Spread | None:
        """How a target's figure under one load compares with its own under another, round by round."""
        return paired(self.metric(load, target, metric), self.metric(base, target, metric), ratio)

    def over(self, load: Load, target: str, base: str, metric: str) -> Spread | None:
        """How much more a target has than another under one load, round by round."""
        return paired(self.metric(load, target, metric), self.metric(load, base, metric), difference)

    def many_shapes(self) -> Load | None:
        """The load of many shapes, if it was measured."""
        ends = (load for load in self.samples if load.section == "shapes" and load.name.endswith(" shapes"))
        return next(ends, None)

    def metric(self, load: Load, target: str, name: str) -> dict[int, float]:
        """The values of one metric by round, those left out that do not apply."""
        rounds = self.samples.get(load, {}).get(target, {})
        return {number: value for number, sample in rounds.items() if (value := getattr(sample, name)) is not None}

    def added(self, load: Load, target: str, name: str) -> dict[int, float]:
        """Seconds more than direct, by round."""
        given, direct = self.metric(load, target, name), self.metric(load, "direct", name)
        return {number: given[number] - direct[number] for number in given.keys() & direct.keys()}

    def _of(self, load: Load, target: str) -> Figures:
        values = {name: spread(list(found.values())) for name in METRICS if (found := self.metric(load, target, name))}
        ratios: dict[str, dict[str, Spread]] = {}
        for base in BASES:
            for name in METRICS:
                given = paired(self.metric(load, target, name), self.metric(load, base, name), ratio)
                if given is not None and target != base:
                    ratios.setdefault(base, {})[name] = given
            more = paired(self.added(load, target, "p50"), self.added(load, base, "p50"), ratio)
            if more is not None and "direct" not in (target, base) and target != base:
                ratios.setdefault(base, {})[ADDED] = more
        added = {}
        for name in ("p50", "p99"):
            if target != "direct" and (over := self.over(load, target, "direct", name)) is not None:
                added[name] = over
        return Figures(target, values, ratios, added, self.refusals.get(load, {}).get(target, ""))

    def as_json(self) -> list[dict[str, object]]:
        """Everything, rounds included, as plain values."""
        return [
            {
                **load._asdict(),
                **{
                    "target": figures.target,
                    "refused": figures.refused,
                    "values": {name: value._asdict() for name, value in figures.values.items()},
                    "added": {name: value._asdict() for name, value in figures.added.items()},
                    "ratios": {
                        base: {name: value._asdict() for name, value in found.items()}
                        for base, found in figures.ratios.items()
                    },
                    "rounds": {
                        number: sample._asdict() for number, sample in self.samples[load][figures.target].items()
                    },
                },
            }
            for load in self.samples
            for figures in self.figures(load)
        ]

    def take(self, entries: Iterable[Mapping[str, Any]]) -> Self:
        """Add what `as_json` gave, from its rounds alone: a load that is there already is replaced."""
        replaced: set[Load] = set()
        for entry in entries:
            load = Load(entry["section"], entry["tls"], entry["name"], entry["clients"])
            if load not in replaced:
                replaced.add(load)
                self.samples[load] = {}
                self.refusals.pop(load, None)
            self.samples[load][entry["target"]] = {
                int(number): Sample(**sample) for number, sample in entry["rounds"].items()
            }
            if entry["refused"]:
                self.refuse(load, entry["target"], entry["refused"])
        return self
