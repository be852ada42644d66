"""Values that stand for protected data in tests, and the search for them in whatever reached a client."""

from __future__ import annotations

import base64
from collections.abc import Iterable

SSN = "977-13-4281"
CARD = "9999-7341-2206-4409"
NAME = "Quillon Zephyrine"
NOTES = "xylographic pangolin"
ALL = (SSN, CARD, NAME, NOTES)


def encodings(value: str) -> set[bytes]:
    """The value as it is, reversed, in hexadecimal, in base64, without its dashes."""
    raw = value.encode()
    plain = {raw, raw[::-1], raw.hex().encode(), base64.b64encode(raw)}
    if "-" in value:
        plain.add(value.replace("-", "").encode())
    return plain


def found(data: bytes | str, values: Iterable[str] = ALL) -> list[str]:
    """The canaries of which `data` holds a simple encoding."""
    haystack = data.encode() if isinstance(data, str) else data
    return [value for value in values if any(form in haystack for form in encodings(value))]


def assert_none(data: object, values: Iterable[str] = ALL) -> None:
    """Fail if a canary stands anywhere in `data`, which may be rows of a driver."""
    text = data if isinstance(data, bytes) else repr(data)
    hits = found(text, values)
    assert not hits, f"protected values came through: {hits}"
