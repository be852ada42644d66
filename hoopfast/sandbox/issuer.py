"""A development issuer: one Ed25519 key, its JWKS file, and tokens of any claims that one asks for.

Owns a private key on disk and signs whatever its caller wants; so its JWKS belongs in a throwaway configuration and
nowhere else. Knows RFC 7517 (JWK), RFC 7519 (JWT), RFC 8037 (EdDSA), and no access rules.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hoopfast.sandbox.certificate import write_private

NAME = "sandbox"
URL = "https://issuer.sandbox.invalid"  # RFC 2606: never resolves, so nobody can be asked for its keys
AUDIENCE = "hoopfast"
TOKEN_SECONDS = 8 * 3600


class DevelopmentIssuer:
    """A key pair in a folder: `issuer.pem` (private, mode 0600) and `jwks.json`."""

    def __init__(self, folder: Path, *, url: str = URL, audience: str = AUDIENCE) -> None:
        """Make a new key; the folder exists."""
        self.url = url
        self.audience = audience
        self.key_file = folder / "issuer.pem"
        self.jwks_file = folder / "jwks.json"
        self._key = Ed25519PrivateKey.generate()
        public = self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
        thumbprint = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))  # RFC 7638
        self.key_id = base64.urlsafe_b64encode(hashlib.sha256(thumbprint.encode()).digest()).rstrip(b"=").decode()
        write_private(
            self.key_file,
            self._key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
        key = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.key_id, "use": "sig", "alg": "EdDSA"}
        self.jwks_file.write_text(json.dumps({"keys": [key]}, indent=2) + "\n")

    def mint(
        self,
        claims: Mapping[str, Any] | None = None,
        *,
        seconds: float = TOKEN_SECONDS,
        url: str | None = None,
        audience: str | None = None,
        not_before: float = 0.0,
    ) -> str:
        """A token with these claims, valid for `seconds` from now (negative: already expired).

        `claims` are laid over the registered ones, so that a test can spoil any of them; None removes a claim.
        """
        now = time.time()
        content: dict[str, Any] = {
            "iss": url or self.url,
            "aud": audience or self.audience,
            "sub": "sandbox",
            "iat": int(now) - 1,
            "nbf": int(now + not_before) - 1,
            "exp": int(now + seconds),
            "jti": uuid.uuid4().hex,
            **(claims or {}),
        }
        content = {name: value for name, value in content.items() if value is not None}
        return jwt.encode(content, self._key, algorithm="EdDSA", headers={"kid": self.key_id})
