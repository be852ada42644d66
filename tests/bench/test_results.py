"""The figures of a run: values, ratios to their bases, refusals, and the way to JSON and back."""

from __future__ import annotations

import json

import pytest

from bench.loads import Sample
from bench.results import ADDED, ONE_SHAPE, Load, Results, many_shapes
from tests.bench.made import SIMPLE, made


def test_figures_are_paired() -> None:
    direct, pgbouncer, relay, hoopfast = made().figures(SIMPLE)
    assert hoopfast.values["p50"].median == pytest.approx(360e-6)
    assert hoopfast.ratios["direct"]["p50"].median == pytest.approx(1.8)
    assert hoopfast.ratios["pgbouncer"]["cpu"].median == pytest.approx(1.5)
    assert hoopfast.ratios["relay"]["cpu"].median == pytest.approx(2.0)
    assert hoopfast.added["p50"].median == pytest.approx(160e-6)
    assert "cpu" not in direct.values
    assert "cpu" not in hoopfast.ratios["direct"]
    assert direct.added == {}
    assert "pgbouncer" not in pgbouncer.ratios
    assert "relay" not in relay.ratios


def test_what_is_added_is_compared_within_the_round() -> None:
    direct, pgbouncer, _, hoopfast = made().figures(SIMPLE)
    assert hoopfast.ratios["pgbouncer"][ADDED].median == pytest.approx(80 / 50)
    assert ADDED not in direct.ratios["pgbouncer"]
    assert ADDED not in pgbouncer.ratios["direct"]


def test_a_target_is_compared_with_itself_under_another_load() -> None:
    results = Results()
    many = many_shapes(500)
    for number, slow in enumerate((1.0, 4.0, 2.0)):
        results.add(ONE_SHAPE, "hoopfast", number, Sample(rate=1000 / slow))
        results.add(many, "hoopfast", number, Sample(rate=900 / slow))
    compared = results.across(many, ONE_SHAPE, "hoopfast", "rate")
    assert compared is not None
    assert (compared.low, compared.high) == pytest.approx((0.9, 0.9))
    assert results.across(many, ONE_SHAPE, "pgbouncer", "rate") is None
    assert results.many_shapes() == many
    assert Results().many_shapes() is None


def test_a_refusal_is_kept_with_its_first_reason() -> None:
    results = made()
    load = Load("bulk", False, "copy out", 1)
    results.add(load, "direct", 0, Sample(rate=200.0))
    results.refuse(load, "hoopfast", "not with protected columns")
    results.refuse(load, "hoopfast", "a later reason")
    assert results.is_refused(load, "hoopfast")
    assert not results.is_refused(load, "direct")
    written = json.loads(json.dumps(results.as_json()))
    assert [entry["refused"] for entry in written if entry["name"] == "copy out"] == ["", "not with protected columns"]


def test_results_come_back_from_json() -> None:
    results = made()
    results.refuse(Load("bulk", True, "copy out", 1), "hoopfast", "no")
    again = Results().take(json.loads(json.dumps(results.as_json())))
    assert again.samples == results.samples
    assert again.refusals == results.refusals
    assert again.figures(SIMPLE) == results.figures(SIMPLE)


def test_later_results_replace_a_load_as_a_whole() -> None:
    later = Results()
    later.add(SIMPLE, "direct", 0, Sample(p50=1.0))
    results = made()
    other = Load("bulk", False, "select", 1)
    results.add(other, "direct", 0, Sample(rate=2.0))
    results.take(later.as_json())
    assert results.samples[SIMPLE] == {"direct": {0: Sample(p50=1.0)}}
    assert results.samples[other] == {"direct": {0: Sample(rate=2.0)}}
