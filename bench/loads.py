"""The loads: pgbench, blocks of single queries in turn, and bulk; each measures one target once.

Owns what is sent and when the CPU time is read. A round is one call per target; which targets and in which order is
rounds.py's.
"""

from __future__ import annotations

import math
import random
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Self

from bench.arithmetic import percentile, window
from bench.client import DESCRIBE, SYNC, BenchError, Connection, execute, parse, query
from bench.cpu import cpu_seconds
from bench.neighbours import Target
from hoopfast.sandbox.process import plain_environment

MODES = ("simple", "extended", "prepared")
# pgbench's script around one statement, and the statement.
SCRIPT = "\\set aid random(1, 100000)\n{};\n"
SELECT = "SELECT abalance FROM pgbench_accounts WHERE aid = {}"
SELECT_TWO = (
    "SELECT abalance, filler FROM pgbench_accounts WHERE aid = {}"  # the second is protected in the masking stage
)
WARM_UP, TIMED = 20, 100  # queries of one block
SETTLE = 0.25  # seconds between the first finished transaction and the window that is measured
BULK = ("select", "copy out", "copy in")
COPY_LINE = b"x" * 234 + b"\n"


class Sample(NamedTuple):
    """What one target gave in one round; None where it does not apply."""

    p50: float | None = None  # seconds per query
    p99: float | None = None
    rate: float | None = None  # queries per second, or MB per second
    cpu: float | None = None  # seconds of the proxy per query, or per GB


def script(statement: str) -> str:
    """A script for pgbench: one statement about some account."""
    return SCRIPT.format(statement.format(":aid"))


def pgbench(program: Path, target: Target, mode: str, clients: int, seconds: float, text: str) -> Sample:
    """One run of pgbench with a script. Connecting and its end are left out: only a window in the middle counts."""
    with tempfile.TemporaryDirectory(prefix="hoopfast-bench-") as place:
        folder = Path(place)
        running = started(program, target, mode, clients, 2 * SETTLE + seconds, text, folder)
        try:
            time.sleep(SETTLE)
            pids = target.pids()
            used, start = cpu_seconds(pids), time.time()
            time.sleep(seconds)
            used, end = cpu_seconds(pids) - used, time.time()
            running.communicate(timeout=60)
        finally:
            running.kill()
            running.communicate()
        latencies = window(transactions(folder), start, end)
    if not latencies:
        raise BenchError(f"{target.name}: pgbench finished no transaction within {seconds} s")
    rate = len(latencies) / (end - start)
    return Sample(percentile(latencies, 0.5), percentile(latencies, 0.99), rate, _share(target, used, len(latencies)))


def started(
    program: Path, target: Target, mode: str, clients: int, seconds: float, text: str, folder: Path
) -> subprocess.Popen[str]:
    """A pgbench that runs for so many seconds at least, once it has finished a transaction; its log is in `folder`."""
    (folder / "script").write_text(text)
    address = target.address
    command = [str(program), "-n", "-M", mode, "-c", str(clients), "-j", "1", "-f", str(folder / "script")]
    command += ["-T", str(math.ceil(seconds)), "-l", f"--log-prefix={folder}/log"]
    command += ["-h", address.host, "-p", str(address.port), "-U", address.user, address.database]
    environment = plain_environment() | {
        "PGPASSWORD": address.password,
        "PGSSLMODE": "require" if address.tls else "disable",
    }
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _await_log(running, folder)
    except BaseException:
        running.kill()
        running.communicate()
        raise
    return running


def transactions_between(folder: Path, start: float, end: float) -> int:
    """How many transactions pgbench's logs have within a window."""
    return len(window(transactions(folder), start, end))


def transactions(folder: Path) -> list[tuple[float, float]]:
    """(time of the end, duration), in seconds, of each transaction in pgbench's logs; a line cut short is left out."""
    found = []
    for log in folder.glob("log.*"):
        for line in log.read_text().split("\n")[:-1]:  # what follows the last newline is cut short
            fields = line.split()
            if len(fields) >= 6 and fields[2].isdigit():
                found.append((int(fields[4]) + int(fields[5]) / 1e6, int(fields[2]) / 1e6))
    return found


