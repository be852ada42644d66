"""Times of the wire core, per stage of stages.py: `pytest bench/micro`. Divide by the units that `extra_info` holds."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.micro.stages import ROW_BYTES, STAGES, drive, row


def test_the_row_is_that_of_the_study() -> None:
    assert {len(row(number)) for number in range(0, 20_000, 7)} == {ROW_BYTES}


@pytest.mark.parametrize("stage", STAGES)
def test_stage(benchmark: BenchmarkFixture, stage: str) -> None:
    chosen = STAGES[stage]
    data = chosen.data()
    framer = chosen.framer()
    benchmark.extra_info["units"] = chosen.units
    benchmark.extra_info["what"] = chosen.what
    benchmark(drive, framer, data)
    if benchmark.stats is not None:  # None where benchmarks are switched off
        benchmark.extra_info["ns_per_unit"] = round(benchmark.stats["median"] / chosen.units * 1e9, 1)
    assert framer.buffered == 0
