"""The slow twin of scanner.pyx: scan.l's rules as regular expressions, the longest match winning.

Written for being obviously right, sharing no code with what it is compared with. Rules and their names are those of
PostgreSQL 18, src/backend/parser/scan.l; where we are stricter on purpose, `NotLexable.reason` says so.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hoopfast.wire.scanner import TokenKind

SCANNER_REFUSES = "PostgreSQL's scanner refuses it too"
PARAMETER_JUNK = "a parameter and a name without a space: two tokens for libpg_query and before PostgreSQL 15"
ESCAPED_BYTES = "an escape that writes a byte that is not ASCII"
UNICODE_ESCAPES = "escapes that the parser refuses, or may: the scanner does not look"


class NotLexable(Exception):  # noqa: N818 - not an error of anybody's
    """There are no tokens."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NaiveToken(NamedTuple):
    """One token; `name` is for the eyes of the twin only."""

    kind: TokenKind
    offset: int
    text: bytes
    continued: bool = False


DECINTEGER = rb"[0-9](?:_?[0-9])*"
NUMERIC = rb"(?:(?:%(d)s\.(?:%(d)s)?)|(?:\.%(d)s))" % {b"d": DECINTEGER}
REAL = rb"(?:%s|%s)[Ee][-+]?%s" % (DECINTEGER, NUMERIC, DECINTEGER)
IDENTIFIER = rb"[A-Za-z\x80-\xff_][A-Za-z\x80-\xff_0-9$]*"
OP_CHARS = rb"[~!@#^&|`?+\-*/%<>=]"
TAG = rb"(?:[A-Za-z\x80-\xff_][A-Za-z\x80-\xff_0-9]*)"

RULES: list[tuple[str, re.Pattern[bytes]]] = [
    (name, re.compile(pattern, re.DOTALL))
    for name, pattern in [
        ("whitespace", rb"[ \t\n\r\f\v]+|--[^\n\r]*"),
        ("xcstart", rb"/\*" + OP_CHARS + rb"*"),
        ("xbstart", rb"[bB]'"),
        ("xhstart", rb"[xX]'"),
        ("xnstart", rb"[nN]'"),
        ("xqstart", rb"'"),
        ("xestart", rb"[eE]'"),
        ("xusstart", rb"[uU]&'"),
        ("dolqdelim", rb"\$" + TAG + rb"?\$"),
        ("xdstart", rb'"'),
        ("xuistart", rb'[uU]&"'),
        ("typecast", rb"::"),
        ("dot_dot", rb"\.\."),
        ("colon_equals", rb":="),
        ("self", rb"[,()\[\].;:+\-*/%^<>=]"),
        ("operator", OP_CHARS + rb"+"),
        ("param", rb"\$[0-9]+"),
        ("param_junk", rb"\$[0-9]+" + IDENTIFIER),
        ("integer", DECINTEGER),
        ("integer", rb"0[xX](?:_?[0-9A-Fa-f])+"),
        ("integer", rb"0[oO](?:_?[0-7])+"),
        ("integer", rb"0[bB](?:_?[01])+"),
        ("fail", rb"0[xX]_?|0[oO]_?|0[bB]_?"),
        ("numeric", NUMERIC),
        ("numericfail", DECINTEGER + rb"\.\."),
        ("numeric", REAL),
        ("fail", rb"(?:%s|%s)[Ee][-+]" % (DECINTEGER, NUMERIC)),
        ("fail", DECINTEGER + IDENTIFIER),
        ("fail", NUMERIC + IDENTIFIER),
        ("fail", REAL + IDENTIFIER),
        ("identifier", IDENTIFIER),
        ("other", rb"."),
    ]
]
STRINGS = {
    "xqstart": TokenKind.STRING,
    "xestart": TokenKind.ESCAPE_STRING,
    "xusstart": TokenKind.UNICODE_STRING,
    "xnstart": TokenKind.NATIONAL_STRING,
    "xbstart": TokenKind.BIT_STRING,
    "xhstart": TokenKind.HEX_STRING,
}
SPACE, COMMENT, NEWLINE = rb"[ \t\n\r\f\v]", rb"--[^\n\r]*", rb"[\n\r]"
CONTINUATION = re.compile(
    rb"(?:[ \t\f\v]|%s)*%s(?:%s+|%s%s)*'" % (COMMENT, NEWLINE, SPACE, COMMENT, NEWLINE), re.DOTALL
)
PART = {  # what stands between the opening quote of a string, or of a part of it, and the closing one
    TokenKind.ESCAPE_STRING: re.compile(rb"(?:[^\\']|\\.|'')*", re.DOTALL),
    TokenKind.BIT_STRING: re.compile(rb"[^']*", re.DOTALL),
    TokenKind.HEX_STRING: re.compile(rb"[^']*", re.DOTALL),
}
PLAIN_PART = re.compile(rb"(?:[^']|'')*", re.DOTALL)
ESCAPES = re.compile(rb"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([uU])|([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|.)", re.DOTALL)


def _comment_end(text: bytes, at: int) -> int:
    depth = 0
    while at < len(text):
        if text.startswith(b"/*", at):
            depth, at = depth + 1, at + 2
        elif text.startswith(b"*/", at):
            depth, at = depth - 1, at + 2
            if depth == 0:
                return at
        else:
            at += 1
    raise NotLexable(SCANNER_REFUSES)


