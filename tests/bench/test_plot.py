"""The plot is a PNG with something in it."""

from __future__ import annotations

from pathlib import Path

from bench import plot
from bench.loads import Sample
from bench.results import Load, Results


def test_a_png_is_written(tmp_path: Path) -> None:
    results = Results()
    for number in range(2):
        for target in ("direct", "hoopfast", "pgbouncer"):
            cpu = None if target == "direct" else 50e-6
            for section, name in (("latency", "simple"), ("pgbench", "prepared"), ("bulk", "select")):
                results.add(Load(section, False, name, 1), target, number, Sample(1e-4, 2e-4, 100.0, cpu))
        results.add(Load("stages", False, "simple", 1), "masking", number, Sample(1e-4, 2e-4, 100.0, 60e-6))
    results.refuse(Load("bulk", False, "copy out", 1), "hoopfast", "no")
    plot.write_png(tmp_path / "x.png", results)
    written = (tmp_path / "x.png").read_bytes()
    assert written.startswith(b"\x89PNG")
    assert len(written) > 10_000


def test_nothing_measured_draws_nothing(tmp_path: Path) -> None:
    plot.write_png(tmp_path / "x.png", Results())
    assert not (tmp_path / "x.png").exists()
