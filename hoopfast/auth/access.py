"""Which [[access]] rule lets an identity into which database, under which policy. Pure; the first match decides.

Whoever matches no rule at all learns nothing about which databases there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hoopfast.auth.identity import Identity
from hoopfast.config.schema import Access as AccessRule
from hoopfast.config.schema import Config, Database, Issuer, PolicyConfig
from hoopfast.errors import AuthenticationFailed, NoSuchDatabase


@dataclass(frozen=True, slots=True)
class Access:
    """What an identity was let into, and by which rule."""

    index: int  # of the [[access]] rule, from 0
    rule: AccessRule
    issuer: Issuer
    database: Database
    policy: str  # its name
    policy_config: PolicyConfig


def match(config: Config, identity: Identity, database: str) -> Access:
    """The access that the first matching rule gives to this database.

    AuthenticationFailed (28000) for who matches no rule for any database; NoSuchDatabase (3D000) for who matches one,
    but none for this database, whether or not there is a database of that name for others.
    """
    somewhere = False
    for index, rule in enumerate(config.access):
        issuer = config.issuer_named(rule.issuer)
        if issuer is None or issuer.url != identity.issuer_url or not claims_match(rule.claims, identity.claims):
            continue
        somewhere = True
        if rule.database == database and (found := config.database_named(database)) is not None:
            return Access(index, rule, issuer, found, rule.policy, config.policy[rule.policy])
    if somewhere:
        raise NoSuchDatabase("there is no database of that name for this identity", hint="check dbname and [[access]]")
    raise AuthenticationFailed(
        "no access rule matches this identity",
        hint="compare the token's claims (`hoopfast token --inspect`) with the claims of [[access]]",
    )


def claims_match(wanted: Mapping[str, Sequence[str]], claims: Mapping[str, Any]) -> bool:
    """Whether a token's claims have, for every name wanted, one of the values (globs) wanted."""
    return all(
        any(_matches(pattern, value) for value in values_of(claims, name) for pattern in patterns)
        for name, patterns in wanted.items()
    )


def values_of(claims: Mapping[str, Any], name: str) -> list[str]:
    """A claim's values as strings: none if it is missing or a table, each element of a list.

    A dotted name leads into nested claims; names that have dots themselves (`kubernetes.io`) are found as well.
    """
    return [text for value in _found(claims, name) for text in _texts(value)]


def _found(claims: Mapping[str, Any], name: str) -> Iterator[Any]:
    if name in claims:
        yield claims[name]
        return
    for position in (index for index, character in enumerate(name) if character == "."):
        below = claims.get(name[:position])
        if isinstance(below, Mapping):
            yield from _found(below, name[position + 1 :])
            return


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for one in value if not isinstance(one, list) for text in _texts(one)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    # No floats: their text is a matter of taste.
    return [str(value)] if isinstance(value, str | int) else []


def _matches(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None if "*" in pattern or "?" in pattern else pattern == value


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    # No fnmatch: its [..] would be a surprise in a branch name. Each piece is sought once, from the left, and never
    # again (the atomic groups): a caller who names its branches must not choose how long matching takes.
    first, *rest = ("".join("." if one == "?" else re.escape(one) for one in piece) for piece in pattern.split("*"))
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1] if piece)
    return re.compile(first + middle + "".join(f".*{piece}" for piece in rest[-1:]), re.DOTALL)
