"""The types of single values in the configuration: from what TOML gives to what the code uses, or what is wrong.

Knows no section. Every ValueError raised here becomes one line that the user reads, with file, line and key before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator, ValidationInfo

from hoopfast.config.masks import MaskSpec, parse_derived, parse_mask
from hoopfast.config.patterns import DottedPattern
from hoopfast.config.problems import nearest
from hoopfast.config.units import Address, is_host, is_loopback, parse_address, parse_duration, parse_size

REDACT = MaskSpec("redact")
_CLAIM_NAME = re.compile(r"[^\s\0]{1,200}")
_SINK_SCHEMES = ("s3", "gs", "az", "file", "syslog+tls", "https")
_COMMANDS = (
    "SELECT", "VALUES", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "COPY", "CALL", "DO", "EXPLAIN",
    "EXECUTE", "PREPARE", "DEALLOCATE", "DECLARE", "FETCH", "MOVE", "CLOSE", "LOCK", "SET", "RESET", "SHOW",
    "DISCARD", "LISTEN", "UNLISTEN", "NOTIFY", "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT",
    "RELEASE", "CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "COMMENT", "REINDEX", "CLUSTER", "VACUUM", "ANALYZE",
    "REFRESH", "CHECKPOINT", "LOAD", "SECURITY", "IMPORT", "REASSIGN", "TABLE",
)  # fmt: skip


def _duration(value: object) -> float:
    seconds = parse_duration(value)
    if seconds <= 0:
        raise ValueError("must be longer than 0")
    return seconds


def _path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"{value!r} is not a path: a string that is not empty is needed")
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / Path(value).expanduser()


def _optional_path(value: object, info: ValidationInfo) -> Path | None:
    return None if value == "" or value is None else _path(value, info)


def _name(value: str) -> str:
    if not value or "\0" in value or len(value) > 200:
        raise ValueError("a name of 1 to 200 characters is needed")
    return value


Duration = Annotated[float, BeforeValidator(_duration)]
AnyDuration = Annotated[float, BeforeValidator(parse_duration)]
Size = Annotated[int, BeforeValidator(parse_size)]
ListenAddress = Annotated[Address, PlainValidator(parse_address), PlainSerializer(str)]
ConfigPath = Annotated[Path, PlainValidator(_path), PlainSerializer(str)]
OptionalPath = Annotated[Path | None, PlainValidator(_optional_path), PlainSerializer(lambda path: path and str(path))]
Name = Annotated[str, AfterValidator(_name)]
Mask = Annotated[MaskSpec, PlainValidator(parse_mask), PlainSerializer(str)]
Derived = Annotated[MaskSpec, PlainValidator(parse_derived), PlainSerializer(str)]


def pattern(form: type[DottedPattern]) -> tuple[Any, ...]:
    """What pydantic needs to read and write patterns of this form."""
    return PlainValidator(form.parse), PlainSerializer(str)


def listed(value: object) -> object:
    """A list, also for a value that stands alone."""
    return [value] if isinstance(value, str) else value


def parse_session(value: object) -> float:
    """Seconds that a session may outlive its token; "token" is 0."""
    if value == "token":
        return 0.0
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(f'{error}; or "token": the session ends with its token') from None


def parse_audience(value: object) -> list[str]:
    """One audience or several, any of which a token may be for."""
    several = listed(value)
    if not isinstance(several, list) or not several or not all(isinstance(one, str) and one for one in several):
        raise ValueError('a string, or a list of strings, is needed, such as "hoopfast"')
    return several


def parse_issuer_url(value: object) -> str:
    """The issuer exactly as `iss` in its tokens has it; https, or http on loopback."""
    if not isinstance(value, str):
        raise ValueError(
            f'{value!r} is not a URL: write it as the tokens\' "iss" has it, such as "https://issuer.example"'
        )
    parts = _split_url(value)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(
            f'"{value}" is not an issuer\'s URL: write it as the tokens\' "iss" has it, such as "https://issuer.example"'
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f'"{value}" must be https: whoever can change keys on the way could sign in as anybody')
    return value


def parse_http_url(value: object) -> str:
    """An http or https URL without credentials."""
    if not isinstance(value, str) or (parts := _split_url(value)).scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f'{value!r} is not a URL: write one such as "https://hoopfast.example:8432"')
    return value


def parse_store_url(value: object) -> str:
    """sqlite:/// and a path, or postgresql:// without a password."""
    if not isinstance(value, str):
        raise ValueError('a URL is needed: "sqlite:///hoopfast.db" or "postgresql://user@host/database"')
    parts = _split_url(value)
    if not (parts.scheme == "sqlite" and value.startswith("sqlite:///")) and parts.scheme != "postgresql":
        forms = '"sqlite:///hoopfast.db" or "postgresql://user@host/database"'
        raise ValueError(f'the scheme "{parts.scheme}" is not known: write {forms}')
    return value


