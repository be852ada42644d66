"""What masking costs a row over framing it, in nanoseconds: `python -m bench.micro.masking`.

The rows are those of stages.py, 2 of 8 cells masked, through the same framer; nothing else of the gateway takes part.
Each figure is the best of many passes, the stages taking turns, because a pass can only be slowed down: a machine that
is busy all the time still shows in it. `bench.micro.counts` counts the same work in instructions, which it does not.
"""

from __future__ import annotations

import sys
import time
from math import inf

from bench.micro.stages import STAGES, drive

FRAMING = "frame"
MASKED = ("mask-in-place", "mask")
PASSES = 300


def best_ns(stages: tuple[str, ...], passes: int) -> dict[str, float]:
    """Nanoseconds per row of each stage in its best pass."""
    work = {stage: (STAGES[stage], STAGES[stage].data(), STAGES[stage].framer()) for stage in stages}
    best = dict.fromkeys(stages, inf)
    for _ in range(passes):
        for name, (stage, data, framer) in work.items():
            begun = time.perf_counter_ns()
            drive(framer, data)
            best[name] = min(best[name], (time.perf_counter_ns() - begun) / stage.units)
    return best


def masking_ns(passes: int = PASSES) -> dict[str, float]:
    """Nanoseconds per row, by what stages.py calls it: of framing itself, then of masking over framing."""
    best = best_ns((FRAMING, *MASKED), passes)
    over = {STAGES[stage].what: best[stage] - best[FRAMING] for stage in MASKED}
    return {STAGES[FRAMING].what: best[FRAMING], **over}


def main() -> int:
    """Print it."""
    framing, *masked = masking_ns().items()
    print(f"{framing[1]:6.1f} ns  {framing[0]}")
    for what, ns in masked:
        print(f"{ns:+6.1f} ns  {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
