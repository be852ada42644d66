"""The page docs/benchmarks.md: limits, machine, method, tables and plots, from page.md and results and nothing else.

Owns what stands at page.md's marks; a section with a mark that there is nothing for is left out. Two pages written from
the same results are the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import plot
from bench.goals import MET, MISSED, NOT_MEASURED, outcomes
from bench.options import SECTIONS
from bench.results import Results
from bench.sheets import Sheet, goals, sheets

PAGE = Path(__file__).with_name("page.md")
IMAGES = "images"
MARK = re.compile(r"\{\{(\w+)\}\}")


def write(path: Path, runs: Sequence[Mapping[str, Any]], results: Results) -> None:
    """Write the page, and the plots into images/ beside it; plots of former runs that are not written again go."""
    folder = path.parent / IMAGES
    images = plot.write_svgs(folder, results)
    for old in set(folder.glob("bench-*.svg")) - set(images.values()):
        old.unlink()
    path.write_text(page(PAGE.read_text(), marks(runs, results, images)))


def page(template: str, filled: Mapping[str, str]) -> str:
    """The template with its marks filled in, less the sections that have a mark and nothing to fill it with."""
    sections = re.split(r"^(?=## )", template, flags=re.MULTILINE)
    kept = [text for text in sections if all(filled[mark] for mark in MARK.findall(text))]
    return MARK.sub(lambda mark: filled[mark[1]], "".join(kept))


def marks(runs: Sequence[Mapping[str, Any]], results: Results, images: Mapping[str, Path]) -> dict[str, str]:
    """What stands at each mark."""
    found = {name: _section(name, results, images) for name in SECTIONS}
    refused = [
        f"- {load.section}, {load.name}: {target} refused: {reason}"
        for load, reasons in results.refusals.items()
        for target, reason in reasons.items()
    ]
    minutes = sum(results.seconds.values()) / 60
    return {
        **found,
        "limits": _limits(results),
        "origin": "\n\n".join(_origin(run) for run in runs),
        "refused": "\n".join(refused),
        "took": f"That took {minutes:.0f} minutes here." if minutes else "That takes about 22 minutes.",
    }


def _section(name: str, results: Results, images: Mapping[str, Path]) -> str:
    """The tables of a section, then its plots."""
    parts = [f"**{sheet.title}**\n\n{markdown(sheet)}" for sheet in sheets(results) if sheet.section == name]
    parts += [f"![{key}]({IMAGES}/{file.name})" for key, file in images.items() if key.partition("-")[0] == name]
    return "\n\n".join(parts)


def _limits(results: Results) -> str:
    found = outcomes(results)
    count = {word: sum(outcome.verdict.startswith(word) for outcome in found) for word in (MET, MISSED, NOT_MEASURED)}
    said = f"{count[MET]} of {len(found)} limits are met, {count[MISSED]} missed"
    said += f", {count[NOT_MEASURED]} not measured." if count[NOT_MEASURED] else "."
    return f"{said} What has no unit is a ratio.\n\n{markdown(goals(results))}"


def _origin(run: Mapping[str, Any]) -> str:
    took = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in run["seconds"].items())
    lines = [
        ["measured", run["at"]],
        ["commit", run.get("commit") or "not a repository"],
        ["command", f"`{run['command']}`"],
        ["rounds", str(run["options"]["rounds"])],
        ["took", took],
        *([name, value] for name, value in (run["machine"] | run["versions"]).items()),
    ]
    return markdown(Sheet("", "", ("", ""), [lines]))


def markdown(sheet: Sheet) -> str:
    """A sheet as a table."""
    lines = [_line(sheet.headings), _line("---" if n < sheet.texts else "---:" for n in range(len(sheet.headings)))]
    for group in sheet.groups:
        lines += [_line(f"**{cell}**" if cell == MISSED else cell for cell in row) for row in group]
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
