"""Trust in functions and operators, and the reviewed table itself."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from hoopfast.policy.functions import Trust, function_trust, operator_trust, reviewed, type_is_trusted
from tests.policy.clinic import Clinic


def none_listed(_schema: str, _name: str) -> bool:
    return False


@pytest.mark.parametrize(
    ("schema", "name", "trust"),
    [
        (None, "upper", Trust.PURE),
        ("pg_catalog", "lower", Trust.PURE),
        (None, "lower", Trust.OPAQUE),  # shadow.lower(varchar): soundness 12
        (None, "nextval", Trust.WRITE),
        (None, "pg_advisory_lock", Trust.HARMLESS),
        (None, "query_to_xml", Trust.OPAQUE),
        (None, "ts_rewrite", Trust.OPAQUE),
        (None, "pg_read_file", Trust.OPAQUE),
        (None, "fn_unread", Trust.OPAQUE),
        ("public", "fn_unread", Trust.OPAQUE),
        ("legacy", "fn_unread", Trust.UNKNOWN),
        (None, "no_such_function", Trust.UNKNOWN),
        ("public", "upper", Trust.UNKNOWN),
        ("information_schema", "_pg_expandarray", Trust.PURE),
    ],
)
def test_functions(clinic: Clinic, schema: str | None, name: str, trust: Trust) -> None:
    found = function_trust(clinic.catalog, schema, name, none_listed)
    assert found in ({Trust.PURE, Trust.HARMLESS} if schema == "information_schema" else {trust})


def test_listed_functions_are_pure(clinic: Clinic) -> None:
    assert function_trust(clinic.catalog, None, "fn_unread", lambda schema, name: name == "fn_unread") is Trust.PURE


def test_operators(clinic: Clinic) -> None:
    catalog = clinic.catalog
    assert operator_trust(catalog, None, "||", none_listed) is Trust.PURE
    assert operator_trust(catalog, None, "#+#", none_listed) is Trust.OPAQUE
    assert operator_trust(catalog, "pg_catalog", "#+#", none_listed) is Trust.UNKNOWN
    assert operator_trust(catalog, None, "#+#", lambda schema, name: name == "op_join") is Trust.PURE
    assert operator_trust(catalog, None, "<%%>", none_listed) is Trust.UNKNOWN


@pytest.mark.needs_postgres15
def test_trusted_extensions_do_not_make_built_ins_doubtful(clinic15: Clinic) -> None:
    with psycopg.connect(clinic15.dsn, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION IF NOT EXISTS tablefunc")
    from tests.policy.clinic import read_catalog

    catalog = read_catalog(clinic15.dsn)
    assert function_trust(catalog, None, "replace", none_listed) is Trust.PURE
    assert operator_trust(catalog, None, "=", none_listed) is Trust.PURE
    assert function_trust(catalog, None, "crosstab", none_listed) is Trust.OPAQUE
    citext = catalog.type_named("public", "citext")
    assert citext is not None
    assert type_is_trusted(catalog, citext.oid)


@pytest.mark.parametrize("version", [pytest.param(15, marks=pytest.mark.needs_postgres15), 18])
def test_the_table_names_functions_of_the_server(request: pytest.FixtureRequest, version: int) -> None:
    clinic: Clinic = request.getfixturevalue(f"clinic{version}")
    names = {name for name in reviewed() if "." not in name}
    assert len(names & clinic.catalog.builtin_functions) > 1500
    with psycopg.connect(clinic.dsn) as connection:
        languages: dict[Any, Any] = dict(
            connection.execute(
                "SELECT p.proname, bool_or(p.prorettype IN ('internal'::regtype, 'trigger'::regtype)) FROM pg_proc p"
                " WHERE p.pronamespace = 'pg_catalog'::regnamespace GROUP BY 1"
            ).fetchall()
        )
    assert not [name for name in names if languages.get(name)], "nobody may call these"


def test_no_name_stands_in_two_sections() -> None:
    from importlib import resources

    text = resources.files("hoopfast.policy").joinpath("data/functions.txt").read_text()
    names = [word for line in text.splitlines() if line[:1] not in ("#", "[") for word in line.split()]
    assert len(names) == len(set(names))


def test_what_reads_data_is_not_in_the_table() -> None:
    reading = (
        "query_to_xml table_to_xml schema_to_xml database_to_xml cursor_to_xml ts_stat ts_rewrite lo_get loread"
        " lo_import lo_export pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file pg_stat_get_activity"
        " pg_mcv_list_items"
        " pg_logical_slot_get_changes pg_terminate_backend pg_reload_conf pg_prepared_statement pg_cursor"
    )
    assert not [name for name in reading.split() if name in reviewed()]


def test_types(clinic: Clinic) -> None:
    catalog = clinic.catalog
    trusted = {name: type_is_trusted(catalog, entry.oid) for name in ("zip_t", "mood", "contact_t")
               for entry in catalog.types_by_name[name]}  # fmt: skip
    assert trusted == {"zip_t": True, "mood": True, "contact_t": True}
    assert type_is_trusted(catalog, 25)
    assert type_is_trusted(catalog, 1009)
    assert not type_is_trusted(catalog, 0)
