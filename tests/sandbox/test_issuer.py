"""hoopfast/sandbox/issuer.py: what it signs verifies with its JWKS, and with nothing else."""

from __future__ import annotations

import stat
from pathlib import Path

import jwt
import pytest

from hoopfast.sandbox.issuer import AUDIENCE, URL, DevelopmentIssuer


def _decode(issuer: DevelopmentIssuer, token: str) -> dict[str, object]:
    keys = jwt.PyJWKSet.from_json(issuer.jwks_file.read_text())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, object] = jwt.decode(token, key.key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=URL)
    return claims


def test_token_verifies_with_the_jwks(tmp_path: Path) -> None:
    issuer = DevelopmentIssuer(tmp_path)
    claims = _decode(issuer, issuer.mint({"repository": "acme/etl"}))
    assert claims["repository"] == "acme/etl"
    assert int(str(claims["exp"])) - int(str(claims["iat"])) >= 8 * 3600


def test_expired_token(tmp_path: Path) -> None:
    issuer = DevelopmentIssuer(tmp_path)
    with pytest.raises(jwt.ExpiredSignatureError):
        _decode(issuer, issuer.mint(seconds=-60))


def test_claims_may_be_spoiled_or_removed(tmp_path: Path) -> None:
    issuer = DevelopmentIssuer(tmp_path)
    with pytest.raises(jwt.InvalidAudienceError):
        _decode(issuer, issuer.mint({"aud": "other"}))
    with pytest.raises(jwt.MissingRequiredClaimError):
        _decode(issuer, issuer.mint({"aud": None}))


def test_private_key_is_private(tmp_path: Path) -> None:
    issuer = DevelopmentIssuer(tmp_path)
    assert stat.S_IMODE(issuer.key_file.stat().st_mode) == 0o600


def test_another_issuers_token(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(KeyError):
        _decode(DevelopmentIssuer(tmp_path / "a"), DevelopmentIssuer(tmp_path / "b").mint())
