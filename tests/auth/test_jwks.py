"""Key sets: which keys are used, and with which algorithms."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hoopfast.auth.jwks import parse_jwks
from tests.auth.issuing import jwk, pem, signing_key


def usable(entry: dict[str, Any]) -> bool:
    """Whether an entry survives beside a good one."""
    return len(parse_jwks({"keys": [jwk("ed25519"), entry]})) == 2


def test_text_and_tables() -> None:
    document = signing_key("rsa").jwks()
    for form in (document, json.dumps(document), json.dumps(document).encode()):
        assert len(parse_jwks(form)) == 1


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384", "p521", "ed448"])
def test_keys_that_are_used(kind: str) -> None:
    assert usable(jwk(kind))
    assert usable(jwk(kind, use=None, alg=None, kid=None))
    assert usable(jwk(kind, key_ops=["verify"]))


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "k", "alg": "HS256"},
        jwk("rsa", use="enc"),
        jwk("rsa", key_ops=["encrypt"]),
        jwk("rsa", key_ops="verify"),
        jwk("rsa", alg="HS256"),
        jwk("rsa", alg="RSA-OAEP"),
        jwk("rsa", alg="ES256"),
        jwk("rsa", kid=5),
        jwk("rsa", n="AQAB"),
        jwk("rsa", n="!!"),
        jwk("rsa", e="AQ"),
        jwk("rsa", n=None),
        jwk("rsa-weak"),
        jwk("p256", crv="secp256k1"),
        jwk("p256", crv="P-384"),
        jwk("p256", x="AAAA"),
        jwk("p256", alg="ES384"),
        jwk("ed25519-2", crv="X25519"),
        jwk("ed25519-2", x="AAAA"),
        jwk("p256", crv=["P-256"]),
        jwk("p256", x=5),
        jwk("ed25519-2", crv={}),
        {"kty": "XYZ"},
        {"kty": ["RSA"]},
        {"kty": {}},
        {},
    ],
)
def test_keys_that_are_not(entry: dict[str, Any]) -> None:
    assert not usable(entry)


def test_a_key_on_the_wrong_curve_point_is_not() -> None:
    entry = jwk("p256")
    assert not usable({**entry, "y": entry["x"]})


def test_private_members_are_ignored() -> None:
    keys = parse_jwks({"keys": [{**jwk("ed25519"), "d": "AAAA"}]})
    (key,) = keys.find(None, "EdDSA")
    assert not hasattr(key.public_key, "sign")


def test_the_curves_own_name_is_eddsa() -> None:
    assert parse_jwks({"keys": [jwk("ed25519", alg="Ed25519")]}).find(None, "EdDSA")


def test_find() -> None:
    keys = parse_jwks({"keys": [jwk("rsa", kid="a"), jwk("p256", kid="a"), jwk("p256-2", kid="b")]})
    assert len(keys.find("a", "ES256")) == 1
    assert len(keys.find(None, "ES256")) == 2
    assert keys.find("c", "ES256") == []
    assert keys.knows("a")
    assert not keys.knows("c")
    assert keys.knows(None)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"<html>", "is not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"keys": {}}', 'no list "keys"'),
        (b'{"keys": []}', "no usable key"),
        (b'{"keys": [1, null]}', "no usable key"),
        (b'{"keys": [], "keys": []}', "occurs twice"),
        (b" " * 600_000, "larger than 512 KiB"),
        (json.dumps({"keys": [{}] * 101}).encode(), "more than 100 keys"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_key_set(document: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_jwks(document)


def test_a_pem_is_no_key_set() -> None:
    with pytest.raises(ValueError, match="is not JSON") as caught:
        parse_jwks(pem("rsa"))
    assert "PRIVATE" not in str(caught.value)
