"""Finds the line of a key in a TOML text, for error messages: a simple search by headers and `key =`, not a parser."""

from __future__ import annotations

import re

from hoopfast.config.problems import Place

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def lines_of(text: str) -> dict[Place, int]:
    """The line (from 1) of each table and key that a simple search finds."""
    lines: dict[Place, int] = {}
    counts: dict[tuple[str, ...], int] = {}
    table: Place = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            names = _names(header[2])
            if header[1] == "[[":
                counts[names] = counts.get(names, -1) + 1
            table = _indexed(names, counts)
            for end in range(1, len(table) + 1):  # [a.b] is where a first stands, too
                lines.setdefault(table[:end], number)
        elif key := _KEY.match(line):
            lines.setdefault(table + _names(key[1]), number)
    return lines


def line_of(place: Place, lines: dict[Place, int]) -> int | None:
    """The line of a place, or of the nearest thing around it that was found."""
    while place:
        if place in lines:
            return lines[place]
        place = place[:-1]
    return None


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _indexed(names: tuple[str, ...], counts: dict[tuple[str, ...], int]) -> Place:
    place: Place = ()
    for end in range(1, len(names) + 1):
        place += (names[end - 1],)
        if names[:end] in counts:
            place += (counts[names[:end]],)
    return place
