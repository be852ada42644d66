# What the scanner offers to C: one SQL token after the other.

from hoopfast.wire.cursor cimport Cursor


# A token's kind. That of a literal is also the byte that stands for it in a shape: no valid UTF-8 holds such a byte.
cdef enum TokenCode:
    TOKEN_ERROR = -1  # what PostgreSQL's scanner refuses, or reads otherwise in another version
    TOKEN_END = 0
    TOKEN_WORD = 1  # a keyword or a bare identifier
    TOKEN_QUOTED = 2  # "…"
    TOKEN_UNICODE_QUOTED = 3  # U&"…"
    TOKEN_PARAMETER = 4  # $1
    TOKEN_OPERATOR = 5  # also :: := .. and :
    TOKEN_PUNCTUATION = 6  # ( ) [ ] , ; .
    TOKEN_OTHER = 7  # a byte that no statement can hold there
    TOKEN_INT4 = 0xF5  # from here on literals
    TOKEN_INT8 = 0xF6
    TOKEN_NUMERIC = 0xF7
    TOKEN_STRING = 0xF8  # '…'
    TOKEN_ESCAPE_STRING = 0xF9  # E'…'
    TOKEN_UNICODE_STRING = 0xFA  # U&'…'
    TOKEN_NATIONAL_STRING = 0xFB  # N'…', which PostgreSQL reads as two tokens
    TOKEN_BIT_STRING = 0xFC  # B'…'
    TOKEN_HEX_STRING = 0xFD  # X'…'
    TOKEN_DOLLAR_STRING = 0xFE  # $$…$$


# Where the scanner is, and what it knows of the token it has read last. Borrows the text.
cdef struct Scanner:
    Cursor input  # behind the token
    const unsigned char* start  # the token: a string with prefix, quotes and continuations
    Py_ssize_t length
    bint continued  # the last string had several parts
    bint modern  # the token is a number that servers before PostgreSQL 16 read otherwise
    const unsigned char* signs_end  # up to here there are only + and -, each a token of its own


# Begins with a text; False where it is not UTF-8, or holds a zero.
cdef bint scanner_open(Scanner* scanner, const unsigned char* text, Py_ssize_t length) noexcept nogil

# Steps over one token, and what separates it from the one before; a TokenCode. Linear in the text, over all tokens.
cdef int next_token(Scanner* scanner) noexcept nogil

# Whether the escapes in U&'…', whose content (one part, between the quotes) this is, are what the parser accepts.
cdef bint escapes_are_valid(Cursor content, int escape) noexcept nogil
