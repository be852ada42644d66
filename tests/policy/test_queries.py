"""Origins of the columns of queries, step by step."""

from __future__ import annotations

import pytest

from hoopfast.policy.facts import Unanalysable
from hoopfast.policy.modifications import Modifications
from hoopfast.policy.parse import parse
from hoopfast.policy.scope import Output
from tests.policy.clinic import Clinic


def output(clinic: Clinic, sql: str) -> Output:
    (command,) = parse(sql).commands
    return Modifications(clinic.context()).query(command, None)


def origins(clinic: Clinic, sql: str) -> list[tuple[str, str, bool]]:
    """(name, sources as table.column, bare) of each output column."""
    found = output(clinic, sql)
    assert found.columns is not None
    named = []
    for name, origin in found.columns:
        labels = []
        for oid, number in sorted(origin.sources):
            relation = clinic.catalog.relations[oid]
            labels.append(f"{relation.name}.{relation.by_number[number].name if number > 0 else number}")
        named.append((name, " ".join(labels), origin.bare))
    return named


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT ssn FROM patients", [("ssn", "patients.ssn", True)]),
        ("SELECT p.ssn AS x FROM public.patients p", [("x", "patients.ssn", True)]),
        ("SELECT public.patients.ssn FROM public.patients", [("ssn", "patients.ssn", True)]),
        ("SELECT ssn || 'x' FROM patients", [("?column?", "patients.ssn", False)]),
        ("SELECT ssn::text FROM patients", [("ssn", "patients.ssn", False)]),
        ("SELECT a FROM (SELECT ssn FROM patients) q(a)", [("a", "patients.ssn", True)]),
        ("SELECT c2 FROM patients t(c1, c2)", [("c2", "patients.mrn", True)]),
        ("WITH t AS (SELECT ssn FROM patients) SELECT x.ssn FROM t x", [("ssn", "patients.ssn", True)]),
        ("WITH patients AS (SELECT name AS ssn FROM staff) SELECT ssn FROM patients", [("ssn", "staff.name", True)]),
        ("SELECT id FROM staff UNION SELECT id FROM visits", [("id", "staff.id visits.id", False)]),
        ("VALUES (1), (2)", [("column1", "", False)]),
        ("SELECT (SELECT name FROM staff LIMIT 1)", [("name", "staff.name", False)]),
        ("SELECT count(name) FROM staff", [("count", "", False)]),
        ("SELECT count(DISTINCT name) FROM staff", [("count", "staff.name", False)]),
        ("SELECT max(name) FROM staff", [("max", "staff.name", False)]),
        ("SELECT CASE WHEN name = 'x' THEN dept END FROM staff", [("case", "staff.name staff.dept", False)]),
        ("SELECT count(*) FILTER (WHERE name = 'x') FROM staff", [("count", "staff.name", False)]),
        ("SELECT id FROM staff s WHERE EXISTS (SELECT FROM visits WHERE staff_id = s.id)", [("id", "staff.id", True)]),
        ("SELECT x.n FROM staff s, LATERAL (SELECT s.name AS n) x", [("n", "staff.name", True)]),
        ("SELECT g FROM generate_series(1, 2) g", [("g", "", False)]),
        ("SELECT t.a FROM json_to_record('{}') AS t(a int)", [("a", "", False)]),
        ("SELECT tableoid FROM staff", [("tableoid", "staff.-6", True)]),
    ],
)
def test_origins(clinic: Clinic, sql: str, expected: list[tuple[str, str, bool]]) -> None:
    assert origins(clinic, sql) == expected


def test_a_sub_select_that_is_not_lateral_does_not_see_its_siblings(clinic: Clinic) -> None:
    context = clinic.context()
    (command,) = parse("SELECT x.n FROM staff s, (SELECT s.name AS n) x").commands
    Modifications(context).query(command, None)
    assert [finding.what for finding in context.facts.missing] == ["s.name"]


def test_recursive_queries_grow_until_they_settle(clinic: Clinic) -> None:
    sql = (
        "WITH RECURSIVE r(a, b) AS (SELECT 'x', 'y' UNION ALL SELECT r.b, p.ssn FROM r, patients p) SELECT a, b FROM r"
    )
    assert [sources for _name, sources, _bare in origins(clinic, sql)] == ["patients.ssn", "patients.ssn"]


def test_with_recursive_may_not_look_ahead(clinic: Clinic) -> None:
    found = output(clinic, "WITH RECURSIVE a AS (SELECT * FROM staff2), staff2 AS (SELECT ssn FROM patients) TABLE a")
    assert found.columns is None
    assert (0, 0) in found.rest.sources


def test_long_chains_need_no_recursion(clinic: Clinic) -> None:
    assert len(origins(clinic, "SELECT 1" + " UNION ALL SELECT 1" * 400)) == 1
    assert len(origins(clinic, "SELECT 1" + " + 1" * 900)) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM patients ORDER BY ssn",
        "SELECT id, ssn FROM patients ORDER BY 2",
        "SELECT ssn AS x FROM patients ORDER BY x",
        "SELECT id FROM patients GROUP BY id, ssn",
        "SELECT id FROM patients GROUP BY ROLLUP (id, ssn)",
        "SELECT id FROM patients GROUP BY id HAVING max(ssn) > 'a'",
        "SELECT DISTINCT ON (ssn) id FROM patients",
        "SELECT DISTINCT id, ssn FROM patients",
        "SELECT ssn FROM patients UNION SELECT 'x'",
        "SELECT rank() OVER (PARTITION BY ssn) FROM patients",
        "SELECT sum(id) OVER w FROM patients WINDOW w AS (ORDER BY ssn)",
        "SELECT string_agg(mrn, ',' ORDER BY ssn) FROM patients",
        "SELECT count(*) FILTER (WHERE ssn > 'a') FROM patients",
        "SELECT id FROM patients LIMIT (SELECT length(ssn) FROM patients LIMIT 1)",
        "SELECT id FROM patients OFFSET (SELECT length(ssn) FROM patients LIMIT 1)",
        "SELECT id FROM patients TABLESAMPLE system ((SELECT length(ssn) FROM patients LIMIT 1))",
        "SELECT u FROM patients, unnest(ARRAY[ssn]) u",
        "SELECT CASE ssn WHEN 'x' THEN 1 END FROM patients",
        "SELECT id FROM patients JOIN staff ON patients.ssn = staff.ssn",
    ],
)
def test_36_every_place_where_a_value_decides_about_rows(clinic: Clinic, sql: str) -> None:
    context = clinic.context()
    (command,) = parse(sql).commands
    Modifications(context).query(command, None)
    assert any("public.patients.ssn" in finding.what for finding in context.facts.refusals)


def test_a_form_without_a_rule_is_unanalysable(clinic: Clinic) -> None:
    with pytest.raises(Unanalysable):
        output(clinic, "SELECT * FROM pg_class NATURAL JOIN pg_get_keywords()")
