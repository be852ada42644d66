"""Instructions by callgrind: what a query makes a worker's loop execute outside the kernel, however busy the machine.

Owns how the gateway is started under callgrind, how counting is switched on behind the warm-up, which thread counts,
and callgrind's output format (Valgrind manual, "Callgrind Format Specification").
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bench.loads import TIMED, WARM_UP, Latency
from bench.micro.counts import COPY_BY_VECTOR
from bench.neighbours import Target
from bench.profile.groups import Frame, of_library

START_SECONDS = 300.0
# What comes once a second, or twenty times, comes with far fewer queries between under callgrind.
TUNING = 'catalog_max_age = "60s"\njournal_sync = "10s"'
QUERIES = WARM_UP + TIMED  # of one block
WARM_BLOCKS = 3
_NAME = re.compile(r"\((\d+)\)(?: (.*))?")


class Counts:
    """Instructions by library and function, per query."""

    def __init__(self, functions: Counter[Frame], queries: int) -> None:
        self.functions = Counter({frame: count / queries for frame, count in functions.items()})
        self.parts: Counter[str] = Counter()
        for frame, count in self.functions.items():
            self.parts[of_library(frame.file)] += count

    @property
    def total(self) -> float:
        """Instructions per query."""
        return self.parts.total()


def why_not() -> str:
    """Why callgrind cannot be used here; empty if it can."""
    if shutil.which("valgrind") and shutil.which("callgrind_control"):
        return ""
    return "valgrind is not installed (make system-packages brings it)"


def under(folder: Path) -> list[str]:
    """The command that the gateway is started under: it counts nothing yet."""
    options = ["--trace-children=yes", "--separate-threads=yes", "--instr-atstart=no"]
    options.append(f"--callgrind-out-file={folder}/out.%p")
    # Otherwise `rep movsb` counts as an instruction per byte.
    return ["env", f"GLIBC_TUNABLES={COPY_BY_VECTOR}", "valgrind", "--tool=callgrind", *options]


def count(target: Target, worker: int, mode: str, folder: Path) -> Counts:
    """The instructions of a query in the worker, from a block of them behind some that warm up."""
    client = Latency(target, mode)
    try:
        for _ in range(WARM_BLOCKS):
            client.block()
        before = set(folder.glob(f"out.{worker}.*-01"))
        _control(worker, "--instr=on")
        client.block()  # what is instrumented for the first time is translated anew; that is not counted
        _control(worker, "--zero")
        client.block()
        _control(worker, f"--dump={mode}")
        _control(worker, "--instr=off")
        (written,) = set(folder.glob(f"out.{worker}.*-01")) - before  # of the first thread: the loop's
    finally:
        client.close()
    return Counts(parse(written.read_text(errors="replace").splitlines()), QUERIES)


def _control(pid: int, order: str) -> None:
    done = subprocess.run(
        ["callgrind_control", order, str(pid)], capture_output=True, text=True, timeout=120, check=False
    )
    if "OK" not in done.stdout:
        raise RuntimeError(f"callgrind_control {order}: {done.stdout}{done.stderr}")


def parse(lines: Iterable[str]) -> Counter[Frame]:
    """Each function's own instructions, without those that it calls."""
    names: dict[tuple[str, str], str] = {}
    current = {"ob": "", "fn": ""}
    found: Counter[Frame] = Counter()
    called = False

    def name(kind: str, text: str) -> str:
        """A name as it stands, or the one that a number in brackets was given before."""
        if (numbered := _NAME.match(text)) is None:
            return text
        if numbered[2] is not None:
            names[kind, numbered[1]] = numbered[2]
        return names.get((kind, numbered[1]), "")

    for line in lines:
        key, equals, value = line.partition("=")
        if equals and key in {"ob", "fn", "cob", "cfn"}:
            given = name(key.removeprefix("c"), value)
            if key in current:
                current[key] = given
        elif line.startswith("calls="):
            called = True  # the next line is what the called function cost
        elif line[:1] in "0123456789+-*" and line:
            if called:
                called = False
            else:
                found[Frame(current["fn"], current["ob"])] += int(line.split()[1])
    return found
