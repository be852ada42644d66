"""SQL tokens: PostgreSQL's lexical corners, agreement with pglast's scanner and with the naive twin."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopfast.wire.scanner import Token, TokenKind, scan
from tests.wire.naive_lexer import ESCAPED_BYTES, PARAMETER_JUNK, NotLexable, naive_scan
from tests.wire.sql_texts import pglast_tokens, soup

K = TokenKind
STRINGS = (K.STRING, K.ESCAPE_STRING, K.DOLLAR_STRING)
# pglast's names for our kinds. Keywords, operators and punctuation have many; their places say enough.
NAMES = {
    **{kind: {"SCONST"} for kind in STRINGS},
    K.UNICODE_STRING: {"USCONST"},
    K.BIT_STRING: {"BCONST"},
    K.HEX_STRING: {"XCONST"},
    K.INT4: {"ICONST"},
    K.INT8: {"FCONST"},
    K.NUMERIC: {"FCONST"},
    K.PARAMETER: {"PARAM"},
    K.QUOTED: {"IDENT"},
    K.UNICODE_QUOTED: {"UIDENT"},
}
CONSTANTS = {"SCONST", "USCONST", "BCONST", "XCONST", "ICONST", "FCONST", "PARAM", "UIDENT"}


def spelled(text: str) -> list[tuple[str, TokenKind]] | None:
    """Each token's text and kind."""
    encoded = text.encode()
    tokens = scan(encoded)
    if tokens is None:
        return None
    return [(encoded[offset : offset + length].decode(), kind) for kind, offset, length in tokens]


def assert_pglast_agrees(text: str) -> None:
    """What we lex pglast lexes alike; what we do not it refuses, or the twin says why we are stricter."""
    tokens = scan(text.encode())
    expected = pglast_tokens(text)
    if tokens is None:
        with pytest.raises(NotLexable) as refusal:
            naive_scan(text.encode())
        assert expected is None or refusal.value.reason in (PARAMETER_JUNK, ESCAPED_BYTES)
        return
    assert expected is not None
    parts = []
    for kind, offset, length in tokens:
        if kind is K.NATIONAL_STRING:
            parts += [(K.WORD, offset, 1), (K.STRING, offset + 1, length - 1)]
        else:
            parts.append((kind, offset, length))
    assert [(offset, length) for _, offset, length in parts] == [(offset, length) for _, offset, length in expected]
    for (kind, _, _), (name, _, _) in zip(parts, expected, strict=True):
        assert name in NAMES[kind] if kind in NAMES else name not in CONSTANTS, (kind, name)


