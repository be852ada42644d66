"""The slow twin of scanner.pyx and lexer.pyx: scan.l's rules as regular expressions, the longest match winning.

Written for being obviously right, sharing no code with what it is compared with. Rules and their names are those of
PostgreSQL 18, src/backend/parser/scan.l; where we are stricter on purpose, `NotLexable.reason` says so.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hoopfast.wire.scanner import TokenKind

NUMBERS = (TokenKind.INT4, TokenKind.INT8, TokenKind.NUMERIC)
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
        return token(
            TokenKind.PUNCTUATION if found in (*b"()[],;.",) or found in b"()[],;." else TokenKind.OPERATOR, end
        )
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


# --- Shapes ----------------------------------------------------------------------------------------------------------

SHAPED = {b"select", b"values", b"insert", b"update", b"delete", b"merge", b"with"}
SIMPLE_STRINGS = (TokenKind.STRING, TokenKind.ESCAPE_STRING, TokenKind.DOLLAR_STRING)


class NaiveShape(NamedTuple):
    """What the lexer makes of a text."""

    key: bytes
    literals: tuple[tuple[TokenKind, int, int], ...]
    exact: bool
    tokens: bytes


def _check_unicode(token: NaiveToken, escape: bytes) -> None:
    content = token.text[3:-1].decode()
    mark = escape.decode()
    if token.continued:
        if mark in content:
            raise NotLexable(UNICODE_ESCAPES)
        return
    every = re.compile("{0}(?:{0}|([0-9A-Fa-f]{{4}})|[+]([0-9A-Fa-f]{{6}}))|.".format(re.escape(mark)), re.DOTALL)
    half = False
    for found in every.finditer(content):
        digits = found[1] or found[2]
        if found[0] == mark:
            raise NotLexable(UNICODE_ESCAPES)
        point = int(digits, 16) if digits else 32
        if half != (0xDC00 <= point <= 0xDFFF) or not 0 < point <= 0x10FFFF:
            raise NotLexable(UNICODE_ESCAPES)
        half = 0xD800 <= point <= 0xDBFF
    if half:
        raise NotLexable(UNICODE_ESCAPES)


def _check_unicode_strings(tokens: list[NaiveToken]) -> None:
    for place, token in enumerate(tokens):
        if token.kind is not TokenKind.UNICODE_STRING:
            continue
        following = tokens[place + 1 : place + 3]
        if following and following[0].text.lower() == b"uescape":
            simple = len(following) == 2 and following[1].kind is TokenKind.STRING and len(following[1].text) == 3
            if not simple or following[1].text[1:2] in (
                *[bytes((byte,)) for byte in b'0123456789abcdefABCDEF+" \t\n\r\f\v'],
            ):
                raise NotLexable(UNICODE_ESCAPES)
            _check_unicode(token, following[1].text[1:2])
        else:
            _check_unicode(token, b"\\")


def _written(tokens: list[NaiveToken]) -> list[bytes]:
    """What stands for each token, literals replaced."""
    written: list[bytes] = []
    words = [token.text.lower() if token.kind is TokenKind.WORD else token.text for token in tokens]
    for place, token in enumerate(tokens):
        before = words[max(place - 3, 0) : place]
        free = before[-3:-2] != [b"."] or len(before) < 3
        if token.kind < TokenKind.INT4:
            written.append(token.text)
        elif (before[-1:] == [b"uescape"] and before[-2:-1] != [b"."] and token.kind in SIMPLE_STRINGS) or (
            before[-2:] == [b"float", b"("] and free and token.kind in NUMBERS
        ):
            written.append(b"\xc0" + token.text + b"\xc0")
        elif token.kind in NUMBERS and re.match(rb"0[xXoObB]|.*_", token.text):
            written.append(b"\xc0\xc0" + bytes((token.kind,)))
        else:
            written.append(bytes((token.kind,)))
    return written


def _closing(tokens: list[NaiveToken], at: int) -> int:
    """The place of the parenthesis that closes the one at `at`, or -1."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += {b"(": 1, b")": -1}.get(tokens[place].text, 0)
        if depth == 0:
            return place
    return -1


Item = tuple[NaiveToken, bytes]


def _fold_lists(items: list[Item]) -> list[Item]:
    place = 0
    while place < len(items):
        word = items[place][0].text.lower() if items[place][0].kind is TokenKind.WORD else b""
        opening = {b"in": b"(", b"array": b"["}.get(word)
        named = place > 0 and items[place - 1][0].text == b"."
        if opening is not None and not named and place + 1 < len(items) and items[place + 1][0].text == opening:
            closing = {b"(": b")", b"[": b"]"}[opening]
            end = place + 2
            while end < len(items) and items[end][0].text != closing:
                end += 1
            inside = items[place + 2 : end]
            first = inside[0][1] if inside else b""
            alike = len(first) == 1 and first[0] >= TokenKind.INT4 and all(item[1] == first for item in inside[::2])
            commas = all(item[0].text == b"," for item in inside[1::2])
            if end < len(items) and len(inside) > 2 and len(inside) % 2 and alike and commas:
                items[place + 2 : end] = [(inside[0][0], b"\xff" + first)]
        place += 1
    return items


def _fold_rows(items: list[Item]) -> list[Item]:
    done: list[Item] = []
    place = 0
    tokens = [item[0] for item in items]
    while place < len(items):
        done.append(items[place])
        values = tokens[place].kind is TokenKind.WORD and tokens[place].text.lower() == b"values"
        place += 1
        if not values or (place > 1 and tokens[place - 2].text == b"."):
            continue
        row: list[bytes] = []
        while place < len(items) and tokens[place].text == b"(":
            end = _closing(tokens, place)
            if end < 0:
                return done + items[place:]
            this = [item[1] for item in items[place : end + 1]]
            if this == row:
                done.pop()  # the comma
                if done[-1][1] != b"\xff\xff":
                    done.append((tokens[end], b"\xff\xff"))
            else:
                done += items[place : end + 1]
                row = this
            place = end + 1
            if [token.text for token in tokens[place : place + 2]] != [b",", b"("]:
                break
            done.append(items[place])
            place += 1
    return done


def _joined(items: list[Item]) -> bytes:
    out = b""
    glued = True
    for token, text in items:
        if text == b";":
            out += b"" if out.endswith(b";") else text
            glued = False
            continue
        if text == b"\xff\xff":
            out += text
            glued = False
            continue
        punctuation = token.kind is TokenKind.PUNCTUATION
        out += text if glued or punctuation else b" " + text
        glued = punctuation and text not in (b")", b"]")
    return out


def naive_shape(text: bytes, *, fold: bool) -> NaiveShape:
    """The shape of a text; raises NotLexable."""
    tokens = naive_scan(text)
    _check_unicode_strings(tokens)
    literals = tuple((token.kind, token.offset, len(token.text)) for token in tokens if token.kind >= TokenKind.INT4)
    last = max((place for place, token in enumerate(tokens) if token.text != b";"), default=-1)
    statement = tokens[: last + 1]
    words = [token for token in statement if token.text != b"("]
    exact = (
        not words
        or words[0].text.lower() not in SHAPED
        or any(token.text in (b";", b"..") or token.kind is TokenKind.OTHER for token in statement)
    )
    items = list(zip(statement, _written(statement), strict=True))
    if fold:
        items = _fold_rows(_fold_lists(items))
    shown = _joined(items)
    return NaiveShape(b"\xc1" + text if exact else shown, literals, exact, shown)
