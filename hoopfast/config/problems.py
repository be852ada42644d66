"""What is wrong with a configuration: problems with their place, and the error that lists all of them on one screen.

Also Finding, what `check` has to say about a configuration that can be read. Knows no schema.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hoopfast.errors import ConfigError

Place = tuple[str | int, ...]
_MOST_SHOWN = 15


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (a path of keys and indexes, and the line if it was found), and what."""

    place: Place
    message: str
    line: int | None = None

    @property
    def key(self) -> str:
        """The dotted key, arrays indexed from 0: `database[0].port`."""
        return dotted(self.place)

    def __str__(self) -> str:
        line = f"line {self.line}: " if self.line else ""
        return f"{line}{self.key}: {self.message}" if self.place else f"{line}{self.message}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check of a readable configuration found: an error stops the gateway, a warning does not."""

    level: Literal["error", "warning"]
    where: str
    message: str


class ConfigFileError(ConfigError):
    """A configuration file with all that is wrong in it; the text fits one screen."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = sorted(problems, key=lambda problem: (problem.line or 0, problem.key))
        shown = [f"  {problem}" for problem in self.problems[:_MOST_SHOWN]]
        if more := len(self.problems) - len(shown):
            shown.append(f"  … and {more} more; mend these first")
        count = f"{len(self.problems)} problem" + ("s" if len(self.problems) != 1 else "")
        super().__init__("\n".join([f"{path}: {count}", *shown]))


def dotted(place: Place) -> str:
    """A place as one key: `policy.nightly.mask[0].with`."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + part
    return text


def nearest(name: str, known: Iterable[str]) -> str:
    """The words `, did you mean "x"?`, or nothing if no known name is near."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f', did you mean "{found[0]}"?' if found else ""
