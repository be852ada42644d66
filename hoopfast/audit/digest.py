"""Keyed digests: how a value stands in the journal without standing in it. The only code that sees values to be hidden.

HMAC-SHA-256 over the value's bytes as they came over the wire, cut to 128 bits, in hexadecimal. Whoever holds the key
can ask "was this patient's number asked for?"; nobody else can, not even by trying all numbers. A text and a binary
parameter of the same value have different bytes, hence different digests.
"""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hoopfast.audit.sha256 import HmacKey

KEY_SIZE = 32
DIGEST_SIZE = 16
_INFO = b"hoopfast audit value digest v1"


def digest_key(signing_key: Ed25519PrivateKey) -> bytes:
    """The digest key that belongs to a journal's signing key: HKDF-SHA-256 (RFC 5869) of its 32 private bytes."""
    return derive_key(signing_key.private_bytes_raw())


def derive_key(secret: bytes) -> bytes:
    """The digest key that belongs to any secret of at least 16 bytes (a key file's content, say)."""
    if len(secret) < DIGEST_SIZE:
        raise ValueError(f"a digest key needs a secret of at least {DIGEST_SIZE} bytes, this one has {len(secret)}")
    return HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=_INFO).derive(secret)


class ValueDigest:
    """Digests values under one key."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise ValueError(f"a digest key has {KEY_SIZE} bytes, this one has {len(key)}")
        self._key = HmacKey(key)

    def __repr__(self) -> str:
        return "ValueDigest(…)"

    def value(self, value: bytes) -> str:
        """The digest of one value, 32 hexadecimal digits."""
        return self._key.digest(value)[:DIGEST_SIZE].hex()

    def values(self, values: Iterable[bytes | None]) -> tuple[str | None, ...]:
        """The digests of several values; NULL stays None."""
        return tuple([None if value is None else self.value(value) for value in values])
