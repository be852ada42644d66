"""What was measured, per load, target and round, and the figures made of it.

Owns the pairing: every figure of a target beside the same figure of another in the same rounds. Knows no process and
no table.
"""

from __future__ import annotations

from typing import NamedTuple

from bench.arithmetic import Spread, difference, paired, ratio, spread
from bench.loads import Sample

BASES = ("direct", "pgbouncer")
METRICS = ("p50", "p99", "rate", "cpu")


class Load(NamedTuple):
    """One thing that is measured."""

    section: str
    tls: bool
    name: str  # "simple", "select", …
    clients: int


class Figures(NamedTuple):
    """What one target gave under one load."""

    target: str
    values: dict[str, Spread]  # by metric
    ratios: dict[str, dict[str, Spread]]  # by base, then metric
    added: dict[str, Spread]  # p50, p99: seconds more than direct
    refused: str = ""


class Results:
    """All samples of a run."""

    def __init__(self) -> None:
        self.samples: dict[Load, dict[str, dict[int, Sample]]] = {}
        self.refusals: dict[Load, dict[str, str]] = {}

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

    def _of(self, load: Load, target: str) -> Figures:
        values = {name: spread(list(found.values())) for name in METRICS if (found := self._metric(load, target, name))}
        ratios: dict[str, dict[str, Spread]] = {}
        for base in BASES:
            for name in METRICS:
                given = paired(self._metric(load, target, name), self._metric(load, base, name), ratio)
                if given is not None and target != base:
                    ratios.setdefault(base, {})[name] = given
        added = {}
        for name in ("p50", "p99"):
            more = paired(self._metric(load, target, name), self._metric(load, "direct", name), difference)
            if more is not None and target != "direct":
                added[name] = more
        return Figures(target, values, ratios, added, self.refusals.get(load, {}).get(target, ""))

    def _metric(self, load: Load, target: str, name: str) -> dict[int, float]:
        """The values of one metric by round, those left out that do not apply."""
        rounds = self.samples[load].get(target, {})
        return {number: value for number, sample in rounds.items() if (value := getattr(sample, name)) is not None}

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