def parse_sink(value: object) -> str:
    """The URL of a place that sealed records are copied to."""
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is not a URL: write one such as "s3://bucket/prefix"')
    scheme = _split_url(value).scheme
    if scheme not in _SINK_SCHEMES:
        known = ", ".join(_SINK_SCHEMES)
        raise ValueError(f'the scheme "{scheme}" is not known{nearest(scheme, _SINK_SCHEMES)}; known are {known}')
    return value


def parse_host(value: object) -> str:
    """A host name, an IP address or the directory of a Unix socket."""
    if isinstance(value, str) and value.startswith("/") and "\0" not in value:
        return value
    if not isinstance(value, str) or not is_host(value):
        raise ValueError(f"{value!r} is not a host: a name, an IP address or the directory of a Unix socket is needed")
    return value


def parse_statements(value: object) -> list[str]:
    """Command tags in capitals, such as UPDATE or "CREATE TABLE"."""
    several = listed(value)
    if not isinstance(several, list) or not all(isinstance(one, str) and one.strip() for one in several):
        raise ValueError('a list of commands is needed, such as ["UPDATE", "DELETE"]')
    tags = [" ".join(one.upper().split()) for one in several]
    for tag in tags:
        if (word := tag.split()[0]) not in _COMMANDS:
            raise ValueError(f'"{word}" is no SQL command{nearest(word, _COMMANDS)}')
    return tags


def parse_claims(value: object) -> dict[str, tuple[str, ...]]:
    """Claim names (nested ones dotted) with the values of which one must match; globs are left as they are."""
    if not isinstance(value, Mapping):
        raise ValueError('a table is needed, such as { repository = "acme/etl", ref = "refs/heads/main" }')
    claims = dict(_flattened(value, ""))
    if not claims:
        raise ValueError('no claim is named, so every token of the issuer would match: name one, such as { sub = "…" }')
    return claims


def _flattened(table: Mapping[str, object], prefix: str) -> list[tuple[str, tuple[str, ...]]]:
    claims: list[tuple[str, tuple[str, ...]]] = []
    for key, value in table.items():
        name = prefix + key
        if isinstance(value, Mapping):
            claims += _flattened(value, name + ".")
        elif not _CLAIM_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a claim")
        else:
            claims.append((name, _claim_values(name, value)))
    return claims


def _claim_values(name: str, value: object) -> tuple[str, ...]:
    several = value if isinstance(value, list) else [value]
    if not several:
        raise ValueError(f'the list for the claim "{name}" is empty, so no token would match')
    return tuple(_claim_value(name, one) for one in several)


def _claim_value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise ValueError(f'the claim "{name}" needs a string, a number, true or false, or a list of these')


Claims = Annotated[
    dict[str, tuple[str, ...]],
    PlainValidator(parse_claims),
    PlainSerializer(lambda claims: {name: list(values) for name, values in claims.items()}),
]


def _split_url(value: str) -> Any:
    try:
        parts = urlsplit(value)
        password = parts.password
        _ = parts.port
    except ValueError:
        raise ValueError("this is not a URL: its host or port cannot be read") from None
    if password is not None:
        raise ValueError("a password must not stand in a URL: leave it out, and refer to the secret where it is kept")
    return parts
