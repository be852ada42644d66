"""The plots: panels of bars, all in one PNG or each as an SVG.

Draws what results.py computed and nothing else; without a display, by matplotlib's Agg.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.arithmetic import Spread
from bench.results import Figures, Load, Results
from bench.targets import MASKED, STAGES

COLOURS = {
    "direct": "#999999",
    "hoopfast": "#c2410c",
    MASKED: "#f59e0b",
    "pgbouncer": "#1d4ed8",
    "haproxy": "#15803d",
    "relay": "#111111",
}


class Panel(NamedTuple):
    """One plot: a group of bars per load, a colour per target."""

    name: str  # of its file, and of the section that it belongs to before the first dash
    title: str
    unit: str
    loads: list[Load]
    metric: str
    factor: float
    with_direct: bool = False


def panels(results: Results) -> list[Panel]:
    """The plots that there is something for."""
    loads = list(results.samples)

    def of(section: str, *, tls: bool = False) -> list[Load]:
        return [load for load in loads if load.section == section and load.tls == tls]

    shapes = [load for load in of("shapes") if load.clients > 1]
    found = [
        Panel("latency-added", "One client: latency added to direct, p50", "µs", of("latency"), "added", 1e6),
        Panel("latency-cpu", "One client: CPU of the proxy per query", "µs", of("latency"), "cpu", 1e6),
        Panel("pgbench-cpu", "pgbench: CPU of the proxy per query", "µs", of("pgbench"), "cpu", 1e6),
        Panel("latency-tls", "One client, TLS: CPU of the proxy per query", "µs", of("latency", tls=True), "cpu", 1e6),
        Panel("pgbench-tls", "pgbench, TLS: CPU of the proxy per query", "µs", of("pgbench", tls=True), "cpu", 1e6),
        Panel("bulk-cpu", "Bulk: CPU of the proxy", "s per GB", of("bulk"), "cpu", 1.0),
        Panel("bulk-rate", "Bulk: throughput", "MB per s", of("bulk"), "rate", 1.0, with_direct=True),
        Panel("shapes-rate", "Many shapes against one", "queries per s", shapes, "rate", 1.0, with_direct=True),
        Panel("stages-cpu", "hoopfast in stages: CPU per query", "µs", of("stages"), "cpu", 1e6),
    ]
    return [panel for panel in found if panel.loads]


def write_png(path: Path, results: Results) -> None:
    """All panels below each other; nothing is written if there are none."""
    chosen = panels(results)
    if not chosen:
        return
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(len(chosen), 1, figsize=(10, 3.2 * len(chosen)), squeeze=False, layout="constrained")
    for axis, panel in zip(axes[:, 0], chosen, strict=True):
        _draw(axis, results, panel)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def write_svgs(folder: Path, results: Results) -> dict[str, Path]:
    """Each panel in a file of its own; returns them by the panels' names."""
    pyplot = _pyplot()
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for panel in panels(results):
        figure, axis = pyplot.subplots(figsize=(9, 3.4), layout="constrained")
        _draw(axis, results, panel)
        written[panel.name] = folder / f"bench-{panel.name}.svg"
        # Without date and with fixed names inside, so that the same figures give the same file.
        figure.savefig(written[panel.name], metadata={"Date": None}, facecolor="white")
        pyplot.close(figure)
    return written


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "hoopfast"
    from matplotlib import pyplot

    return pyplot


def _draw(axis: Any, results: Results, panel: Panel) -> None:
    """Bars, and whiskers that show where the medians are known to lie."""
    by_load = [
        {figures.target: _value(figures, panel.metric) for figures in results.figures(load)} for load in panel.loads
    ]
    targets = list(dict.fromkeys(name for found in by_load for name, value in found.items() if value is not None))
    if not panel.with_direct:
        targets = [name for name in targets if name != "direct"]
    width = 0.8 / max(1, len(targets))
    for number, target in enumerate(targets):
        places, heights, below, above = [], [], [], []
        for index, found in enumerate(by_load):
            if (value := found.get(target)) is not None:
                places.append(index + (number - (len(targets) - 1) / 2) * width)
                heights.append(value.median * panel.factor)
                below.append((value.median - value.low) * panel.factor)
                above.append((value.high - value.median) * panel.factor)
        shade = f"{0.75 - 0.2 * STAGES.index(target):.2f}" if target in STAGES else None
        colour = shade or COLOURS.get(target)
        axis.bar(
            places, heights, width * 0.92, yerr=(below, above), label=target, color=colour, ecolor="#666666", capsize=2
        )
    axis.set_xticks(range(len(panel.loads)), [_label(load, panel.loads) for load in panel.loads], fontsize=8)
    axis.legend(frameon=False, ncols=max(1, len(targets)), fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_title(panel.title, loc="left")
    axis.set_ylabel(panel.unit)


def _value(figures: Figures, metric: str) -> Spread | None:
    return figures.added.get("p50") if metric == "added" else figures.values.get(metric)


def _label(load: Load, beside: Sequence[Load]) -> str:
    """A load's name; with the number of clients where that differs."""
    differ = len({other.clients for other in beside}) > 1
    return f"{load.name}\n{load.clients} client{'s' if load.clients > 1 else ''}" if differ else load.name
