"""Tokens: those that prove an identity, and the attacks on those who check them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from hoopfast.auth.verifier import FETCH_INTERVAL, LARGEST_TOKEN, REFRESH_AFTER, KeyNeeded, TokenVerifier
from hoopfast.errors import AuthenticationFailed
from tests.auth.issuing import NOW, URL, claims, encoded, jwk, private_key, signing_key, token


class Issuer(NamedTuple):
    name: str = "corp"
    url: str = URL
    audience: list[str] = ["hoopfast", "other"]  # noqa: RUF012


OTHER = Issuer("partner", "https://partner.example")


def verifier(*keys: dict[str, Any], at: float = NOW) -> TokenVerifier:
    made = TokenVerifier([Issuer(), OTHER])
    made.add_keys(URL, {"keys": list(keys) or [jwk("ed25519")]}, at)
    made.add_keys(OTHER.url, {"keys": [jwk("ed25519-partner")]}, at)
    return made


def good(**changes: Any) -> str:
    return signing_key("ed25519").sign(claims(**changes))


def refused(text: str, *keys: dict[str, Any], at: float = NOW) -> str:
    with pytest.raises(AuthenticationFailed) as caught:
        verifier(*keys).verify(text, at)
    for segment in text.split("."):
        assert len(segment) < 8 or segment not in str(caught.value) + str(caught.value.hint)
    return caught.value.message


# What is in order


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384", "p521", "ed25519", "ed448"])
def test_each_kind_of_key(kind: str) -> None:
    identity = verifier(jwk(kind)).verify(signing_key(kind).sign(claims(jti="j-1", groups=["a"])), NOW)
    assert (identity.issuer, identity.issuer_url, identity.subject, identity.token_id) == ("corp", URL, "job", "j-1")
    assert identity.expires_at == NOW + 300
    assert identity.issued_at == NOW - 5
    assert identity.claims["groups"] == ["a"]


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_without_alg_may_be_used_with_each(algorithm: str) -> None:
    text = token("rsa", {"alg": algorithm, "kid": "k"}, claims())
    assert verifier(jwk("rsa", kid="k", alg=None)).verify(text, NOW).subject == "job"


def test_one_of_several_audiences() -> None:
    assert verifier().verify(good(aud=["x", "other"]), NOW).subject == "job"


def test_without_jti_the_identity_still_names_the_token() -> None:
    text = good()
    assert verifier().verify(text, NOW).token_id == "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:16]


def test_a_token_without_kid_where_only_one_key_will_do() -> None:
    text = token("p256", {"alg": "ES256"}, claims())
    assert verifier(jwk("p256"), jwk("rsa")).verify(text, NOW).subject == "job"
    assert "ambiguous" in refused(text, jwk("p256"), jwk("p256-2"))


def test_clocks_may_differ_by_a_minute() -> None:
    assert verifier().verify(good(exp=NOW - 59, iat=NOW + 59, nbf=NOW + 59), NOW).subject == "job"


# Attacks on algorithm and key


def public_pem(kind: str) -> bytes:
    return private_key(kind).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_the_public_key_as_a_shared_secret(algorithm: str) -> None:
    digest = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[algorithm]
    header = {"alg": algorithm, "kid": signing_key("rsa").key_id}
    message = f"{encoded(header)}.{encoded(claims())}"
    for secret in (public_pem("rsa"), public_pem("rsa").strip(), json.dumps(jwk("rsa")).encode()):
        text = f"{message}.{encoded(hmac.digest(secret, message.encode(), digest))}"
        assert "algorithm is not one of" in refused(text, jwk("rsa"))


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", None, 5, ["EdDSA"], "ES256K", "EdDSA ", "hs256"]
)
def test_no_algorithm(algorithm: object) -> None:
    for signature in ("", encoded(b"x" * 64), good().rpartition(".")[2]):
        header = {"alg": algorithm, "kid": signing_key("ed25519").key_id}
        assert "algorithm is not one of" in refused(f"{encoded(header)}.{encoded(claims())}.{signature}")


def test_a_header_without_algorithm() -> None:
    assert "algorithm" in refused(f"{encoded({'typ': 'JWT'})}.{encoded(claims())}.")


def test_the_key_pins_the_algorithm() -> None:
    text = token("rsa", {"alg": "PS256", "kid": "k"}, claims())
    assert "algorithm is not the one of its key" in refused(text, jwk("rsa", kid="k", alg="RS256"))


def test_an_algorithm_of_another_kind_of_key() -> None:
    text = token("p256", {"alg": "ES256", "kid": "k"}, claims())
    assert "algorithm is not the one of its key" in refused(text, jwk("rsa", kid="k", alg=None))
    assert "algorithm is not the one of its key" in refused(text, jwk("p384", kid="k"))


def test_another_key_under_a_known_id() -> None:
    kid = signing_key("ed25519").key_id
    text = token("ed25519-attacker", {"alg": "EdDSA", "kid": kid}, claims())
    assert refused(text) == "the token's signature is not valid"


def test_a_key_of_another_issuer() -> None:
    text = signing_key("ed25519-partner").sign(claims())
    assert refused(text, at=NOW) == "the token is signed with a key that its issuer does not publish"
    assert verifier().verify(signing_key("ed25519-partner").sign(claims(iss=OTHER.url)), NOW).issuer == "partner"


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "x' UNION SELECT 'key",
        "file:///etc/passwd",
        "https://evil.example/jwks",
        "|id",
        " ",
        "é",
    ],
)
def test_key_ids_are_names_and_nothing_else(kid: str) -> None:
    text = token("ed25519-attacker", {"alg": "EdDSA", "kid": kid}, claims())
    assert refused(text) == "the token is signed with a key that its issuer does not publish"


@pytest.mark.parametrize("kid", ["", "a\nb", "a\0b", "x" * 513, 5, ["a"], {"a": 1}, True])
def test_key_ids_that_are_no_names(kid: object) -> None:
    assert "key id" in refused(token("ed25519", {"alg": "EdDSA", "kid": kid}, claims()))


def test_keys_that_the_token_brings_are_not_looked_at() -> None:
    own = {
        "jwk": jwk("ed25519-attacker"),
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/c",
        "x5c": ["MIIB"],
    }
    forged = token("ed25519-attacker", {"alg": "EdDSA", "kid": signing_key("ed25519").key_id, **own}, claims())
    assert refused(forged) == "the token's signature is not valid"
    unnamed = token("ed25519-attacker", {"alg": "EdDSA", **own}, claims())
    assert refused(unnamed) == "the token's signature is not valid"


@pytest.mark.parametrize(
    "extension", [{"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"crit": ["b64"], "b64": False}]
)
def test_critical_extensions(extension: dict[str, Any]) -> None:
    header = {"alg": "EdDSA", "kid": signing_key("ed25519").key_id, **extension}
    assert "demands extensions" in refused(token("ed25519", header, claims()))


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "JWE", 5, ""])
def test_tokens_for_other_purposes(kind: object) -> None:
    header = {"alg": "EdDSA", "kid": signing_key("ed25519").key_id, "typ": kind}
    assert "type is not that of" in refused(token("ed25519", header, claims()))


def test_two_keys_of_one_id_are_ambiguous() -> None:
    text = token("ed25519", {"alg": "EdDSA", "kid": "k"}, claims())
    assert "ambiguous" in refused(text, jwk("ed25519", kid="k"), jwk("ed25519-2", kid="k"))
    assert verifier(jwk("ed25519", kid="k"), jwk("ed25519", kid="k")).verify(text, NOW).subject == "job"
    assert verifier(jwk("ed25519", kid="k"), jwk("p256", kid="k")).verify(text, NOW).subject == "job"


@pytest.mark.parametrize("kind", ["p256", "p384", "p521"])
def test_signatures_of_zeros(kind: str) -> None:
    header = {"alg": signing_key(kind).algorithm, "kid": signing_key(kind).key_id}
    size = {"p256": 64, "p384": 96, "p521": 132}[kind]
    assert "signature" in refused(f"{encoded(header)}.{encoded(claims())}.{encoded(bytes(size))}", jwk(kind))


# Attacks on claims


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"iss": "https://evil.example"}, "issuer is not one of those configured"),
        ({"iss": URL + "/"}, "issuer is not one of those configured"),
        ({"iss": [URL]}, "issuer is not one of those configured"),
        ({"iss": None}, "issuer is not one of those configured"),
        ({"aud": "someone-else"}, "for another audience"),
        ({"aud": []}, "for another audience"),
        ({"aud": None}, "for another audience"),
        ({"aud": {"hoopfast": 1}}, "for another audience"),
        ({"aud": "Hoopfast"}, "for another audience"),
        ({"aud": "hoopfast other"}, "for another audience"),
        ({"exp": None}, "has no expiry"),
        ({"exp": NOW - 60}, "expired 60 s ago"),
        ({"exp": 0}, "expired"),
        ({"exp": "4000000000"}, '"exp" is not a time'),
        ({"exp": True}, '"exp" is not a time'),
        ({"exp": 1e300}, '"exp" is not a time'),
        ({"exp": -1}, '"exp" is not a time'),
        ({"nbf": NOW + 61}, "not valid for another 61 s"),
        ({"nbf": "soon"}, '"nbf" is not a time'),
        ({"iat": NOW + 61}, "issued in the future"),
        ({"iat": [NOW]}, '"iat" is not a time'),
        ({"sub": None}, "names no subject"),
        ({"sub": ""}, "names no subject"),
        ({"sub": 5}, "names no subject"),
        ({"sub": "a\nb"}, "names no subject"),
        ({"sub": "x" * 513}, "names no subject"),
    ],
)
def test_claims(changes: dict[str, Any], message: str) -> None:
    header = {"alg": "EdDSA", "kid": signing_key("ed25519").key_id}
    assert message in refused(token("ed25519", header, claims(**changes)))


def test_the_reason_is_told_only_once_the_signature_holds() -> None:
    expired = token("ed25519-attacker", {"alg": "EdDSA", "kid": signing_key("ed25519").key_id}, claims(exp=1, aud="x"))
    assert refused(expired) == "the token's signature is not valid"


@pytest.mark.parametrize(
    "payload",
    [
        b'{"iss": "https://issuer.example", "iss": "https://evil.example", "sub": "a"}',
        b'{"iss": "https://issuer.example", "a": {"b": 1, "b": 2}}',
        b'{"iss": "https://issuer.example", "exp": NaN}',
        b'{"iss": "https://issuer.example", "exp": Infinity}',
        b'{"iss": "https://issuer.example", "sub": "\\ud800"}',
        b'["https://issuer.example"]',
        b'"x"',
        b"",
        b"\xff",
        b"[" * 5000 + b"]" * 5000,
    ],
)
def test_payloads_that_two_readers_would_read_differently(payload: bytes) -> None:
    text = token("ed25519", {"alg": "EdDSA", "kid": signing_key("ed25519").key_id}, payload)
    assert "cannot be read" in refused(text) or "larger" in refused(text)


@pytest.mark.parametrize(
    "text", ["", "secret", "a.b", "a.b.c.d", "a.b.c.d.e", "..", "\u00e4.b.c", "hunter2.", "x" * 100]
)
def test_passwords_that_are_no_tokens(text: str) -> None:
    assert "not a token" in refused(text) or "cannot be read" in refused(text)


def test_size() -> None:
    assert verifier().verify(good(pad="x" * 8000), NOW).subject == "job"
    assert refused(good(pad="x" * LARGEST_TOKEN)) == "the token is larger than 16 KiB"


def test_padding_line_ends_and_spare_bits_are_refused() -> None:
    header, payload, signature = good().split(".")
    for text in (
        f"{header}=.{payload}.{signature}",
        f"{header}.{payload}.{signature}=",
        f"{header}.{payload}\n.{signature}",
        f" {good()}",
    ):
        assert "cannot be read" in refused(text)
    # The last of 86 characters carries 4 spare bits for 64 bytes: another spelling of the same signature.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = alphabet[alphabet.index(signature[-1]) + 1]
    assert base64.urlsafe_b64decode(signature[:-1] + spare + "==") == base64.urlsafe_b64decode(signature + "==")
    assert "cannot be read" in refused(f"{header}.{payload}.{signature[:-1]}{spare}")


@given(st.integers(min_value=0), st.integers(1, 255))
def test_any_changed_byte_is_found(position: int, change: int) -> None:
    header, payload, signature = (base64.urlsafe_b64decode(part + "==") for part in TEXT.split("."))
    parts = [bytearray(header), bytearray(payload), bytearray(signature)]
    position %= sum(map(len, parts))
    for part in parts:
        if position < len(part):
            part[position] ^= change
            break
        position -= len(part)
    with pytest.raises((AuthenticationFailed, KeyNeeded)):
        VERIFIER.verify(".".join(encoded(bytes(part)) for part in parts), NOW)


@given(st.text(max_size=200) | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}", fullmatch=True))
def test_nothing_but_a_typed_refusal_comes_of_any_text(text: str) -> None:
    with pytest.raises(AuthenticationFailed):
        VERIFIER.verify(text, NOW)


# Keys: asked for once, and not for a flood


def unknown(number: int) -> str:
    return token("ed25519-attacker", {"alg": "EdDSA", "kid": f"k-{number}"}, claims())


def test_keys_are_asked_for_first() -> None:
    made = TokenVerifier([Issuer()])
    with pytest.raises(KeyNeeded) as caught:
        made.verify(good(), NOW)
    assert caught.value.issuer_url == URL
    made.add_keys(URL, signing_key("ed25519").jwks())
    assert made.verify(good(), NOW).subject == "job"


def test_while_a_fetch_runs_everybody_waits_for_it() -> None:
    made = TokenVerifier([Issuer()])
    for _ in range(3):
        with pytest.raises(KeyNeeded):
            made.verify(good(), NOW)


def test_a_flood_of_unknown_keys_costs_a_fetch_per_interval() -> None:
    made, fetches = verifier(at=NOW - FETCH_INTERVAL), 0
    for number in range(300):
        now = NOW + number * FETCH_INTERVAL / 100
        with pytest.raises((KeyNeeded, AuthenticationFailed)) as caught:
            made.verify(unknown(number), now)
        if caught.type is KeyNeeded:
            fetches += 1
            made.add_keys(URL, {"keys": [jwk("ed25519")]}, now)
    assert fetches == 3


def test_keys_that_were_rotated_are_found() -> None:
    made = verifier(at=NOW - FETCH_INTERVAL)
    text = signing_key("p256").sign(claims())
    with pytest.raises(KeyNeeded):
        made.verify(text, NOW)
    made.add_keys(URL, {"keys": [jwk("p256")]}, NOW)
    assert made.verify(text, NOW).subject == "job"
    with pytest.raises(AuthenticationFailed):
        made.verify(good(), NOW)


def test_a_failed_fetch_is_not_repeated_at_once() -> None:
    made = TokenVerifier([Issuer()])
    with pytest.raises(KeyNeeded):
        made.verify(good(), NOW)
    made.fetch_failed(URL)
    with pytest.raises(AuthenticationFailed, match="could not be fetched"):
        made.verify(good(), NOW + 1)
    with pytest.raises(KeyNeeded):
        made.verify(good(), NOW + FETCH_INTERVAL)


def test_a_bad_key_set_leaves_the_old_keys_and_counts_as_a_fetch() -> None:
    made = verifier(at=NOW - FETCH_INTERVAL)
    with pytest.raises(ValueError, match="no usable key"):
        made.add_keys(URL, {"keys": []}, NOW)
    assert made.verify(good(), NOW).subject == "job"
    with pytest.raises(AuthenticationFailed):
        made.verify(unknown(1), NOW + 1)


def test_a_clock_set_back_does_not_stop_fetching() -> None:
    with pytest.raises(KeyNeeded):
        verifier(at=NOW + 10 * 86400).verify(unknown(1), NOW)


def test_a_known_key_with_a_bad_signature_asks_for_nothing() -> None:
    text = token("ed25519-attacker", {"alg": "EdDSA", "kid": signing_key("ed25519").key_id}, claims())
    with pytest.raises(AuthenticationFailed):
        verifier(at=0).verify(text, NOW)


def test_due() -> None:
    made = TokenVerifier([Issuer(), OTHER])
    assert made.due(NOW) == [URL, OTHER.url]
    made.add_keys(URL, signing_key("ed25519").jwks(), NOW)
    assert made.due(NOW + REFRESH_AFTER - 1) == [OTHER.url]
    assert made.due(NOW + REFRESH_AFTER) == [URL, OTHER.url]


def test_a_refresh_that_failed_is_due_again_soon() -> None:
    made = TokenVerifier([Issuer()])
    made.add_keys(URL, signing_key("ed25519").jwks(), NOW)
    made.fetch_failed(URL, NOW + REFRESH_AFTER)
    assert made.due(NOW + REFRESH_AFTER + FETCH_INTERVAL - 1) == []
    assert made.due(NOW + REFRESH_AFTER + FETCH_INTERVAL) == [URL]


def test_a_reload_keeps_the_keys() -> None:
    made = TokenVerifier([Issuer(audience=["new"]), Issuer("third", "https://third.example")])
    made.keep_keys(verifier())
    assert made.verify(good(aud="new"), NOW).subject == "job"
    with pytest.raises(AuthenticationFailed):
        made.verify(good(), NOW)
    with pytest.raises(KeyNeeded):
        made.verify(good(iss="https://third.example"), NOW)


def test_a_reload_keeps_no_keys_from_another_source() -> None:
    made = TokenVerifier([Issuer()])
    made.keep_keys(verifier(), but={URL})
    with pytest.raises(KeyNeeded):
        made.verify(good(), NOW)


def test_no_network_and_no_clock() -> None:
    spec = importlib.util.find_spec("hoopfast.auth.verifier")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text()
    for word in ("import time", "import httpx", "import socket", "urllib", "datetime"):
        assert word not in source


VERIFIER = verifier()
TEXT = good()
