"""The masks' names and how they are written: `redact`, `null`, `constant(text)`, `keep_first(n)`, `date_year` ….

The one place that lists masks. What a mask does to a value of which type is policy/'s and wire/'s business.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hoopfast.config.problems import nearest

PLAIN = ("redact", "null", "date_year")
COUNTED = ("keep_first", "keep_last")
WITH_TEXT = ("constant",)
KNOWN = (*PLAIN, *WITH_TEXT, *COUNTED)
COMING = ("hash", "email", "age_90", "zip3")  # designed (docs/design.md §5.5), not in this version
_MASK = re.compile(r"\s*([A-Za-z_][A-Za-z_0-9]*)\s*(?:\((.*)\))?\s*", re.DOTALL)
_MOST_CHARACTERS = 1000
_LONGEST_CONSTANT = 200


class MaskSpec(NamedTuple):
    """A mask by name, with its number (keep_first, keep_last) or its text (constant)."""

    name: str
    n: int = 0
    text: str = ""

    def __str__(self) -> str:
        if self.name in COUNTED:
            return f"{self.name}({self.n})"
        return f"constant({self.text})" if self.name == "constant" else self.name


def parse_mask(value: object) -> MaskSpec:
    """The mask that a configuration's string names; ValueError names the nearest known one."""
    if isinstance(value, MaskSpec):
        return value
    found = _MASK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a mask: known masks are {_listed()}")
    name, argument = found[1], found[2]
    if name in COMING:
        raise ValueError(f'the mask "{name}" is not in this version: known masks are {_listed()}')
    if name not in KNOWN:
        raise ValueError(f'there is no mask "{name}"{nearest(name, KNOWN)}; known masks are {_listed()}')
    if name in PLAIN:
        if argument is not None:
            raise ValueError(f'the mask "{name}" takes no argument: write "{name}"')
        return MaskSpec(name)
    if name in COUNTED:
        return MaskSpec(name, n=_count(name, argument))
    return MaskSpec(name, text=_text(argument))


def parse_derived(value: object) -> MaskSpec:
    """As `parse_mask`, for expressions over a column: a part or a digest of an expression would leak (soundness 57)."""
    mask = parse_mask(value)
    if mask.name in (*COUNTED, "date_year"):
        raise ValueError(f'"{mask.name}" would show a part of a derived value: use redact, null or constant(text)')
    return mask


def _count(name: str, argument: str | None) -> int:
    number = (argument or "").strip()
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= _MOST_CHARACTERS):
        raise ValueError(f'"{name}" needs a number of characters from 1 to {_MOST_CHARACTERS}, such as "{name}(4)"')
    return int(number)


def _text(argument: str | None) -> str:
    if argument is None:
        raise ValueError('"constant" needs a text, such as "constant(withheld)"')
    text = argument.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    if len(text) > _LONGEST_CONSTANT or "\0" in text:
        raise ValueError(f"the text of a constant has at most {_LONGEST_CONSTANT} characters, and no NUL")
    return text


def _listed() -> str:
    return "redact, null, constant(text), keep_first(n), keep_last(n), date_year"
