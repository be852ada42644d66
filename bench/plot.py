"""The plot: four panels of bars, as a PNG.

Draws what results.py computed and nothing else; without a display, by matplotlib's Agg.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.arithmetic import Spread
from bench.results import Figures, Load, Results
from bench.targets import MASKED, STAGES

COLOURS = {"direct": "#999999", "hoopfast": "#c2410c", MASKED: "#f59e0b", "pgbouncer": "#1d4ed8", "haproxy": "#15803d"}


def write_png(path: Path, results: Results) -> None:
    """Draw what there is; a section that was not measured leaves its panel out."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels: list[tuple[str, str, list[Load], str, float]] = []
    loads = list(results.samples)
    latency = [load for load in loads if load.section == "latency"]
    busy = [load for load in loads if load.section == "pgbench" and not load.tls]
    bulk = [load for load in loads if load.section == "bulk"]
    stages = [load for load in loads if load.section == "stages" and load.name in ("simple", "prepared")]
    for title, unit, chosen, metric, factor in (
        ("added latency, p50, one client", "µs", latency, "added", 1e6),
        ("CPU of the proxy per query, pgbench", "µs", busy, "cpu", 1e6),
        ("CPU of the proxy in bulk", "s per GB", bulk, "cpu", 1.0),
        ("hoopfast in stages: CPU per query", "µs", stages, "cpu", 1e6),
    ):
        if chosen:
            panels.append((title, unit, chosen, metric, factor))
    if not panels:
        return
    figure, axes = pyplot.subplots(len(panels), 1, figsize=(10, 3.2 * len(panels)), squeeze=False, layout="constrained")
    for axis, (title, unit, chosen, metric, factor) in zip(axes[:, 0], panels, strict=True):
        _bars(axis, results, chosen, metric, factor)
        axis.set_title(title, loc="left")
        axis.set_ylabel(unit)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _bars(axis: Any, results: Results, loads: Sequence[Load], metric: str, factor: float) -> None:
    """Groups of bars, a group per load and a colour per target; whiskers show the range over the rounds."""
    by_load = [{figures.target: _value(figures, metric) for figures in results.figures(load)} for load in loads]
    targets = [name for name in dict.fromkeys(name for found in by_load for name in found) if name != "direct"]
    width = 0.8 / max(1, len(targets))
    for number, target in enumerate(targets):
        places, heights, below, above = [], [], [], []
        for index, found in enumerate(by_load):
            if (value := found.get(target)) is not None:
                places.append(index + (number - (len(targets) - 1) / 2) * width)
                heights.append(value.median * factor)
                below.append((value.median - value.low) * factor)
                above.append((value.high - value.median) * factor)
        shade = f"{0.75 - 0.2 * STAGES.index(target):.2f}" if target in STAGES else None
        colour = shade or COLOURS.get(target)
        axis.bar(
            places, heights, width * 0.92, yerr=(below, above), label=target, color=colour, ecolor="#444444", capsize=2
        )
    axis.set_xticks(range(len(loads)), [_label(load) for load in loads], fontsize=8)
    axis.legend(frameon=False, ncols=max(1, len(targets)), fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)


def _value(figures: Figures, metric: str) -> Spread | None:
    return figures.added.get("p50") if metric == "added" else figures.values.get(metric)


def _label(load: Load) -> str:
    clients = "" if load.section == "bulk" else f"\n{load.clients} client{'s' if load.clients > 1 else ''}"
    return f"{load.name}{clients}{', TLS' if load.tls else ''}"
