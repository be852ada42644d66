"""The tables of a report, as plain texts: the terminal and the page show the same ones.

Owns units, digits and wording of figures. Computes nothing: the figures are results.py's and goals.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from bench import rows
from bench.arithmetic import Spread, paired, ratio, spread
from bench.goals import Outcome, outcomes
from bench.results import ADDED, FIRST_SIGHT, ONE_SHAPE, Figures, Load, Results
from bench.targets import RELAY_AGAIN

HEADINGS = {
    "latency": "One client, blocks of single queries to every target in turn",
    "pgbench": "pgbench",
    "stages": "hoopfast in stages: a second column of each query is protected in the last",
    "bulk": "Bulk, about 235 bytes a row (pgbouncer with pkt_buf = 65536)",
}


class Sheet(NamedTuple):
    """One table; the first columns, up to `texts`, are words."""

    section: str
    title: str
    headings: tuple[str, ...]
    groups: list[list[list[str]]]  # rows that belong together
    texts: int = 2


class Column(NamedTuple):
    """A heading, and what stands under it for one target."""

    heading: str
    cell: Callable[[Figures], str]


def shown(value: Spread | None, factor: float = 1.0, digits: int = 2, unit: str = "") -> str:
    """A median, and in brackets where it is known to lie; empty for nothing."""
    if value is None:
        return ""
    text = f"{value.median * factor:,.{digits}f}{unit}"
    if value.rounds > 1:
        text += f" ({value.low * factor:,.{digits}f} to {value.high * factor:,.{digits}f})"
    return text


def alone(value: Spread | None, factor: float = 1.0, digits: int = 0, unit: str = "") -> str:
    """A median by itself."""
    return "" if value is None else f"{value.median * factor:,.{digits}f}{unit}"


def _value(metric: str, factor: float = 1.0, digits: int = 0) -> Callable[[Figures], str]:
    return lambda figures: alone(figures.values.get(metric), factor, digits)


def _added(metric: str) -> Callable[[Figures], str]:
    return lambda figures: alone(figures.added.get(metric), 1e6)


def _beside(base: str, metric: str) -> Callable[[Figures], str]:
    return lambda figures: shown(figures.ratios.get(base, {}).get(metric))


QUERIES = (
    Column("p50 µs", _value("p50", 1e6)),
    Column("added p50", _added("p50")),
    Column("added p99", _added("p99")),
    Column("per s", _value("rate")),
    Column("CPU µs", _value("cpu", 1e6, 1)),
    Column("added p50 × pgbouncer", _beside("pgbouncer", ADDED)),
    Column("CPU × pgbouncer", _beside("pgbouncer", "cpu")),
    Column("CPU × relay", _beside("relay", "cpu")),
)
BULK = (
    Column("MB/s", _value("rate")),
    Column("CPU s/GB", _value("cpu", 1.0, 2)),
    Column("MB/s × direct", _beside("direct", "rate")),
    Column("CPU × pgbouncer", _beside("pgbouncer", "cpu")),
    Column("CPU × relay", _beside("relay", "cpu")),
)


def sheets(results: Results) -> Iterable[Sheet]:
    """A table per section, with and without TLS, in the order in which they were measured."""
    groups: dict[tuple[str, bool], list[Load]] = {}
    for load in results.samples:
        groups.setdefault((load.section, load.tls), []).append(load)
    for (section, tls), loads in groups.items():
        if section in HEADINGS:
            title = HEADINGS[section] + (", TLS" if tls else "")
            yield _by_target(section, title, results, loads, BULK if section == "bulk" else QUERIES)
        elif section == "noise":
            yield _noise(results, loads)
        elif section == "rows":
            yield _rows(results)
        elif section == "shapes" and results.many_shapes() is not None:
            yield _shapes(results)


def _by_target(section: str, title: str, results: Results, loads: Sequence[Load], columns: Sequence[Column]) -> Sheet:
    groups = []
    for load in loads:
        name = load.name if section == "bulk" else named(load)
        group = []
        for figures in results.figures(load):
            cells = [column.cell(figures) for column in columns]
            group.append([name, figures.target, *(["refused", *cells[1:]] if figures.refused else cells)])
        groups.append(group)
    headings = ("load", "target", *(column.heading for column in columns))
    # A base that did not take part leaves an empty column.
    kept = [n for n in range(len(headings)) if n < 2 or any(row[n] for group in groups for row in group)]
    return Sheet(
        section,
        title,
        tuple(headings[n] for n in kept),
        [[[row[n] for n in kept] for row in group] for group in groups],
    )


def named(load: Load) -> str:
    """A load of queries in words."""
    return f"{load.name}, {load.clients} client{'s' if load.clients > 1 else ''}"


def _noise(results: Results, loads: Sequence[Load]) -> Sheet:
    found = []
    for load in loads:
        figures = next(figures for figures in results.figures(load) if figures.target == RELAY_AGAIN)
        ratios = figures.ratios.get("relay", {})
        bulk = load.name == "select"
        speed = shown(ratios.get("rate")) if bulk else shown(ratios.get("p50"))
        found.append([load.name if bulk else named(load), shown(ratios.get("cpu")), speed])
    title = "The relay against itself: the noise of the other ratios"
    return Sheet("noise", title, ("load", "CPU × itself", "p50 (select: MB/s) × itself"), [found], texts=1)


def _rows(results: Results) -> Sheet:
    found = []
    for name in results.samples[rows.LOAD]:
        value = results.metric(rows.LOAD, name, "p50")
        over = results.over(rows.LOAD, name, rows.FRAMED, "p50") if name != rows.FRAMED else None
        found.append([rows.described(name), shown(_only(value), 1e9, 1), shown(over, 1e9, 1)])
    title = "A row of 235 bytes through the framer alone, without sockets"
    return Sheet("rows", title, ("what", "ns per row", "ns over framing"), [found], texts=1)


def _shapes(results: Results) -> Sheet:
    many = results.many_shapes() or ONE_SHAPE
    direct = _quotients(results, many, "direct")
    found = []
    for target in results.samples[many]:
        own = _quotients(results, many, target)
        per_second = [alone(_only(results.metric(load, target, "rate"))) for load in (ONE_SHAPE, many)]
        used = [alone(_only(results.metric(load, target, "cpu")), 1e6, 1) for load in (ONE_SHAPE, many)]
        first = results.metric(FIRST_SIGHT, target, "p50"), results.metric(FIRST_SIGHT, target, "p99")
        row = [target, *per_second, shown(_only(own))]
        row += [shown(paired(own, direct, ratio)) if target != "direct" else "", *used]
        found.append([*row, *(alone(_only(value), 1e6) for value in first)])
    headings = ["target", "one: per s", "many: per s", "many × one", "… × direct's", "one: CPU µs", "many: CPU µs"]
    headings += ["first sight: p50 µs", "p99 µs"]
    title = f"{many.name}, drawn by Zipf's law, against one shape; {many.clients} clients"
    return Sheet("shapes", title, tuple(headings), [found], texts=1)


def _quotients(results: Results, many: Load, target: str) -> dict[int, float]:
    one = results.metric(ONE_SHAPE, target, "rate")
    return {
        number: rate / one[number] for number, rate in results.metric(many, target, "rate").items() if number in one
    }


def _only(values: dict[int, float]) -> Spread | None:
    return spread(list(values.values())) if values else None


def goals(results: Results) -> Sheet:
    """What is promised beside what was measured."""
    groups: dict[str, list[list[str]]] = {}
    for outcome in outcomes(results):
        groups.setdefault(outcome.goal.group, []).append(_outcome(outcome))
    return Sheet("goals", "Limits", ("", "figure", "measured", "limit", "aim", ""), list(groups.values()))


def _outcome(outcome: Outcome) -> list[str]:
    goal = outcome.goal
    sign, digits = ("≥" if goal.at_least else "≤"), (0 if goal.unit else 2)
    limits = ["" if limit is None else f"{sign} {limit:.{digits}f}{goal.unit}" for limit in (goal.limit, goal.aim)]
    return [goal.group, goal.what, shown(outcome.found, goal.factor, digits or 1, goal.unit), *limits, outcome.verdict]
