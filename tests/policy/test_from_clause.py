"""What the items of FROM make visible."""

from __future__ import annotations

import pytest

from hoopfast.policy.modifications import Modifications
from hoopfast.policy.parse import parse
from tests.policy.clinic import UNKNOWN, Clinic


def columns(clinic: Clinic, sql: str) -> list[str] | None:
    context = clinic.context()
    (command,) = parse(sql).commands
    output = Modifications(context).query(command, None)
    assert not context.facts.missing, context.facts.missing
    return None if output.columns is None else [name for name, _origin in output.columns]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM shadow.staff", "id name ssn"),
        ("SELECT * FROM shadow.staff s JOIN legacy.patients p USING (id)", "id name ssn full_name ssn"),
        ("SELECT * FROM shadow.staff NATURAL JOIN legacy.patients", "id ssn name full_name"),
        ("SELECT * FROM shadow.staff a, people b", "id name ssn id full_name"),
        ("SELECT b.* FROM shadow.staff a, people b", "id full_name"),
        ("SELECT (a).* FROM people a", "id full_name"),
        ("SELECT * FROM (people a JOIN shadow.staff b USING (id)) j(x, y)", "x y name ssn"),
        ("SELECT j.id FROM people a JOIN shadow.staff b USING (id) AS j", "id"),
        ("SELECT * FROM people a LEFT JOIN LATERAL (SELECT a.id AS q) z ON true", "id full_name q"),
        ("SELECT generate_series FROM generate_series(1, 2)", "generate_series"),
        ("SELECT * FROM json_to_recordset('[]') AS t(a int, b text)", "a b"),
        ("SELECT t.x FROM generate_series(1, 2) AS t(x)", "x"),
        ("SELECT k.word FROM pg_get_keywords() k", "word"),
        ("SELECT x.a FROM XMLTABLE('/r' PASSING ('<r/>'::xml) COLUMNS a int) x", "a"),
        ("SELECT j.a FROM JSON_TABLE('{}', '$' COLUMNS (a int PATH '$.a')) j", "a"),
        ("SELECT * FROM people TABLESAMPLE bernoulli (10)", "id full_name"),
        ("SELECT * FROM ONLY people", "id full_name"),
        ("SELECT * FROM (VALUES (1, 2)) v(a)", "a column2"),
    ],
)
def test_star(clinic: Clinic, sql: str, expected: str) -> None:
    assert columns(clinic, sql) == expected.split()


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM pg_get_keywords()", "SELECT * FROM generate_series(1, 2) WITH ORDINALITY"]
)
def test_columns_that_are_not_all_known(clinic: Clinic, sql: str) -> None:
    assert columns(clinic, sql) is None


def test_relations_are_noted(clinic: Clinic) -> None:
    draft = clinic.draft("SELECT 1 FROM staff JOIN v_pub ON true WHERE EXISTS (SELECT FROM visits)")
    assert {relation.label for relation in draft.facts.reads.values()} == {
        "public.staff",
        "public.v_pub",
        "public.visits",
    }
    assert draft.facts.guarded is not None
    assert draft.facts.guarded.what == "public.v_pub"


def test_an_ambiguous_name_is_fine_where_none_is_protected(clinic: Clinic) -> None:
    draft = clinic.draft("SELECT id FROM visits", UNKNOWN)
    assert draft.facts.guarded is None


def test_a_sampling_method_is_code(clinic: Clinic) -> None:
    assert clinic.draft("SELECT id FROM staff TABLESAMPLE mine (1)").facts.opaque
