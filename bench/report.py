"""The report on the terminal: the tables of sheets.py, what was refused, and how to read it all."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from bench.results import Results
from bench.sheets import Sheet, goals, sheets

NOTE = (
    "Medians over paired rounds, in brackets where the median is known to lie with 95 %. 'added' is the difference to"
    " direct, '×' the ratio, both within the same round. CPU is that of the proxy's processes. With client, server and"
    " proxy on the same few cores, CPU and the added p50 of one client are the figures to go by; rates and many"
    " clients' latencies are mostly the scheduler's."
)
WIDTH = 172  # of the tables; a narrower terminal wraps lines rather than words


def table(sheet: Sheet) -> Table:
    """One sheet for the terminal."""
    made = Table(title=sheet.title, title_justify="left", box=box.SIMPLE_HEAD)
    for number, heading in enumerate(sheet.headings):
        made.add_column(heading, justify="left" if number < sheet.texts else "right", no_wrap=True)
    for group in sheet.groups:
        for row in group:
            made.add_row(*row)
        made.add_section()
    return made


def show(results: Results, console: Console) -> None:
    """Print all tables, and how to read them."""
    for sheet in sheets(results):
        console.print(table(sheet))
    for load, refusals in results.refusals.items():
        for target, reason in refusals.items():
            console.print(f"{load.section}: {load.name}: {target} refused: {reason}")
    console.print(table(goals(results)))
    console.print(NOTE, style="dim")
