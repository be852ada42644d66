"""Patterns over the names of columns, relations and functions: `public.patients.*`, `public."Patients"."SSN"`.

Owns their syntax: identifiers as in SQL (unquoted ones fold to lower case, quoted ones are exact), with `*` and `?` as
globs in unquoted ones. Knows no catalog; policy/ binds the patterns to what is there.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import NamedTuple, Self

_PART = re.compile(r'"((?:[^"\0]|"")+)"|([A-Za-z_*?\u0080-\U0010ffff][\w$*?\u0080-\U0010ffff]*)')
_LONGEST_NAME = 63  # bytes; NAMEDATALEN - 1 (src/include/pg_config_manual.h): no catalog holds a longer name


class NamePattern(NamedTuple):
    """One identifier of a pattern; `glob` says that `*` and `?` in it stand for something."""

    text: str
    glob: bool = False

    def matches(self, name: str) -> bool:
        """Whether a name, as the catalog has it, is meant."""
        return self._regex.fullmatch(name) is not None if self.glob else name == self.text

    @property
    def _regex(self) -> re.Pattern[str]:
        # No fnmatch: its [..] are no part of this syntax.
        pieces = {"*": ".*", "?": "."}
        return re.compile("".join(pieces.get(character, re.escape(character)) for character in self.text), re.DOTALL)


class DottedPattern(str):
    """A pattern of several identifiers; as a string it is what the configuration says."""

    parts: tuple[NamePattern, ...]
    form = ""
    example = ""

    @classmethod
    def parse(cls, value: object) -> Self:
        """The pattern that a configuration's string means; ValueError says how to write it."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not a string: write {cls.form}, such as {cls.example}")
        parts = split(value)
        if parts is None or len(parts) != cls.form.count(".") + 1:
            raise ValueError(f"{value!r} is not of the form {cls.form}, such as {cls.example}")
        for part in parts:
            if len(part.text.encode()) > _LONGEST_NAME:
                raise ValueError(f"{value!r} matches nothing: PostgreSQL's names have at most {_LONGEST_NAME} bytes")
        pattern = cls(value)
        pattern.parts = parts
        return pattern

    @property
    def is_glob(self) -> bool:
        """Whether it may match several names, or none, without anything being wrong."""
        return any(part.glob for part in self.parts)

    @property
    def specificity(self) -> tuple[int, ...]:
        """Sorts patterns, the more specific higher: exact names before globs, then longer texts, last part first."""
        backwards = self.parts[::-1]
        return (*(int(not part.glob) for part in backwards), *(len(part.text.strip("*")) for part in backwards))

    def matches(self, *names: str) -> bool:
        """Whether these names, one for each part, as the catalog has them, are meant."""
        pairs = zip(self.parts, names, strict=True)
        return len(names) == len(self.parts) and all(part.matches(name) for part, name in pairs)

    def __getnewargs__(self) -> tuple[str]:
        return (str(self),)


class ColumnPattern(DottedPattern):
    """`schema.table.column`."""

    form = "schema.table.column"
    example = 'public.patients.ssn, public.patients.* or public."Patients"."SSN"'

    @cached_property
    def schema(self) -> NamePattern:
        """The first part."""
        return self.parts[0]

    @cached_property
    def table(self) -> NamePattern:
        """The second part."""
        return self.parts[1]

    @cached_property
    def column(self) -> NamePattern:
        """The third part."""
        return self.parts[2]


class RelationPattern(DottedPattern):
    """`schema.table`."""

    form = "schema.table"
    example = 'staging.*, public.billing or public."Patients"'


class FunctionPattern(DottedPattern):
    """`schema.function`: every overload of that name."""

    form = "schema.function"
    example = "public.fn_total or reporting.*"


class ExceptPattern(DottedPattern):
    """`column`: one name among those that a rule's `columns` match."""

    form = "column"
    example = 'id or "Full Name"'


def split(text: str) -> tuple[NamePattern, ...] | None:
    """The identifiers of a dotted name, folded as PostgreSQL folds them; None if it is not one."""
    parts: list[NamePattern] = []
    position = 0
    while found := _PART.match(text, position):
        quoted, plain = found[1], found[2]
        if quoted is not None:
            parts.append(NamePattern(quoted.replace('""', '"')))
        else:
            parts.append(NamePattern(_folded(plain), glob="*" in plain or "?" in plain))
        position = found.end()
        if position == len(text):
            return tuple(parts)
        if text[position] != ".":
            return None
        position += 1
    return None


def _folded(name: str) -> str:
    # Only ASCII folds in UTF8 databases (src/backend/parser/scansup.c, downcase_identifier).
    return "".join(character.lower() if character.isascii() else character for character in name)
