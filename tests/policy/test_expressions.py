"""Expressions: every kind of node has a rule, and what evaluating it may do is noted."""

from __future__ import annotations

import pytest

from hoopfast.policy.expressions import Expressions
from hoopfast.policy.facts import Facts, Unanalysable
from hoopfast.policy.modifications import Modifications
from hoopfast.policy.parse import ast, parse
from hoopfast.policy.scope import Scope
from tests.policy.clinic import Clinic

PURE = [
    "1 + id",
    "name LIKE 'x'",
    "name ILIKE 'x'",
    "name SIMILAR TO 'x'",
    "id BETWEEN 1 AND 2",
    "id IN (1, 2)",
    "id = ANY (ARRAY[1])",
    "name IS DISTINCT FROM 'x'",
    "nullif(id, 1)",
    "coalesce(name, dept)",
    "greatest(id, 1)",
    "CASE id WHEN 1 THEN 2 ELSE 3 END",
    "ARRAY[id]",
    "ROW(id, name)",
    "(ARRAY[1])[id]",
    "(s).name",
    'name COLLATE "C"',
    "id::text",
    "CAST(id AS numeric(5, 2))",
    "current_date",
    "current_user",
    "session_user",
    "interval '1 day'",
    "extract(year FROM now())",
    "now() AT TIME ZONE 'UTC'",
    "count(*) OVER (PARTITION BY dept ORDER BY id ROWS 1 PRECEDING)",
    "percentile_cont(0.5) WITHIN GROUP (ORDER BY id)",
    "string_agg(name, ',' ORDER BY id)",
    "json_build_object('a', id)",
    "row_to_json(s)",
    "json_object('a': id)",
    "json_array(id)",
    "json_value('{}', '$.a')",
    "json_scalar(1)",
    "'{}' IS JSON",
    "xmlelement(name a, id)",
    "xmlforest(id AS a)",
    "$1",
    "s",
    "id IS NULL",
    "(id > 1) IS TRUE",
    "NOT (id > 1)",
    "EXISTS (SELECT 1)",
    "id IN (SELECT id FROM visits)",
    "ARRAY(SELECT id FROM visits)",
    "overlay(name PLACING 'x' FROM 1)",
    "trim(BOTH ' ' FROM name)",
    "position('a' IN name)",
    "(id, name) = (1, 'x')",
    "grouping(id)",
    "collation for (name)",
    "pg_typeof(id)",
    "to_char(now(), 'YYYY')",
    "regexp_replace(name, 'a', 'b')",
    "generate_series(1, 2)",
    "make_interval(days => 1)",
    "format('%s', name)",
    "concat(name, id)",
    "hashtext(name)",
    "gen_random_uuid()",
]


def facts(clinic: Clinic, expression: str) -> Facts:
    context = clinic.context()
    (command,) = parse(f"SELECT {expression} FROM staff s GROUP BY id").commands
    Modifications(context).query(command, None)
    return context.facts


@pytest.mark.parametrize("expression", PURE)
def test_pure_expressions(clinic: Clinic, expression: str) -> None:
    found = facts(clinic, expression)
    assert (found.opaque, found.missing, found.refusals, found.writing) == ([], [], [], [])


@pytest.mark.parametrize(
    "expression",
    [
        "fn_unread(id)",
        "lower(name)",
        "name #+# 'x'",
        "'x'::noted",
        "CAST('x' AS noted)",
        "noted('x')",
        "ARRAY['x']::noted[]",
        "json_value('{}', '$.a' RETURNING noted)",
        "XMLSERIALIZE(CONTENT '<a/>'::xml AS noted)",
        "query_to_xml('x', true, false, '')",
        "(SELECT fn_unread(1))",
        "coalesce(fn_unread(1), 2)",
        "count(*) FILTER (WHERE fn_unread(1) > 0)",
        "count(*) OVER (ORDER BY fn_unread(id))",
        "max(id ORDER BY fn_unread(id))",
        "(ARRAY[1])[fn_unread(1)]",
    ],
)
def test_12_14_unread_code_is_found_wherever_it_stands(clinic: Clinic, expression: str) -> None:
    assert facts(clinic, expression).opaque


def test_qualified_built_ins_are_known(clinic: Clinic) -> None:
    assert not facts(clinic, "pg_catalog.lower(name)").opaque
    assert not facts(clinic, "name OPERATOR(pg_catalog.||) 'x'").opaque


@pytest.mark.parametrize(
    ("expression", "refused"),
    [
        ("set_config('work_mem', '5MB', false)", False),
        ("set_config('TimeZone', $1, false)", False),
        ("set_config($1, 'x', false)", True),
        ("set_config(name, 'x', false)", True),
        ("set_config('ro' || 'le', 'x', false)", True),
        ("set_config('client_encoding', $1, false)", True),
        ("pg_advisory_lock(42)", False),
        ("pg_advisory_lock((SELECT length(ssn) FROM patients LIMIT 1))", True),
        ("nextval((SELECT ssn FROM patients LIMIT 1))", True),
    ],
)
def test_22_arguments_that_decide(clinic: Clinic, expression: str, refused: bool) -> None:
    assert bool(facts(clinic, expression).refusals) is refused


def test_writing_functions_are_noted(clinic: Clinic) -> None:
    assert facts(clinic, "nextval('audit_log_id_seq')").writing


def test_names_that_are_not_there(clinic: Clinic) -> None:
    for expression in ("nope", "s.nope", "nope.id", "nope(1)", "1 <%%> 2", "'x'::nope"):
        assert facts(clinic, expression).missing, expression


def test_a_node_without_a_rule_is_unanalysable(clinic: Clinic) -> None:
    analyser = Expressions(clinic.context())
    with pytest.raises(Unanalysable):
        analyser.value(ast.RangeVar(relname="x"), Scope())
    with pytest.raises(Unanalysable):
        analyser.query(ast.SelectStmt(), None)
