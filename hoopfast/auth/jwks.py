"""An issuer's key set (RFC 7517): the public keys that its tokens may be signed with, and with which algorithms.

Owns the rule that a key decides the algorithm, never a token. Symmetric keys, private parts, weak keys and keys for
other uses are left out. Fetches nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from hoopfast.auth.encoding import json_object

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_EDWARDS = ("Ed25519", "Ed448")
ALGORITHMS = frozenset({*_RSA, *_CURVES.values(), "EdDSA"})
_PUBLIC_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_SMALLEST_RSA = 2048  # bits; RFC 7518, 3.3
_LARGEST_RSA = 16384  # bits; above it checking a signature is a burden by itself
_MOST_KEYS = 100
_LARGEST_SET = 512 * 1024


class Key(NamedTuple):
    """A public key with the algorithms that it may be used with."""

    key_id: str | None
    algorithms: frozenset[str]
    public_key: Any  # of cryptography's public key classes


class KeySet:
    """The usable keys of one issuer."""

    def __init__(self, keys: list[Key]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, key_id: str | None, algorithm: str) -> list[Key]:
        """The keys that a token with this header may be signed with; more than one is for the caller to refuse."""
        return [key for key in self._keys if algorithm in key.algorithms and (key_id is None or key.key_id == key_id)]

    def knows(self, key_id: str | None) -> bool:
        """Whether there is a key of this id (any key at all, for a token without one)."""
        return bool(self._keys) if key_id is None else any(key.key_id == key_id for key in self._keys)


def parse_jwks(document: bytes | str | Mapping[str, Any]) -> KeySet:
    """The usable keys of a key set; ValueError if it is none, or holds no usable key."""
    if isinstance(document, bytes | str):
        if len(document) > _LARGEST_SET:
            raise ValueError("the key set is larger than 512 KiB")
        try:
            document = json_object(document)
        except ValueError as error:
            raise ValueError(f"the key set cannot be read: {_words(error)}") from None
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ValueError('the key set has no list "keys"')
    if len(entries) > _MOST_KEYS:
        raise ValueError(f"the key set has more than {_MOST_KEYS} keys")
    found: dict[tuple[object, ...], Key] = {}
    for entry in entries:
        if isinstance(entry, dict) and (key := _parse_key(entry)) is not None:
            # One key listed twice is one key.
            found[_identity(entry)] = key
    if not found:
        raise ValueError("the key set holds no usable key: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519")
    return KeySet(list(found.values()))


def _parse_key(entry: dict[str, Any]) -> Key | None:
    kind, key_id = entry.get("kty"), entry.get("kid")
    if (
        not isinstance(kind, str)
        or kind not in _PUBLIC_MEMBERS
        or entry.get("use", "sig") != "sig"
        or not isinstance(key_id, str | None)
    ):
        return None
    operations = entry.get("key_ops")
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return None
    algorithms = _algorithms(kind, entry)
    if not algorithms or not _strong(kind, entry):
        return None
    # Only the public members: a set that holds private ones by mistake still gives a public key.
    public = {"kty": kind, **{name: entry.get(name) for name in _PUBLIC_MEMBERS[kind]}}
    try:
        return Key(key_id, algorithms, PyJWK(public, algorithm=min(algorithms)).key)
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError):
        return None


def _algorithms(kind: str, entry: dict[str, Any]) -> frozenset[str]:
    """What the key's type and curve allow, narrowed to `alg` where it says so."""
    curve, algorithm = entry.get("crv"), entry.get("alg")
    if kind == "RSA":
        possible = frozenset(_RSA)
    elif not isinstance(curve, str):
        possible = frozenset()
    elif kind == "EC":
        possible = frozenset({_CURVES[curve]}) if curve in _CURVES else frozenset()
    else:
        possible = frozenset({"EdDSA"}) if curve in _EDWARDS else frozenset()
    if algorithm is None:
        return possible
    # RFC 9864 names EdDSA by its curve.
    return possible & {"EdDSA" if algorithm == curve and algorithm in _EDWARDS else str(algorithm)}


def _strong(kind: str, entry: dict[str, Any]) -> bool:
    if kind != "RSA":
        return True
    try:
        modulus, exponent = (_number(entry.get(name)) for name in ("n", "e"))
    except ValueError:
        return False
    return _SMALLEST_RSA <= modulus.bit_length() <= _LARGEST_RSA and exponent > 1 and exponent.bit_length() <= 64


def _number(value: object) -> int:
    # Issuers differ in padding and leading zeros here, which is harmless: the key is theirs.
    if not isinstance(value, str):
        raise ValueError("not a string")
    return int.from_bytes(base64.urlsafe_b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4)))


def _identity(entry: dict[str, Any]) -> tuple[object, ...]:
    names = ("kty", "kid", "alg", *_PUBLIC_MEMBERS[entry["kty"]])
    return tuple(str(entry.get(name)) for name in names)


def _words(error: ValueError) -> str:
    return "it is not JSON" if type(error) is not ValueError else str(error)
