"""CPU time of processes, from /proc: what a proxy costs, whatever the scheduler makes of it.

Reads /proc/PID/task/*/schedstat, whose first figure is the time on a CPU in nanoseconds (sched-stats.rst of Linux's
documentation). A thread that has ended is not counted any more; the proxies measured here end none while they are. How
that divides into kernel and user is in /proc/PID/stat, in ticks of 10 ms, mostly.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")


def descendants(pid: int) -> list[int]:
    """The process and all its children, and theirs."""
    children: dict[int, list[int]] = {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            # The command stands in parentheses and may itself hold spaces and parentheses.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def kernel_and_user(pids: Iterable[int]) -> tuple[float, float]:
    """Seconds that these processes have spent in the kernel, and outside of it."""
    kernel, user = 0, 0
    for pid in pids:
        try:
            fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        user, kernel = user + int(fields[11]), kernel + int(fields[12])  # proc(5): utime, stime
    tick = os.sysconf("SC_CLK_TCK")
    return kernel / tick, user / tick


def cpu_seconds(pids: Iterable[int]) -> float:
    """The time that all threads of these processes have spent on a CPU."""
    total = 0
    for pid in pids:
        for schedstat in PROC.glob(f"{pid}/task/*/schedstat"):
            try:
                total += int(schedstat.read_text().split()[0])
            except OSError:
                continue
    return total / 1e9
