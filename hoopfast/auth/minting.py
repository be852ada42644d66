"""Makes development tokens: signs claims with a private key of one's own, and publishes that key as a key set.

For trying a gateway out with an issuer that is a key file. Nothing that serves callers imports this.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from hoopfast.errors import ConfigError

_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_THUMBPRINT_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


class SigningKey:
    """A private key with the algorithm that it signs by and the id under which its public half is published."""

    def __init__(self, pem: bytes) -> None:
        """From PEM text; ConfigError if it is no unencrypted private key of a kind that tokens are signed with."""
        try:
            self._key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            raise ConfigError("the key is not an unencrypted private key in PEM form") from None
        self.algorithm, self._public = _described(self._key)
        members = {name: self._public[name] for name in _THUMBPRINT_MEMBERS[self._public["kty"]]}
        digest = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
        self.key_id = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()  # RFC 7638

    def jwks(self) -> dict[str, Any]:
        """The key set with the public half, for `jwks_file`."""
        return {"keys": [{**self._public, "kid": self.key_id, "use": "sig", "alg": self.algorithm}]}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token with exactly these claims."""
        return jwt.encode(dict(claims), self._key, algorithm=self.algorithm, headers={"kid": self.key_id})  # type: ignore[arg-type]


def _described(key: object) -> tuple[str, dict[str, Any]]:
    if isinstance(key, RSAPrivateKey):
        return "RS256", _members(RSAAlgorithm.to_jwk(key.public_key(), as_dict=True))
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name], _members(ECAlgorithm.to_jwk(key.public_key(), as_dict=True))
    if isinstance(key, Ed25519PrivateKey | Ed448PrivateKey):
        return "EdDSA", _members(OKPAlgorithm.to_jwk(key.public_key(), as_dict=True))
    raise ConfigError("the key is of a kind that tokens are not signed with: use Ed25519, P-256, P-384, P-521 or RSA")


def _members(jwk: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name in ("kty", "crv", "x", "y", "n", "e")}
