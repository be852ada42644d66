"""Discovery documents: of exactly the issuer that was asked, and over https."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hoopfast.auth.discovery import discovery_url, is_protected, jwks_uri

URL = "https://issuer.example/realm"


def document(**changes: Any) -> bytes:
    return json.dumps({"issuer": URL, "jwks_uri": "https://keys.example/jwks", **changes}).encode()


def test_where_it_is() -> None:
    assert discovery_url(URL) == URL + "/.well-known/openid-configuration"
    assert discovery_url(URL + "/") == URL + "/.well-known/openid-configuration"


def test_where_the_keys_are() -> None:
    assert jwks_uri(document(), URL) == "https://keys.example/jwks"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (document(issuer="https://evil.example"), "of another issuer"),
        (document(issuer=URL + "/"), "of another issuer"),
        (document(issuer=None), "of another issuer"),
        (document(jwks_uri=None), 'has no "jwks_uri"'),
        (document(jwks_uri="http://keys.example/jwks"), "is not https"),
        (document(jwks_uri="file:///etc/passwd"), "is not https"),
        (document(jwks_uri="https://"), "is not https"),
        (document(jwks_uri="http://127.0.0.1:8432/"), "is not https"),
        (document(jwks_uri="http://localhost/keys"), "is not https"),
        (document(jwks_uri="http://localhost.example.com/"), "is not https"),
        (b"<html>", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b" " * 300_000, "larger than 256 KiB"),
    ],
)
def test_documents_that_will_not_do(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jwks_uri(content, URL)


def test_an_issuer_on_this_machine_has_its_keys_here() -> None:
    url = "http://127.0.0.1:8080"
    assert jwks_uri(document(issuer=url, jwks_uri=url + "/keys"), url) == url + "/keys"


@pytest.mark.parametrize("url", ["https://x", "http://127.0.0.1:8080/x", "http://[::1]/", "http://localhost:1/"])
def test_protected(url: str) -> None:
    assert is_protected(url)


@pytest.mark.parametrize("url", ["http://x", "http://10.0.0.1/", "ftp://127.0.0.1/", "", "https://[", "//x"])
def test_unprotected(url: str) -> None:
    assert not is_protected(url)
