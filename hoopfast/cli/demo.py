"""`hoopfast demo`: a clinic, its nightly job and the gateway between them, shown step by step.

Owns what the tour looks like and its exit status. What the steps are, and whether they went right, is
hoopfast/sandbox/tour.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from hoopfast.sandbox.sandbox import Sandbox
    from hoopfast.sandbox.tour import Entry

ROLE = "clinic_app"

EXAMPLE = """
Examples:

  hoopfast demo          the tour, and then a gateway to play with, until Ctrl-C
  hoopfast demo --once   the tour only; status 0 if every step did what it should
"""


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after the tour; status 0 if every step went right.")
    ] = False,
) -> None:
    """See the gateway at work: a PostgreSQL with 50,000 made-up patients, a nightly job, and what becomes of it."""
    import signal
    import sys

    from rich.console import Console

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        status = tour(Console(highlight=False, soft_wrap=True), once=once)
    except KeyboardInterrupt:
        status = 130 if once else 0
    sys.stdout.flush()
    raise typer.Exit(status)


demo.__doc__ = f"{demo.__doc__}\n{EXAMPLE}"


def tour(console: Console, *, once: bool) -> int:
    """Start everything, run the steps, say how it went; the exit status."""
    import time

    from hoopfast.sandbox import clinic
    from hoopfast.sandbox.postgres import ThrowawayPostgres
    from hoopfast.sandbox.sandbox import Sandbox
    from hoopfast.sandbox.tour import CONFIGURATION

    started = time.monotonic()

    def done(what: str) -> None:
        nonlocal started
        console.print(f"[green]✓[/] {what} [dim]({time.monotonic() - started:.1f} s)[/]")
        started = time.monotonic()

    with ThrowawayPostgres() as server:
        done(f"PostgreSQL {server.version} from the wheel, on 127.0.0.1:{server.port}")
        server.create_role(ROLE)
        clinic.load(server, owner=ROLE)
        done(f"a clinic of {clinic.PATIENTS:,} made-up patients with {clinic.VISITS:,} visits and bills")
        with Sandbox(CONFIGURATION, role=ROLE, server=server) as box:
            done(f"hoopfast before it, on 127.0.0.1:{box.gateway.port}; a development issuer for tokens")
            problems = _steps(console, box)
            _verdict(console, problems)
            if not once:
                _stay(console, box)
    return 1 if problems else 0


def _steps(console: Console, box: Sandbox) -> int:
    """Run and show all steps; the number of problems."""
    from rich.markup import escape

    from hoopfast.sandbox import tour

    problems = 0
    for number, step in enumerate(tour.STEPS, 1):
        outcome = tour.run(box, step)
        console.print(f"\n[bold]{number}. {escape(step.title)}[/]")
        for label, style, lines in (("sent", "cyan", outcome.sent), ("got", "yellow", outcome.got)):
            for line in lines:
                console.print(f"   [dim]{label:<8}[/][{style}]{escape(line)}[/]")
                label = ""
        label = "journal"
        for entry in outcome.journal:
            if entry.begun.kinds != ("transaction",):
                console.print(f"   [dim]{label:<8}[/]{escape(_recorded(entry))}")
                label = ""
        for problem in outcome.problems:
            console.print(f"   [bold red]✗ {escape(problem)}[/]")
        problems += len(outcome.problems)
    return problems


def _recorded(entry: Entry) -> str:
    """An execution's two records in one line."""
    begun, ended = entry.begun, entry.ended
    rule = f" by {begun.rule}" if begun.rule else ""
    text = begun.text if len(begun.text) <= 100 else begun.text[:99] + "…"
    end = "without an end"
    if ended is not None:
        end = ended.tag if ended.ending == "completed" else " ".join(filter(None, (ended.ending, ended.sqlstate)))
        end += f", {ended.masked_cells} cells masked" if ended.masked_cells else ""
    return f"#{begun.sequence} {begun.decision}{rule}: {text} → {end}"


def _verdict(console: Console, problems: int) -> None:
    if problems:
        console.print(f"\n[bold red]✗ {problems} of the checks failed[/]")
    else:
        console.print("\n[green]✓[/] every step did what it should")


def _stay(console: Console, box: Sandbox) -> None:
    """Say how to play with it, and wait for Ctrl-C or the end of a part."""
    import shlex
    import time

    from rich.markup import escape

    from hoopfast.sandbox.tour import CONFIGURATION

    place = (
        f"host={box.gateway.host} port={box.gateway.port} dbname={box.effective.database} user={ROLE} sslmode=disable"
    )
    psql = shlex.quote(str(box.postgres.bin_directory / "psql"))
    console.print("\nNow it is yours, until Ctrl-C. In another terminal:\n")
    console.print(f"  PGPASSWORD={box.effective.token()} {escape(psql)} '{place}'\n")
    console.print("Try: SELECT * FROM patients LIMIT 3;   \\d patients   DELETE FROM visits;")
    console.print(
        f"The policy is {escape(str(CONFIGURATION))}; the journal is {escape(str(box.effective.audit_directory))}"
    )
    while box.gateway.poll() is None and box.postgres.poll() is None:
        time.sleep(0.3)
    console.print(f"[bold red]a part of it has ended:[/]\n{escape(box.gateway.log_tail())}")
