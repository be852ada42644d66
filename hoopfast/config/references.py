"""What one section says about another: names that must exist, and names that may be used once only.

Works on the raw tables, so that a mistake elsewhere in the file does not hide these. Knows no types beyond strings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hoopfast.config.problems import Place, Problem, nearest

Raw = Mapping[str, Any]


def problems_of(raw: Raw, *, lenient: bool) -> list[Problem]:
    """Every name that leads nowhere or to several things; `lenient`: databases and issuers may be supplied later."""
    problems = [*_doubled(raw, "issuer"), *_doubled(raw, "database"), *_doubled_urls(raw)]
    for index, access in _entries(raw, "access"):
        place: Place = ("access", index)
        problems += _unknown(access, "policy", place, _tables(raw, "policy"), "[policy.{}]")
        if not lenient:
            problems += _unknown(access, "database", place, _names(raw, "database"), '[[database]] with name = "{}"')
            problems += _issuer(access, place, _names(raw, "issuer"))
    for name, policy in _table(raw, "policy").items():
        problems += _notifiers(policy, ("policy", name, "approval", "notify"), _tables(raw, "notifier"))
    return problems


def _issuer(access: Raw, place: Place, issuers: list[str]) -> Iterator[Problem]:
    if "issuer" in access:
        yield from _unknown(access, "issuer", place, issuers, '[[issuer]] with name = "{}"')
    elif len(issuers) > 1:
        yield Problem(
            (*place, "issuer"), f"is missing where there are several issuers: name one of {', '.join(issuers)}"
        )
    elif not issuers:
        yield Problem(place, "there is no [[issuer]] whose tokens could match: add one")


def _notifiers(policy: object, place: Place, known: list[str]) -> Iterator[Problem]:
    approval = policy.get("approval") if isinstance(policy, Mapping) else None
    names = approval.get("notify") if isinstance(approval, Mapping) else None
    for index, name in enumerate(names if isinstance(names, list) else []):
        if isinstance(name, str) and name not in known:
            yield Problem((*place, index), f"there is no [notifier.{name}]{_or_known(name, known)}")


def _unknown(entry: Raw, key: str, place: Place, known: list[str], form: str) -> Iterator[Problem]:
    name = entry.get(key)
    if isinstance(name, str) and name not in known:
        yield Problem((*place, key), f"there is no {form.format(name)}{_or_known(name, known)}")


def _or_known(name: str, known: list[str]) -> str:
    return nearest(name, known) or (f"; there is {', '.join(known[:5])}" if known else "; add it")


def _doubled(raw: Raw, section: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, entry in _entries(raw, section):
        name = entry.get("name")
        if isinstance(name, str):
            if name in seen:
                yield Problem((section, index, "name"), f'the name "{name}" is used twice')
            seen.add(name)


def _doubled_urls(raw: Raw) -> Iterator[Problem]:
    # Two entries of one issuer would leave it to their order which audience and session limit hold.
    seen: set[str] = set()
    for index, entry in _entries(raw, "issuer"):
        url = entry.get("url")
        if isinstance(url, str):
            if url in seen:
                yield Problem(("issuer", index, "url"), "is listed twice: one entry may have several audiences")
            seen.add(url)


def _entries(raw: Raw, section: str) -> Iterator[tuple[int, Raw]]:
    entries = raw.get(section)
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, Mapping):
            yield index, entry


def _names(raw: Raw, section: str) -> list[str]:
    return [entry["name"] for _, entry in _entries(raw, section) if isinstance(entry.get("name"), str)]


def _table(raw: Raw, section: str) -> Raw:
    table = raw.get(section)
    return table if isinstance(table, Mapping) else {}


def _tables(raw: Raw, section: str) -> list[str]:
    return list(_table(raw, section))
