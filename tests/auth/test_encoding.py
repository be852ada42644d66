"""Strict base64url and JSON."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopfast.auth.encoding import base64url, json_object


@given(st.binary(max_size=100))
def test_what_is_encoded_comes_back(data: bytes) -> None:
    assert base64url(base64.urlsafe_b64encode(data).rstrip(b"=").decode()) == data


@pytest.mark.parametrize("text", ["a", "ab=", "ab==", "a+b/", "a b", "ab\n", "é", "AB", "AAB"])
def test_what_is_not_base64url(text: str) -> None:
    with pytest.raises(ValueError, match="not base64url"):
        base64url(text)


def test_objects() -> None:
    assert json_object(b'{"a": [1, {"b": "[[[[[["}]}') == {"a": [1, {"b": "[[[[[["}]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"1",
        b"[]",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\\udc00"}',
        b"\xff",
        b'{"a": ' + b"[" * 21 + b"]" * 21 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_object(data)
