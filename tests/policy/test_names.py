"""Names as the server resolves them."""

from __future__ import annotations

import psycopg
import pytest

from hoopfast.policy.names import Names, cut
from tests.policy.clinic import Clinic


@pytest.mark.parametrize("name", ["short", "x" * 64, "é" * 40, "x" + "é" * 31 + "yy", "€" * 30])
def test_names_are_cut_as_the_server_does(clinic: Clinic, name: str) -> None:
    with psycopg.connect(clinic.dsn) as connection:
        description = connection.execute(f'SELECT 1 AS "{name}"').description
    assert description is not None
    assert description[0].name == cut(name)


def test_the_first_schema_that_has_it(clinic: Clinic) -> None:
    names = Names(clinic.catalog, ("pg_catalog", "shadow", "public"))
    assert [entry.label for entry in names.relations(None, "staff")] == ["shadow.staff"]
    assert [entry.label for entry in names.relations("public", "staff")] == ["public.staff"]
    assert names.relations(None, "no_such") == []
    assert names.relations(None, "pg_class")[0].system
    assert Names(clinic.catalog, ("pg_catalog",)).relations(None, "staff") == []


def test_all_of_them_while_the_path_is_not_known(clinic: Clinic) -> None:
    found = Names(clinic.catalog, None).relations(None, "staff")
    assert {entry.label for entry in found} == {"public.staff", "shadow.staff"}


def test_composite_types_are_no_relations(clinic: Clinic) -> None:
    names = Names(clinic.catalog, ("pg_catalog", "public"))
    assert names.relations(None, "contact_t") == []
    assert [entry.kind for entry in names.types(None, "contact_t")] == ["c"]


def test_temporary_schemas_only_if_they_are_ours(clinic: Clinic) -> None:
    assert Names(clinic.catalog, ("pg_catalog",)).relations("pg_temp", "staff") == []
