# What the lexer offers to C: a text's shape, as bytes to look a decision up by, and where its literals stand.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from hoopfast.wire.buffer cimport Buffer
from hoopfast.wire.cursor cimport Cursor


# The bytes of a shape that no valid UTF-8 holds, besides those of scanner.TokenCode that stand for literals.
cdef enum Mark:
    MARK_KEPT = 0xC0  # brackets a literal that stands there as it is; two: the number that follows needs PostgreSQL 16
    MARK_EXACT = 0xC1  # what follows is the whole text
    MARK_RUN = 0xFF  # and a literal's kind: two or more of it; twice: the row before, two or more times


cdef enum LexStatus:
    LEX_SHAPE = 0
    LEX_EXACT = 1  # a statement that has no shape, several statements, or none
    LEX_NOT_LEXABLE = 2  # the key is the exact text; no tokens, no literals
    LEX_MEMORY = 3  # nothing in `out` counts


# Where a literal stands in the text: all of it, with prefix, quotes and continuations.
cdef struct Literal:
    uint32_t offset
    uint32_t length
    uint8_t kind  # a scanner.TokenCode


# What lex() fills; to be zeroed before the first use, released after the last, and used again in between.
cdef struct Lexed:
    LexStatus status
    uint64_t hash  # of the key; differs from process to process
    Py_ssize_t literal_count
    Buffer tokens  # the tokens, literals replaced: the key, unless the text has no shape
    Buffer exact  # the key, if the text has no shape
    Buffer literals  # `literal_count` times Literal, in the order of the text


# Lexes `length` bytes, in time linear in them. `fold`: IN lists, ARRAY[…] and rows of VALUES of any length have one
# shape (for the cache, never for grants). Nothing in `out` points into the text.
cdef LexStatus lex(const unsigned char* text, Py_ssize_t length, bint fold, Lexed* out) noexcept nogil

# Sets `key` on the bytes that identify the text; valid until the next lex() or lexed_release().
cdef void lexed_key(const Lexed* lexed, Cursor* key) noexcept nogil

cdef void lexed_release(Lexed* lexed) noexcept nogil


cdef class Lexer:
    cdef Lexed lexed
    cdef bint fold
