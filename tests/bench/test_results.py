"""The figures of a run: values, ratios to both bases, and refusals."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from bench import report
from bench.loads import Sample
from bench.results import Load, Results

SIMPLE = Load("latency", False, "simple", 1)


@pytest.fixture
def results() -> Results:
    found = Results()
    for number, slow in enumerate((1.0, 3.0, 2.0)):  # how slow the machine was in each round
        found.add(SIMPLE, "direct", number, Sample(slow * 100e-6, slow * 300e-6, 1e4 / slow))
        found.add(SIMPLE, "pgbouncer", number, Sample(slow * 150e-6, slow * 400e-6, 8e3 / slow, slow * 40e-6))
        found.add(SIMPLE, "hoopfast", number, Sample(slow * 180e-6, slow * 450e-6, 6e3 / slow, slow * 60e-6))
    return found


def test_figures_are_paired(results: Results) -> None:
    direct, pgbouncer, hoopfast = results.figures(SIMPLE)
    assert hoopfast.values["p50"].median == pytest.approx(360e-6)
    assert hoopfast.ratios["direct"]["p50"].median == pytest.approx(1.8)
    assert hoopfast.ratios["pgbouncer"]["cpu"].median == pytest.approx(1.5)
    assert hoopfast.added["p50"].median == pytest.approx(160e-6)
    assert "cpu" not in direct.values
    assert "cpu" not in hoopfast.ratios["direct"]
    assert direct.added == {}
    assert "pgbouncer" not in pgbouncer.ratios


def test_a_refusal_stands_in_the_table_and_in_the_json(results: Results) -> None:
    load = Load("bulk", False, "copy out", 1)
    results.add(load, "direct", 0, Sample(rate=200.0))
    results.refuse(load, "hoopfast", "not with protected columns")
    results.refuse(load, "hoopfast", "a later reason")
    assert results.is_refused(load, "hoopfast")
    assert not results.is_refused(load, "direct")
    figures = results.figures(load)[1]
    assert report.row(load, figures) == ["copy out", "hoopfast", "refused"]
    written = json.loads(json.dumps(results.as_json()))
    assert [entry["refused"] for entry in written if entry["name"] == "copy out"] == ["", "not with protected columns"]


def test_the_table_shows_microseconds(results: Results) -> None:
    hoopfast = results.figures(SIMPLE)[2]
    assert report.row(SIMPLE, hoopfast) == [
        "simple, 1 client",
        "hoopfast",
        "360",
        "160",
        "300",
        "3,000",
        "120.0 µs",
        "1.80",
        "1.20",
        "1.50",
    ]


def test_bulk_is_shown_per_gigabyte_with_ratios_of_the_rate() -> None:
    results = Results()
    load = Load("bulk", False, "select", 1)
    results.add(load, "direct", 0, Sample(rate=400.0))
    results.add(load, "pgbouncer", 0, Sample(rate=320.0, cpu=1.6))
    results.add(load, "hoopfast", 0, Sample(rate=300.0, cpu=2.4))
    row = report.row(load, results.figures(load)[2])
    assert row == ["select", "hoopfast", "", "", "", "300", "2.40 s/GB", "0.75", "0.94", "1.50"]


def test_the_whole_report_is_printed(results: Results) -> None:
    results.refuse(Load("latency", False, "extended", 1), "hoopfast", "not with protected columns")
    console = Console(width=report.WIDTH, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        report.show(results, console)
        text = console.export_text()
    assert "One client, blocks of single queries in turn" in text
    assert "hoopfast" in text
    assert "latency: extended: hoopfast refused: not with protected columns" in text
    assert "…" not in text
