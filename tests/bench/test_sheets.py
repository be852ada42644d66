"""The tables: units, digits, and which columns and rows there are; on the terminal too."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench import report
from bench.arithmetic import Spread
from bench.loads import Sample
from bench.results import Load, Results
from bench.sheets import Sheet, goals, sheets, shown
from bench.targets import MASKED
from tests.bench.made import everything, made


def row(sheet: Sheet, *begins: str) -> dict[str, str]:
    """The row that begins with these words, by heading."""
    found = [row for group in sheet.groups for row in group if row[: len(begins)] == list(begins)]
    assert len(found) == 1
    return dict(zip(sheet.headings, found[0], strict=True))


def only(results: Results, section: str, title: str = "") -> Sheet:
    (found,) = (sheet for sheet in sheets(results) if sheet.section == section and sheet.title.endswith(title))
    return found


def test_queries_are_shown_in_microseconds() -> None:
    assert row(only(made(), "latency"), "simple, 1 client", "hoopfast") == {
        "load": "simple, 1 client",
        "target": "hoopfast",
        "p50 µs": "360",
        "added p50": "160",
        "added p99": "300",
        "per s": "3,000",
        "CPU µs": "120.0",
        "added p50 × pgbouncer": "1.60 (1.60 to 1.60)",
        "CPU × pgbouncer": "1.50 (1.50 to 1.50)",
        "CPU × relay": "2.00 (2.00 to 2.00)",
    }


def test_bulk_is_shown_per_gigabyte_with_ratios_of_the_rate() -> None:
    results = Results()
    load = Load("bulk", False, "select", 1)
    results.add(load, "direct", 0, Sample(rate=400.0))
    results.add(load, "pgbouncer", 0, Sample(rate=320.0, cpu=1.6))
    results.add(load, "hoopfast", 0, Sample(rate=300.0, cpu=2.4))
    sheet = only(results, "bulk")
    assert row(sheet, "select", "hoopfast") == {
        "load": "select",
        "target": "hoopfast",
        "MB/s": "300",
        "CPU s/GB": "2.40",
        "MB/s × direct": "0.75",
        "CPU × pgbouncer": "1.50",
    }
    assert "CPU × relay" not in sheet.headings  # it took no part


def test_a_refusal_stands_in_the_table() -> None:
    assert row(only(everything(), "bulk"), "copy out", MASKED)["MB/s"] == "refused"


def test_tls_has_a_table_of_its_own() -> None:
    titles = [sheet.title for sheet in sheets(everything()) if sheet.section == "pgbench"]
    assert titles == ["pgbench", "pgbench, TLS"]


def test_shapes_are_compared_within_each_target() -> None:
    found = row(only(everything(), "shapes"), "hoopfast")
    assert found["many × one"] == "0.95 (0.95 to 0.95)"
    assert found["… × direct's"] == "1.00 (1.00 to 1.00)"
    assert found["one: CPU µs"] == "80.0"
    assert found["first sight: p50 µs"] == "2,000"


def test_shapes_of_which_nothing_came_make_no_table() -> None:
    results = everything()
    results.samples = {load: found for load, found in results.samples.items() if not load.name.endswith(" shapes")}
    assert not [sheet for sheet in sheets(results) if sheet.section == "shapes"]


def test_masking_is_shown_over_framing() -> None:
    assert [row[1:] for row in only(everything(), "rows").groups[0]] == [
        ["20.0 (10.0 to 30.0)", ""],
        ["61.0 (51.0 to 71.0)", "41.0 (41.0 to 41.0)"],
    ]


def test_the_noise_is_the_relay_against_itself() -> None:
    assert only(everything(), "noise").groups == [[["simple, 8 clients", "1.03 (1.03 to 1.03)", "1.00 (1.00 to 1.00)"]]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), (Spread(1.0, 1.0, 1.0, 1), "1.00"), (Spread(1234.5, 1.0, 2000.0, 9), "1,234.50 (1.00 to 2,000.00)")],
)
def test_an_interval_needs_more_than_one_round(value: Spread | None, expected: str) -> None:
    assert shown(value) == expected


def test_every_limit_is_shown_beside_what_was_measured() -> None:
    sheet = goals(everything())
    assert row(sheet, "1 client", "CPU per query, simple, × relay") == {
        "": "met",
        "figure": "CPU per query, simple, × relay",
        "measured": "1.30 (1.30 to 1.30)",
        "limit": "≤ 1.35",
        "aim": "≤ 1.15",
    }
    assert row(sheet, "masking")["measured"] == "41.0 ns (41.0 to 41.0)"


def test_the_whole_report_is_printed() -> None:
    written = io.StringIO()
    report.show(everything(), Console(width=report.WIDTH, file=written))
    text = written.getvalue()
    assert "One client, blocks of single queries" in text
    assert "Limits" in text
    assert f"bulk: copy out: {MASKED} refused: COPY of protected columns is not possible" in text
    assert "…" not in text.replace("… × direct's", "")
