"""One profile: the gateway and its neighbours under load, with one tool after the other attached.

Owns what runs beside what, and how shares become microseconds: the CPU time of a query is measured without any tool,
and a tool says only how it divides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench.client import BenchError
from bench.cpu import cpu_seconds, kernel_and_user
from bench.loads import SELECT, Latency, pgbench, script, started, transactions_between
from bench.neighbours import Target
from bench.profile import counted, sampled, syscalls
from bench.profile.counted import Counts
from bench.profile.sampled import Samples
from bench.targets import all_targets, hoopfast
from hoopfast.sandbox.postgres import ThrowawayPostgres

PROXIES = ("relay", "haproxy", "pgbouncer", "hoopfast")
SETTLE = 0.5
RARELY = 20  # queries a second that still keep the catalog fresh


class Asked(NamedTuple):
    """What was asked, and by how many."""

    mode: str
    clients: int

    @property
    def words(self) -> str:
        """As a reader wants it."""
        return f"{self.mode}, {self.clients} client{'s' if self.clients > 1 else ''}"


class Split(NamedTuple):
    """The CPU time of a query, and how the kernel's clock divides it."""

    seconds: float
    in_kernel: float  # the share


class Background(NamedTuple):
    """What hoopfast's processes take whether much is asked or little."""

    session: str
    milliseconds: float  # of CPU time in a second


@dataclass
class Profile:
    """Everything that was found."""

    splits: dict[str, dict[Asked, Split]] = field(default_factory=dict)  # by target
    sampled: dict[Asked, Samples] = field(default_factory=dict)
    calls: dict[str, dict[str, float]] = field(default_factory=dict)  # per query, by target
    counted: dict[str, Counts] = field(default_factory=dict)  # by mode
    background: list[Background] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    tls: bool = False


class Profiler:
    """Fills a profile."""

    def __init__(self, server: ThrowawayPostgres, programs: Path, folder: Path, say: Callable[[str], None]) -> None:
        self.profile = Profile()
        self._server = server
        self._program = programs / "pgbench"
        self._folder = folder
        self._say = say

    def sample(self, modes: Sequence[str], clients: Sequence[int], seconds: float, *, tls: bool) -> None:
        """CPU time per query of every proxy; of hoopfast, where it goes."""
        reason = sampled.why_not(self._folder)
        if reason:
            self._leave_out(reason)
        self.profile.tls = tls
        with all_targets(self._server, tls=tls) as targets:
            for asked in (Asked(mode, count) for mode in modes for count in clients):
                for target in _proxies(targets):
                    self._say(f"{asked.words}: CPU time of {target.name}")
                    self._split(target, asked, min(seconds, 2.0))
                if not reason:
                    self._say(f"{asked.words}: perf")
                    (target,) = (target for target in targets if target.name == "hoopfast")
                    with self._asking(target, asked, seconds + 2 * SETTLE):
                        found = sampled.sample(worker(target), seconds, self._folder)
                    self.profile.sampled[asked] = found

    def rest(self, seconds: float, *, tls: bool) -> None:
        """What comes by the clock and not by the query."""
        with hoopfast(self._server, tls=tls) as target, Latency(target, "prepared") as client:
            self._say("what the gateway takes at rest")
            client.block()
            for session, pause in (("a session that asks nothing", 0.0), (f"{RARELY} queries a second", 1 / RARELY)):
                pids, end = target.pids(), time.monotonic() + seconds
                before = cpu_seconds(pids)
                while time.monotonic() < end:
                    time.sleep(pause or seconds)
                    if pause:
                        client.check()
                self.profile.background.append(Background(session, (cpu_seconds(pids) - before) / seconds * 1e3))

    def trace(self, mode: str, *, tls: bool) -> None:
        """System calls per query of every proxy, one client."""
        if reason := syscalls.why_not():
            return self._leave_out(reason)
        with all_targets(self._server, tls=tls) as targets:
            for target in _proxies(targets):
                self._say(f"{mode}, 1 client: strace of {target.name}")
                with self._asking(target, Asked(mode, 1), syscalls.SECONDS + 2 * SETTLE) as log:
                    calls, start, end = syscalls.trace(worker(target), self._folder)
                queries = transactions_between(log, start, end)
                if queries:
                    self.profile.calls[target.name] = {name: count / queries for name, count in calls.items()}
        return None

    def count(self, modes: Sequence[str], *, tls: bool) -> None:
        """Instructions per query of hoopfast's worker, one client."""
        if reason := counted.why_not():
            return self._leave_out(reason)
        self._say("the gateway starts under callgrind, which takes a while")
        under = counted.under(self._folder)
        start = counted.START_SECONDS
        with hoopfast(self._server, tls=tls, under=under, tuning=counted.TUNING, start_seconds=start) as target:
            for mode in modes:
                self._say(f"{mode}, 1 client: callgrind")
                self.profile.counted[mode] = counted.count(target, worker(target), mode, self._folder)
        return None

    def _leave_out(self, reason: str) -> None:
        self.profile.left_out.append(reason)
        self._say(f"left out: {reason}")

    def _split(self, target: Target, asked: Asked, seconds: float) -> None:
        before = kernel_and_user(target.pids())
        given = pgbench(self._program, target, asked.mode, asked.clients, seconds, script(SELECT))
        kernel, user = (now - then for now, then in zip(kernel_and_user(target.pids()), before, strict=True))
        if given.cpu is not None and kernel + user > 0:
            found = self.profile.splits.setdefault(target.name, {})
            found[asked] = Split(given.cpu, kernel / (kernel + user))

    @contextmanager
    def _asking(self, target: Target, asked: Asked, seconds: float) -> Iterator[Path]:
        """Run pgbench while the block runs; yields the folder of its log, which is whole behind the block."""
        folder = self._folder / f"{target.name}-{asked.mode}-{asked.clients}-{time.monotonic_ns()}"
        folder.mkdir()
        running = started(self._program, target, asked.mode, asked.clients, seconds, script(SELECT), folder)
        try:
            time.sleep(SETTLE)
            yield folder
            running.communicate(timeout=60)
        finally:
            running.kill()
            running.communicate()


def worker(target: Target) -> int:
    """The process that does the work: the gateway's worker, or the only one."""
    for pid in target.pids():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"hoopfast.gateway.worker" in command:
            return pid
    if target.name == "hoopfast":
        raise BenchError("the gateway has no worker")
    return target.pids()[0]


def _proxies(targets: Sequence[Target]) -> list[Target]:
    return sorted((target for target in targets if target.name in PROXIES), key=lambda one: PROXIES.index(one.name))
