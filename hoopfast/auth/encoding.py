"""Strict base64url and JSON, as tokens and key sets are written. What two readers could read differently is refused."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Never

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_DEEPEST = 20


def base64url(text: str) -> bytes:
    """The bytes of unpadded base64url (RFC 7515, 2); ValueError for anything else, spare bits included."""
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("not base64url") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise ValueError("not base64url")
    return data


def json_object(data: bytes | str) -> dict[str, Any]:
    """A JSON object; ValueError for another value, for a name that occurs twice, for NaN, and for deep nesting."""
    text = data.decode() if isinstance(data, bytes) else data
    if _depth(text) > _DEEPEST:
        raise ValueError("nested too deeply")
    value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    # Half of a surrogate pair, written as an escape, is no character: whoever encodes it later would fail.
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _depth(text: str) -> int:
    # An over-estimate, brackets in strings count too: json.loads recurses, and a caller must not choose how deep.
    depth = deepest = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name occurs twice")
    return result


def _no_constant(_name: str) -> Never:
    raise ValueError("not a JSON number")
