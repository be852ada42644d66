"""SQL text to tokens. See scanner.pyx; the lexer calls its C core."""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

__pyx_capi__: Mapping[str, object]  # what scanner.pxd offers to C

class TokenKind(IntEnum):
    """What a token is; from INT4 on a literal, whose kind is also the byte that stands for it in a shape."""

    WORD = 1
    QUOTED = 2
    UNICODE_QUOTED = 3
    PARAMETER = 4
    OPERATOR = 5
    PUNCTUATION = 6
    OTHER = 7
    INT4 = 0xF5
    INT8 = 0xF6
    NUMERIC = 0xF7
    STRING = 0xF8
    ESCAPE_STRING = 0xF9
    UNICODE_STRING = 0xFA
    NATIONAL_STRING = 0xFB
    BIT_STRING = 0xFC
    HEX_STRING = 0xFD
    DOLLAR_STRING = 0xFE

class Token(NamedTuple):
    """One token, and where it stands, in bytes; a string with its prefix, its quotes and its continuations."""

    kind: TokenKind
    offset: int
    length: int

def scan(text: bytes) -> list[Token] | None:
    """The tokens, without comments; None where the text cannot be lexed. For tests and tools."""
