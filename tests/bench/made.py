"""Results as a run could have given them, for the tests of what is made of results."""

from __future__ import annotations

from typing import Any

from bench.loads import MODES, Sample
from bench.results import FIRST_SIGHT, ONE_SHAPE, Load, Results, many_shapes
from bench.rows import FRAMED, MASKED_ROW
from bench.rows import LOAD as ROWS
from bench.targets import MASKED, RELAY_AGAIN

SIMPLE = Load("latency", False, "simple", 1)
SLOW = (1.0, 3.0, 2.0)  # how slow the machine was in each round


def queries(results: Results, load: Load, ours: float) -> None:
    """A load of small queries; hoopfast's CPU is `ours` times the relay's."""
    for number, slow in enumerate(SLOW):
        results.add(load, "direct", number, Sample(slow * 100e-6, slow * 300e-6, 1e4 / slow))
        results.add(load, "pgbouncer", number, Sample(slow * 150e-6, slow * 400e-6, 8e3 / slow, slow * 40e-6))
        results.add(load, "relay", number, Sample(slow * 140e-6, slow * 390e-6, 9e3 / slow, slow * 30e-6))
        cpu = slow * ours * 30e-6
        results.add(load, "hoopfast", number, Sample(slow * 180e-6, slow * 450e-6, 6e3 / slow, cpu))


def made(ours: float = 2.0) -> Results:
    """One load."""
    results = Results()
    queries(results, SIMPLE, ours)
    return results


def everything(ours: float = 1.3) -> Results:
    """Every section."""
    results = Results()
    noise = Load("noise", False, "simple", 8)
    for number, slow in enumerate(SLOW):
        results.add(noise, "relay", number, Sample(slow * 1e-4, slow * 2e-4, 1e4, slow * 30e-6))
        results.add(noise, RELAY_AGAIN, number, Sample(slow * 1e-4, slow * 2e-4, 1e4, slow * 31e-6))
    for tls in (False, True):
        for mode in MODES:
            queries(results, Load("latency", tls, mode, 1), ours)
            queries(results, Load("pgbench", tls, mode, 8), ours)
    for name in ("select", "copy out", "copy in"):
        load = Load("bulk", False, name, 1)
        for number, slow in enumerate(SLOW):
            results.add(load, "direct", number, Sample(rate=400 / slow))
            results.add(load, "hoopfast", number, Sample(rate=390 / slow, cpu=1.2 * slow))
            results.add(load, "pgbouncer", number, Sample(rate=380 / slow, cpu=1.5 * slow))
            results.add(load, "relay", number, Sample(rate=395 / slow, cpu=1.0 * slow))
    results.refuse(Load("bulk", False, "copy out", 1), MASKED, "COPY of protected columns is not possible")
    for number, slow in enumerate(SLOW):
        results.add(ROWS, FRAMED, number, Sample(p50=10e-9 * slow))
        results.add(ROWS, MASKED_ROW, number, Sample(p50=10e-9 * slow + 41e-9))
        results.add(ONE_SHAPE, "hoopfast", number, Sample(rate=1e4 / slow, cpu=40e-6 * slow))
        results.add(many_shapes(10_000), "hoopfast", number, Sample(rate=9.5e3 / slow, cpu=42e-6 * slow))
        results.add(ONE_SHAPE, "direct", number, Sample(rate=2e4 / slow))
        results.add(many_shapes(10_000), "direct", number, Sample(rate=1.9e4 / slow))
    results.add(FIRST_SIGHT, "hoopfast", 0, Sample(2e-3, 8e-3, 500.0, 1.8e-3))
    queries(results, Load("stages", False, "simple", 8), ours)
    results.seconds = {"latency": 61.2, "bulk": 118.0}
    return results


ORIGIN: dict[str, Any] = {
    "at": "2024-02-29 12:00:00 +0000",
    "commit": "0123456789ab",
    "command": "python -m bench --document docs/benchmarks.md",
    "machine": {"processor": "a | b", "cores": "2"},
    "versions": {"PostgreSQL": "postgres 15.18"},
    "options": {"rounds": 9},
    "seconds": {"latency": 61.2},
}
