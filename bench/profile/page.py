"""The figures in docs/where-the-time-goes.md: the tables of a profile, put between the page's marks.

The page's prose is written by hand; between `<!-- NAME -->` and `<!-- end -->` everything is this module's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path

from bench.document import markdown
from bench.origin import commit
from bench.profile.runs import Profile
from bench.profile.tables import sheets

MARKED = re.compile(r"<!-- (\w[\w ]*) -->\n.*?<!-- end -->", re.DOTALL)


def write(path: Path, profile: Profile, top: int, machine: Mapping[str, str]) -> None:
    """Put a profile's figures into a page; a table that there is none of says so."""
    path.write_text(filled(path.read_text(), blocks(profile, top, machine)))


def blocks(profile: Profile, top: int, machine: Mapping[str, str]) -> dict[str, str]:
    """What stands behind each mark."""
    found = {sheet.section: f"**{sheet.title}**\n\n{markdown(sheet)}" for sheet in sheets(profile, top)}
    said = ", ".join(f"{name} {value}" for name, value in machine.items())
    measured = f"Measured on {time.strftime('%Y-%m-%d')} at commit {commit() or 'unknown'}: {said}."
    found["machine"] = "\n\n".join([measured, *(f"Left out: {reason}." for reason in profile.left_out)])
    return found


def filled(text: str, found: Mapping[str, str]) -> str:
    """The page with new figures between its marks."""
    return MARKED.sub(lambda mark: f"<!-- {mark[1]} -->\n{found.get(mark[1], '*Not measured.*')}\n<!-- end -->", text)
