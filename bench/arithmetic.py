"""The arithmetic of the benchmarks: percentiles, and ratios between targets that were measured in the same round.

Pure functions over numbers; knows no target and no unit. On a noisy machine two targets may only be compared within one
round, because whatever slowed that round slowed both; the figure is the median of the rounds' ratios
(docs/performance-notes.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple, TypeVar

Item = TypeVar("Item")


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("a percentile of nothing")
    if not 0 <= share <= 1:
        raise ValueError(f"a share lies between 0 and 1, not at {share}")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Spread(NamedTuple):
    """A median over rounds, and between which of them the true median lies (with 95 % where that many were run)."""

    median: float
    low: float
    high: float
    rounds: int


CONFIDENCE = 0.95


def spread(values: Sequence[float]) -> Spread:
    """The median, and the interval that it is known to lie in.

    The interval is that of the sign test, which assumes nothing about the noise: between the k-th smallest and the k-th
    largest value, with the largest k that still gives CONFIDENCE. Below six rounds none does: then it is the range.
    """
    ordered = sorted(values)
    aside = _aside(len(ordered))
    return Spread(median(ordered), ordered[aside], ordered[-1 - aside], len(ordered))


def _aside(rounds: int) -> int:
    """How many values may be left aside at either end."""
    aside, outside = 0, 0.0
    while True:
        outside += 2 * math.comb(rounds, aside) / 2**rounds  # that the median lies below or above all but `aside`
        if 1 - outside < CONFIDENCE:
            return max(0, aside - 1)
        aside += 1


def paired(
    one: Mapping[int, float], other: Mapping[int, float], combine: Callable[[float, float], float]
) -> Spread | None:
    """`combine(one, other)` within every round that has both, then over the rounds; None if no round has both.

    A combination that is not finite (a ratio to zero) leaves its round out.
    """
    values = [combine(one[number], other[number]) for number in sorted(one.keys() & other.keys())]
    finite = [value for value in values if math.isfinite(value)]
    return spread(finite) if finite else None


def ratio(one: float, other: float) -> float:
    """One over the other; not a number where there is nothing to divide by."""
    return one / other if other else math.nan


def difference(one: float, other: float) -> float:
    """What one has more than the other."""
    return one - other


def rotated(items: Sequence[Item], number: int) -> list[Item]:
    """The order of round `number`: forwards and backwards by turns, beginning further on each time."""
    if not items:
        return []
    start = number // 2 % len(items)
    turned = [*items[start:], *items[:start]]
    return turned[::-1] if number % 2 else turned


def window(samples: Iterable[tuple[float, float]], start: float, end: float) -> list[float]:
    """The values of the (time, value) samples with start <= time < end."""
    return [value for time, value in samples if start <= time < end]
