"""The report: a table on the terminal, and everything as JSON.

Owns units and wording. Computes nothing: the figures are results.py's.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench.arithmetic import Spread
from bench.options import Options
from bench.results import Figures, Load, Results

HEADINGS = {
    "latency": "One client, blocks of single queries in turn",
    "pgbench": "pgbench",
    "stages": "hoopfast in stages; the second column of the small queries, two of eight of the bulk rows are protected",
    "bulk": "Bulk, about 235 bytes a row (pgbouncer with pkt_buf = 65536)",
}
NOTE = (
    "Medians over paired rounds. 'added' is the difference to direct, '×' the ratio, both within the same round. CPU is"
    " that of the proxy's processes. With client, server and proxy on the same few cores, CPU and the added p50 of one"
    " client are the figures to go by; rates and many clients' latencies are mostly the scheduler's."
)


WIDTH = 132  # of the tables; a narrower terminal wraps lines rather than words


def machine() -> dict[str, object]:
    """What it was measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "Python": platform.python_version(),
    }


def write_json(path: Path, results: Results, options: Options, versions: dict[str, str]) -> None:
    """Everything that was measured, rounds included."""
    said = {name: str(value) if isinstance(value, Path) else value for name, value in options._asdict().items()}
    content = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": machine(),
        "versions": versions,
        "options": said,
        "figures": results.as_json(),
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def tables(results: Results) -> Iterable[Table]:
    """A table per section, with and without TLS."""
    groups: dict[tuple[str, bool], list[Load]] = {}
    for load in results.samples:
        groups.setdefault((load.section, load.tls), []).append(load)
    for (section, tls), loads in groups.items():
        table = Table(title=HEADINGS[section] + (", TLS" if tls else ""), title_justify="left", box=box.SIMPLE_HEAD)
        for name in ("load", "target"):
            table.add_column(name, no_wrap=True)
        for name in (
            "p50 µs",
            "added p50",
            "added p99",
            "MB/s" if section == "bulk" else "per s",
            "CPU",
            "× direct",
            "× pgbouncer",
            "CPU × pgb.",
        ):
            table.add_column(name, justify="right", no_wrap=True)
        for load in loads:
            for figures in results.figures(load):
                table.add_row(*row(load, figures))
            table.add_section()
        yield table


def row(load: Load, figures: Figures) -> list[str]:
    """One target under one load, as texts."""
    bulk = load.name in ("select", "copy out", "copy in")
    name = load.name if bulk else f"{load.name}, {load.clients} client{'s' if load.clients > 1 else ''}"
    if figures.refused:
        return [name, figures.target, "refused"]
    values, added = figures.values, figures.added
    metric = "rate" if bulk else "p50"
    cpu_unit = " s/GB" if bulk else " µs"
    return [
        name,
        figures.target,
        _scaled(values.get("p50"), 1e6, "", 0),
        _scaled(added.get("p50"), 1e6, "", 0),
        _scaled(added.get("p99"), 1e6, "", 0),
        _scaled(values.get("rate"), 1, "", 0),
        _scaled(values.get("cpu"), 1 if bulk else 1e6, cpu_unit, 2 if bulk else 1),
        _scaled(figures.ratios.get("direct", {}).get(metric), 1, "", 2),
        _scaled(figures.ratios.get("pgbouncer", {}).get(metric), 1, "", 2),
        _scaled(figures.ratios.get("pgbouncer", {}).get("cpu"), 1, "", 2),
    ]


def _scaled(value: Spread | None, factor: float, unit: str, digits: int) -> str:
    return "" if value is None else f"{value.median * factor:,.{digits}f}{unit}"


def show(results: Results, console: Console) -> None:
    """Print all tables, and how to read them."""
    for table in tables(results):
        console.print(table)
    for load, refusals in results.refusals.items():
        for target, reason in refusals.items():
            console.print(f"{load.section}: {load.name}: {target} refused: {reason}")
    console.print(NOTE, style="dim")
