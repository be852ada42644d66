"""Samples by perf: which part of a process's CPU time is spent where.

Owns how perf is started and what it prints. `cpu-clock` counts time on a CPU, works in virtual machines without
counters, and sees the kernel too, where the system lets it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.profile.groups import Frame, in_kernel, of_stack

RATE = 1999  # samples per second of CPU time; a prime, so that no timer keeps step with it
_FRAME = re.compile(r"^\s+[0-9a-f]+ (.*) \((.*)\)$")


class Samples:
    """What a process was found doing, and how often."""

    def __init__(self, stacks: Iterable[list[Frame]]) -> None:
        self.parts: Counter[str] = Counter()
        self.functions: Counter[Frame] = Counter()
        for stack in stacks:
            self.parts[of_stack(stack)] += 1
            if stack:
                self.functions[stack[0]] += 1

    @property
    def total(self) -> int:
        """How many there are."""
        return self.parts.total()

    def share(self, part: str) -> float:
        """The part's share of all."""
        return self.parts[part] / self.total if self.total else 0.0


def why_not(folder: Path) -> str:
    """Why perf cannot be used here; empty if it can."""
    if shutil.which("perf") is None:
        return "perf is not installed (Debian: apt install linux-perf)"
    done = subprocess.run([*_command(folder / "try"), "true"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"perf cannot sample here: {done.stderr.strip().splitlines()[-1:]}"


def sample(pid: int, seconds: float, folder: Path) -> Samples:
    """What a process does for some seconds."""
    kept = folder / "perf.data"
    command = [*_command(kept), "-p", str(pid), "--", "sleep", str(seconds)]
    subprocess.run(command, capture_output=True, check=True)
    script = ["perf", "script", "-i", str(kept), "-F", "ip,sym,dso"]
    printed = subprocess.run(script, capture_output=True, text=True, errors="replace", check=True).stdout
    kept.unlink()
    return Samples(stacks(printed))


def stacks(printed: str) -> Iterator[list[Frame]]:
    """The stacks that `perf script -F ip,sym,dso` prints: a line for each frame, an empty line behind each stack."""
    stack: list[Frame] = []
    for line in [*printed.splitlines(), ""]:
        if found := _FRAME.match(line):
            stack.append(Frame(found[1].removesuffix("@plt"), found[2]))
        elif not line.strip() and stack:
            yield stack
            stack = []


def named(frame: Frame) -> str:
    """A function and its library, short."""
    return f"{frame.function} ({'kernel' if in_kernel(frame.file) else Path(frame.file).name.split('.')[0]})"


def _command(kept: Path) -> list[str]:
    return ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(RATE), "-g", "-o", str(kept)]
