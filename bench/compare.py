"""Two runs side by side: has a ratio grown by more than the noise?

Owns what counts as worse. Only ratios are compared (to pgbouncer, to the relay, to direct), for those were paired with
what the machine did in their own rounds; microseconds of two runs cannot be.
"""

from __future__ import annotations

from typing import NamedTuple

from bench.arithmetic import Spread
from bench.neighbours import RELAY
from bench.results import ADDED, ONE_SHAPE, Load, Results
from bench.sheets import Sheet, named, shown
from bench.targets import MASKED, STAGES

OURS = ("hoopfast", MASKED, *STAGES)
# (base, metric, whether more is better), by section; bulk has no latency to speak of.
QUERIES = (("pgbouncer", "cpu", False), (RELAY, "cpu", False), ("pgbouncer", ADDED, False))
BULK = (("direct", "rate", True), ("pgbouncer", "cpu", False), (RELAY, "cpu", False))
SECTIONS = {"latency": QUERIES, "pgbench": QUERIES[:2], "stages": QUERIES[:2], "bulk": BULK}


class Change(NamedTuple):
    """One ratio, then and now."""

    load: Load
    target: str
    what: str
    then: Spread
    now: Spread
    more_is_better: bool

    @property
    def growth(self) -> float:
        """By which part it has become worse; below 0: better."""
        quotient = self.then.median / self.now.median if self.more_is_better else self.now.median / self.then.median
        return quotient - 1

    @property
    def beyond_noise(self) -> bool:
        """Whether the two medians lie apart for certain: the intervals that hold them do not meet."""
        return self.now.low > self.then.high or self.now.high < self.then.low

    def worse(self, threshold: float = 0.0) -> bool:
        """Whether it has become worse by more than the noise, and by more than the threshold."""
        return self.beyond_noise and self.growth > threshold


def changes(then: Results, now: Results) -> list[Change]:
    """Every ratio of ours that both runs have."""
    found = []
    for load in now.samples:
        if load not in then.samples:
            continue
        before = {figures.target: figures for figures in then.figures(load)}
        for figures in now.figures(load):
            if figures.target not in OURS or figures.target not in before:
                continue
            for base, metric, more_is_better in SECTIONS.get(load.section, ()):
                old = before[figures.target].ratios.get(base, {}).get(metric)
                new = figures.ratios.get(base, {}).get(metric)
                # A ratio of differences may be about nothing, or less: that says nothing of how much it has grown.
                if old is not None and new is not None and min(old.median, new.median) > 0:
                    found.append(Change(load, figures.target, f"{WORDS[metric]} × {base}", old, new, more_is_better))
    return [*found, *_shapes(then, now)]


WORDS = {"cpu": "CPU", "rate": "MB/s", ADDED: ADDED}


def _shapes(then: Results, now: Results) -> list[Change]:
    """How many shapes fare against one."""
    many = now.many_shapes()
    if many is None or many not in then.samples:
        return []
    old, new = (results.across(many, ONE_SHAPE, "hoopfast", "rate") for results in (then, now))
    return [] if old is None or new is None else [Change(many, "hoopfast", "rate × one shape", old, new, True)]


def sheet(found: list[Change], threshold: float) -> Sheet:
    """The comparison as a table."""
    groups: dict[Load, list[list[str]]] = {}
    for change in found:
        tls = ", TLS" if change.load.tls else ""
        name = f"{change.load.section}: {named(change.load)}{tls}"
        row = [name, change.target, change.what, shown(change.then), shown(change.now), f"{change.growth:+.1%}"]
        groups.setdefault(change.load, []).append([*row, _verdict(change, threshold)])
    headings = ("load", "target", "ratio", "then", "now", "worse by", "")
    return Sheet("compare", "Against the baseline", headings, list(groups.values()), texts=3)


def _verdict(change: Change, threshold: float) -> str:
    if not change.beyond_noise:
        return ""
    if change.growth <= 0:
        return "better"
    return "WORSE" if change.worse(threshold) else "worse"
