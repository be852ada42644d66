# What sha256 offers to C: the hash, and HMAC with a key whose half of the work is done. No GIL, no memory, no Python.

from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    SHA256_BLOCK = 64
    SHA256_DIGEST = 32


# A key of HMAC: the states of the inner and the outer hash behind their first block.
cdef struct HmacStates:
    uint32_t inner[8]
    uint32_t outer[8]


# The digest of `head` and `rest`, one behind the other; `head` is shorter than a block.
cdef void sha256_digest(
    const unsigned char* head, size_t head_length, const unsigned char* rest, size_t length, unsigned char* digest
) noexcept nogil

cdef void hmac_prepare(HmacStates* states, const unsigned char* key, size_t length) noexcept nogil

# HMAC-SHA-256 (RFC 2104) of a value; leaves no byte of it behind.
cdef void hmac_digest(
    const HmacStates* states, const unsigned char* value, size_t length, unsigned char* digest
) noexcept nogil
