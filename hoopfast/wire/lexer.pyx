"""SQL text to shape: the only code that decides which literals of a statement do not count.

A shape is the sequence of a statement's tokens with every literal replaced by one byte that says its kind; names,
keywords, operators and parameters stay as they are written, whitespace and comments become one separator or none. Two
texts of one shape have the same syntax tree but for the values of constants. Where a literal decides more (what follows
UESCAPE, the precision of FLOAT), it stays in the shape; where its inside may be refused (escapes in E'…' and U&'…'),
texts that would be are not lexable. Knows no grammar, no catalog, no policy.

Folding (for the cache, never for grants) replaces `IN (…)` and `ARRAY[…]` of two or more literals of one kind by one,
and rows of VALUES that differ in literals only by the first of them. Nothing else is folded: with the number of a
function's arguments or of a select list's items, its meaning and the columns of the result change.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr, memcmp, memset

import re
from typing import NamedTuple

from hoopfast.wire.scanner import Token, TokenKind

from hoopfast.wire.buffer cimport Buffer, buffer_fill, buffer_put, buffer_read, buffer_release, buffer_truncate
from hoopfast.wire.bytemap cimport hash_bytes
from hoopfast.wire.cursor cimport Cursor, cursor_left, cursor_open, cursor_take
from hoopfast.wire.scanner cimport (
    TOKEN_DOLLAR_STRING, TOKEN_END, TOKEN_ESCAPE_STRING, TOKEN_INT4, TOKEN_NUMERIC, TOKEN_OPERATOR, TOKEN_OTHER,
    TOKEN_PUNCTUATION, TOKEN_STRING, TOKEN_UNICODE_STRING, TOKEN_WORD, Scanner, escapes_are_valid, next_token,
    scanner_open,
)

# Longer than any message, so that offsets fit 32 bits. MaxAllocSize, src/include/utils/memutils.h.
cdef Py_ssize_t LARGEST_TEXT = 0x3FFFFFFF
# What a buffer of a Lexed may keep allocated from one text to the next.
cdef Py_ssize_t RETAINED = 64 * 1024

cdef enum:
    BACKSLASH = 92
    DOT = 46
    COMMA = 44
    SEMICOLON = 59
    OPEN = 40
    CLOSE = 41
    OPEN_BRACKET = 91
    CLOSE_BRACKET = 93
    SPACE = 32
    CASE = 0x20  # the bit that makes an ASCII letter small, and no other byte a letter

# What a token means to the shape: for punctuation its byte, otherwise one of these.
cdef enum Sense:
    SENSE_NONE = 0
    SENSE_IN = 256
    SENSE_ARRAY = 257
    SENSE_VALUES = 258
    SENSE_UESCAPE = 259
    SENSE_FLOAT = 260


# What has been written, and what the next token has to be known for.
cdef struct Writer:
    Buffer* tokens
    Buffer* literals
    const unsigned char* text
    bint fold
    bint watchful  # the next token has to be looked at by watch()
    bint begun  # there was a token besides opening parentheses
    bint exact  # there is no shape
    bint ended  # there was a semicolon
    bint glued  # the next token needs no separator
    int previous  # the Sense of the last token …
    int before  # … and of the one before it
    # The last token if it was U&'…', whose escapes cannot be checked before it is known whether UESCAPE follows.
    const unsigned char* unicode
    Py_ssize_t unicode_length
    bint unicode_continued
    # A list that may be folded, as long as it consists of literals of one kind.
    int list_close  # what would close it; 0: there is none
    Py_ssize_t list_start
    Py_ssize_t list_count
    int list_kind
    # Rows of VALUES.
    Py_ssize_t row_depth  # of parentheses; 0: in no row
    Py_ssize_t row_start
    Py_ssize_t row_length
    Py_ssize_t row_before  # where the row that was written last begins; negative: there is none
    bint row_repeated  # … and MARK_RUN stands behind it
    Py_ssize_t rows_end


# Whether a word is this one in whatever case; `small` is as long, and written in small letters.
cdef inline bint is_word(const unsigned char* word, const char* small, Py_ssize_t length) noexcept nogil:
    cdef Py_ssize_t place
    for place in range(length):
        if (word[place] | CASE) != <unsigned char> small[place]:
            return False
    return True


# Whether it is the first word of a statement that has shapes.
cdef bint begins_statement(const Scanner* scanner, int kind) noexcept nogil:
    cdef const unsigned char* word = scanner.start
    if kind != TOKEN_WORD:
        return False
    if scanner.length == 6:
        return (
            is_word(word, b"select", 6) or is_word(word, b"insert", 6) or is_word(word, b"update", 6)
            or is_word(word, b"delete", 6) or is_word(word, b"values", 6)
        )
    if scanner.length == 5:
        return is_word(word, b"merge", 5)
    return scanner.length == 4 and is_word(word, b"with", 4)


# A name behind a dot is no keyword: `s.values(1), (2)` calls a function.
cdef inline int sense(const Scanner* scanner, int kind, int previous) noexcept nogil:
    cdef const unsigned char* word = scanner.start
    cdef int first = word[0] | CASE
    if kind == TOKEN_PUNCTUATION:
        return word[0]
    if kind != TOKEN_WORD or previous == DOT:
        return SENSE_NONE
    if first == 105:
        return SENSE_IN if scanner.length == 2 and is_word(word, b"in", 2) else SENSE_NONE
    if first == 97:
        return SENSE_ARRAY if scanner.length == 5 and is_word(word, b"array", 5) else SENSE_NONE
    if first == 118:
        return SENSE_VALUES if scanner.length == 6 and is_word(word, b"values", 6) else SENSE_NONE
    if first == 117:
        return SENSE_UESCAPE if scanner.length == 7 and is_word(word, b"uescape", 7) else SENSE_NONE
    if first == 102:
        return SENSE_FLOAT if scanner.length == 5 and is_word(word, b"float", 5) else SENSE_NONE
    return SENSE_NONE


# Checks the U&'…' that was the last token; one of several parts may have no escapes.
cdef bint unicode_is_valid(Writer* writer, int escape) noexcept nogil:
    cdef Cursor content
    cursor_open(&content, writer.unicode, writer.unicode_length - 1)
    cursor_take(&content, 3)
    writer.unicode = NULL
    if writer.unicode_continued:
        return memchr(content.at, escape, <size_t> cursor_left(&content)) == NULL
    return escapes_are_valid(content, escape)


# Looks at what follows U&'…': UESCAPE and a character, or anything else. False: not lexable.
cdef bint follow_unicode(Writer* writer, const Scanner* scanner, int kind, int meaning) noexcept nogil:
    cdef int escape
    if meaning == SENSE_UESCAPE and writer.previous != SENSE_UESCAPE:
        return True
    if writer.previous != SENSE_UESCAPE:
        return unicode_is_valid(writer, BACKSLASH)
    # Any other way to write the character, and these characters (check_uescapechar), are left to PostgreSQL.
    if kind != TOKEN_STRING or scanner.length != 3:
        return False
    escape = scanner.start[1]
    if 48 <= escape <= 57 or 97 <= (escape | CASE) <= 102 or memchr(b"+'\" \t\n\r\f\v", escape, 9) != NULL:
        return False
    return unicode_is_valid(writer, escape)


# Shortens a list to its kind at the parenthesis that closes it. `literal`: its kind, if nothing else is written for it.
cdef inline void follow_list(Writer* writer, int literal, int meaning) noexcept nogil:
    if literal and (
        (writer.previous == OPEN and writer.before == SENSE_IN)
        or (writer.previous == OPEN_BRACKET and writer.before == SENSE_ARRAY)
    ):
        writer.list_close = CLOSE if writer.previous == OPEN else CLOSE_BRACKET
        writer.list_start = writer.tokens.length
        writer.list_kind = literal
        writer.list_count = 1
    elif writer.list_close and writer.previous == COMMA:
        writer.list_count += 1
        if literal != writer.list_kind:
            writer.list_close = 0
    elif writer.list_close and meaning != COMMA:
        if meaning == writer.list_close and writer.list_count > 1:
            buffer_truncate(writer.tokens, writer.list_start)
            buffer_fill(writer.tokens, MARK_RUN, 1)
            buffer_fill(writer.tokens, <uint8_t> writer.list_kind, 1)
        writer.list_close = 0


# Takes back a row of VALUES that is written like the one before it.
cdef void end_row(Writer* writer) noexcept nogil:
    cdef Buffer* tokens = writer.tokens
    cdef Py_ssize_t length = tokens.length - writer.row_start
    if not tokens.failed and writer.row_before >= 0 and length == writer.row_length and memcmp(
        tokens.data + writer.row_before, tokens.data + writer.row_start, <size_t> length
    ) == 0:
        buffer_truncate(tokens, writer.row_before + length + (2 if writer.row_repeated else 0))
        if not writer.row_repeated:
            buffer_fill(tokens, MARK_RUN, 2)
        writer.row_repeated = True
    else:
        writer.row_before = writer.row_start
        writer.row_length = length
        writer.row_repeated = False
    writer.rows_end = tokens.length


# Follows rows of VALUES; the token has been written at `at`.
cdef inline void follow_rows(Writer* writer, int meaning, Py_ssize_t at) noexcept nogil:
    if writer.row_depth > 0:
        if meaning == OPEN:
            writer.row_depth += 1
        elif meaning == CLOSE:
            writer.row_depth -= 1
            if writer.row_depth == 0:
                end_row(writer)
    elif meaning == OPEN:
        if writer.previous == SENSE_VALUES:
            writer.row_before = -1
        elif writer.previous != COMMA or at != writer.rows_end + 1:
            return
        writer.row_start = at
        writer.row_depth = 1


# Whether the literal decides more than a value: it stays in the shape.
cdef inline bint is_kept(const Writer* writer, int kind) noexcept nogil:
    if writer.previous == SENSE_UESCAPE:
        return kind == TOKEN_STRING or kind == TOKEN_ESCAPE_STRING or kind == TOKEN_DOLLAR_STRING
    return writer.previous == OPEN and writer.before == SENSE_FLOAT and kind <= TOKEN_NUMERIC


cdef void write_literal(Writer* writer, const Scanner* scanner, int kind) noexcept nogil:
    cdef Buffer* tokens = writer.tokens
    cdef bint kept = is_kept(writer, kind)
    cdef Literal literal
    if writer.fold:
        follow_list(writer, 0 if kept or scanner.modern else kind, SENSE_NONE)
    if not writer.glued:
        buffer_fill(tokens, SPACE, 1)
    writer.glued = False
    if kept:
        buffer_fill(tokens, MARK_KEPT, 1)
        buffer_put(tokens, scanner.start, scanner.length)
        buffer_fill(tokens, MARK_KEPT, 1)
    else:
        if scanner.modern:
            buffer_fill(tokens, MARK_KEPT, 2)
        buffer_fill(tokens, <uint8_t> kind, 1)
    literal.offset = <uint32_t> (scanner.start - writer.text)
    literal.length = <uint32_t> scanner.length
    literal.kind = <uint8_t> kind
    buffer_put(writer.literals, <const unsigned char*> &literal, sizeof(Literal))
    if kind == TOKEN_UNICODE_STRING:
        writer.unicode = scanner.start
        writer.unicode_length = scanner.length
        writer.unicode_continued = scanner.continued
        writer.watchful = True


# What is not a literal. Separators stand where two tokens would run together, or be hard to read.
cdef inline void write_verbatim(Writer* writer, const Scanner* scanner, int kind, int meaning) noexcept nogil:
    cdef Buffer* tokens = writer.tokens
    cdef bint punctuation = kind == TOKEN_PUNCTUATION
    cdef Py_ssize_t at
    if writer.list_close:
        follow_list(writer, 0, meaning)
    if not (writer.glued or punctuation):
        buffer_fill(tokens, SPACE, 1)
    at = tokens.length
    if punctuation:
        buffer_fill(tokens, <uint8_t> meaning, 1)
        writer.glued = meaning != CLOSE and meaning != CLOSE_BRACKET
        if writer.fold and (meaning == OPEN or meaning == CLOSE):
            follow_rows(writer, meaning, at)
    else:
        buffer_put(tokens, scanner.start, scanner.length)
        writer.glued = False
        # Neither is a part of any statement; `..` could be taken for two dots.
        if kind == TOKEN_OTHER or (kind == TOKEN_OPERATOR and scanner.start[0] == DOT):
            writer.exact = True


# Looks at a token that is the first, or comes after a semicolon or U&'…'. False: not lexable.
cdef bint watch(Writer* writer, const Scanner* scanner, int kind, int meaning) noexcept nogil:
    if writer.unicode != NULL and not follow_unicode(writer, scanner, kind, meaning):
        return False
    if not writer.begun and meaning != OPEN:
        writer.begun = True
        writer.exact = not begins_statement(scanner, kind)
    if writer.ended and meaning != SEMICOLON:
        writer.ended = False
        writer.exact = True
        buffer_fill(writer.tokens, SEMICOLON, 1)
        writer.glued = False
    writer.watchful = writer.unicode != NULL or not writer.begun
    return True


# Adds one token. False: not lexable.
cdef inline bint write_token(Writer* writer, const Scanner* scanner, int kind) noexcept nogil:
    cdef int meaning = sense(scanner, kind, writer.previous)
    if writer.watchful and not watch(writer, scanner, kind, meaning):
        return False
    if meaning == SEMICOLON:
        writer.ended = True
        writer.watchful = True
        writer.list_close = 0
    elif kind >= TOKEN_INT4:
        write_literal(writer, scanner, kind)
    else:
        write_verbatim(writer, scanner, kind, meaning)
    writer.before = writer.previous
    writer.previous = meaning
    return True


cdef inline void empty(Buffer* buffer) noexcept nogil:
    if buffer.failed or buffer.capacity > RETAINED:
        buffer_release(buffer)
    buffer_truncate(buffer, 0)


cdef LexStatus lex(const unsigned char* text, Py_ssize_t length, bint fold, Lexed* out) noexcept nogil:
    cdef Scanner scanner
    cdef Writer writer
    cdef Cursor key
    cdef bint lexable
    cdef int kind
    empty(&out.tokens)
    empty(&out.exact)
    empty(&out.literals)
    memset(&writer, 0, sizeof(Writer))
    writer.tokens = &out.tokens
    writer.literals = &out.literals
    writer.text = text
    writer.fold = fold
    writer.watchful = True
    writer.exact = True
    writer.glued = True
    writer.rows_end = -2
    lexable = length <= LARGEST_TEXT and scanner_open(&scanner, text, length)
    if lexable:
        kind = next_token(&scanner)
        while kind > TOKEN_END and write_token(&writer, &scanner, kind):
            kind = next_token(&scanner)
        lexable = kind == TOKEN_END and (
            writer.unicode == NULL or (writer.previous != SENSE_UESCAPE and unicode_is_valid(&writer, BACKSLASH))
        )
    if not lexable:
        empty(&out.tokens)
        empty(&out.literals)
    if not lexable or writer.exact:
        buffer_fill(&out.exact, MARK_EXACT, 1)
        buffer_put(&out.exact, text, length)
    out.literal_count = out.literals.length // <Py_ssize_t> sizeof(Literal)
    out.status = LEX_NOT_LEXABLE if not lexable else LEX_EXACT if writer.exact else LEX_SHAPE
    if out.tokens.failed or out.exact.failed or out.literals.failed:
        out.status = LEX_MEMORY
    lexed_key(out, &key)
    out.hash = hash_bytes(key.at, cursor_left(&key))
    return out.status


cdef void lexed_key(const Lexed* lexed, Cursor* key) noexcept nogil:
    buffer_read(&lexed.tokens if lexed.status == LEX_SHAPE else &lexed.exact, 0, key)


cdef void lexed_release(Lexed* lexed) noexcept nogil:
    buffer_release(&lexed.tokens)
    buffer_release(&lexed.exact)
    buffer_release(&lexed.literals)


# --- For Python ------------------------------------------------------------------------------------------------------

# What of the tokens is not shown as it stands. A quoted identifier is matched so that nothing is looked for in it.
_UNSHOWN = re.compile(rb'"[^"]*"|\xC0[^\xC0]*\xC0|\xFF[\xF5-\xFF]|[\xF5-\xFE]|,')


def _show(match):
    """What is shown for a match of _UNSHOWN."""
    found = match[0]
    if found[0] == MARK_KEPT:
        return b"?" if len(found) > 2 else b""
    if found[0] == MARK_RUN:
        return b", ..." if found[1] == MARK_RUN else b"?, ..."
    return found if found[0] == 34 else b", " if found == b"," else b"?"


class Shape(NamedTuple):
    """What identifies a text to the decision cache, and where its literals stand."""

    key: bytes
    literals: tuple
    exact: bool
    tokens: bytes

    @property
    def rendered(self):
        """The text for the journal: no comments, literals as `?`, what is folded as `?, ...`."""
        return _UNSHOWN.sub(_show, self.tokens).decode()


cdef bytes content(const Buffer* buffer):
    return PyBytes_FromStringAndSize(<const char*> buffer.data, buffer.length) if buffer.length > 0 else b""


cdef tuple literals_of(const Lexed* lexed):
    cdef const Literal* literal = <const Literal*> lexed.literals.data
    cdef Py_ssize_t place
    return tuple([
        Token(TokenKind(literal[place].kind), literal[place].offset, literal[place].length)
        for place in range(lexed.literal_count)
    ])


def shape(bytes text not None, *, bint fold=True):
    """The shape of `text`; None where it cannot be lexed, and `exact_key(text)` identifies it."""
    cdef Lexed lexed
    cdef LexStatus status
    memset(&lexed, 0, sizeof(Lexed))
    try:
        status = lex(text, len(text), fold, &lexed)
        if status == LEX_MEMORY:
            raise MemoryError
        if status == LEX_NOT_LEXABLE:
            return None
        tokens = content(&lexed.tokens)
        exact = status == LEX_EXACT
        return Shape(content(&lexed.exact) if exact else tokens, literals_of(&lexed), exact, tokens)
    finally:
        lexed_release(&lexed)


def exact_key(bytes text not None):
    """The key of a text that has no shape, or cannot be lexed. No shape's key equals it."""
    return bytes((MARK_EXACT,)) + text


cdef class Lexer:
    """The lexer with its buffers kept from text to text, as the shape table uses it."""

    def __cinit__(self, *, bint fold=True):
        self.fold = fold

    def __dealloc__(self):
        lexed_release(&self.lexed)

    def hash(self, bytes text not None):
        """The hash of the text's key, 64 bits; differs from process to process."""
        if lex(text, len(text), self.fold, &self.lexed) == LEX_MEMORY:
            raise MemoryError
        return self.lexed.hash
