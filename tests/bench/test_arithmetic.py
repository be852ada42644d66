"""Percentiles, pairing, and the order of rounds."""

from __future__ import annotations

import math

import pytest

from bench.arithmetic import Spread, difference, paired, percentile, ratio, rotated, spread, window


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 5.0), (0.9, 9.0), (0.91, 10.0), (0.99, 10.0), (1.0, 10.0)]
)
def test_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile([10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], share) == expected


def test_percentile_of_one_value() -> None:
    assert percentile([3.0], 0.99) == 3.0


def test_percentile_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        percentile([1.0], 50)


def test_spread() -> None:
    assert spread([3.0, 1.0, 2.0, 10.0]) == Spread(2.5, 1.0, 10.0, 4)


@pytest.mark.parametrize(
    ("rounds", "aside"),
    # Tables of the sign test's confidence interval for a median: 95 %, two-sided.
    [(1, 0), (5, 0), (6, 0), (8, 0), (9, 1), (11, 1), (12, 2), (15, 3), (20, 5), (25, 7)],
)
def test_a_spread_says_where_the_median_lies(rounds: int, aside: int) -> None:
    values = [float(number) for number in range(rounds)]
    given = spread(values[::-1])
    assert (given.low, given.high) == (values[aside], values[-1 - aside])


def test_pairing_takes_ratios_within_rounds() -> None:
    # Round 1 was slow for both. The ratio of the medians would be 1.5; within each round it is 2.
    ours = {0: 2.0, 1: 200.0, 2: 3.0}
    theirs = {0: 1.0, 1: 100.0, 2: 1.5}
    assert paired(ours, theirs, ratio) == Spread(2.0, 2.0, 2.0, 3)


def test_pairing_uses_only_rounds_that_both_have() -> None:
    assert paired({0: 4.0, 1: 9.0}, {1: 3.0, 2: 1.0}, ratio) == Spread(3.0, 3.0, 3.0, 1)
    assert paired({0: 4.0}, {1: 3.0}, ratio) is None


def test_a_ratio_to_zero_leaves_the_round_out() -> None:
    assert math.isnan(ratio(1.0, 0.0))
    assert paired({0: 4.0, 1: 8.0}, {0: 0.0, 1: 2.0}, ratio) == Spread(4.0, 4.0, 4.0, 1)
    assert paired({0: 4.0}, {0: 0.0}, ratio) is None


def test_differences_may_be_negative() -> None:
    assert paired({0: 1.0}, {0: 3.0}, difference) == Spread(-2.0, -2.0, -2.0, 1)


def test_every_target_comes_first_and_last_in_turn() -> None:
    orders = [rotated("abc", number) for number in range(6)]
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)
    assert orders[0] == ["a", "b", "c"]
    assert orders[1] == ["c", "b", "a"]
    assert {order[0] for order in orders} == {order[-1] for order in orders} == {"a", "b", "c"}
    assert rotated([], 3) == []


def test_window_is_half_open() -> None:
    samples = [(0.9, 1.0), (1.0, 2.0), (1.5, 3.0), (2.0, 4.0)]
    assert window(samples, 1.0, 2.0) == [2.0, 3.0]
