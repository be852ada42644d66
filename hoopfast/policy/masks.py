"""Masks by type: what stands in for a value, as bytes of the result's format, that its reader will accept.

Owns the redacted value of every type in text and binary. A redacted value depends on nothing but type and format, so
that neither the value nor its length can be read off it (soundness 58); a type without one gets NULL (soundness 59).
Which column has which mask is protection.py's business, and putting it into rows wire/'s.
"""

from __future__ import annotations

import struct
from typing import Protocol

from hoopfast.policy.catalog import Catalog, Type
from hoopfast.policy.model import NULL, CellAction, CellRule

__all__ = ["Mask", "cell_rule", "fits"]


class Mask(Protocol):
    """A mask as the configuration has it (config/masks.py)."""

    @property
    def name(self) -> str:
        """redact, null, constant, keep_first, keep_last or date_year."""

    @property
    def n(self) -> int:
        """How many characters stay."""

    @property
    def text(self) -> str:
        """What a constant is."""


_REDACTED = b"***"
_TEXTS = frozenset(("text", "varchar", "bpchar", "name", "citext"))
_TEXT_OUTPUT = frozenset(("cstring", "unknown", "refcursor"))  # shown as text, and redacted like it, but never in part
_RANGE_EMPTY = b"\x01"  # RANGE_EMPTY, src/include/utils/rangetypes.h
_NUMERIC_ZERO = struct.pack("!hhHh", 0, 0, 0, 0)  # ndigits, weight, sign, dscale; numeric_send
_FIXED: dict[str, tuple[bytes, bytes]] = {  # type name → (text, binary)
    "int2": (b"0", struct.pack("!h", 0)),
    "int4": (b"0", struct.pack("!i", 0)),
    "int8": (b"0", struct.pack("!q", 0)),
    "oid": (b"0", struct.pack("!I", 0)),
    "xid": (b"0", struct.pack("!I", 0)),
    "cid": (b"0", struct.pack("!I", 0)),
    "xid8": (b"0", struct.pack("!q", 0)),
    "float4": (b"0", struct.pack("!f", 0)),
    "float8": (b"0", struct.pack("!d", 0)),
    "numeric": (b"0", _NUMERIC_ZERO),
    "money": (b"$0.00", struct.pack("!q", 0)),
    "bool": (b"f", b"\x00"),
    "char": (b"*", b"*"),
    "bytea": (b"\\x", b""),
    "uuid": (b"00000000-0000-0000-0000-000000000000", bytes(16)),
    "date": (b"1970-01-01", struct.pack("!i", -10957)),  # days since 2000-01-01
    "time": (b"00:00:00", struct.pack("!q", 0)),
    "timetz": (b"00:00:00+00", struct.pack("!qi", 0, 0)),
    "timestamp": (b"1970-01-01 00:00:00", struct.pack("!q", -946684800000000)),  # microseconds since 2000-01-01
    "timestamptz": (b"1970-01-01 00:00:00+00", struct.pack("!q", -946684800000000)),
    "interval": (b"00:00:00", struct.pack("!qii", 0, 0, 0)),
    "inet": (b"0.0.0.0", b"\x02\x20\x00\x04" + bytes(4)),  # family, bits, is_cidr, length, address; network.c
    "cidr": (b"0.0.0.0/32", b"\x02\x20\x01\x04" + bytes(4)),
    "macaddr": (b"00:00:00:00:00:00", bytes(6)),
    "macaddr8": (b"00:00:00:00:00:00:00:00", bytes(8)),
    "json": (b"null", b"null"),
    "jsonb": (b"null", b"\x01null"),
    "xml": (b"<redacted/>", b"<redacted/>"),
    "tsvector": (b"", struct.pack("!i", 0)),
    "hstore": (b"", struct.pack("!i", 0)),
    "bit": (b"0", struct.pack("!i", 1) + b"\x00"),
    "varbit": (b"", struct.pack("!i", 0)),
    "point": (b"(0,0)", struct.pack("!dd", 0, 0)),
    "pg_lsn": (b"0/0", struct.pack("!q", 0)),
}

_YEAR_FORMS = {"date": (0, 3), "timestamp": (1, 4), "timestamptz": (2, 4)}  # type name → (text, binary); wire/dates.pxd


def cell_rule(catalog: Catalog, mask: Mask, type_oid: int, result_format: int) -> CellRule:
    """What to do with the cells of a column of this type, sent in this format (0 text, 1 binary)."""
    if mask.name == "null" or result_format not in (0, 1):
        return NULL
    declared = catalog.types.get(type_oid)
    base = catalog.base_type(type_oid)
    if declared is None or base is None:
        return NULL
    if mask.name in ("keep_first", "keep_last", "constant") and _is_text(base):
        if mask.name == "constant":
            return CellRule(CellAction.FIXED, fixed=mask.text.encode())
        return CellRule(CellAction.KEEP_FIRST if mask.name == "keep_first" else CellAction.KEEP_LAST, n=mask.n)
    fixed = _redacted(catalog, base, result_format)
    if fixed is None:
        return NULL
    if mask.name == "date_year" and _is_date(base):
        return CellRule(CellAction.DATE_YEAR, fixed=fixed, n=_YEAR_FORMS[base.name][result_format])
    return CellRule(CellAction.FIXED, fixed=fixed)


def fits(catalog: Catalog, mask: Mask, type_oid: int) -> bool:
    """Whether a mask does to values of this type what its name says, and not just `redact`."""
    base = catalog.base_type(type_oid)
    if mask.name == "date_year":
        return base is not None and _is_date(base)
    return mask.name in ("redact", "null") or (base is not None and _is_text(base))


def _is_date(entry: Type) -> bool:
    return entry.name in _YEAR_FORMS and entry.oid < 16384


def _is_text(entry: Type) -> bool:
    return entry.name in _TEXTS and (entry.oid < 16384 or entry.extension is not None)


def _redacted(catalog: Catalog, entry: Type, result_format: int) -> bytes | None:
    if entry.kind in ("r", "m"):
        return _redacted_range(entry, result_format)
    if entry.kind != "b":
        return None  # enums and composites: no value of theirs says nothing
    if entry.category == "A" and entry.element:
        if result_format == 0:
            return b"{}"
        return struct.pack("!iiI", 0, 0, entry.element)
    if entry.oid >= 16384 and entry.extension is None:
        return None
    if entry.name in _TEXTS or entry.name in _TEXT_OUTPUT:
        return _REDACTED
    found = _FIXED.get(entry.name)
    return found[result_format] if found is not None else None


def _redacted_range(entry: Type, result_format: int) -> bytes:
    if entry.kind == "m":
        return b"{}" if result_format == 0 else struct.pack("!i", 0)
    return b"empty" if result_format == 0 else _RANGE_EMPTY
