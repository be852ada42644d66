"""`python -m bench`: start the database, measure, report.

Exit status 0 if something could be measured of hoopfast, 1 if it refused everything.
"""

from __future__ import annotations

import sys
import time

from rich.console import Console

from bench import database, options, plot, report
from bench.rounds import Rounds
from bench.targets import STAGES


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; returns the exit status."""
    chosen = options.read(arguments)
    console = Console()
    console.width = max(console.width, report.WIDTH)
    programs = chosen.postgres_bin or database.bin_directory()
    versions = database.versions(programs)
    console.print(", ".join(versions.values()))
    with database.start(programs, chosen.rows) as server:
        results = Rounds(server, programs, chosen, lambda text: console.print(text, style="dim")).run()
    report.show(results, console)
    chosen.output.mkdir(parents=True, exist_ok=True)
    stem = chosen.output / time.strftime("%Y%m%d-%H%M%S")
    report.write_json(stem.with_suffix(".json"), results, chosen, versions)
    written = [str(stem.with_suffix(".json"))]
    if chosen.plot:
        plot.write_png(stem.with_suffix(".png"), results)
        written.append(str(stem.with_suffix(".png")))
    console.print("written: " + ", ".join(written))
    gateways = {"hoopfast", STAGES[-1]}
    measured = any(gateways & {name for name, rounds in found.items() if rounds} for found in results.samples.values())
    return 0 if measured else 1


if __name__ == "__main__":
    sys.exit(main())