def _operator(found: bytes) -> bytes:
    ends = [place for place in (found.find(b"/*"), found.find(b"--")) if place >= 0]
    found = found[: min(ends)] if ends else found
    if len(found) > 1 and found[-1:] in (b"+", b"-") and not re.search(rb"[~!@#^&|`?%]", found[:-1]):
        found = found[:1] + found[1:].rstrip(b"+-")
    if len(found) >= 64:
        raise NotLexable(SCANNER_REFUSES)
    return found


def _integer(found: bytes) -> TokenKind:
    digits = found.replace(b"_", b"").lower()
    base = {b"0x": 16, b"0o": 8, b"0b": 2}.get(digits[:2], 10)
    value = int(digits[2:], base) if base != 10 else int(digits)
    return TokenKind.INT4 if value < 2**31 else TokenKind.INT8 if value < 2**63 else TokenKind.NUMERIC


def _check_escapes(part: bytes) -> None:
    half_end = -1  # where the first half of a surrogate pair ends
    for escape in ESCAPES.finditer(part):
        if half_end >= 0 and (escape.start() != half_end or not (escape[1] or escape[2])):
            raise NotLexable(SCANNER_REFUSES)
        if escape[3]:
            raise NotLexable(SCANNER_REFUSES)
        if escape[1] or escape[2]:
            point = int(escape[1] or escape[2], 16)
            if not 0 < point <= 0x10FFFF or (0xDC00 <= point <= 0xDFFF) != (half_end >= 0):
                raise NotLexable(SCANNER_REFUSES)
            half_end = escape.end() if 0xD800 <= point <= 0xDBFF else -1
        elif escape[4] or escape[5]:
            value = int(escape[4], 8) % 256 if escape[4] else int(escape[5], 16)
            if not 0 < value < 128:
                raise NotLexable(ESCAPED_BYTES)
    if half_end >= 0:
        raise NotLexable(SCANNER_REFUSES)


def _string(text: bytes, at: int, kind: TokenKind) -> tuple[int, bool]:
    """Where the string ends whose content begins at `at`, and whether it has several parts."""
    continued = False
    while True:
        part = PART.get(kind, PLAIN_PART).match(text, at)
        assert part is not None
        at = part.end()
        if text[at : at + 1] != b"'":
            raise NotLexable(SCANNER_REFUSES)
        if kind is TokenKind.ESCAPE_STRING:
            _check_escapes(part[0])
        at += 1
        more = CONTINUATION.match(text, at)
        if more is None:
            return at, continued
        at, continued = more.end(), True


def _quoted(text: bytes, at: int) -> int:
    found = re.compile(rb'(?:[^"]|"")+"(?!")', re.DOTALL).match(text, at)
    if found is None:
        raise NotLexable(SCANNER_REFUSES)
    return found.end()


def _longest(text: bytes, at: int) -> tuple[str, bytes]:
    best, length = "", 0
    for name, rule in RULES:
        found = rule.match(text, at)
        if found is not None and len(found[0]) > length:
            best, length = name, len(found[0])
    return best, text[at : at + length]


def _token(text: bytes, at: int, name: str, found: bytes) -> NaiveToken:
    def token(kind: TokenKind, end: int, continued: bool = False) -> NaiveToken:
        return NaiveToken(kind, at, text[at:end], continued)

    end = at + len(found)
    if name in STRINGS:
        return token(STRINGS[name], *_string(text, end, STRINGS[name]))
    if name == "dolqdelim":
        closing = text.find(found, end)
        if closing < 0:
            raise NotLexable(SCANNER_REFUSES)
        return token(TokenKind.DOLLAR_STRING, closing + len(found))
    if name in ("xdstart", "xuistart"):
        return token(TokenKind.QUOTED if name == "xdstart" else TokenKind.UNICODE_QUOTED, _quoted(text, end))
    if name in ("typecast", "dot_dot", "colon_equals"):
        return token(TokenKind.OPERATOR, end)
    if name == "self":
        return token(TokenKind.PUNCTUATION if found in b"()[],;." else TokenKind.OPERATOR, end)
    if name == "operator":
        return token(TokenKind.OPERATOR, at + len(_operator(found)))
    if name == "param":
        if int(found[1:]) >= 2**31:
            raise NotLexable(SCANNER_REFUSES)
        return token(TokenKind.PARAMETER, end)
    if name == "integer":
        return token(_integer(found), end)
    if name == "numericfail":
        return token(_integer(found[:-2]), end - 2)
    if name == "numeric":
        return token(TokenKind.NUMERIC, end)
    if name == "identifier":
        return token(TokenKind.WORD, end)
    if name == "other":
        return token(TokenKind.OTHER, end)
    raise NotLexable(PARAMETER_JUNK if name == "param_junk" else SCANNER_REFUSES)


def naive_scan(text: bytes) -> list[NaiveToken]:
    """The tokens of a text; raises NotLexable."""
    try:
        text.decode()
    except UnicodeDecodeError:
        raise NotLexable(SCANNER_REFUSES) from None
    if b"\0" in text:
        raise NotLexable(SCANNER_REFUSES)
    tokens = []
    at = 0
    while at < len(text):
        name, found = _longest(text, at)
        if name == "whitespace":
            at += len(found)
        elif name == "xcstart":
            at = _comment_end(text, at)
        else:
            tokens.append(_token(text, at, name, found))
            at += len(tokens[-1].text)
    return tokens
