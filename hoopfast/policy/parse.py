"""SQL text to tokens and syntax trees: the only module that imports pglast (docs/decisions, licence: GPL-3.0-or-later).

Owns the guards without which the parser may not be called (depth of nesting, NUL), and the comparison of its keywords
and number forms with those of the server. Everything else in policy/ sees trees through what is exported here, so that
another binding of libpg_query can take pglast's place. Knows no catalog and no policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pglast import ast as _ast
from pglast import enums, keywords
from pglast.parser import ParseError
from pglast.parser import parse_sql as _parse_sql
from pglast.parser import scan as _scan

__all__ = [
    "GRAMMAR_VERSION",
    "Node",
    "Parsed",
    "Token",
    "TooComplex",
    "Unparsable",
    "ast",
    "children",
    "enums",
    "parse",
]

ast: Any = _ast  # every attribute of every node may be None to a type checker, and few are: untyped reads better
Node = Any  # a node of pglast.ast; its classes are generated, and their attributes untyped
Token = Any  # start, end (inclusive), name, kind; positions count characters

# pglast checks and converts every attribute that is set on a node, those too that its own parser sets: more than half
# of the time of a decision, for trees that come out the same but for the flag of a Boolean, 0 or 1 instead of a bool.
CHECKED_SETATTR: Any = vars(_ast.Node).get("__setattr__")
if CHECKED_SETATTR is not None:
    del _ast.Node.__setattr__

GRAMMAR_VERSION = 18
# libpg_query and pglast recurse in C, without a check, along the left spine of what the grammar builds left to right: a
# chain of 25,000 operators ends the process (measured, 8 MiB stack). A thousand is deeper than any statement we have
# met.
MAX_DEPTH = 1000
_COMMENTS = frozenset(("C_COMMENT", "SQL_COMMENT"))
_FREE = frozenset(("SCONST", "USCONST", "BCONST", "XCONST", "C_COMMENT", "SQL_COMMENT"))  # any character may be there
_CATEGORIES = {
    "C": frozenset(keywords.COL_NAME_KEYWORDS),
    "T": frozenset(keywords.TYPE_FUNC_NAME_KEYWORDS),
    "R": frozenset(keywords.RESERVED_KEYWORDS),
}
_LIMITED = {word: category for category, words in _CATEGORIES.items() for word in words}

_OPENS = frozenset(("ASCII_40", "ASCII_91"))  # ( [
_CLOSES = frozenset(("ASCII_41", "ASCII_93"))
_SEPARATES = frozenset(("ASCII_44", "ASCII_59", "AND", "OR", "FROM", "WHERE", "WHEN", "THEN", "ELSE"))
_CHAINS = frozenset(
    "ASCII_37 ASCII_42 ASCII_43 ASCII_45 ASCII_47 ASCII_58 ASCII_60 ASCII_61 ASCII_62 ASCII_94 ASCII_46 Op"
    " TYPECAST".split()
    + "LESS_EQUALS GREATER_EQUALS NOT_EQUALS OPERATOR IS ISNULL NOTNULL COLLATE AT NOT CASE BETWEEN".split()
    + "IN_P LIKE ILIKE".split()
)
_LONG_CHAINS = frozenset("UNION INTERSECT EXCEPT JOIN".split())  # what separates expressions does not end these


class Unparsable(Exception):  # noqa: N818 - an answer, not a failure
    """The parser rejects a text. `position` is the 1-based character index, or None."""

    def __init__(self, message: str, position: int | None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class TooComplex(Exception):  # noqa: N818 - as above
    """A text is nested too deeply to be handed to the parser."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text, its tokens (comments included), and one syntax tree for each of its commands."""

    text: str
    tokens: tuple[Token, ...]
    commands: tuple[Node, ...]


