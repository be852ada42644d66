"""A record as JSON bytes, and back: the only code that knows how a record is spelt.

One JSON object, UTF-8, no white space, fields in the order of records.py, all of them always there, after two that say
what it is: {"record":"execution","version":1,"time":…}. So the same record has the same bytes everywhere, and decoding
then encoding gives back what was read. Knows no frames and no disk.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

import orjson

from hoopfast.audit.records import KINDS, Execution, Record

_PREFIX = {
    record: b'{"record":"%s","version":%d,' % (record.kind.encode(), record.version) for record in KINDS.values()
}
_BEFORE_STATEMENT = _PREFIX[Execution] + b'"time":0,"session":"","sequence":0,"protocol":""'
_BEHIND_STATEMENT = b',"parameters":[],"literals":[]}'


class RecordError(ValueError):
    """Bytes that are no record which this version knows."""


def encode(record: Record) -> bytes:
    """The record's bytes. Never fails for a record whose fields have the declared types.

    What JSON in UTF-8 cannot say (lone surrogates, integers over 64 bits in a claim) is written as an escaped string.
    """
    return _PREFIX[type(record)] + _dumps(record)[1:]


def encode_string(value: str) -> bytes:
    """A string as `encode` spells it, quotes included."""
    return _dumps(value)


def encode_statement(record: Execution) -> bytes:
    """The part of an execution's bytes that its statement decides: from the comma before `shape` to that behind
    `protected`. What comes before and after is that of the one execution (recording.pyx)."""
    body = encode(dataclasses.replace(record, time=0, session="", sequence=0, protocol="", parameters=(), literals=()))
    if not body.startswith(_BEFORE_STATEMENT) or not body.endswith(_BEHIND_STATEMENT):
        raise RecordError("an execution is not spelt as it used to be")
    return body[len(_BEFORE_STATEMENT) : -len(_BEHIND_STATEMENT)]


def decode(body: bytes) -> Record:
    """The record that `body` spells; RecordError for anything that `encode` would not have written."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RecordError(f"not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise RecordError("not a JSON object")
    kind, version = fields.pop("record", None), fields.pop("version", None)
    record = KINDS.get(kind) if isinstance(kind, str) else None
    if record is None:
        raise RecordError(f"unknown kind of record {kind!r}")
    if version != record.version:
        raise RecordError(f"unknown version {version!r} of record {kind!r}")
    result: Record = _READERS[record](fields)
    if encode(result) != body:
        raise RecordError(f"{record.__name__}: spelt otherwise than it would be written")
    return result


def _dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(_sayable(value))


def _sayable(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _sayable(dataclasses.asdict(value))
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_sayable(str(key)): _sayable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_sayable(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value


_Reader = Callable[[Any], Any]


def _dataclass_reader(record: type) -> _Reader:
    hints = get_type_hints(record)
    readers = {item.name: _reader(hints[item.name]) for item in dataclasses.fields(record)}

    def read(value: Any) -> Any:
        if not isinstance(value, dict) or value.keys() != readers.keys():
            raise RecordError(f"the fields are not those of {record.__name__}")
        try:
            return record(**{name: readers[name](item) for name, item in value.items()})
        except (TypeError, ValueError) as error:
            raise RecordError(f"{record.__name__}: {error}") from None

    return read


def _reader(hint: Any) -> _Reader:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return _tuple_reader(_reader(arguments[0]))
    if origin in (Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return _optional_reader(_reader(inner))
    if origin is dict:
        return _plain_reader(dict)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass_reader(hint)
    return _plain_reader(hint)


def _plain_reader(expected: type) -> _Reader:
    def read(value: Any) -> Any:
        if type(value) is not expected:
            raise RecordError(f"{type(value).__name__} where {expected.__name__} belongs")
        return value

    return read


def _tuple_reader(item: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, list):
            raise RecordError(f"{type(value).__name__} where a list belongs")
        return tuple(map(item, value))

    return read


def _optional_reader(inner: _Reader) -> _Reader:
    return lambda value: None if value is None else inner(value)


_READERS = {record: _dataclass_reader(record) for record in KINDS.values()}