def _await_log(running: subprocess.Popen[str], folder: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if any(log.stat().st_size for log in folder.glob("log.*")):
            return
        if running.poll() is not None:
            assert running.stderr is not None
            raise BenchError(running.stderr.read().strip())
        time.sleep(0.01)
    raise BenchError("pgbench finished no transaction within 30 s")


class Latency:
    """One client of one target, for blocks of queries one after the other."""

    def __init__(self, target: Target, mode: str, statement: str = SELECT) -> None:
        """Connect, and prepare what is sent."""
        self.target = target
        self._connection = Connection(target.address)
        numbers = [random.Random(n).randint(1, 100_000) for n in range(WARM_UP + TIMED)]
        if mode == "simple":
            self._requests = [query(statement.format(number)) for number in numbers]
            return
        text = statement.format("$1")
        if mode == "prepared":
            self._connection.ask(parse("s", text) + SYNC)
            self._requests = [execute("s", (str(number),)) + SYNC for number in numbers]
        else:
            # Parse, Bind, Describe, Execute, Sync: what libpq's PQexecParams and pgbench's extended mode send.
            parts = [execute("", (str(number),)) for number in numbers]
            self._requests = [parse("", text) + _described(part) + SYNC for part in parts]

    def block(self) -> list[float]:
        """Queries to warm up, then the seconds that each of the others took."""
        for request in self._requests[:WARM_UP]:
            self._connection.time(request)
        return [self._connection.time(request) for request in self._requests[WARM_UP:]]

    def turn(self, seconds: float) -> float:
        """Queries for so long without a pause: the proxy's CPU time for each.

        Long enough, this has what comes by the clock in its right proportion; a block is too short for that.
        """
        pids, asked, end = self.target.pids(), 0, time.perf_counter() + seconds
        before = cpu_seconds(pids)
        while time.perf_counter() < end:
            for request in self._requests:
                self._connection.time(request)
            asked += len(self._requests)
        return (cpu_seconds(pids) - before) / asked

    def check(self) -> None:
        """Raise BenchError if what is about to be measured is refused."""
        self._connection.ask(self._requests[0])

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Use as a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the session."""
        self.close()


def first_sight(target: Target, statements: Iterable[str]) -> Sample:
    """Every statement once, one after the other: what each costs whoever has not seen it before."""
    with Connection(target.address) as connection:
        connection.ask(query(SELECT.format(1)))
        pids = target.pids()
        used, times = cpu_seconds(pids), []
        for statement in statements:
            request = query(statement)
            start = time.perf_counter()
            connection.ask(request)
            times.append(time.perf_counter() - start)
        used = cpu_seconds(pids) - used
    rate = len(times) / sum(times)
    return Sample(percentile(times, 0.5), percentile(times, 0.99), rate, _share(target, used, len(times)))


def _described(bind_and_execute: bytes) -> bytes:
    """A Describe of the portal between Bind and Execute."""
    length = int.from_bytes(bind_and_execute[1:5], "big") + 1
    return bind_and_execute[:length] + DESCRIBE + bind_and_execute[length:]


def bulk(target: Target, what: str, copy_bytes: int) -> Sample:
    """One large transfer: MB per second, and the proxy's CPU seconds per GB of what arrived or was sent."""
    with Connection(target.address) as connection:
        connection.ask(query("SELECT abalance FROM pgbench_accounts WHERE aid = 1"))
        pids = target.pids()
        used, start = cpu_seconds(pids), time.perf_counter()
        if what == "select":
            size = connection.drain(query("SELECT * FROM wide"))
        elif what == "copy out":
            size = connection.drain(query("COPY wide TO STDOUT"))
        else:
            size = connection.copy_in("COPY sink FROM STDIN", COPY_LINE, copy_bytes)
        seconds = time.perf_counter() - start
        used = cpu_seconds(pids) - used
    return Sample(rate=size / 1e6 / seconds, cpu=_share(target, used, size / 1e9))


def _share(target: Target, seconds: float, amount: float) -> float | None:
    return seconds / amount if target.process else None
