"""The text of a statement as the journal may hold it: re-rendered, without comments, literals or unknown names.

Owns the rendering and the shape's identifier. Works on tokens only, so that it can say something about a text that
cannot be parsed; there, every name and literal is digested (soundness 69). Lists of literals behind IN and in ARRAY[…],
and rows of VALUES that differ in literals only, are rendered alike from two on: what the decision cache takes for one
shape (docs/design.md §5.3) has one rendering. Knows no catalog.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from hoopfast.policy.parse import Parsed, Token, Unparsable, is_comment, scan

_LITERALS = frozenset(("SCONST", "USCONST", "BCONST", "XCONST", "ICONST", "FCONST"))
_LITERAL = "\0"  # stands for one while words are put together: no text has this character
_OPENS = frozenset(("IN_P", "ARRAY", "VALUES"))  # before what may be folded
_NO_SPACE_BEFORE = frozenset((",", ")", ";", ".", "]", "::", "["))
_NO_SPACE_AFTER = frozenset(("(", ".", "[", "::"))


class Folds(NamedTuple):
    """How much of a text was folded: lists and their elements, runs of rows and the rows in them."""

    lists: int = 0
    elements: int = 0
    runs: int = 0
    rows: int = 0


def render(parsed: Parsed, *, names: bool = True) -> str:
    """The text with literals as `?`, one space between words; `names=False` digests every identifier."""
    return render_folded(parsed, names=names)[0]


def render_folded(parsed: Parsed, *, names: bool = True) -> tuple[str, Folds]:
    """As `render`, and what was folded."""
    return _render(parsed.text, parsed.tokens, names)


def render_unparsed(text: str) -> str:
    """As `render`, for a text that the parser rejects: no name, no literal; what cannot be scanned is only counted."""
    try:
        tokens = scan(text)
    except Unparsable:
        return f"(not SQL, {len(text)} characters)"
    return _render(text, tokens, names=False)[0]


def shape(rendered: str) -> str:
    """The stable identifier of a rendered text: 16 hex digits."""
    return hashlib.blake2b(rendered.encode(errors="surrogateescape"), digest_size=8).hexdigest()


def digest(name: str) -> str:
    """What stands for a name that may not be shown."""
    return "n" + hashlib.blake2b(name.encode(errors="surrogateescape"), digest_size=4).hexdigest()


def _render(text: str, tokens: Sequence[Token], names: bool) -> tuple[str, Folds]:
    words: list[str] = []
    places: list[int] = []  # of the words that open what may be folded
    national = False
    for token in tokens:
        name = token.name
        if name in _LITERALS:
            if not national:
                words.append(_LITERAL)
            national = False
        elif name == "NCHAR" and token.start == token.end:  # N'…' is two tokens
            words.append(_LITERAL)
            national = True
        elif not is_comment(token):
            if name in _OPENS and words[-1:] != ["."]:  # behind a dot it is a name
                places.append(len(words))
            words.append(_word(text, token, names))
    while words[-1:] == [";"]:
        words.pop()
    folds = _fold(words, places) if places else Folds()
    return _joined(words), folds


def _word(text: str, token: Token, names: bool) -> str:
    word = text[token.start : token.end + 1]
    if token.name in ("IDENT", "UIDENT"):
        return word if names else digest(word)
    if token.kind == "NO_KEYWORD":
        return word
    return word.upper() if token.kind == "RESERVED_KEYWORD" else word


def _joined(words: Sequence[str]) -> str:
    pieces: list[str] = []
    previous = ""
    for word in words:
        if (
            pieces
            and word not in _NO_SPACE_BEFORE
            and previous not in _NO_SPACE_AFTER
            and not (word == "(" and _is_called(previous))
        ):
            pieces.append(" ")
        pieces.append("?" if word == _LITERAL else word)
        previous = word
    return "".join(pieces)


def _is_called(word: str) -> bool:
    return (word[-1:].isalnum() or word[-1:] in '_"') and not word.isupper()


# -- folding -----------------------------------------------------------------------------------------------------------


def _fold(words: list[str], places: Sequence[int]) -> Folds:
    """Shorten lists and rows in place, those that stand in others first."""
    lists = elements = runs = rows = 0
    for place in reversed(places):
        opening = words[place + 1 : place + 2]
        if opening == ["("] and words[place].upper() == "VALUES":
            some, more = _fold_rows(words, place + 1)
            runs += some
            rows += more
        elif opening in (["("], ["["]):
            count = _fold_list(words, place + 1, ")" if opening == ["("] else "]")
            lists += count > 0
            elements += count
    return Folds(lists, elements, runs, rows)


def _fold_list(words: list[str], start: int, closing: str) -> int:
    """`(?, ?, ?)` becomes `(?, ...)`. How many elements there were; 0 if it is no list of two or more literals."""
    place = start + 1
    while words[place : place + 2] == [_LITERAL, ","]:
        place += 2
    count = (place - start + 1) // 2
    if count < 2 or words[place : place + 2] != [_LITERAL, closing]:
        return 0
    words[start + 1 : place + 1] = [_LITERAL, ",", "..."]
    return count


def _fold_rows(words: list[str], start: int) -> tuple[int, int]:
    """Rows that are written like the one before them become `...`. How many runs of such rows, of how many rows."""
    kept: list[str] = []
    last: list[str] = []
    runs = rows = alike = 0
    place = end = start
    while words[place : place + 1] == ["("]:
        end = _end_of_row(words, place)
        row = words[place:end]
        alike = alike + 1 if row == last else 1
        if alike == 1:
            kept += [",", *row] if kept else row
            last = row
        else:
            runs += alike == 2
            rows += 2 if alike == 2 else 1
            kept += [",", "..."] if alike == 2 else ()
        if words[end : end + 1] != [","]:
            break
        place = end + 1
    words[start:end] = kept
    return runs, rows


def _end_of_row(words: Sequence[str], place: int) -> int:
    """The place behind the parenthesis that closes the one at `place`, or behind the last word."""
    depth = 0
    for end in range(place, len(words)):
        if words[end] == "(":
            depth += 1
        elif words[end] == ")":
            depth -= 1
            if depth == 0:
                return end + 1
    return len(words)
