"""Tests of hoopfast/gateway/probe.py: what `hoopfast check --connect` finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hoopfast import config
from hoopfast.config import Finding
from hoopfast.gateway.probe import probe_database
from hoopfast.sandbox.postgres import ThrowawayPostgres
from tests.gateway.running import Place

NewDatabase = Callable[[ThrowawayPostgres, str], str]
SCHEMA = "CREATE TABLE patients (id int, ssn text, born date); GRANT ALL ON patients TO hoop_app"


def probed(place: Place) -> list[Finding]:
    loaded = config.load(place.write())
    return probe_database(loaded, loaded.database[0])


@pytest.fixture
def clinic(tmp_path: Path, postgres18: ThrowawayPostgres, new_database: NewDatabase) -> Place:
    return Place(tmp_path, postgres18, new_database(postgres18, SCHEMA))


def test_nothing_is_wrong(clinic: Place) -> None:
    clinic.tables["policy"]["open"]["mask"] = [{"columns": ["public.patients.ssn"], "with": "keep_last(4)"}]
    assert probed(clinic) == []


def test_rules_that_match_nothing(clinic: Place) -> None:
    clinic.tables["policy"]["open"]["mask"] = [
        {"columns": ["public.patients.ssn"], "with": "redact"},
        {"columns": ["public.patients.snn", "nowhere.*.*"], "with": "redact"},
    ]
    found = probed(clinic)
    assert [(one.level, one.where) for one in found] == [("warning", "policy.open.mask[1]")] * 2
    assert "public.patients.snn matches no column" in found[0].message


def test_masks_that_do_not_fit(clinic: Place) -> None:
    clinic.tables["policy"]["open"]["mask"] = [{"columns": ["public.patients.born"], "with": "keep_last(4)"}]
    [found] = probed(clinic)
    assert "date" in found.message


def test_roles_that_may_do_too_much(clinic: Place, postgres18: ThrowawayPostgres) -> None:
    clinic.tables["database"][0]["user"] = "postgres"
    [found] = probed(clinic)
    assert found.level == "warning"
    assert "superuser" in found.message
    postgres18.psql("CREATE ROLE reader LOGIN BYPASSRLS; GRANT pg_read_server_files TO reader")
    clinic.tables["database"][0]["user"] = "reader"
    assert ["row-level" in one.message or "files" in one.message for one in probed(clinic)] == [True, True]


def test_a_database_that_cannot_be_reached(clinic: Place) -> None:
    clinic.tables["database"][0]["dbname"] = "not_there"
    [found] = probed(clinic)
    assert (found.level, found.where) == ("error", "database.db.dbname")
    assert 'has no database "not_there"' in found.message
    clinic.tables["database"][0]["port"] = 1
    [found] = probed(clinic)
    assert found.level == "error"
    assert "127.0.0.1:1: the database server cannot be reached: connection refused" in found.message


def test_a_server_that_refuses_the_role(clinic: Place) -> None:
    clinic.tables["database"][0]["user"] = "not_there"
    [found] = probed(clinic)
    assert (found.level, found.where) == ("error", "database.db")
    assert 'as "not_there" at 127.0.0.1:' in found.message
    assert "user, password and pg_hba.conf" in found.message


@pytest.mark.needs_postgres15
def test_an_encoding_that_is_not_utf8(tmp_path: Path, postgres15: ThrowawayPostgres) -> None:
    postgres15.psql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        [found] = probed(Place(tmp_path, postgres15, "latin"))
        assert "LATIN1" in found.message
    finally:
        postgres15.psql("DROP DATABASE latin")
