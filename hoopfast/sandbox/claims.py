"""Claims of a token that an access rule lets in: its globs replaced by a value that they match.

Owns the making of examples. Whether an identity matches a rule is for auth/ to say.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from fnmatch import fnmatchcase

STAR = "sandbox"  # what `*` becomes


def example(claims: Mapping[str, object]) -> dict[str, object]:
    """Claims, in the form of a token's payload, that match an access rule's `claims`."""
    return {name: _value(value) for name, value in claims.items()}


def _value(value: object) -> object:
    if isinstance(value, Mapping):
        return example(value)
    if isinstance(value, list):
        return _value(value[0])
    return _instance(value) if isinstance(value, str) else value


def _instance(pattern: str) -> str:
    """A text that a glob (`*`, `?`, `[…]`, as fnmatch has them) matches."""
    text, rest = "", pattern
    while rest:
        character, rest = rest[0], rest[1:]
        end = rest.find("]", 2 if rest.startswith("!") else 1)
        if character == "*":
            text += STAR
        elif character == "?":
            text += "x"
        elif character == "[" and end > 0:
            text += _member(rest[:end])
            rest = rest[end + 1 :]
        else:
            text += character
    return text


def _member(inside: str) -> str:
    """One character of a bracket expression; the empty text, which matches nothing either, where there is none."""
    candidates = string.ascii_letters + string.digits + string.punctuation
    return next((one for one in candidates if fnmatchcase(one, f"[{inside}]")), "")
