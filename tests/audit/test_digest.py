"""Keyed digests: the same under one key, nothing alike under another, nothing of the value in them."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hoopfast.audit.digest import ValueDigest, derive_key, digest_key

KEY = derive_key(bytes(range(32)))


def test_it_is_hmac_sha256_cut_to_128_bits() -> None:
    expected = hmac.new(KEY, b"777-12-3456", hashlib.sha256).hexdigest()[:32]
    assert ValueDigest(KEY).value(b"777-12-3456") == expected


def test_the_key_is_hkdf_as_rfc_5869_has_it() -> None:
    extracted = hmac.new(bytes(32), bytes(range(32)), hashlib.sha256).digest()
    info = b"hoopfast audit value digest v1"
    assert hmac.new(extracted, info + b"\x01", hashlib.sha256).digest() == KEY


def test_the_key_belongs_to_the_signing_key() -> None:
    first, second = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    assert digest_key(first) == digest_key(first)
    assert digest_key(first) != digest_key(second)
    assert digest_key(first) != first.private_bytes_raw()


def test_values() -> None:
    digest = ValueDigest(KEY)
    one, null, again, empty = digest.values([b"1", None, b"1", b""])
    assert null is None
    assert one == again
    assert one != empty


def test_another_key_gives_another_digest() -> None:
    assert ValueDigest(KEY).value(b"x") != ValueDigest(bytes(32)).value(b"x")


def test_a_poor_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        derive_key(b"short")
    with pytest.raises(ValueError, match="32 bytes"):
        ValueDigest(b"short")


def test_the_key_is_not_shown() -> None:
    assert KEY.hex()[:8] not in repr(ValueDigest(KEY))
