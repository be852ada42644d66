"""Redacted values, checked by the server: each must be a value of its type, in text and in binary."""

from __future__ import annotations

import psycopg
import pytest

from hoopfast.config.masks import MaskSpec
from hoopfast.policy.masks import cell_rule, fits
from hoopfast.policy.model import NULL, CellAction
from tests.policy.clinic import Clinic

REDACT = MaskSpec("redact")
TYPES = [
    *"int2 int4 int8 oid xid xid8 float4 float8 numeric money bool bytea uuid date time timetz timestamp".split(),
    "timestamptz",
    *"interval inet cidr macaddr macaddr8 json jsonb tsvector bit varbit point pg_lsn text varchar bpchar name".split(),
    *"int4range tstzrange int4multirange _int4 _text _date".split(),
]


def type_oid(clinic: Clinic, name: str, schema: str = "pg_catalog") -> int:
    entry = clinic.catalog.type_named(schema, name)
    assert entry is not None, name
    return entry.oid


@pytest.mark.parametrize("name", TYPES)
def test_redacted_values_are_values(clinic: Clinic, name: str) -> None:
    oid = type_oid(clinic, name)
    text, binary = (cell_rule(clinic.catalog, REDACT, oid, result_format) for result_format in (0, 1))
    assert text.action is binary.action is CellAction.FIXED
    with psycopg.connect(clinic.dsn, autocommit=True) as connection:
        result = connection.pgconn.exec_params(
            f"SELECT $1::pg_catalog.{name}, $2::pg_catalog.{name}, $1::pg_catalog.{name}::text = $2::text".encode(),
            [text.fixed, binary.fixed],
            [oid, oid],
            [0, 1],
        )
        assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message
        assert result.get_value(0, 2) == b"t", "text and binary are the same value"


def test_types_without_a_redacted_value_get_null(clinic: Clinic) -> None:
    for name in ("mood", "contact_t"):
        assert cell_rule(clinic.catalog, REDACT, type_oid(clinic, name, "public"), 0) == NULL
    assert cell_rule(clinic.catalog, REDACT, 999_999, 0) == NULL
    assert cell_rule(clinic.catalog, REDACT, type_oid(clinic, "record"), 0) == NULL
    assert cell_rule(clinic.catalog, REDACT, type_oid(clinic, "text"), 7) == NULL


def test_domains_are_what_they_are_made_of(clinic: Clinic) -> None:
    oid = type_oid(clinic, "zip_t", "public")
    assert cell_rule(clinic.catalog, REDACT, oid, 1) == cell_rule(clinic.catalog, REDACT, type_oid(clinic, "text"), 1)
    assert cell_rule(clinic.catalog, MaskSpec("keep_last", n=2), oid, 0).action is CellAction.KEEP_LAST


@pytest.mark.parametrize(
    "mask", [MaskSpec("keep_first", n=2), MaskSpec("keep_last", n=4), MaskSpec("constant", text="x")]
)
def test_parts_and_constants_are_for_text_only(clinic: Clinic, mask: MaskSpec) -> None:
    for name in ("text", "varchar", "bpchar", "name"):
        oid = type_oid(clinic, name)
        rule = cell_rule(clinic.catalog, mask, oid, 0)
        assert (rule.action, rule.n, rule.fixed) != (CellAction.FIXED, 0, b"***")
        assert fits(clinic.catalog, mask, oid)
    for name in ("int4", "date", "bytea", "_text", "json", "uuid"):
        oid = type_oid(clinic, name)
        assert cell_rule(clinic.catalog, mask, oid, 0) == cell_rule(clinic.catalog, REDACT, oid, 0)
        assert not fits(clinic.catalog, mask, oid)


def test_null_is_null_for_all(clinic: Clinic) -> None:
    assert cell_rule(clinic.catalog, MaskSpec("null"), type_oid(clinic, "text"), 0) == NULL
    assert fits(clinic.catalog, MaskSpec("null"), type_oid(clinic, "int4"))
