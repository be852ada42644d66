"""`python -m bench.profile`: start the database and the gateway, profile, show, and with --document write the page.

Exit status 0 if something could be profiled, 1 if none of the tools is there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from bench import database, origin, report
from bench.loads import MODES
from bench.profile import page, tables
from bench.profile.runs import Profile, Profiler

PAGE = Path("docs/where-the-time-goes.md")


class Options(NamedTuple):
    """What is profiled, and for how long."""

    modes: tuple[str, ...]
    clients: tuple[int, ...]
    seconds: float
    tools: tuple[str, ...]
    tls: bool
    top: int
    postgres_bin: Path | None
    document: Path | None


TOOLS = ("perf", "callgrind", "strace")


def read(arguments: list[str] | None = None) -> Options:
    """The options of this run."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.profile",
        description="Where each microsecond of a query goes: CPU time by perf, instructions by callgrind, system calls"
        " by strace, each where it is installed.",
        epilog="With make: make profile ARGS=--document. Takes about four minutes; --quick one.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="one mode, one client, short: shows that it works")
    add("--mode", action="append", choices=MODES, help="only this protocol (repeatable)")
    add("--clients", action="append", type=int, help="pgbench's clients (repeatable; default 1, 8)")
    add("--seconds", type=float, help="that are sampled for each mode and number of clients (default 4)")
    add("--tool", action="append", choices=TOOLS, help="only this tool (repeatable)")
    add("--tls", action="store_true", help="clients come by TLS")
    add("--top", type=int, default=15, help="functions that are named (default 15)")
    add("--postgres-bin", type=Path, help="the server's programs (default: Debian's 15, else the wheel's)")
    add("--document", type=Path, nargs="?", const=PAGE, metavar="PAGE.md", help=f"write the figures into {PAGE}")
    given = parser.parse_args(arguments)
    options = Options(
        modes=tuple(given.mode or (("prepared",) if given.quick else MODES)),
        clients=tuple(given.clients or ((1,) if given.quick else (1, 8))),
        seconds=given.seconds or (1.0 if given.quick else 4.0),
        tools=tuple(given.tool or TOOLS),
        tls=given.tls,
        top=given.top,
        postgres_bin=given.postgres_bin,
        document=given.document,
    )
    if options.seconds <= 0 or options.top <= 0 or min(options.clients) < 1:
        parser.error("--seconds, --top and --clients have to be more than 0")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; returns the exit status."""
    chosen = read(arguments)
    console = Console()
    console.width = max(console.width, report.WIDTH)
    programs = chosen.postgres_bin or database.bin_directory()
    versions = database.versions(programs)
    with tempfile.TemporaryDirectory(prefix="hoopfast-profile-") as place, database.start(programs, 1000) as server:
        profiler = Profiler(server, programs, Path(place), lambda text: console.print(text, style="dim"))
        profile = _profiled(profiler, chosen)
    for sheet in tables.sheets(profile, chosen.top):
        console.print(report.table(sheet))
    if chosen.document is not None:
        page.write(chosen.document, profile, chosen.top, {**origin.machine(), **versions, **origin.ours()})
        console.print(f"written: {chosen.document}")
    return 0 if profile.sampled or profile.counted or profile.calls else 1


def _profiled(profiler: Profiler, chosen: Options) -> Profile:
    if "perf" in chosen.tools:
        profiler.sample(chosen.modes, chosen.clients, chosen.seconds, tls=chosen.tls)
        profiler.rest(chosen.seconds, tls=chosen.tls)
    if "strace" in chosen.tools:
        profiler.trace(chosen.modes[0], tls=chosen.tls)
    if "callgrind" in chosen.tools:
        profiler.count(chosen.modes, tls=chosen.tls)
    return profiler.profile


if __name__ == "__main__":
    sys.exit(main())
