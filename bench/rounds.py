"""The rounds: which load meets which targets, in which order.

Owns the interleaving: in every round each target is measured once, forwards and backwards by turns, so that what
slows the machine for a while slows all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.arithmetic import percentile, rotated
from bench.client import BenchError, Connection, query
from bench.loads import BULK, COPY_LINE, MODES, SELECT, SELECT_TWO, TIMED, Latency, Sample, bulk, pgbench
from bench.options import Options
from bench.results import Load, Results
from bench.targets import STAGES, Target, all_targets, bulk_targets, stage_targets
from hoopfast.sandbox.postgres import ThrowawayPostgres

Say = Callable[[str], None]


class Rounds:
    """One run over all sections."""

    def __init__(self, server: ThrowawayPostgres, programs: Path, options: Options, say: Say) -> None:
        self.results = Results()
        self._server = server
        self._program = programs / "pgbench"
        self._options = options
        self._say = say

    def run(self) -> Results:
        """Measure everything that was asked for."""
        for tls in self._options.tls:
            if tls and not self._server.tls:
                self._say("TLS left out: this PostgreSQL was built without it (make system-packages brings one)")
                continue
            if {"latency", "pgbench"} & set(self._options.sections):
                with all_targets(self._server, tls=tls) as targets:
                    self._queries(targets, tls=tls)
        if "stages" in self._options.sections:
            with stage_targets(self._server) as targets:
                self._stages(targets)
        if "bulk" in self._options.sections:
            with bulk_targets(self._server) as targets:
                for what in BULK:
                    self._bulk("bulk", targets, what)
        return self.results

    def _queries(self, targets: list[Target], *, tls: bool) -> None:
        # With TLS the question is what a record costs: one connection, and enough of them to keep the proxy busy.
        counts = [count for count in self._options.clients if count <= 8] if tls else list(self._options.clients)
        if "latency" in self._options.sections:
            for mode in MODES:
                self._latency(Load("latency", tls, mode, 1), targets)
        if "pgbench" in self._options.sections:
            for mode in MODES:
                for count in counts:
                    self._pgbench(Load("pgbench", tls, mode, count), targets)

    def _stages(self, targets: list[Target]) -> None:
        for target in targets:
            check_masks(target)
        for mode in ("simple", "prepared"):
            self._latency(Load("stages", False, mode, 1), targets, SELECT_TWO)
            self._pgbench(Load("stages", False, mode, 8), targets, SELECT_TWO)
        self._bulk("stages", targets, "select")

    def _each(self, load: Load, targets: list[Target], measure: Callable[[Target], Sample]) -> None:
        """Every round, every target; one that refuses is left out from then on."""
        tls = " TLS" if load.tls else ""
        self._say(f"{load.section}{tls}: {load.name}, {load.clients} client{'s' if load.clients > 1 else ''}")
        for target in targets:
            self.results.samples.setdefault(load, {}).setdefault(target.name, {})
        for number in range(self._options.rounds):
            for target in rotated(targets, number):
                if self.results.is_refused(load, target.name):
                    continue
                try:
                    self.results.add(load, target.name, number, measure(target))
                except (BenchError, OSError) as error:
                    self.results.refuse(load, target.name, str(error))

    def _pgbench(self, load: Load, targets: list[Target], statement: str = SELECT) -> None:
        self._each(
            load,
            targets,
            lambda target: pgbench(self._program, target, load.name, load.clients, self._options.seconds, statement),
        )

    def _bulk(self, section: str, targets: list[Target], what: str) -> None:
        size = self._options.rows * len(COPY_LINE)

        def measure(target: Target) -> Sample:
            if what == "copy in":
                self._server.psql("TRUNCATE sink", self._database(target))
            return bulk(target, what, size)

        self._each(Load(section, False, what, 1), targets, measure)

    @staticmethod
    def _database(target: Target) -> str:
        return target.address.database

    def _latency(self, load: Load, targets: list[Target], statement: str = SELECT) -> None:
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
            for _ in range(self._options.rounds):
                for name, sample in self._blocks(clients, usable).items():
                    done.setdefault(name, []).append(sample)
            self._each(load, targets, lambda target: done[target.name].pop(0))
        finally:
            for client in clients.values():
                client.close()

    def _blocks(self, clients: dict[str, Latency], targets: list[Target]) -> dict[str, Sample]:
        """One round: blocks of each target in turn."""
        times: dict[str, list[float]] = {target.name: [] for target in targets}
        used: dict[str, float] = dict.fromkeys(times, 0.0)
        for number in range(self._options.blocks):
            for target in rotated(targets, number):
                given, cpu = clients[target.name].block()
                times[target.name] += given
                used[target.name] += cpu
        return {
            target.name: Sample(
                percentile(times[target.name], 0.5),
                percentile(times[target.name], 0.99),
                TIMED * self._options.blocks / sum(times[target.name]),
                used[target.name] / (TIMED * self._options.blocks) if target.process else None,
            )
            for target in targets
        }


def check_masks(target: Target) -> None:
    """Raise BenchError unless the masking stage masks and the others do not: figures of anything else would lie."""
    with Connection(target.address) as connection:
        masked = b"*" in connection.ask(query("SELECT c2 FROM wide WHERE id = 1"))
    if masked != (target.name == STAGES[-1]):
        raise BenchError(f"{target.name}: the protected column came {'masked' if masked else 'unmasked'}")
