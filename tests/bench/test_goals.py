"""Limits: what meets them, what misses them, and what was not measured."""

from __future__ import annotations

import pytest

from bench.goals import MET, MISSED, NOT_MEASURED, Goal, Outcome, outcomes
from bench.loads import Sample
from bench.results import ONE_SHAPE, Results, many_shapes
from tests.bench.made import everything


def outcome(results: Results, group: str, begins: str) -> Outcome:
    (found,) = (one for one in outcomes(results) if one.goal.group == group and one.goal.what.startswith(begins))
    return found


@pytest.mark.parametrize(
    ("ours", "verdict"), [(1.0, f"{MET}, the aim too"), (1.33, MET), (1.35, MET), (1.354, MET), (1.36, MISSED)]
)
def test_a_limit_is_kept_or_not_as_the_reader_sees_it(ours: float, verdict: str) -> None:
    assert outcome(everything(ours), "1 client", "CPU per query, simple, × relay").verdict == verdict


def test_some_limits_are_from_below() -> None:
    found = outcome(everything(), "bulk", "SELECT: MB/s")
    assert found.goal.at_least
    assert found.found is not None
    assert found.found.median == pytest.approx(390 / 400)
    assert found.verdict == MET


def test_masking_is_measured_in_nanoseconds() -> None:
    found = outcome(everything(), "masking", "a row")
    assert found.found is not None
    assert found.found.median == pytest.approx(41e-9)
    assert found.verdict == MISSED


def test_what_was_refused_was_not_measured() -> None:
    assert outcome(everything(), "bulk, 2 of 8 masked", "COPY OUT: CPU").verdict == NOT_MEASURED


def test_nothing_is_met_by_nothing() -> None:
    assert {one.verdict for one in outcomes(Results())} == {NOT_MEASURED}
    assert {one.met for one in outcomes(Results())} == {None}


def test_fewer_shapes_are_another_figure() -> None:
    results = Results()
    for load in (ONE_SHAPE, many_shapes(500)):
        results.add(load, "hoopfast", 0, Sample(rate=1.0))
    assert outcome(results, "shapes", "10,000").verdict == NOT_MEASURED


def test_every_figure_that_was_promised_has_its_limit() -> None:
    limits: dict[str, list[float]] = {}
    found: list[Goal] = [one.goal for one in outcomes(Results())]
    for goal in found:
        limits.setdefault(goal.group, []).append(goal.limit)
    assert limits == {
        "1 client": [1.10] * 3 + [1.35] * 3 + [1.10] * 3,
        "8 clients": [1.15, 1.15, 1.25],
        "TLS": [1.40] * 6,
        "bulk": [0.95, 1.00, 0.95, 1.00, 1.15],
        "bulk, 2 of 8 masked": [0.95, 1.10, 0.95, 1.10],
        "masking": [40],
        "shapes": [0.90],
    }
