"""Reads hoopfast.toml: TOML, the schema, the references between sections. Lists all that is wrong, not the first only.

The one place that turns pydantic's errors into sentences. Reads the one file, and none that it names.
"""

from __future__ import annotations

import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hoopfast.config.locate import line_of, lines_of
from hoopfast.config.problems import ConfigFileError, Place, Problem, nearest
from hoopfast.config.references import problems_of
from hoopfast.config.schema import Config, PolicyConfig
from hoopfast.errors import ConfigError

_LARGEST_FILE = 4 * 1024 * 1024
_RESERVED: dict[tuple[type[BaseModel], str], str] = {
    (PolicyConfig, "preset"): "is reserved for a later version: list the columns under mask"
}
_TYPES = {
    "int_type": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "float_type": "a number is needed",
    "bool_type": "true or false is needed",
    "string_type": "a string is needed",
    "list_type": "a list is needed",
    "dict_type": "a table is needed",
    "model_type": "a table is needed",
    "model_attributes_type": "a table is needed",
}


def load(path: Path | str, *, lenient_databases: bool = False, supplied: Mapping[str, Any] | None = None) -> Config:
    """The configuration in a file; ConfigFileError (a ConfigError) lists all that is wrong with it.

    `supplied` are tables, in the form that TOML gives, that add to those of the file and replace its values and arrays
    key by key. `lenient_databases`: access rules may name databases and issuers that somebody supplies later.
    """
    path = Path(path).absolute()
    text = _read(path)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigFileError(path, [Problem((), f"this is not TOML: {error}")]) from None
    return parse(merged(raw, supplied or {}), path, text=text, lenient_databases=lenient_databases)


def parse(raw: Mapping[str, Any], path: Path, *, text: str = "", lenient_databases: bool = False) -> Config:
    """The configuration in tables that TOML gave; `path` is where relative paths start and what errors name."""
    problems = problems_of(raw, lenient=lenient_databases)
    try:
        config = Config.model_validate(dict(raw), context={"folder": path.parent})
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems += [_problem(details, _value_at(raw, details)) for details in found if not _misspelt(details, found)]
    if problems:
        lines = lines_of(text)
        raise ConfigFileError(path, (Problem(one.place, one.message, line_of(one.place, lines)) for one in problems))
    config._path = path
    return config


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, table by table; arrays are replaced."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        hint = "; `hoopfast init` writes a first one" if isinstance(error, FileNotFoundError) else ""
        raise ConfigError(f"{path}: cannot be read: {error.strerror}{hint}") from None
    if len(data) > _LARGEST_FILE:
        raise ConfigError(f"{path}: is larger than 4 MiB, which is no configuration")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: line {line}: is not UTF-8, which TOML files are") from None


def _problem(details: ErrorDetails, value: object) -> Problem:
    place: Place = details["loc"]
    kind = details["type"]
    if kind == "extra_forbidden":
        return Problem(place, _unknown_key(place))
    if kind == "missing":
        return Problem(place, "is missing")
    if kind == "literal_error":
        return Problem(place, _not_among(details))
    if kind == "value_error":
        return Problem(place, str(details["ctx"]["error"]))
    if kind in _TYPES:
        return Problem(place, f"{_TYPES[kind]}, this is {_shown(details['input'])}")
    if kind == "too_short":
        return Problem(place, "is empty: at least one entry is needed")
    bounds = details.get("ctx", {})
    for key, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if key in bounds:
            return Problem(place, f"{_shown(value)} is out of range: it must be {words} {_bound(value, bounds[key])}")
    return Problem(place, details["msg"])


def _misspelt(missing: ErrorDetails, found: list[ErrorDetails]) -> bool:
    """Whether a key is missing only because it is misspelt; the misspelt one is a problem of its own already."""
    if missing["type"] != "missing":
        return False
    *table, key = missing["loc"]
    strange = [str(one["loc"][-1]) for one in found if one["type"] == "extra_forbidden" and [*one["loc"][:-1]] == table]
    return any(nearest(name, [str(key)]) for name in strange)


def _value_at(raw: Any, details: ErrorDetails) -> Any:
    """What stands in the file; pydantic shows what a validator before it has made of that."""
    for part in details["loc"]:
        try:
            raw = raw[part]
        except (KeyError, IndexError, TypeError):
            return details["input"]
    return raw


def _bound(value: object, bound: Any) -> str:
    # A size or a duration is text in the file; its bound is shown in the same kind of unit.
    if not isinstance(value, str):
        return f"{bound}"
    if isinstance(bound, float):
        return f'"{bound:g}s"'
    for unit, size in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if bound % size == 0:
            return f'"{bound // size}{unit}"'
    return f'"{bound}B"'


def _unknown_key(place: Place) -> str:
    key = str(place[-1])
    model = _model_at(place[:-1])
    if reserved := _RESERVED.get((model, key)) if model else None:
        return reserved
    known = [field.alias or name for name, field in model.model_fields.items()] if model else []
    return "is not a known key" + (nearest(key, known) or f"; known here: {', '.join(known)}")


def _not_among(details: ErrorDetails) -> str:
    expected = str(details["ctx"]["expected"]).replace("'", '"').replace(" or ", ", ")
    known = [word.strip('" ') for word in expected.split(",")]
    value = details["input"]
    hint = nearest(value, known) if isinstance(value, str) else ""
    return f"{_shown(value)} is not one of {', '.join(known)}{hint}"


def _shown(value: object) -> str:
    # Containers may hold what should have been a secret's reference; their kind is enough.
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value[:60]}"' if isinstance(value, str) else str(value)[:60]


def _model_at(place: Place) -> type[BaseModel] | None:
    """The model of the table at a place of the file."""
    annotation: Any = Config
    for part in place:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = annotation.model_fields
            found = next((field for name, field in fields.items() if (field.alias or name) == part), None)
            if found is None:
                return None
            annotation = _inner(found.annotation)
        elif typing.get_origin(annotation) is list:
            annotation = _inner(typing.get_args(annotation)[0])
        elif typing.get_origin(annotation) is dict:
            annotation = _inner(typing.get_args(annotation)[1])
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _inner(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next((one for one in typing.get_args(annotation) if one is not type(None)), annotation)
    return annotation
