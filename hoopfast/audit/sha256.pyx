"""SHA-256 (FIPS 180-4) and HMAC over it (RFC 2104) in C: for the chain of records and the digests of values.

Why not the library that Python has: docs/decisions/0006. Which of the implementations runs is settled when the module
is imported, by what the processor says of itself, so that one build runs everywhere. Readers of a journal (reader.py)
use hashlib, so that writing and checking are two implementations. Knows no record and no key but the one it is given.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>

    static const uint32_t hoopfast_sha256_k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    };

    #define HOOPFAST_ROTR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))
    #define HOOPFAST_ROUND(a, b, c, d, e, f, g, h, i) do { \\
        uint32_t t = h + (HOOPFAST_ROTR(e, 6) ^ HOOPFAST_ROTR(e, 11) ^ HOOPFAST_ROTR(e, 25)) \\
            + (g ^ (e & (f ^ g))) + hoopfast_sha256_k[i] + w[(i) & 15]; \\
        d += t; \\
        h = t + (HOOPFAST_ROTR(a, 2) ^ HOOPFAST_ROTR(a, 13) ^ HOOPFAST_ROTR(a, 22)) + ((a & b) | (c & (a | b))); \\
    } while (0)
    #define HOOPFAST_EXPAND(i) (w[(i) & 15] += \\
        (HOOPFAST_ROTR(w[((i) + 14) & 15], 17) ^ HOOPFAST_ROTR(w[((i) + 14) & 15], 19) ^ (w[((i) + 14) & 15] >> 10)) \\
        + w[((i) + 9) & 15] \\
        + (HOOPFAST_ROTR(w[((i) + 1) & 15], 7) ^ HOOPFAST_ROTR(w[((i) + 1) & 15], 18) ^ (w[((i) + 1) & 15] >> 3)))

    static inline void hoopfast_wipe(void* start, size_t length) {
        memset(start, 0, length);
        __asm__ __volatile__("" : : "r"(start) : "memory");  /* so that the compiler does not leave it out */
    }

    static void hoopfast_sha256_portable(uint32_t* state, const unsigned char* data, size_t count) {
        uint32_t w[16];
        uint32_t a, b, c, d, e, f, g, h;
        int i;
        for (; count != 0; count--, data += 64) {
            for (i = 0; i < 16; i++)
                w[i] = (uint32_t) data[4 * i] << 24 | (uint32_t) data[4 * i + 1] << 16
                    | (uint32_t) data[4 * i + 2] << 8 | (uint32_t) data[4 * i + 3];
            a = state[0]; b = state[1]; c = state[2]; d = state[3];
            e = state[4]; f = state[5]; g = state[6]; h = state[7];
            for (i = 0; i < 64; i += 8) {
                if (i >= 16) {
                    HOOPFAST_EXPAND(i); HOOPFAST_EXPAND(i + 1); HOOPFAST_EXPAND(i + 2); HOOPFAST_EXPAND(i + 3);
                    HOOPFAST_EXPAND(i + 4); HOOPFAST_EXPAND(i + 5); HOOPFAST_EXPAND(i + 6); HOOPFAST_EXPAND(i + 7);
                }
                HOOPFAST_ROUND(a, b, c, d, e, f, g, h, i);
                HOOPFAST_ROUND(h, a, b, c, d, e, f, g, i + 1);
                HOOPFAST_ROUND(g, h, a, b, c, d, e, f, i + 2);
                HOOPFAST_ROUND(f, g, h, a, b, c, d, e, i + 3);
                HOOPFAST_ROUND(e, f, g, h, a, b, c, d, i + 4);
                HOOPFAST_ROUND(d, e, f, g, h, a, b, c, i + 5);
                HOOPFAST_ROUND(c, d, e, f, g, h, a, b, i + 6);
                HOOPFAST_ROUND(b, c, d, e, f, g, h, a, i + 7);
            }
            state[0] += a; state[1] += b; state[2] += c; state[3] += d;
            state[4] += e; state[5] += f; state[6] += g; state[7] += h;
        }
    }

    #if defined(__x86_64__)
    #include <cpuid.h>
    #include <immintrin.h>

    /* With the processor's own instructions for SHA-256 (Intel SDM, "Intel SHA Extensions"). */
    __attribute__((target("sha,sse4.1,ssse3")))
    static void hoopfast_sha256_sha_ni(uint32_t* state, const unsigned char* data, size_t count) {
        const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
        __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i*) state), 0xB1);
        __m128i cdgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i*) (state + 4)), 0x1B);
        __m128i abef = _mm_alignr_epi8(low, cdgh, 8);
        cdgh = _mm_blend_epi16(cdgh, low, 0xF0);
        for (; count != 0; count--, data += 64) {
            const __m128i abef_before = abef, cdgh_before = cdgh;
            __m128i m[4], w;
            int i;
            #pragma GCC unroll 4
            for (i = 0; i < 4; i++)
                m[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i*) (data + 16 * i)), swap);
            #pragma GCC unroll 16
            for (i = 0; i < 16; i++) {
                w = _mm_add_epi32(m[i & 3], _mm_loadu_si128((const __m128i*) (hoopfast_sha256_k + 4 * i)));
                cdgh = _mm_sha256rnds2_epu32(cdgh, abef, w);
                abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(w, 0x0E));
                if (i < 12)
                    m[i & 3] = _mm_sha256msg2_epu32(
                        _mm_add_epi32(
                            _mm_sha256msg1_epu32(m[i & 3], m[(i + 1) & 3]),
                            _mm_alignr_epi8(m[(i + 3) & 3], m[(i + 2) & 3], 4)),
                        m[(i + 3) & 3]);
            }
            abef = _mm_add_epi32(abef, abef_before);
            cdgh = _mm_add_epi32(cdgh, cdgh_before);
        }
        low = _mm_shuffle_epi32(abef, 0x1B);
        cdgh = _mm_shuffle_epi32(cdgh, 0xB1);
        _mm_storeu_si128((__m128i*) state, _mm_blend_epi16(low, cdgh, 0xF0));
        _mm_storeu_si128((__m128i*) (state + 4), _mm_alignr_epi8(cdgh, low, 8));
    }

    static int hoopfast_has_sha_ni(void) {
        unsigned int eax, ebx, ecx, edx;
        if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_SSSE3) || !(ecx & bit_SSE4_1))
            return 0;
        return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & bit_SHA) != 0;
    }
    #else
    #define hoopfast_sha256_sha_ni hoopfast_sha256_portable
    static int hoopfast_has_sha_ni(void) { return 0; }
    #endif
    """
    void hoopfast_sha256_portable(uint32_t* state, const unsigned char* data, size_t count) noexcept nogil
    void hoopfast_sha256_sha_ni(uint32_t* state, const unsigned char* data, size_t count) noexcept nogil
    bint hoopfast_has_sha_ni() noexcept nogil
    void hoopfast_wipe(void* start, size_t length) noexcept nogil

