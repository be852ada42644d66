"""The text of a statement as the journal may hold it: re-rendered, without comments, literals or unknown names.

Owns the rendering and the shape's identifier. Works on tokens only, so that it can say something about a text that
cannot be parsed; there, every name and literal is digested (soundness 69). Knows no catalog.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hoopfast.policy.parse import Parsed, Token, Unparsable, is_comment, scan

_LITERALS = {
    "SCONST": "?",
    "USCONST": "?",
    "BCONST": "?",
    "XCONST": "?",
    "ICONST": "?",
    "FCONST": "?",
}
_NO_SPACE_BEFORE = frozenset((",", ")", ";", ".", "]", "::", "["))
_NO_SPACE_AFTER = frozenset(("(", ".", "[", "::"))


def render(parsed: Parsed, *, names: bool = True) -> str:
    """The text with literals as `?`, one space between words; `names=False` digests every identifier."""
    return _render(parsed.text, parsed.tokens, names)


def render_unparsed(text: str) -> str:
    """As `render`, for a text that the parser rejects: no name, no literal; what cannot be scanned is only counted."""
    try:
        tokens = scan(text)
    except Unparsable:
        return f"(not SQL, {len(text)} characters)"
    return _render(text, tokens, names=False)


def shape(rendered: str) -> str:
    """The stable identifier of a rendered text: 16 hex digits."""
    return hashlib.blake2b(rendered.encode(errors="surrogateescape"), digest_size=8).hexdigest()


def digest(name: str) -> str:
    """What stands for a name that may not be shown."""
    return "n" + hashlib.blake2b(name.encode(errors="surrogateescape"), digest_size=4).hexdigest()


def _render(text: str, tokens: Sequence[Token], names: bool) -> str:
    pieces: list[str] = []
    previous = ""
    for token in tokens:
        if is_comment(token):
            continue
        word = _word(text, token, names)
        if word == "?" and previous == "?" and pieces[-1] == "?":
            continue  # a literal continued on another line
        if (
            pieces
            and word not in _NO_SPACE_BEFORE
            and previous not in _NO_SPACE_AFTER
            and not _call(word, previous, token)
        ):
            pieces.append(" ")
        pieces.append(word)
        previous = word
    return "".join(pieces)


def _word(text: str, token: Token, names: bool) -> str:
    literal = _LITERALS.get(token.name)
    if literal is not None:
        return literal
    word = text[token.start : token.end + 1]
    if token.name in ("IDENT", "UIDENT"):
        return word if names else digest(word)
    if token.kind == "NO_KEYWORD":
        return word
    return word.upper() if token.kind == "RESERVED_KEYWORD" else word


def _call(word: str, previous: str, token: Token) -> bool:
    return word == "(" and (previous[-1:].isalnum() or previous[-1:] in '_"') and not previous.isupper()
