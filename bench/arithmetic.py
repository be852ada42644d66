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
    """A median over rounds, and how far the rounds lie apart."""

    median: float
    low: float
    high: float
    rounds: int


def spread(values: Sequence[float]) -> Spread:
    """The median and the range of what the rounds gave."""
    return Spread(median(values), min(values), max(values), len(values))


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