def parse(text: str) -> Parsed:
    """Parse a text of any number of commands; Unparsable or TooComplex if that is not possible."""
    tokens = scan(text)
    if len(tokens) > MAX_DEPTH and _depth(tokens) > MAX_DEPTH:  # no token adds more than one to the depth
        raise TooComplex
    try:
        raw = _parse_sql(text)
    except ParseError as error:
        raise _unparsable(error) from None
    return Parsed(text, tokens, tuple(statement.stmt for statement in raw))


def scan(text: str) -> tuple[Token, ...]:
    """The tokens of a text, comments included; Unparsable where the scanner gives up."""
    if "\0" in text:
        raise Unparsable("a statement must not contain NUL", text.index("\0") + 1)
    try:
        return tuple(_scan(text))
    except ParseError as error:
        raise _unparsable(error) from None


def is_comment(token: Token) -> bool:
    """Whether a token is a comment."""
    return token.name in _COMMENTS


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below a node, in the order of its attributes."""
    for attribute in node:
        value = getattr(node, attribute)
        if isinstance(value, ast.Node):
            yield value
        elif isinstance(value, tuple):
            yield from _nodes(value)


def strange_to_server(parsed: Parsed, server_keywords: Mapping[str, str], server_version: int) -> Token | None:
    """The first token that a server of another version reads otherwise than the parser does, or None.

    An unquoted word whose limited category (column name, type or function name, reserved) is not the same on both
    sides, and numbers with letters or underscores below 16 (docs/design.md §5.3). A word that is a column name keyword
    on one side and a plain word on the other names a column or a type on both, unless a parenthesis follows it.
    """
    if server_version // 10000 == GRAMMAR_VERSION:
        return None
    for i, token in enumerate(parsed.tokens):
        if token.name in ("ICONST", "FCONST") and server_version < 160000:
            word = parsed.text[token.start : token.end + 1]
            if "_" in word or word[:2].lower() in ("0x", "0o", "0b"):
                return token
        elif token.kind != "NO_KEYWORD" or token.name == "IDENT":
            word = parsed.text[token.start : token.end + 1].lower()
            ours, theirs = _LIMITED.get(word), server_keywords.get(word)
            if ours != theirs and not ({ours, theirs} == {"C", None} and not _opens_next(parsed.tokens, i)):
                return token
    return None


def _opens_next(tokens: tuple[Token, ...], i: int) -> bool:
    following = next((token for token in tokens[i + 1 :] if not is_comment(token)), None)
    return following is not None and following.name == "ASCII_40"


def non_ascii_token(parsed: Parsed) -> Token | None:
    """The first token outside string literals and comments that is not ASCII, or None."""
    if parsed.text.isascii():
        return None
    for token in parsed.tokens:
        free = token.name in _FREE
        if not free and not parsed.text[token.start : token.end + 1].isascii():
            return token
    return None


def _unparsable(error: ParseError) -> Unparsable:
    message = str(error.args[0]) if error.args else "syntax error"
    location = error.args[1] if len(error.args) > 1 else None
    return Unparsable(message, location + 1 if isinstance(location, int) else None)


def _nodes(values: tuple[Any, ...]) -> Iterator[Node]:
    for value in values:
        if isinstance(value, ast.Node):
            yield value
        elif isinstance(value, tuple):
            yield from _nodes(value)


def _depth(tokens: tuple[Token, ...]) -> int:
    """An upper bound for the depth of the tree that these tokens make."""
    deepest = total = chains = 0
    levels = [0]  # per open parenthesis: what may be nested in this expression so far
    for token in tokens:
        name = token.name
        if name in _OPENS:
            levels.append(1)
            total += 1
        elif name in _CLOSES and len(levels) > 1:
            closed = levels.pop()
            total -= closed
            levels[-1] += 1
            total += 1
        elif name in _SEPARATES:
            total -= levels[-1]
            levels[-1] = 0
        elif name in _LONG_CHAINS:
            chains += 1
        elif name in _CHAINS:
            levels[-1] += 1
            total += 1
        deepest = max(deepest, total)
    return deepest + chains
