"""`python -m bench`: start the database, measure, report.

Exit status 0 if every section could be measured, hoopfast with them, and nothing is worse than the baseline (if one was
named); 1 otherwise.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console

from bench import compare, database, document, options, origin, plot, report
from bench.options import Options
from bench.results import Results
from bench.rounds import Rounds
from bench.targets import MASKED, STAGES

GATEWAYS = {"hoopfast", MASKED, STAGES[-1]}
WITHOUT_GATEWAY = {"noise", "rows"}


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; returns the exit status."""
    chosen = options.read(arguments)
    console = Console()
    console.width = max(console.width, report.WIDTH)
    results = Results()
    if chosen.given:
        runs = [origin.read(path, results) for path in chosen.given]
    else:
        rounds, run = _measured(chosen, console)
        results, runs = rounds.results, [run]
    report.show(results, console)
    if not chosen.given:
        _keep(chosen, runs[0], results, console)
    if chosen.document is not None:
        document.write(chosen.document, runs, results)
        console.print(f"written: {chosen.document}")
    status = _compared(chosen, results, console)
    if not chosen.given:
        measured = set(chosen.sections) <= WITHOUT_GATEWAY or _gateway_measured(results)
        status = max(status, 0 if measured and not rounds.broken else 1)
    return status


def _measured(chosen: Options, console: Console) -> tuple[Rounds, dict[str, Any]]:
    programs = chosen.postgres_bin or database.bin_directory()
    versions = database.versions(programs)
    console.print(", ".join(versions.values()))
    with database.start(programs, chosen.rows) as server:
        rounds = Rounds(server, programs, chosen, lambda text: console.print(text, style="dim"))
        rounds.run()
    return rounds, origin.of_this_run(chosen, versions, rounds.results)


def _keep(chosen: Options, run: dict[str, Any], results: Results, console: Console) -> None:
    """Write the JSON, and the plots as one PNG."""
    chosen.output.mkdir(parents=True, exist_ok=True)
    stem = chosen.output / time.strftime("%Y%m%d-%H%M%S")
    written = [stem.with_suffix(".json")]
    origin.write(written[0], run, results)
    if chosen.plot and plot.panels(results):
        written.append(stem.with_suffix(".png"))
        plot.write_png(written[1], results)
    console.print("written: " + ", ".join(str(path) for path in written))


def _gateway_measured(results: Results) -> bool:
    return any(GATEWAYS & {name for name, rounds in found.items() if rounds} for found in results.samples.values())


def _compared(chosen: Options, results: Results, console: Console) -> int:
    """Exit status of the comparison."""
    if chosen.compare is None:
        return 0
    then = Results()
    origin.read(chosen.compare, then)
    found = compare.changes(then, results)
    if not found:
        console.print(f"{chosen.compare} has nothing in common with these results")
        return 1
    console.print(report.table(compare.sheet(found, chosen.threshold)))
    worse = [change for change in found if change.worse(chosen.threshold)]
    if worse:
        console.print(f"{len(worse)} ratios are worse by more than the noise and {chosen.threshold:.0%}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
