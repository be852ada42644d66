"""The command line of `python -m bench`, and what follows from it: how many rounds, how long, which sections."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).resolve().parent / "results"
SECTIONS = ("latency", "pgbench", "stages", "bulk")


class Options(NamedTuple):
    """What is measured, how often and for how long."""

    sections: tuple[str, ...]
    rounds: int
    seconds: float  # the measured window of each pgbench run
    blocks: int  # per round and target, of 100 timed queries each
    clients: tuple[int, ...]
    rows: int  # of the bulk table; about 235 bytes each
    tls: tuple[bool, ...]
    postgres_bin: Path | None
    output: Path
    plot: bool


def read(arguments: list[str] | None = None) -> Options:
    """The options of this run; `--quick` gives other defaults, and what is named still counts."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures hoopfast beside a direct connection, pgbouncer and haproxy, in paired rounds.",
        epilog="With make: make bench ARGS='--quick --section bulk'. Takes about 20 minutes; --quick about two.",
    )
    parser.add_argument("--quick", action="store_true", help="few short rounds: shows that it works, not how fast")
    parser.add_argument("--section", action="append", choices=SECTIONS, help="only this section (repeatable)")
    parser.add_argument("--rounds", type=int, help="paired rounds (default 5; 9 or more for figures to publish)")
    parser.add_argument("--seconds", type=float, help="measured seconds of each pgbench run (default 1.5)")
    parser.add_argument("--blocks", type=int, help="blocks of 100 single queries per round and target (default 10)")
    parser.add_argument("--clients", type=int, action="append", help="number of clients (repeatable; default 1, 8, 32)")
    parser.add_argument("--rows", type=int, help="rows of the bulk table (default 1,000,000)")
    parser.add_argument("--no-tls", action="store_true", help="leave the rounds with TLS out")
    parser.add_argument(
        "--postgres-bin", type=Path, help="the server's programs (default: Debian's 15, else the wheel's)"
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for JSON and plot (default bench/results)")
    parser.add_argument("--no-plot", action="store_true", help="write no PNG")
    given = parser.parse_args(arguments)
    quick = given.quick
    options = Options(
        sections=tuple(given.section or SECTIONS),
        rounds=given.rounds or (2 if quick else 5),
        seconds=given.seconds or (0.5 if quick else 1.5),
        blocks=given.blocks or (2 if quick else 10),
        clients=tuple(given.clients or ((1, 8) if quick else (1, 8, 32))),
        rows=given.rows or (100_000 if quick else 1_000_000),
        tls=(False,) if given.no_tls else (False, True),
        postgres_bin=given.postgres_bin,
        output=given.output,
        plot=not given.no_plot,
    )
    for name in ("rounds", "seconds", "blocks", "rows"):
        if getattr(options, name) <= 0:
            parser.error(f"--{name} has to be more than 0")
    if min(options.clients) < 1:
        parser.error("--clients has to be 1 or more")
    return options
