"""What runs under callgrind: `callgrind_target.py STAGE ROUNDS` drives one stage of stages.py ROUNDS times.

Deterministic and quiet. `python -m bench.micro.counts` runs it twice with different ROUNDS and subtracts, so that the
interpreter's start and the making of the data drop out. By hand, to see which line costs what:

    valgrind --tool=callgrind --dump-instr=yes .venv/bin/python -m bench.micro.callgrind_target mask 10
    callgrind_annotate --auto=yes callgrind.out.*
"""

from __future__ import annotations

import sys

from bench.micro.stages import STAGES, drive


def main(stage: str, rounds: int) -> None:
    """Drive `stage`."""
    chosen = STAGES[stage]
    data = chosen.data()
    framer = chosen.framer()
    for _ in range(rounds):
        drive(framer, data)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
