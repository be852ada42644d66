"""Instructions per row and per statement under callgrind, compared with counts.json: `python -m bench.micro.counts`.

Counts do not depend on how busy or how fast the machine is; they do depend on compiler, C library and interpreter. So
counts.json says which it was made with: where these are the same, more than 3 % above fails, and so does more than 3 %
below, with the request to write the gain down (`--update`). Where they differ the bound is 25 %. Exits 0 if all is
well, 1 if a count is out of bounds, 2 if nothing could be counted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from bench.micro.stages import STAGES

BASELINE = Path(__file__).with_name("counts.json")
ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 0.03
TOLERANCE_ELSEWHERE = 0.25
FEW, MANY = 1, 4  # rounds of the two runs that are subtracted
TIMEOUT = 300.0
# Callgrind counts `rep movsb` as one instruction per byte, which would bury everything else under copying.
COPY_BY_VECTOR = "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold=1073741824"
OK, OUT_OF_BOUNDS, NOT_COUNTED = 0, 1, 2


class Baseline(TypedDict):
    """What counts.json holds."""

    environment: dict[str, str]
    counts: dict[str, float]


class NotCounted(Exception):  # noqa: N818 - said to the user as it stands
    """Why there is no count."""


def environment() -> dict[str, str]:
    """What the counts depend on besides our code."""
    compiler = subprocess.run(["cc", "-dumpfullversion"], capture_output=True, text=True, check=False).stdout.strip()
    return {
        "python": platform.python_version(),
        "cython": version("cython"),
        "compiler": compiler,
        "libc": " ".join(platform.libc_ver()),
        "machine": platform.machine(),
    }


def instructions(stage: str, rounds: int) -> int:
    """All instructions of one run of the target."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", sys.executable]
        command += ["-m", "bench.micro.callgrind_target", stage, str(rounds)]
        # Another hash seed, or writing byte code in one of the two runs, would change the number of instructions.
        fixed = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "GLIBC_TUNABLES": COPY_BY_VECTOR}
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **fixed}, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or found is None:
        raise NotCounted(f"callgrind failed for {stage!r}:\n{done.stderr[-2000:]}")
    return int(found[1])


def count(stage: str) -> float:
    """Instructions per unit of a stage."""
    difference = instructions(stage, MANY) - instructions(stage, FEW)
    return round(difference / (MANY - FEW) / STAGES[stage].units, 1)


def verdict(counts: Mapping[str, float], baseline: Baseline, here: Mapping[str, str]) -> tuple[list[str], bool]:
    """A line for each stage, and whether all of them are within bounds."""
    tolerance = TOLERANCE if baseline["environment"] == here else TOLERANCE_ELSEWHERE
    lines = []
    within = True
    for stage, counted in counts.items():
        expected = baseline["counts"].get(stage)
        line = f"{stage:14} {counted:10.1f} instructions  {STAGES[stage].what}"
        if expected is None:
            lines.append(f"{line}: not in counts.json, run with --update")
            within = False
            continue
        change = counted / expected - 1
        line += f": {change:+.1%} (was {expected:.1f})"
        if change > tolerance:
            line += f"  MORE than the {tolerance:.0%} allowed"
            within = False
        elif change < -tolerance:
            line += f"  LESS by more than {tolerance:.0%}: keep the gain with --update"
            within = False
        lines.append(line)
    return lines, within


def main(arguments: list[str] | None = None) -> int:
    """Count, compare, say what came out."""
    parser = argparse.ArgumentParser(prog="python -m bench.micro.counts", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write what is counted to counts.json")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="only these stages")
    options = parser.parse_args(arguments)
    if shutil.which("valgrind") is None:
        print("counts: valgrind is not installed, so nothing was counted (`make system-packages` installs it)")
        return NOT_COUNTED
    here = environment()
    try:
        counts = {stage: count(stage) for stage in options.stages or STAGES}
    except (NotCounted, subprocess.TimeoutExpired) as reason:
        print(f"counts: {reason}")
        return NOT_COUNTED
    if options.update:
        before: Baseline = json.loads(BASELINE.read_text())
        # What was not counted now stands, if it was counted with the same tools.
        kept = before["counts"] if before["environment"] == here else {}
        updated: Baseline = {"environment": here, "counts": {**kept, **counts}}
        BASELINE.write_text(json.dumps(updated, indent=2) + "\n")
    baseline: Baseline = json.loads(BASELINE.read_text())
    if baseline["environment"] != here:
        print(f"counts: counts.json was made elsewhere ({baseline['environment']}), so the bounds are wide")
    lines, within = verdict(counts, baseline, here)
    print("\n".join(lines))
    return OK if within else OUT_OF_BOUNDS


if __name__ == "__main__":
    sys.exit(main())
