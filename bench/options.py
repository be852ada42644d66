"""The command line of `python -m bench`, and what follows from it: how many rounds, how long, which sections."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).resolve().parent / "results"
SECTIONS = ("noise", "latency", "pgbench", "bulk", "rows", "shapes", "stages")
ROUNDS = 9  # fewer say too little of where a median lies
WORSE = 0.05  # by which a ratio may grow against a baseline

EPILOG = """\
sections, and about how long each takes with the default 9 rounds (all of them: 22 minutes; --quick: two):
  noise     the relay of bytes against itself: what a difference has to exceed (1 min)
  latency   one client, blocks of single queries to every target in turn; then with TLS (4 min)
  pgbench   8 clients: simple, extended, prepared; then with TLS (8 min)
  bulk      SELECT, COPY OUT and COPY IN of 1,000,000 rows (4 min)
  rows      masking two cells of a row, without sockets (10 s)
  shapes    10,000 shapes of statements, by Zipf's law, against one (3 min)
  stages    hoopfast with parts left out, 3 rounds (2 min)

with make: make bench ARGS='--quick --section bulk'
"""


class Options(NamedTuple):
    """What is measured, how often and for how long."""

    sections: tuple[str, ...]
    rounds: int
    seconds: float  # the measured window of each pgbench run
    blocks: int  # per round and target, of 100 timed queries each
    turn: float  # seconds without a pause that one client's CPU time is taken from, per round and target
    clients: tuple[int, ...]
    rows: int  # of the bulk table; about 235 bytes each
    shapes: int
    tls: tuple[bool, ...]
    postgres_bin: Path | None
    output: Path
    plot: bool
    document: Path | None
    compare: Path | None
    threshold: float
    given: tuple[Path, ...]  # results to report on, instead of measuring
    command: str


def read(arguments: list[str] | None = None) -> Options:
    """The options of this run; `--quick` gives other defaults, and what is named still counts."""
    parser = _parser()
    given = parser.parse_args(arguments)
    quick = given.quick
    options = Options(
        sections=tuple(given.section or SECTIONS),
        rounds=given.rounds or (2 if quick else ROUNDS),
        seconds=given.seconds or (0.5 if quick else 1.5),
        blocks=given.blocks or (2 if quick else 10),
        turn=given.turn or (0.2 if quick else 1.0),
        clients=tuple(given.clients or (8,)),
        rows=given.rows or (100_000 if quick else 1_000_000),
        shapes=given.shapes or (500 if quick else 10_000),
        tls=(False,) if given.no_tls else (True,) if given.tls else (False, True),
        postgres_bin=given.postgres_bin,
        output=given.output,
        plot=not given.no_plot,
        document=given.document or (given.document_if_whole if _whole(given) else None),
        compare=given.compare,
        threshold=given.threshold,
        given=tuple(given.results or ()),
        command=shlex.join(["python", "-m", "bench", *(sys.argv[1:] if arguments is None else arguments)]),
    )
    for name in ("rounds", "seconds", "blocks", "turn", "rows", "shapes"):
        if getattr(options, name) <= 0:
            parser.error(f"--{name} has to be more than 0")
    if min(options.clients) < 1:
        parser.error("--clients has to be 1 or more")
    return options


def _whole(given: argparse.Namespace) -> bool:
    """Whether this run gives every figure as it is meant to be published."""
    parts = given.quick, given.section, given.results, given.tls, given.no_tls, given.rows, given.shapes
    hurried = (given.rounds or ROUNDS) < ROUNDS or any((given.seconds, given.blocks, given.turn))
    return not any(parts) and not hurried and 8 in (given.clients or (8,))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures hoopfast beside a direct connection, pgbouncer, haproxy and a relay of bytes, in paired"
        " rounds.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="few short rounds: shows that it works, not how fast")
    add("--section", action="append", choices=SECTIONS, help="only this section (repeatable)")
    add("--rounds", type=int, help="paired rounds (default 9)")
    add("--seconds", type=float, help="measured seconds of each pgbench run (default 1.5)")
    add("--blocks", type=int, help="blocks of 100 single queries per round and target (default 10)")
    add("--turn", type=float, help="seconds of one client's turn that its CPU time is taken from (default 1)")
    add("--clients", type=int, action="append", help="number of pgbench's clients (repeatable; default 8)")
    add("--rows", type=int, help="rows of the bulk table (default 1,000,000)")
    add("--shapes", type=int, help="shapes of statements (default 10,000)")
    encryption = parser.add_mutually_exclusive_group()
    encryption.add_argument("--no-tls", action="store_true", help="leave the rounds with TLS out")
    encryption.add_argument("--tls", action="store_true", help="of latency and pgbench, only the rounds with TLS")
    add("--postgres-bin", type=Path, help="the server's programs (default: Debian's 15, else the wheel's)")
    add("--output", type=Path, default=RESULTS, help="folder for JSON and plot (default bench/results)")
    add("--no-plot", action="store_true", help="write no PNG")
    add("--document", type=Path, metavar="PAGE.md", help="write the page, and its plots to images/ beside it")
    add(
        "--document-if-whole", type=Path, metavar="PAGE.md", help="… if this run leaves nothing out and hurries nothing"
    )
    add("--compare", type=Path, metavar="BASELINE.json", help="compare with earlier results; exit status 1 if worse")
    add("--threshold", type=float, default=WORSE, help=f"… by more than this part of the ratio (default {WORSE})")
    add(
        "--from",
        dest="results",
        type=Path,
        action="append",
        metavar="RESULTS.json",
        help="measure nothing; report on these results (repeatable: sections of several runs together)",
    )
    return parser
