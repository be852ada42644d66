"""Development tokens: what is signed here is accepted there."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from hoopfast.auth.jwks import parse_jwks
from hoopfast.auth.minting import SigningKey
from hoopfast.errors import ConfigError
from tests.auth.issuing import pem, private_key


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        ("rsa", "RS256"),
        ("p256", "ES256"),
        ("p384", "ES384"),
        ("p521", "ES512"),
        ("ed25519", "EdDSA"),
        ("ed448", "EdDSA"),
    ],
)
def test_the_published_key_is_usable(kind: str, algorithm: str) -> None:
    key = SigningKey(pem(kind))
    assert key.algorithm == algorithm
    assert len(parse_jwks(key.jwks()).find(key.key_id, algorithm)) == 1
    assert not {"d", "p", "q", "dp", "dq", "qi"} & key.jwks()["keys"][0].keys()


def test_the_key_id_is_the_thumbprint_of_rfc_8037() -> None:
    # RFC 8037, appendix A.1 and A.3.
    seed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import NoEncryption

    from hoopfast.auth.encoding import base64url

    key = Ed25519PrivateKey.from_private_bytes(base64url(seed))
    made = SigningKey(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert made.key_id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("kind", ["k1"])
def test_keys_of_other_kinds(kind: str) -> None:
    with pytest.raises(ConfigError, match="use Ed25519, P-256"):
        SigningKey(pem(kind))


def test_what_is_no_private_key() -> None:
    encrypted = private_key("ed25519").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    for content in (b"", b"hunter2", encrypted):
        with pytest.raises(ConfigError, match="not an unencrypted private key") as caught:
            SigningKey(content)
        assert "hunter2" not in str(caught.value)
