"""The slow twin of lexer.pyx: what it does in one pass is here one thing after the other, over lists of tokens."""

from __future__ import annotations

import re
from typing import NamedTuple

from hoopfast.wire.scanner import TokenKind
from tests.wire.naive_lexer import UNICODE_ESCAPES, NaiveToken, NotLexable, naive_scan

NUMBERS = (TokenKind.INT4, TokenKind.INT8, TokenKind.NUMERIC)
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
            if not simple or re.match(rb"[0-9a-fA-F+\" \t\n\r\f\v]", following[1].text[1:2]):
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
