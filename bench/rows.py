"""What masking costs a row: the framer alone, in this process, on rows of 235 bytes; no socket and no server.

The times are those of micro/stages.py's work, in the rounds of the other sections, so that the page can hold them
against their limit. Counts of instructions, which no noise touches, are micro/counts.py's.
"""

from __future__ import annotations

import time
from statistics import median

from bench.loads import Sample
from bench.micro.stages import STAGES, drive
from bench.results import Load

FRAMED, MASKED_ROW = "frame", "mask"
KINDS = (FRAMED, *(name for name in STAGES if name.startswith(MASKED_ROW)))
LOAD = Load("rows", False, "a row of 235 bytes", 1)
REPEATS = 15  # of which the median counts


def time_rows(kind: str) -> Sample:
    """Seconds that a row takes, once it is warm."""
    stage = STAGES[kind]
    data, framer = stage.data(), stage.framer()
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        drive(framer, data)
        taken.append(time.perf_counter() - start)
    return Sample(p50=median(taken) / stage.units)


def described(kind: str) -> str:
    """A kind in words."""
    return STAGES[kind].what if kind in STAGES else kind
