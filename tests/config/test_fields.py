"""Single values: URLs, hosts, claims. What they are in a file is tested in test_loader.py."""

from __future__ import annotations

from typing import Any

import pytest

from hoopfast.config import fields


@pytest.mark.parametrize(
    "url",
    ["https://i.example", "https://i.example/realms/x", "http://127.0.0.1:8080", "http://[::1]:1", "http://localhost"],
)
def test_issuers(url: str) -> None:
    assert fields.parse_issuer_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://i.example",
        "ftp://i.example",
        "https://",
        "i.example",
        "https://i.example?x=1",
        "https://i.example#x",
        5,
        "http://127.0.0.1.example.com",
        "https://i.example:port",
    ],
)
def test_what_is_no_issuer(url: object) -> None:
    with pytest.raises(ValueError, match=r"URL|https"):
        fields.parse_issuer_url(url)


@pytest.mark.parametrize(
    "parse", [fields.parse_store_url, fields.parse_sink, fields.parse_http_url, fields.parse_issuer_url]
)
def test_no_url_holds_a_password(parse: Any) -> None:
    with pytest.raises(ValueError, match="a password must not stand in a URL") as caught:
        parse("https://user:hunter2@example.com/x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("host", ["db", "db.example.com", "10.0.0.1", "::1", "/run/postgresql"])
def test_hosts(host: str) -> None:
    assert fields.parse_host(host) == host


@pytest.mark.parametrize("host", ["", "a b", "300.1.1.1", "db:5432", 5, None, "/run\0"])
def test_what_is_no_host(host: object) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        fields.parse_host(host)


def test_an_audience_or_several() -> None:
    assert fields.parse_audience("a") == ["a"]
    assert fields.parse_audience(["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize("value", [{"sub": None}, {"sub": [["x"]]}, {"a": {}}, {"": "x"}, {"a b": "x"}, "sub=x"])
def test_what_are_no_claims(value: object) -> None:
    with pytest.raises(ValueError, match=r"claim|table"):
        fields.parse_claims(value)
