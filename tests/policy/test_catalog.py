"""The catalog against the server that it was read from."""

from __future__ import annotations

import time

import psycopg
import pytest

from hoopfast.policy.catalog import Catalog
from tests.policy.clinic import Clinic


@pytest.fixture(params=[pytest.param(15, marks=pytest.mark.needs_postgres15), 18])
def either(request: pytest.FixtureRequest) -> Clinic:
    clinic: Clinic = request.getfixturevalue(f"clinic{request.param}")
    return clinic


def test_relations_and_columns_are_the_servers(either: Clinic) -> None:
    with psycopg.connect(either.dsn) as connection:
        found = connection.execute(
            "SELECT attrelid, attnum, attname, atttypid::int8 FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
            " WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v', 'm', 'S')"
        ).fetchall()
    mine = {
        (relation.oid, column.number, column.name, column.type_oid)
        for relation in either.catalog.relations.values()
        if relation.kind in "rpvmS"
        for column in relation.columns
    }
    assert mine == set(found)


def test_identity_and_version(either: Clinic) -> None:
    with psycopg.connect(either.dsn) as connection:
        row = connection.execute(
            "SELECT system_identifier::text, (SELECT oid::int8 FROM pg_database WHERE datname = current_database()),"
            " current_setting('server_version_num')::int FROM pg_control_system()"
        ).fetchone()
    assert row is not None
    assert (*either.catalog.identity, either.catalog.server_version) == row


def test_keywords_are_the_servers(clinic18: Clinic) -> None:
    assert clinic18.catalog.keywords["select"] == "R"
    assert clinic18.catalog.keywords["json_scalar"] == "C"
    assert "mrn" not in clinic18.catalog.keywords


@pytest.mark.needs_postgres15
def test_keywords_of_an_older_server(clinic15: Clinic) -> None:
    assert "json_scalar" not in clinic15.catalog.keywords
    assert "system_user" not in clinic15.catalog.keywords


def test_generated_columns_and_their_expressions(clinic: Clinic) -> None:
    patients = clinic.relation("patients")
    assert [column.name for column in patients.columns if column.generated] == ["initials", "room"]
    assert "full_name" in clinic.catalog.column_expressions[patients.oid][patients.by_name["initials"].number]


def test_families(clinic: Clinic) -> None:
    people, vip = clinic.relation("people"), clinic.relation("people_vip")
    assert clinic.catalog.family(vip.oid) == clinic.catalog.family(people.oid) == {people.oid, vip.oid}
    assert clinic.catalog.descendants(vip.oid) == {vip.oid}


def test_what_stands_behind_relations(clinic: Clinic) -> None:
    catalog = clinic.catalog
    patients, billing = clinic.relation("patients"), clinic.relation("billing")
    assert [(key.referencing, key.on_delete) for key in catalog.foreign_keys[patients.oid]] == [(billing.oid, "c")]
    assert catalog.view_relations[clinic.relation("v_contacts").oid] == {clinic.relation("v_patients").oid}
    assert len(catalog.row_triggers[clinic.relation("triggered").oid]) == 1
    assert "fn_unread" in catalog.policies[clinic.relation("secured").oid][0]
    assert "patients" in catalog.rules[clinic.relation("ruled").oid][0]
    assert clinic.source("patients.ssn") in catalog.unique_columns
    assert clinic.source("patients.mrn") not in catalog.unique_columns


def test_domains_over_types(clinic: Clinic) -> None:
    zip_t = clinic.catalog.type_named("public", "zip_t")
    assert zip_t is not None
    base = clinic.catalog.base_type(zip_t.oid)
    assert base is not None
    assert base.name == "text"


def test_building_takes_no_time(clinic: Clinic) -> None:
    results = clinic.catalog._results
    began = time.perf_counter()
    catalog = Catalog.build(results)
    assert time.perf_counter() - began < 0.15
    assert catalog.version == clinic.catalog.version