ctypedef void (*Blocks)(uint32_t* state, const unsigned char* data, size_t count) noexcept nogil

cdef Blocks blocks = hoopfast_sha256_portable

cdef uint32_t[8] INITIAL = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]

cdef enum:
    PADDED = 56  # of a last block: what comes before the message's length in bits


cdef inline void store(const uint32_t* state, unsigned char* digest) noexcept nogil:
    cdef int i
    for i in range(8):
        digest[4 * i] = <unsigned char> (state[i] >> 24)
        digest[4 * i + 1] = <unsigned char> (state[i] >> 16)
        digest[4 * i + 2] = <unsigned char> (state[i] >> 8)
        digest[4 * i + 3] = <unsigned char> state[i]


# Hashes the last `fill` bytes of a message (less than a block, at the start of `last`, which has two) of `total` bytes.
cdef inline void finish(uint32_t* state, unsigned char* last, size_t fill, uint64_t total) noexcept nogil:
    cdef size_t end = SHA256_BLOCK if fill < PADDED else 2 * SHA256_BLOCK
    cdef uint64_t bits = total << 3
    cdef size_t i
    last[fill] = 0x80
    memset(last + fill + 1, 0, end - fill - 1)
    for i in range(8):
        last[end - 1 - i] = <unsigned char> (bits >> (8 * i))
    blocks(state, last, end // SHA256_BLOCK)


cdef void sha256_digest(
    const unsigned char* head, size_t head_length, const unsigned char* rest, size_t length, unsigned char* digest
) noexcept nogil:
    cdef uint32_t[8] state
    cdef unsigned char[128] last
    cdef uint64_t total = head_length + length
    cdef size_t fill = head_length
    cdef size_t step
    memcpy(state, INITIAL, sizeof(state))
    if fill > 0:
        step = min(<size_t> SHA256_BLOCK - fill, length)
        memcpy(last, head, fill)
        if step > 0:
            memcpy(last + fill, rest, step)
        fill += step
        rest += step
        length -= step
        if fill == SHA256_BLOCK:
            blocks(state, last, 1)
            fill = 0
    if length > 0:  # then the head is gone
        step = length & ~<size_t> (SHA256_BLOCK - 1)
        blocks(state, rest, step // SHA256_BLOCK)
        fill = length - step
        memcpy(last, rest + step, fill)
    finish(state, last, fill, total)
    store(state, digest)


cdef void hmac_prepare(HmacStates* states, const unsigned char* key, size_t length) noexcept nogil:
    cdef unsigned char[64] block
    cdef int i
    memset(block, 0, SHA256_BLOCK)
    if length > SHA256_BLOCK:
        sha256_digest(NULL, 0, key, length, block)
    elif length > 0:
        memcpy(block, key, length)
    for i in range(SHA256_BLOCK):
        block[i] ^= 0x36
    memcpy(states.inner, INITIAL, sizeof(states.inner))
    blocks(states.inner, block, 1)
    for i in range(SHA256_BLOCK):
        block[i] ^= 0x36 ^ 0x5c
    memcpy(states.outer, INITIAL, sizeof(states.outer))
    blocks(states.outer, block, 1)
    hoopfast_wipe(block, sizeof(block))


cdef void hmac_digest(
    const HmacStates* states, const unsigned char* value, size_t length, unsigned char* digest
) noexcept nogil:
    cdef uint32_t[8] state
    cdef unsigned char[128] last
    cdef size_t whole = length & ~<size_t> (SHA256_BLOCK - 1)
    memcpy(state, states.inner, sizeof(state))
    if whole > 0:
        blocks(state, value, whole // SHA256_BLOCK)
    if length > whole:
        memcpy(last, value + whole, length - whole)
    finish(state, last, length - whole, SHA256_BLOCK + <uint64_t> length)
    store(state, last)  # and the padding behind it: all that is left of the value is gone
    memcpy(state, states.outer, sizeof(state))
    finish(state, last, SHA256_DIGEST, SHA256_BLOCK + SHA256_DIGEST)
    store(state, digest)


cdef class HmacKey:
    """A key of HMAC-SHA-256."""

    cdef HmacStates states

    def __cinit__(self, bytes key not None):
        hmac_prepare(&self.states, <const unsigned char*> PyBytes_AS_STRING(key), <size_t> PyBytes_GET_SIZE(key))

    def __dealloc__(self):
        hoopfast_wipe(&self.states, sizeof(HmacStates))

    def __repr__(self):
        return "HmacKey(…)"

    def digest(self, bytes value not None):
        cdef unsigned char[32] digest
        hmac_digest(
            &self.states, <const unsigned char*> PyBytes_AS_STRING(value), <size_t> PyBytes_GET_SIZE(value), digest
        )
        return PyBytes_FromStringAndSize(<const char*> digest, SHA256_DIGEST)


def sha256(bytes data not None):
    cdef unsigned char[32] digest
    sha256_digest(NULL, 0, <const unsigned char*> PyBytes_AS_STRING(data), <size_t> PyBytes_GET_SIZE(data), digest)
    return PyBytes_FromStringAndSize(<const char*> digest, SHA256_DIGEST)


def implementations():
    return ("sha_ni", "portable") if hoopfast_has_sha_ni() else ("portable",)


def select(str implementation not None):
    global blocks
    if implementation not in implementations():
        raise ValueError(f"this machine cannot run {implementation!r}")
    blocks = hoopfast_sha256_sha_ni if implementation == "sha_ni" else hoopfast_sha256_portable


select(implementations()[0])
