"""Claims of a token that an access rule lets in: its globs replaced by a value that they match.

Owns the making of examples. Whether an identity matches a rule is for auth/ to say.
"""

from __future__ import annotations

from collections.abc import Mapping

STAR = "sandbox"  # what `*` becomes
QUESTION_MARK = "x"


def example(claims: Mapping[str, object]) -> dict[str, object]:
    """Claims, in the form of a token's payload, that match an access rule's `claims`."""
    made = {name: _value(value) for name, value in claims.items()}
    # RFC 7519 wants a string for the subject, whatever the rule compares it with.
    return made | {"sub": str(made["sub"])} if isinstance(made.get("sub"), int) else made


def _value(value: object) -> object:
    if isinstance(value, Mapping):
        return example(value)
    if isinstance(value, list):
        return _value(value[0])
    return value.replace("*", STAR).replace("?", QUESTION_MARK) if isinstance(value, str) else value
