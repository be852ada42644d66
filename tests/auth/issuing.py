"""Keys and tokens for the tests of auth/: also tokens that no honest library would make."""

from __future__ import annotations

import base64
import functools
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import get_default_algorithms

from hoopfast.auth.minting import SigningKey

NOW = 1_800_000_000.0
URL = "https://issuer.example"


@functools.cache
def private_key(kind: str) -> PrivateKeyTypes:
    """A private key of this kind, the same at every call; "rsa-2" is another one."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=1024 if kind == "rsa-weak" else 2048)
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1(), "k1": ec.SECP256K1()}
    if (curve := curves.get(kind.partition("-")[0])) is not None:
        return ec.generate_private_key(curve)
    return ed448.Ed448PrivateKey.generate() if kind == "ed448" else ed25519.Ed25519PrivateKey.generate()


def pem(kind: str) -> bytes:
    """The key as PEM text."""
    return private_key(kind).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@functools.cache
def signing_key(kind: str) -> SigningKey:
    """The key as what signs."""
    return SigningKey(pem(kind))


def jwk(kind: str, **changes: Any) -> dict[str, Any]:
    """The public half as an entry of a key set; None removes a member."""
    entry = {**signing_key(kind).jwks()["keys"][0], **changes}
    return {name: value for name, value in entry.items() if value is not None}


def claims(**changes: Any) -> dict[str, Any]:
    """Claims that are in order at NOW; None removes one."""
    content = {"iss": URL, "aud": "hoopfast", "sub": "job", "iat": NOW - 5, "nbf": NOW - 5, "exp": NOW + 300, **changes}
    return {name: value for name, value in content.items() if value is not None}


def encoded(data: bytes | dict[str, Any]) -> str:
    """One segment of a token."""
    text = json.dumps(data).encode() if isinstance(data, dict) else data
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def token(kind: str, header: dict[str, Any] | bytes, payload: dict[str, Any] | bytes, *, algorithm: str = "") -> str:
    """A token with exactly this header, signed by this key with `algorithm` (default: what the header says)."""
    name = algorithm or (header["alg"] if isinstance(header, dict) else "")
    signer: Any = get_default_algorithms()[name]
    message = f"{encoded(header)}.{encoded(payload)}"
    return f"{message}.{encoded(signer.sign(message.encode(), private_key(kind)))}"
