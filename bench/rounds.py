"""The rounds: which load meets which targets, in which order.

Owns the interleaving: in every round each target is measured once, forwards and backwards by turns, so that what
slows the machine for a while slows all of them.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bench import rows, shapes
from bench.arithmetic import percentile, rotated
from bench.client import BenchError, Connection, query
from bench.loads import (
    BULK,
    COPY_LINE,
    MODES,
    SELECT,
    SELECT_TWO,
    TIMED,
    Latency,
    Sample,
    bulk,
    first_sight,
    pgbench,
    script,
)
from bench.neighbours import Target, missing
from bench.options import Options
from bench.results import FIRST_SIGHT, ONE_SHAPE, Load, Results, many_shapes
from bench.targets import STAGES, all_targets, bulk_targets, noise_targets, shape_targets, stage_targets
from hoopfast.sandbox.postgres import ThrowawayPostgres

Say = Callable[[str], None]
STAGE_ROUNDS = 3  # at most: they explain, and are no figures to go by
SHAPE_CLIENTS = 8


class Rounds:
    """One run over all sections."""

    def __init__(self, server: ThrowawayPostgres, programs: Path, options: Options, say: Say) -> None:
        self.results = Results()
        self.broken: list[str] = []  # sections that could not be measured to their end
        self._server = server
        self._program = programs / "pgbench"
        self._options = options
        self._say = say

    def run(self) -> Results:
        """Measure everything that was asked for."""
        for sentence in missing():
            self._say(sentence)
        sections: dict[str, Callable[[], None]] = {
            "noise": self._noise,
            "latency": self._latencies,
            "pgbench": self._pgbenches,
            "bulk": self._bulks,
            "rows": self._rows,
            "shapes": self._shapes,
            "stages": self._stages,
        }
        for name, measure in sections.items():
            if name in self._options.sections:
                start = time.monotonic()
                try:
                    measure()
                except (BenchError, OSError, RuntimeError, subprocess.SubprocessError) as error:
                    self._say(f"{name} broke off: {error}")
                    self.broken.append(name)
                self.results.seconds[name] = round(time.monotonic() - start, 1)
                self._say(f"{name} took {self.results.seconds[name]:.0f} s")
        return self.results

    # -- the sections

    def _noise(self) -> None:
        with noise_targets(self._server) as targets:
            if targets:
                self._latency(Load("noise", False, "simple", 1), targets)
                self._pgbench(Load("noise", False, "simple", 8), targets)
                self._bulk("noise", targets, "select")

    def _latencies(self) -> None:
        for tls in self._encryptions():
            with all_targets(self._server, tls=tls) as targets:
                for mode in MODES:
                    self._latency(Load("latency", tls, mode, 1), targets)

    def _pgbenches(self) -> None:
        for tls in self._encryptions():
            with all_targets(self._server, tls=tls) as targets:
                for mode in MODES:
                    for count in self._options.clients:
                        self._pgbench(Load("pgbench", tls, mode, count), targets)

    def _bulks(self) -> None:
        with bulk_targets(self._server) as targets:
            for what in BULK:
                self._bulk("bulk", targets, what)

    def _rows(self) -> None:
        for number in range(self._options.rounds):
            for name in rotated(rows.KINDS, number):
                self.results.add(rows.LOAD, name, number, rows.time_rows(name))

    def _shapes(self) -> None:
        """One shape and many by turns, so that both meet the same moments; everything has been seen before."""
        count = self._options.shapes
        many = many_shapes(count)
        scripts = {ONE_SHAPE: shapes.script(count, only=shapes.ONLY), many: shapes.script(count)}
        with shape_targets(self._server) as targets:
            self._say(f"shapes: {count:,} of them, once each")
            usable = [target for target in targets if self._warmed(target, count, scripts)]
            self._say(f"shapes: one and {count:,}, by Zipf's law, {SHAPE_CLIENTS} clients")
            for number in range(self._options.rounds):
                for target in rotated(usable, number):
                    for load in (ONE_SHAPE, many) if number % 2 else (many, ONE_SHAPE):
                        sample = self._one_pgbench(target, load, scripts[load])
                        self.results.add(load, target.name, number, sample)

    def _warmed(self, target: Target, count: int, loads: Iterable[Load]) -> bool:
        """Let a target see every shape; False: it refuses one, and is left out."""
        try:
            self.results.add(FIRST_SIGHT, target.name, 0, first_sight(target, shapes.every(count)))
            first_sight(target, shapes.every(count))  # what it learns late is learnt, too
        except (BenchError, OSError) as error:
            for load in loads:
                self.results.refuse(load, target.name, str(error))
            return False
        return True

    def _stages(self) -> None:
        rounds = min(STAGE_ROUNDS, self._options.rounds)
        with stage_targets(self._server) as targets:
            for target in targets:
                check_masks(target)
            for mode in ("simple", "prepared"):
                self._latency(Load("stages", False, mode, 1), targets, SELECT_TWO, rounds)
                self._pgbench(Load("stages", False, mode, 8), targets, SELECT_TWO, rounds)

    def _encryptions(self) -> list[bool]:
        """In the clear, and with TLS where this server was built with it."""
        chosen = list(self._options.tls)
        if True in chosen and not self._server.tls:
            self._say("TLS left out: this PostgreSQL was built without it (make system-packages brings one)")
            chosen.remove(True)
        return chosen

    # -- one load

    def _each(
        self, load: Load, targets: list[Target], measure: Callable[[Target], Sample], rounds: int | None = None
    ) -> None:
        """Every round, every target; one that refuses is left out from then on."""
        tls = " TLS" if load.tls else ""
        self._say(f"{load.section}{tls}: {load.name}, {load.clients} client{'s' if load.clients > 1 else ''}")
        for target in targets:
            self.results.samples.setdefault(load, {}).setdefault(target.name, {})
        for number in range(rounds or self._options.rounds):
            for target in rotated(targets, number):
                if self.results.is_refused(load, target.name):
                    continue
                try:
                    self.results.add(load, target.name, number, measure(target))
                except (BenchError, OSError) as error:
                    self.results.refuse(load, target.name, str(error))

    def _pgbench(self, load: Load, targets: list[Target], statement: str = SELECT, rounds: int | None = None) -> None:
        self._each(load, targets, lambda target: self._one_pgbench(target, load, script(statement)), rounds)

    def _one_pgbench(self, target: Target, load: Load, text: str) -> Sample:
        mode = load.name if load.name in MODES else "simple"
        return pgbench(self._program, target, mode, load.clients, self._options.seconds, text)

    def _bulk(self, section: str, targets: list[Target], what: str) -> None:
        size = self._options.rows * len(COPY_LINE)

        def measure(target: Target) -> Sample:
            if what == "copy in":
                self._server.psql("TRUNCATE sink", target.address.database)
            return bulk(target, what, size)

        self._each(Load(section, False, what, 1), targets, measure)

    def _latency(self, load: Load, targets: list[Target], statement: str = SELECT, rounds: int | None = None) -> None:
        """One client with a connection to every target, asking each a block of queries in turn."""
        clients: dict[str, Latency] = {}
        try:
            for target in targets:
                try:
                    client = Latency(target, load.name, statement)
                    clients[target.name] = client
                    client.check()
                except (BenchError, OSError) as error:
                    self.results.refuse(load, target.name, str(error))
            # A round of blocks gives one sample per target: measured together here, handed out by _each.
            done: dict[str, list[Sample]] = {}
            usable = [target for target in targets if not self.results.is_refused(load, target.name)]
            for target in usable:
                clients[target.name].block()  # what is only learnt with time is learnt before the first round
            for number in range(rounds or self._options.rounds):
                for name, sample in self._turns(clients, usable, number).items():
                    done.setdefault(name, []).append(sample)
            self._each(load, targets, lambda target: done[target.name].pop(0), rounds)
        finally:
            for client in clients.values():
                client.close()

    def _turns(self, clients: dict[str, Latency], targets: list[Target], number: int) -> dict[str, Sample]:
        """One round: blocks of each target in turn, for the latency; then a longer turn of each, for the CPU time."""
        times: dict[str, list[float]] = {target.name: [] for target in targets}
        used: dict[str, float] = {}
        for block in range(self._options.blocks):
            for target in rotated(targets, number + block):
                times[target.name] += clients[target.name].block()
        for target in rotated([target for target in targets if target.process], number):
            used[target.name] = clients[target.name].turn(self._options.turn)
        return {
            target.name: Sample(
                percentile(times[target.name], 0.5),
                percentile(times[target.name], 0.99),
                TIMED * self._options.blocks / sum(times[target.name]),
                used.get(target.name),
            )
            for target in targets
        }


def check_masks(target: Target) -> None:
    """Raise BenchError unless the masking stage masks and the others do not: figures of anything else would lie."""
    with Connection(target.address) as connection:
        masked = b"*" in connection.ask(query("SELECT c2 FROM wide WHERE id = 1"))
    if masked != (target.name == STAGES[-1]):
        raise BenchError(f"{target.name}: the protected column came {'masked' if masked else 'unmasked'}")
