"""SQL text to tokens: the only code that decides where one begins and ends, and of which kind a literal is.

The rules are those of PostgreSQL 18, src/backend/parser/scan.l, with standard_conforming_strings on. What older servers
read otherwise is marked (numbers with letters or underscores) or an error (names joined to numbers and parameters).
Stricter than scan.l in one more way: an E'…' that writes bytes which are not ASCII, or a zero, is an error, because
their validity depends on the server's encoding. Knows no grammar, no statement, no shape.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memchr, memcmp

from enum import IntEnum
from typing import NamedTuple

from hoopfast.wire.cursor cimport (
    Cursor, cursor_is_ascii, cursor_left, cursor_open, cursor_peek, cursor_since, cursor_take,
)

cdef enum:
    NAMEDATALEN = 64  # src/include/pg_config_manual.h; an operator's name must be shorter
    QUOTE = 39
    DOUBLE_QUOTE = 34
    BACKSLASH = 92
    DOLLAR = 36
    DOT = 46
    PLUS = 43
    MINUS = 45
    SLASH = 47
    STAR = 42
    COLON = 58
    EQUALS = 61
    UNDERSCORE = 95
    CASE = 0x20  # the bit that makes an ASCII letter small, and no other byte a letter

# What a byte may be part of; see scan.l's definitions.
cdef enum ByteClass:
    CLASS_SPACE = 1
    CLASS_NEWLINE = 2
    CLASS_IDENT_START = 4  # also what the tag of a dollar quote begins with
    CLASS_IDENT = 8
    CLASS_DIGIT = 16
    CLASS_HEX = 32
    CLASS_OPERATOR = 64
    CLASS_NOT_SQL_OPERATOR = 128  # with one of these an operator may end in + or -

# What a token that begins with a byte is.
cdef enum Start:
    START_OTHER = 0
    START_WORD = 1
    START_PREFIX = 2  # a word, or what says a quote's kind
    START_DIGIT = 3
    START_OPERATOR = 4
    START_PUNCTUATION = 5
    START_QUOTE = 6
    START_DOUBLE_QUOTE = 7
    START_DOLLAR = 8
    START_DOT = 9
    START_COLON = 10
    START_SPACE = 11
    START_MINUS = 12  # an operator, or a comment
    START_SLASH = 13

cdef uint8_t CLASS[256]
cdef uint8_t START[256]


cdef void fill_tables() except *:
    cdef uint8_t byte
    high = bytes(range(128, 256))
    digits = b"0123456789"
    letters = b"abcdefghijklmnopqrstuvwxyz"
    letters += letters.upper() + b"_" + high
    operators = b"~!@#^&|`?+-*/%<>="
    for members, value in (
        (b" \t\n\r\f\v", CLASS_SPACE), (b"\n\r", CLASS_NEWLINE), (letters, CLASS_IDENT_START),
        (letters + digits + b"$", CLASS_IDENT), (digits, CLASS_DIGIT), (digits + b"abcdefABCDEF", CLASS_HEX),
        (operators, CLASS_OPERATOR), (b"~!@#^&|`?%", CLASS_NOT_SQL_OPERATOR),
    ):
        for byte in members:
            CLASS[byte] |= value
    for members, value in (
        (letters, START_WORD), (b"bBxXnNeEuU", START_PREFIX), (digits, START_DIGIT), (operators, START_OPERATOR),
        (b"()[],;", START_PUNCTUATION), (b"'", START_QUOTE), (b'"', START_DOUBLE_QUOTE), (b"$", START_DOLLAR),
        (b".", START_DOT), (b":", START_COLON), (b" \t\n\r\f\v", START_SPACE), (b"-", START_MINUS),
        (b"/", START_SLASH),
    ):
        for byte in members:
            START[byte] = value


fill_tables()


# --- Bytes -----------------------------------------------------------------------------------------------------------

# The byte `offset` bytes on, -1 at the end.
cdef inline int look(const Cursor* input, Py_ssize_t offset) noexcept nogil:
    return cursor_peek(input, offset) if offset < cursor_left(input) else -1


cdef inline bint looks_like(const Cursor* input, Py_ssize_t offset, int members) noexcept nogil:
    return offset < cursor_left(input) and (CLASS[cursor_peek(input, offset)] & members) != 0


cdef inline void pass_class(Cursor* input, int members) noexcept nogil:
    while cursor_left(input) > 0 and CLASS[cursor_peek(input, 0)] & members:
        cursor_take(input, 1)


# Steps behind the next `byte`; False, and stays, where there is none.
cdef inline bint pass_byte(Cursor* input, int byte) noexcept nogil:
    cdef const void* found
    if cursor_left(input) == 0:
        return False
    found = memchr(input.at, byte, <size_t> cursor_left(input))
    if found == NULL:
        return False
    cursor_take(input, <const unsigned char*> found - input.at + 1)
    return True


# Unicode 15, table 3-7.
cdef bint is_text(const unsigned char* text, Py_ssize_t length) noexcept nogil:
    cdef Cursor input
    cdef uint8_t lead, low, high
    cdef int more
    cursor_open(&input, text, length)
    if length == 0 or cursor_is_ascii(&input):
        return length == 0 or memchr(text, 0, <size_t> length) == NULL
    while cursor_left(&input) > 0:
        lead = cursor_take(&input, 1)[0]
        if 0 < lead < 0x80:
            continue
        if lead < 0xC2 or lead > 0xF4:
            return False
        more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
        low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
        high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
        if cursor_left(&input) < more:
            return False
        while more > 0:
            if not low <= cursor_take(&input, 1)[0] <= high:
                return False
            low = 0x80
            high = 0xBF
            more -= 1
    return True


# --- Comments --------------------------------------------------------------------------------------------------------

cdef inline void pass_line(Cursor* input) noexcept nogil:
    while cursor_left(input) > 0 and not CLASS[cursor_peek(input, 0)] & CLASS_NEWLINE:
        cursor_take(input, 1)


# Steps behind the comment whose /* is under the cursor; False where it does not end.
cdef inline bint pass_comment(Cursor* input) noexcept nogil:
    cdef Py_ssize_t depth = 0
    cdef int byte
    while cursor_left(input) >= 2:
        byte = cursor_peek(input, 0)
        if byte == SLASH and cursor_peek(input, 1) == STAR:
            depth += 1
            cursor_take(input, 2)
        elif byte == STAR and cursor_peek(input, 1) == SLASH:
            depth -= 1
            cursor_take(input, 2)
            if depth == 0:
                return True
        else:
            cursor_take(input, 1)
    return False


# --- Strings ---------------------------------------------------------------------------------------------------------

# Reads exactly so many hexadecimal digits; -1 where there are fewer.
cdef inline int64_t hexadecimal(Cursor* input, int digits) noexcept nogil:
    cdef int64_t value = 0
    cdef int byte
    while digits > 0:
        if not looks_like(input, 0, CLASS_HEX):
            return -1
        byte = cursor_take(input, 1)[0]
        value = value * 16 + (byte - 48 if byte < 58 else (byte | CASE) - 87)
        digits -= 1
    return value


# Whether a code point may stand in an escape, behind half a surrogate pair or not; `half` becomes whether it is one.
cdef inline bint may_follow(int64_t point, bint* half) noexcept nogil:
    cdef bint second = 0xDC00 <= point <= 0xDFFF
    if not 0 < point <= 0x10FFFF or half[0] != second:
        return False
    half[0] = 0xD800 <= point <= 0xDBFF
    return True


# Steps over \uXXXX or \UXXXXXXXX, or a surrogate pair of them, behind whose first backslash the cursor is.
cdef bint pass_code_point(Cursor* input) noexcept nogil:
    cdef bint half = False
    cdef int letter
    while True:
        letter = look(input, 0)
        if letter != 117 and letter != 85:  # u U
            return False
        cursor_take(input, 1)
        if not may_follow(hexadecimal(input, 4 if letter == 117 else 8), &half):
            return False
        if not half:
            return True
        if look(input, 0) != BACKSLASH:
            return False
        cursor_take(input, 1)


# Steps over what is behind a backslash in E'…'; False where PostgreSQL refuses it, and where it writes a byte that is
# not ASCII: the validity of what such bytes make up depends on the server's encoding.
cdef bint pass_escape(Cursor* input) noexcept nogil:
    cdef int value = 0
    cdef int digits = 0
    cdef int byte = look(input, 0)
    if byte < 0:
        return False
    if 48 <= byte <= 55:
        while digits < 3 and 48 <= look(input, 0) <= 55:
            value = value * 8 + cursor_take(input, 1)[0] - 48
            digits += 1
        return 0 < (value & 0xFF) < 0x80
    if byte == 117 or byte == 85:  # u U
        return pass_code_point(input)
    cursor_take(input, 1)
    if byte == 120 and looks_like(input, 0, CLASS_HEX):  # x
        return 0 < hexadecimal(input, 2 if looks_like(input, 1, CLASS_HEX) else 1) < 0x80
    return True


cdef bint pass_escaped(Cursor* input) noexcept nogil:
    cdef int byte
    while cursor_left(input) > 0:
        byte = cursor_take(input, 1)[0]
        if byte == QUOTE:
            return True
        if byte == BACKSLASH and not pass_escape(input):
            return False
    return False


# Steps behind the quote with which a string goes on after a newline; False, and stays, where it does not.
cdef inline bint pass_continuation(Cursor* input) noexcept nogil:
    cdef Cursor ahead = input[0]
    cdef bint newline = False
    cdef int byte
    while cursor_left(&ahead) > 0:
        byte = cursor_peek(&ahead, 0)
        if CLASS[byte] & CLASS_SPACE:
            newline |= (CLASS[byte] & CLASS_NEWLINE) != 0
            cursor_take(&ahead, 1)
        elif byte == MINUS and look(&ahead, 1) == MINUS:
            pass_line(&ahead)
        else:
            break
    if not newline or look(&ahead, 0) != QUOTE:
        return False
    cursor_take(&ahead, 1)
    input[0] = ahead
    return True


# A string behind whose opening quote the cursor is; B'…' and X'…' know no doubled quotes.
cdef int string(Scanner* scanner, int kind) noexcept nogil:
    cdef Cursor* input = &scanner.input
    cdef bint doubles = kind != TOKEN_BIT_STRING and kind != TOKEN_HEX_STRING
    scanner.continued = False
    while True:
        if not (pass_escaped(input) if kind == TOKEN_ESCAPE_STRING else pass_byte(input, QUOTE)):
            return TOKEN_ERROR
        if doubles and look(input, 0) == QUOTE:
            cursor_take(input, 1)
        elif pass_continuation(input):
            scanner.continued = True
        else:
            return kind


# As str_udeescape in src/backend/parser/parser.c.
cdef bint escapes_are_valid(Cursor content, int escape) noexcept nogil:
    cdef bint half = False
    cdef int64_t point
    while cursor_left(&content) > 0:
        if cursor_take(&content, 1)[0] != escape:
            if half:
                return False
            continue
        if look(&content, 0) == escape:
            if half:
                return False
            cursor_take(&content, 1)
            continue
        if look(&content, 0) == PLUS:
            cursor_take(&content, 1)
            point = hexadecimal(&content, 6)
        else:
            point = hexadecimal(&content, 4)
        if not may_follow(point, &half):
            return False
    return not half


# A quoted identifier behind whose opening quote the cursor is; `opening` is the length of what stands before its name.
cdef int quoted(Scanner* scanner, int kind, Py_ssize_t opening) noexcept nogil:
    cdef Cursor* input = &scanner.input
    while pass_byte(input, DOUBLE_QUOTE):
        if look(input, 0) != DOUBLE_QUOTE:
            return kind if cursor_since(input, scanner.start) > opening + 1 else TOKEN_ERROR
        cursor_take(input, 1)
    return TOKEN_ERROR


# A dollar-quoted string whose delimiter the cursor is at. What is compared with the delimiter holds no other `$` before
# it differs, so this is linear.
cdef int dollar_quoted(Scanner* scanner, Py_ssize_t delimiter) noexcept nogil:
    cdef Cursor* input = &scanner.input
    cursor_take(input, delimiter)
    while pass_byte(input, DOLLAR):
        if cursor_left(input) < delimiter - 1:
            return TOKEN_ERROR
        if memcmp(input.at, scanner.start + 1, <size_t> (delimiter - 1)) == 0:
            cursor_take(input, delimiter - 1)
            return TOKEN_DOLLAR_STRING
    return TOKEN_ERROR


# What begins with a dollar: a parameter, a string, or neither.
cdef int dollar(Scanner* scanner) noexcept nogil:
    cdef Cursor* input = &scanner.input
    cdef Py_ssize_t end = 1
    cdef int64_t value = 0
    if looks_like(input, 1, CLASS_DIGIT):
        cursor_take(input, 1)
        while looks_like(input, 0, CLASS_DIGIT):
            value = value * 10 + cursor_take(input, 1)[0] - 48
            if value > 0x7FFFFFFF:
                return TOKEN_ERROR
        # $1a is an error, or two tokens before PostgreSQL 15.
        return TOKEN_ERROR if looks_like(input, 0, CLASS_IDENT_START) else TOKEN_PARAMETER
    if looks_like(input, end, CLASS_IDENT_START):
        while looks_like(input, end, CLASS_IDENT_START | CLASS_DIGIT):
            end += 1
    if look(input, end) == DOLLAR:
        return dollar_quoted(scanner, end + 1)
    cursor_take(input, 1)
    return TOKEN_OTHER


# --- Numbers ---------------------------------------------------------------------------------------------------------

# Steps over digits of a base, with single underscores before any but the first (`inner`), or before any. Adds them to
# `value`, which stays at 2^63 once it would be larger. False where there are none.
cdef bint pass_digits(Scanner* scanner, int base, bint inner, uint64_t* value) noexcept nogil:
    cdef Cursor* input = &scanner.input
    cdef uint64_t limit = <uint64_t> 1 << 63
    cdef bint some = False
    cdef int byte, digit
    while True:
        byte = look(input, 0)
        if byte == UNDERSCORE and (some or not inner):
            byte = look(input, 1)
            if byte < 0 or not CLASS[byte] & CLASS_HEX:
                return some
        if byte < 0 or not CLASS[byte] & CLASS_HEX:
            return some
        digit = byte - 48 if byte < 58 else (byte | CASE) - 87
        if digit >= base:
            return some
        if look(input, 0) == UNDERSCORE:
            scanner.modern = True
            cursor_take(input, 1)
        cursor_take(input, 1)
        some = True
        value[0] = limit if value[0] > (limit - <uint64_t> digit) // <uint64_t> base else value[0] * base + digit


# The kind PostgreSQL gives an integer (process_integer_literal, make_const).
cdef inline int integer_kind(uint64_t value) noexcept nogil:
    return TOKEN_INT4 if value <= 0x7FFFFFFF else TOKEN_INT8 if value < <uint64_t> 1 << 63 else TOKEN_NUMERIC


# Whether the end of the number under the cursor could be a name: 1_0$ and 1e5$ are 1 and a name, as that is longer.
cdef bint ends_in_name(const Scanner* scanner) noexcept nogil:
    cdef Cursor input
    cdef bint name = False
    cdef int members
    cursor_open(&input, scanner.start, cursor_since(&scanner.input, scanner.start))
    while cursor_left(&input) > 0:
        members = CLASS[cursor_take(&input, 1)[0]]
        name = (members & CLASS_IDENT_START) != 0 or (name and (members & CLASS_IDENT) != 0)
    return name


# What begins with a digit, or with a dot and a digit.
cdef int number(Scanner* scanner) noexcept nogil:
    cdef Cursor* input = &scanner.input
    cdef uint64_t value = 0
    cdef int kind, base
    cdef int letter = look(input, 1) | CASE
    if look(input, 0) == 48 and (letter == 120 or letter == 111 or letter == 98):  # 0x 0o 0b
        base = 16 if letter == 120 else 8 if letter == 111 else 2
        scanner.modern = True
        cursor_take(input, 2)
        if not pass_digits(scanner, base, False, &value) or looks_like(input, 0, CLASS_IDENT):
            return TOKEN_ERROR
        return integer_kind(value)
    pass_digits(scanner, 10, True, &value)
    kind = integer_kind(value)
    if look(input, 0) == DOT and look(input, 1) != DOT:
        cursor_take(input, 1)
        pass_digits(scanner, 10, True, &value)
        kind = TOKEN_NUMERIC
    if look(input, 0) | CASE == 101:  # e
        cursor_take(input, 1)
        if look(input, 0) == PLUS or look(input, 0) == MINUS:
            cursor_take(input, 1)
        if not pass_digits(scanner, 10, True, &value):
            return TOKEN_ERROR
        kind = TOKEN_NUMERIC
    # 1a is an error, or two tokens before PostgreSQL 15.
    if looks_like(input, 0, CLASS_IDENT_START) or (look(input, 0) == DOLLAR and ends_in_name(scanner)):
        return TOKEN_ERROR
    return kind


# --- Tokens ----------------------------------------------------------------------------------------------------------

# An operator ends before a comment. One of several characters ends in + or - only if it holds a character that
# operators of the SQL standard do not; else these signs are tokens of their own, which `signs_end` remembers, so that
# a long row of them is not looked at again for each.
cdef int operator(Scanner* scanner) noexcept nogil:
    cdef Cursor* input = &scanner.input
    cdef Py_ssize_t end = 0
    cdef Py_ssize_t length
    cdef int byte, seen = 0
    if input.at < scanner.signs_end:
        cursor_take(input, 1)
        return TOKEN_OPERATOR
    while looks_like(input, end, CLASS_OPERATOR):
        byte = cursor_peek(input, end)
        if end > 0 and (
            (byte == MINUS and look(input, end + 1) == MINUS) or (byte == SLASH and look(input, end + 1) == STAR)
        ):
            break
        seen |= CLASS[byte]
        end += 1
    length = end
    while length > 1 and (cursor_peek(input, length - 1) == PLUS or cursor_peek(input, length - 1) == MINUS):
        length -= 1
    if length < end and not seen & CLASS_NOT_SQL_OPERATOR:
        scanner.signs_end = input.at + end
        end = length
    if end >= NAMEDATALEN:
        return TOKEN_ERROR
    cursor_take(input, end)
    return TOKEN_OPERATOR


# What begins with a letter that may say the kind of the string, or of the quoted identifier, behind it.
cdef int prefixed(Scanner* scanner) noexcept nogil:
    cdef Cursor* input = &scanner.input
    cdef int letter = cursor_peek(input, 0) | CASE
    cdef int second = look(input, 1)
    if letter == 117:  # u
        if second == 38 and look(input, 2) == QUOTE:  # &
            cursor_take(input, 3)
            return string(scanner, TOKEN_UNICODE_STRING)
        if second == 38 and look(input, 2) == DOUBLE_QUOTE:
            cursor_take(input, 3)
            return quoted(scanner, TOKEN_UNICODE_QUOTED, 3)
    elif second == QUOTE:
        cursor_take(input, 2)
        if letter == 101:  # e
            return string(scanner, TOKEN_ESCAPE_STRING)
        if letter == 110:  # n
            return string(scanner, TOKEN_NATIONAL_STRING)
        return string(scanner, TOKEN_BIT_STRING if letter == 98 else TOKEN_HEX_STRING)
    pass_class(input, CLASS_IDENT)
    return TOKEN_WORD


cdef int dotted_or_colon(Scanner* scanner, int byte) noexcept nogil:
    cdef Cursor* input = &scanner.input
    cdef int second = look(input, 1)
    if byte == DOT and looks_like(input, 1, CLASS_DIGIT):
        return number(scanner)
    if second == byte or (byte == COLON and second == EQUALS):
        cursor_take(input, 2)
        return TOKEN_OPERATOR
    cursor_take(input, 1)
    return TOKEN_PUNCTUATION if byte == DOT else TOKEN_OPERATOR


# The token that begins at the cursor, with a byte of this class; what is common does not come here.
cdef int uncommon_token(Scanner* scanner, int start, int byte) noexcept nogil:
    cdef Cursor* input = &scanner.input
    if start == START_PREFIX:
        return prefixed(scanner)
    if start == START_OPERATOR or start == START_MINUS or start == START_SLASH:
        return operator(scanner)
    if start == START_DIGIT:
        return number(scanner)
    if start == START_DOLLAR:
        return dollar(scanner)
    if start == START_DOT or start == START_COLON:
        return dotted_or_colon(scanner, byte)
    cursor_take(input, 1)
    if start == START_QUOTE:
        return string(scanner, TOKEN_STRING)
    if start == START_DOUBLE_QUOTE:
        return quoted(scanner, TOKEN_QUOTED, 1)
    return TOKEN_OTHER


cdef int next_token(Scanner* scanner) noexcept nogil:
    cdef Cursor input = scanner.input  # a copy: it stays in registers
    cdef int kind = TOKEN_END
    cdef int byte, start
    scanner.modern = False
    while cursor_left(&input) > 0:
        byte = cursor_peek(&input, 0)
        start = START[byte]
        if start == START_SPACE:
            cursor_take(&input, 1)
            continue
        if start == START_MINUS and look(&input, 1) == MINUS:
            pass_line(&input)
            continue
        if start == START_SLASH and look(&input, 1) == STAR:
            if not pass_comment(&input):
                return TOKEN_ERROR
            continue
        scanner.start = input.at
        if start == START_WORD:
            pass_class(&input, CLASS_IDENT)
            kind = TOKEN_WORD
        elif start == START_PUNCTUATION:
            cursor_take(&input, 1)
            kind = TOKEN_PUNCTUATION
        else:
            scanner.input = input
            kind = uncommon_token(scanner, start, byte)
            scanner.length = cursor_since(&scanner.input, scanner.start)
            return kind
        break
    else:
        scanner.start = input.at
    scanner.length = cursor_since(&input, scanner.start)
    scanner.input = input
    return kind


cdef bint scanner_open(Scanner* scanner, const unsigned char* text, Py_ssize_t length) noexcept nogil:
    cursor_open(&scanner.input, text, length)
    scanner.start = text
    scanner.length = 0
    scanner.continued = False
    scanner.signs_end = text
    return is_text(text, length)


# --- For tests and tools ---------------------------------------------------------------------------------------------

TokenKind = IntEnum("TokenKind", {
    "WORD": TOKEN_WORD, "QUOTED": TOKEN_QUOTED, "UNICODE_QUOTED": TOKEN_UNICODE_QUOTED, "PARAMETER": TOKEN_PARAMETER,
    "OPERATOR": TOKEN_OPERATOR, "PUNCTUATION": TOKEN_PUNCTUATION, "OTHER": TOKEN_OTHER, "INT4": TOKEN_INT4,
    "INT8": TOKEN_INT8, "NUMERIC": TOKEN_NUMERIC, "STRING": TOKEN_STRING, "ESCAPE_STRING": TOKEN_ESCAPE_STRING,
    "UNICODE_STRING": TOKEN_UNICODE_STRING, "NATIONAL_STRING": TOKEN_NATIONAL_STRING, "BIT_STRING": TOKEN_BIT_STRING,
    "HEX_STRING": TOKEN_HEX_STRING, "DOLLAR_STRING": TOKEN_DOLLAR_STRING,
}, module=__name__)


class Token(NamedTuple):
    """A token, and where it stands."""

    kind: TokenKind
    offset: int
    length: int


def scan(bytes text not None):
    """The tokens, without comments; None where the text cannot be lexed."""
    cdef Scanner scanner
    cdef const unsigned char* start = text
    cdef int kind = TOKEN_ERROR
    found = []
    if scanner_open(&scanner, start, len(text)):
        kind = next_token(&scanner)
        while kind > TOKEN_END:
            found.append(Token(TokenKind(kind), scanner.start - start, scanner.length))
            kind = next_token(&scanner)
    return found if kind == TOKEN_END else None
