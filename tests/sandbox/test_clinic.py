"""hoopfast/sandbox/clinic.py and clinic.sql: the same rows everywhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hoopfast.sandbox import clinic
from hoopfast.sandbox.postgres import ThrowawayPostgres
from tests.support.servers import ROLE


@pytest.fixture(scope="module")
def loaded(postgres: ThrowawayPostgres) -> Iterator[ThrowawayPostgres]:
    clinic.load(postgres, owner=ROLE)
    yield postgres
    postgres.psql("DROP DATABASE clinic WITH (FORCE)")


def test_same_rows_on_every_server(loaded: ThrowawayPostgres) -> None:
    digests = {
        table: loaded.psql(f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM {table} t", clinic.DATABASE)
        for table in clinic.TABLES
    }
    assert {table: text.strip() for table, text in digests.items()} == {
        "departments": "8|408e997b2a3973c0bb9d13d6c9fd8dd0",
        "patients": "50000|dbb23a01006cba02fec41813c1235ff1",
        "visits": "100000|32752aa9a3970bb0caf9ad0bb2e08465",
        "bills": "100000|50e28b4afcca01cceb9e82a1d49129ac",
    }


def test_no_real_numbers(loaded: ThrowawayPostgres) -> None:
    sql = """SELECT count(*) FROM patients WHERE ssn !~ '^9\\d\\d-\\d\\d-\\d{4}$'
             UNION ALL SELECT count(*) FROM bills WHERE card_number !~ '^9999(-\\d{4}){3}$'"""
    assert loaded.psql(sql, clinic.DATABASE).split() == ["0", "0"]


def test_tables_belong_to_the_role(loaded: ThrowawayPostgres) -> None:
    owners = loaded.psql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", clinic.DATABASE)
    assert owners.split() == [ROLE]