CORNERS: list[tuple[str, list[tuple[str, TokenKind]]]] = [
    ("1..2", [("1", K.INT4), ("..", K.OPERATOR), ("2", K.INT4)]),
    ("1...2", [("1", K.INT4), ("..", K.OPERATOR), (".2", K.NUMERIC)]),
    ("1.5..2", [("1.5", K.NUMERIC), ("..", K.OPERATOR), ("2", K.INT4)]),
    ("1.e5 5. .5.5", [("1.e5", K.NUMERIC), ("5.", K.NUMERIC), (".5", K.NUMERIC), (".5", K.NUMERIC)]),
    ("0x1F 0o17 0B1", [("0x1F", K.INT4), ("0o17", K.INT4), ("0B1", K.INT4)]),
    ("0x_1 1_000 1_0.5_0e1_0", [("0x_1", K.INT4), ("1_000", K.INT4), ("1_0.5_0e1_0", K.NUMERIC)]),
    ("0x1.5", [("0x1", K.INT4), (".5", K.NUMERIC)]),
    ("0x1e+5", [("0x1e", K.INT4), ("+", K.OPERATOR), ("5", K.INT4)]),
    ("2147483647 2147483648", [("2147483647", K.INT4), ("2147483648", K.INT8)]),
    ("9223372036854775807 9223372036854775808", [("9223372036854775807", K.INT8), ("9223372036854775808", K.NUMERIC)]),
    ("0x7fffffff 0x80000000", [("0x7fffffff", K.INT4), ("0x80000000", K.INT8)]),
    ("0x8000000000000000 " + "0" * 40 + "1", [("0x8000000000000000", K.NUMERIC), ("0" * 40 + "1", K.INT4)]),
    ("1" * 400, [("1" * 400, K.NUMERIC)]),
    ("1$1", [("1", K.INT4), ("$1", K.PARAMETER)]),
    ("$1$a$b$a$", [("$1", K.PARAMETER), ("$a$b$a$", K.DOLLAR_STRING)]),
    ("$a $b", [("$", K.OTHER), ("a", K.WORD), ("$", K.OTHER), ("b", K.WORD)]),
    ("a$b$c a$$b", [("a$b$c", K.WORD), ("a$$b", K.WORD)]),
    ("$$a$$ $é1$ $é$ x$é1$", [("$$a$$", K.DOLLAR_STRING), ("$é1$ $é$ x$é1$", K.DOLLAR_STRING)]),
    ("$a$x$aa$a$ $a$ $b$a$", [("$a$x$aa$a$", K.DOLLAR_STRING), ("$a$ $b$a$", K.DOLLAR_STRING)]),
    ("'it''s' ''''", [("'it''s'", K.STRING), ("''''", K.STRING)]),
    ("'a\\' E'a\\'b' e'\\\\'", [("'a\\'", K.STRING), ("E'a\\'b'", K.ESCAPE_STRING), ("e'\\\\'", K.ESCAPE_STRING)]),
    ("E'\\ud83d\\ude00\\x41\\101\\x'", [("E'\\ud83d\\ude00\\x41\\101\\x'", K.ESCAPE_STRING)]),
    ("n'a' N 'a'", [("n'a'", K.NATIONAL_STRING), ("N", K.WORD), ("'a'", K.STRING)]),
    ("b'01' X'ff'", [("b'01'", K.BIT_STRING), ("X'ff'", K.HEX_STRING)]),
    ("b'01''1'", [("b'01'", K.BIT_STRING), ("'1'", K.STRING)]),
    ("'a'\n'b'", [("'a'\n'b'", K.STRING)]),
    ("'a' --c\n --d\r\n 'b'", [("'a' --c\n --d\r\n 'b'", K.STRING)]),
    ("E'a'\n'\\'b'", [("E'a'\n'\\'b'", K.ESCAPE_STRING)]),
    ("'a' 'b'", [("'a'", K.STRING), ("'b'", K.STRING)]),
    ("'a'\n/**/'b'", [("'a'", K.STRING), ("'b'", K.STRING)]),
    ("$$a$$\n'b'", [("$$a$$", K.DOLLAR_STRING), ("'b'", K.STRING)]),
    ("U&'\\0041'\n'b' u& 'a'", [("U&'\\0041'\n'b'", K.UNICODE_STRING), ("u", K.WORD), ("&", K.OPERATOR), ("'a'",
    K.STRING)]),
    ('"a""b" U&"d\\0061" "\x01--"', [('"a""b"', K.QUOTED), ('U&"d\\0061"', K.UNICODE_QUOTED), ('"\x01--"', K.QUOTED)]),
    ("a/**/b", [("a", K.WORD), ("b", K.WORD)]),
    ("/* /* */ ' */a/*+*/", [("a", K.WORD)]),
    ("/*/ */ */ a", [("*/", K.OPERATOR), ("a", K.WORD)]),
    ("a--b\rc", [("a", K.WORD), ("c", K.WORD)]),
    ("+--x", [("+", K.OPERATOR)]),
    ("@/*x*/-1", [("@", K.OPERATOR), ("-", K.OPERATOR), ("1", K.INT4)]),
    ("=-1", [("=", K.OPERATOR), ("-", K.OPERATOR), ("1", K.INT4)]),
    ("@-1", [("@-", K.OPERATOR), ("1", K.INT4)]),
    ("<-+ !=- |-+", [("<", K.OPERATOR), ("-", K.OPERATOR), ("+", K.OPERATOR), ("!=-", K.OPERATOR), ("|-+",
    K.OPERATOR)]),
    ("::= := :::", [("::", K.OPERATOR), ("=", K.OPERATOR), (":=", K.OPERATOR), ("::", K.OPERATOR), (":", K.OPERATOR)]),
    ("=> ==> ->>", [("=>", K.OPERATOR), ("==>", K.OPERATOR), ("->>", K.OPERATOR)]),
    ("é\u00a0ł", [("é\u00a0ł", K.WORD)]),
    ("a\fb\vc", [("a", K.WORD), ("b", K.WORD), ("c", K.WORD)]),
    ("a.1.b", [("a", K.WORD), (".1", K.NUMERIC), (".", K.PUNCTUATION), ("b", K.WORD)]),
    ("{\x01", [("{", K.OTHER), ("\x01", K.OTHER)]),
    ("", []),
    (" --", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CORNERS)
def test_corners(text: str, expected: list[tuple[str, TokenKind]]) -> None:
    assert spelled(text) == expected
    assert_pglast_agrees(text)


REFUSED = [
    "1e", "1e+", "1ex", "1a", "1é", "1_", "1__0", "1.a", "1._5", "1.5e_1", "0x", "0x_", "0o8", "0b102", "0x1Fg",
    "0x1$1",
    "1_0$1", "1e5$1", "1.e5$", "1e5_0$", "$2147483648", "'", "'a", "E'a\\'", "E'a\\", "E'\\u00'", "E'\\ud83d'",
    "E'\\ud83dx\\ude00'", "E'\\ude00'", "E'\\U00110000'", "E'\\u0000'", "E'\\ud83d'\n'\\ude00'", '"', '""', 'U&""',
    'U&"a', "$$", "$a$ $b$", "/*", "/*/* */", "/*/", "@" * 64, "b'0", "U&'a",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_postgresql_refuses_is_not_lexable(text: str) -> None:
    assert scan(text.encode()) is None
    assert pglast_tokens(text) is None


@pytest.mark.parametrize("text", ["1_0.5$1", "1e+5$1", "1.5$1", "$2147483647", "@" * 63, "U&'\\00'", "''"])
def test_what_stands_close_to_it_is_lexable(text: str) -> None:
    assert scan(text.encode()) is not None
    assert_pglast_agrees(text)


@pytest.mark.parametrize("text", ["$1a", "$1_", "E'\\xff'", "E'\\377'", "E'\\0'", "E'\\400'"])
def test_what_versions_or_encodings_read_differently_is_not_lexable(text: str) -> None:
    assert scan(text.encode()) is None
    assert_pglast_agrees(text)


@pytest.mark.parametrize(
    "text",
    [
        b"select '\0'", b"\xff", b"select '\xc3'", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"a\x80", b"select '\xc3\xa9' \0",
    ],
)  # fmt: skip
def test_what_is_not_utf8_is_not_lexable(text: bytes) -> None:
    assert scan(text) is None


@given(st.binary(max_size=12))
def test_utf8_is_what_python_says_it_is(data: bytes) -> None:
    quoted = b'"' + data.replace(b'"', b"") + b'x"'
    try:
        valid = "\0" not in quoted.decode()
    except UnicodeDecodeError:
        valid = False
    assert (scan(quoted) is not None) is valid


@settings(deadline=None, max_examples=1500)
@given(soup)
def test_pglast_and_the_twin_agree(text: str) -> None:
    assert_pglast_agrees(text)
    try:
        expected = [Token(token.kind, token.offset, len(token.text)) for token in naive_scan(text.encode())]
    except NotLexable:
        assert scan(text.encode()) is None
        return
    assert scan(text.encode()) == expected


@given(st.binary(max_size=60))
def test_any_bytes_agree_with_the_twin(data: bytes) -> None:
    try:
        expected = [Token(token.kind, token.offset, len(token.text)) for token in naive_scan(data)]
    except NotLexable:
        assert scan(data) is None
        return
    assert scan(data) == expected
