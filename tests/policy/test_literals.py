"""The guard on literals: what an analysis sees is the same for all texts of a shape, or it is noted that it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoopfast.policy import expressions, literals
from hoopfast.policy.expressions import Expressions
from hoopfast.policy.facts import Unanalysable
from hoopfast.policy.literals import Literals
from hoopfast.policy.model import Origin, Statement, Verdict
from hoopfast.policy.parse import Unparsable, ast, parse
from hoopfast.policy.scope import CLEAN as CLEAN_ORIGIN
from hoopfast.policy.scope import Scope
from hoopfast.policy.summary import render_folded
from hoopfast.wire.lexer import shape
from hoopfast.wire.scanner import TokenKind
from tests.policy.clinic import KNOWN, Clinic
from tests.policy.test_engine import CLEAN, PLAIN, TOOLS
from tests.wire.sql_texts import LITERALS, filled, templates

unhurried = settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
KINDS = {
    TokenKind.INT4: "int4",
    TokenKind.INT8: "int8",
    TokenKind.NUMERIC: "numeric",
    TokenKind.STRING: "string",
    TokenKind.ESCAPE_STRING: "escape",
    TokenKind.UNICODE_STRING: "unicode",
    TokenKind.NATIONAL_STRING: "national",
    TokenKind.BIT_STRING: "bit",
    TokenKind.HEX_STRING: "hex",
    TokenKind.DOLLAR_STRING: "dollar",
}
# Allowed, and decided without a look at any literal.
INDEPENDENT = [
    "SELECT name FROM staff WHERE id = 1",
    "SELECT name FROM staff WHERE id = -1 AND name <> 'x' AND ssn > E'\\n' OR dept = $$a$$ OR name = U&'\\0041'",
    "SELECT name FROM staff WHERE id IN (1, 2, 3)",
    "SELECT name FROM staff WHERE id NOT IN (1, 2) OR id IN (-1, 2) OR id IN (1, 2.5, NULL) OR id IN (-1.5, 2)",
    "SELECT name FROM staff WHERE id = ANY (ARRAY[1, 2, 3]) LIMIT 10 OFFSET 5",
    "SELECT name FROM staff FETCH FIRST 5 ROWS ONLY",
    "SELECT id, ssn FROM patients WHERE id IN (1, 2) LIMIT 7",
    "SELECT dept, count(*) FROM staff WHERE name = 'x' GROUP BY 1 ORDER BY 2 DESC",
    "SELECT DISTINCT ON (1) dept, name FROM staff ORDER BY 1",
    "SELECT name FROM staff UNION SELECT 'x' ORDER BY 1",
    "SELECT '2024-01-01'::date, interval '1' day, 1.5::numeric(10, 2), 'x'::varchar(3), b'01'::bit(2), '{1}'::int[3]",
    "SELECT interval(3) '1', TRUE, NULL, N'x', X'1F', 0.5, 99999999999, extract(year FROM now())",
    "SELECT current_setting('server_version'), setting FROM pg_settings WHERE name = 'work_mem'",
    "SELECT relname FROM pg_class WHERE oid = 'public.patients'::regclass",
    "SELECT jsonb_path_query('{}'::jsonb, '$.a'), '{}'::jsonb ? 'a', '{}'::jsonb -> 0",
    "SELECT xmlelement(name a, 'x'), position('a' IN 'b'), substring('abc' FROM 1 FOR 2)",
    "SELECT t.* FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c')) t (i, s)",
    "SELECT * FROM JSON_TABLE('[]', '$[*]' COLUMNS (a int PATH '$.a')) j",
    "SELECT * FROM staff TABLESAMPLE bernoulli (10) REPEATABLE (1)",
    "SELECT sum(id) OVER (ROWS 3 PRECEDING) FROM staff",
    "INSERT INTO visits (id, staff_id) VALUES (1, 2), (3, 4), (5, NULL), (6, NULL)",
    "INSERT INTO visits (id) VALUES (1), (2) ON CONFLICT (id) DO UPDATE SET cost = 5 WHERE visits.id > 3 RETURNING id",
    "UPDATE staff SET name = 'x', id = id + 1 WHERE dept = 'y'",
    "DELETE FROM staff WHERE id BETWEEN 1 AND 5",
    "MERGE INTO staff s USING visits v ON s.id = v.id AND v.cost > 1 WHEN MATCHED THEN UPDATE SET name = 'x'"
    " WHEN NOT MATCHED THEN INSERT (id, name) VALUES (1, 'y')",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT n FROM r",
]
# Allowed or not, with a literal that decides: one that was looked at, or that the tree holds where nobody looks.
DEPENDENT = [
    "SELECT id, ssn FROM patients ORDER BY 1",
    "SELECT ssn, id FROM patients ORDER BY 2",
    "SELECT DISTINCT ON (1) id, ssn FROM patients",
    "SELECT id, card FROM billing UNION ALL SELECT id, ssn FROM patients ORDER BY 1",
    "SELECT set_config('work_mem', '1MB', false)",
    "SELECT pg_catalog.set_config('search_path', '', false)",
    "SELECT set_config(name, 'view', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'",
    "SELECT pg_notify('channel', 'payload')",
    "SELECT pg_notify('channel'::text, $$payload$$)",
    "SELECT current_timestamp(3)",
    "SELECT current_time(0)",
    "SELECT position('a' IN ('b', 'c'))",
    "SELECT name FROM staff WHERE id IN ((1), (2))",
    "VALUES ((SELECT 1)), ((SELECT 2))",
    "VALUES (0), (-0)",
    "SELECT 1 INTO TEMP t",
    "SELECT 1; SELECT 2",
    "SHOW work_mem",
    "SET work_mem = '1MB'",
    "EXPLAIN SELECT 1",
    "COPY staff TO STDOUT",
    "DECLARE c CURSOR FOR SELECT 1",
    "PREPARE p AS SELECT 1",
    "FETCH 5 FROM c",
    "BEGIN",
    "NOTIFY a, 'b'",
    "TRUNCATE staff",
    "SELECT upper(ssn) FROM patients",  # refused
    "SELECT nope FROM staff WHERE id = 1",  # probed
    "SELEC 1",
    "",
]
VALUES = ["SELECT 7", "SELECT 'x'", "SELECT 1.5", "SELECT b'01'", "SELECT '1'::int[7]"]


def seen(node: Any) -> Any:
    """All that an analyser could see in a tree without a note being taken, places of the text aside."""
    if isinstance(node, tuple):
        return [seen(part) for part in node]
    if not isinstance(node, ast.Node):
        return node
    slots = type(node).__slots__
    if isinstance(slots, tuple):
        return type(node).__name__  # a guarded value
    return [type(node).__name__, *(seen(getattr(node, name)) for name in slots if slots[name].c_type != "ParseLoc")]


def key_of(text: str) -> bytes | None:
    found = shape(text.encode())
    return None if found is None or found.exact else found.key


@unhurried
@given(st.data())
def test_what_is_seen_of_texts_of_one_shape_is_the_same(data: st.DataObject) -> None:
    template = data.draw(templates)
    texts = ["".join(data.draw(filled(template))) for _ in range(2)]
    assert key_of(texts[0]) == key_of(texts[1])
    try:
        one, other = map(parse, texts)
    except Unparsable:
        return
    assert render_folded(one)[0] == render_folded(other)[0]
    first, second = Literals(one.commands[0]), Literals(other.commands[0])
    agree = [render_folded(text)[1] == found.folds for text, found in ((one, first), (other, second))]
    assert (first.read, agree[0]) == (second.read, agree[1])
    if agree[0] and not first.read:
        assert seen(one.commands[0]) == seen(other.commands[0])


def same_shape(text: str) -> st.SearchStrategy[str]:
    """The text with other literals of the same kinds in it."""
    found = shape(text.encode())
    assert found is not None
    encoded = text.encode()
    parts: list[st.SearchStrategy[str]] = []
    end = 0
    for token in found.literals:
        parts.append(st.just(encoded[end : token.offset].decode()))
        end = token.offset + token.length
        written = encoded[token.offset : end].decode()
        parts.append(st.just(written) | LITERALS[KINDS[token.kind]])
    return st.tuples(*parts, st.just(encoded[end:].decode())).map("".join)


@settings(unhurried, max_examples=400)
@given(st.data())
def test_a_decision_that_read_no_literal_holds_for_all_of_its_shape(clinic18: Clinic, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([*INDEPENDENT, *DEPENDENT, *PLAIN, *CLEAN, *TOOLS]))
    if shape(text.encode()) is None:
        return
    other = data.draw(same_shape(text))
    if key_of(text) is None or key_of(text) != key_of(other):
        return
    session = clinic18.session(writes="allow")
    one, two = (session.decide(each.encode(), (), KNOWN) for each in (text, other))
    if not (one.literals_matter and two.literals_matter):  # one of them may: `-0` is a literal to the tree
        assert replace(one, literals_matter=False) == replace(two, literals_matter=False), other


def decided(clinic: Clinic, text: str) -> Statement:
    return clinic.decide(text, writes="allow")


@pytest.mark.parametrize("text", INDEPENDENT)
def test_what_never_needs_the_text(clinic: Clinic, text: str) -> None:
    statement = decided(clinic, text)
    assert (statement.verdict, statement.message) == (Verdict.ALLOW, "")
    assert not statement.literals_matter


@pytest.mark.parametrize("text", DEPENDENT)
def test_what_always_needs_the_text(clinic: Clinic, text: str) -> None:
    assert decided(clinic, text).literals_matter


@pytest.mark.parametrize(
    ("form", "element"),
    [
        ("SELECT name FROM staff WHERE id IN ({})", "{}"),
        ("SELECT name FROM staff WHERE name NOT IN ({})", "'{}'"),
        ("SELECT ARRAY[{}]", "{}.5"),
        ("INSERT INTO visits (id, cost) VALUES {}", "({}, {}.5)"),
        ("INSERT INTO audit_log (what) VALUES {}", "(upper('{}') || (CASE WHEN 'a' IN ('b', 'c') THEN 'x' END))"),
        ("INSERT INTO visits (id, cost) VALUES (1, DEFAULT), {}, (7, NULL)", "({}, 2)"),
        ("SELECT * FROM (VALUES {}) v (a)", "(ARRAY[{}, 1, 2])"),
        ("SELECT name FROM staff WHERE id IN (VALUES {})", "({})"),
    ],
)
def test_two_and_two_hundred_are_one_decision(clinic: Clinic, form: str, element: str) -> None:
    texts = [form.format(", ".join(element.format(i, i) for i in range(n))) for n in (2, 3, 200)]
    assert len({key_of(text) for text in texts}) == 1
    statements = [decided(clinic, text) for text in texts]
    assert not statements[0].literals_matter
    assert statements[0] == statements[1] == statements[2]
    one = decided(clinic, form.format(element.format(1, 1)))
    assert not one.literals_matter
    assert one.summary.text != statements[0].summary.text, "one element is another shape"


def test_whoever_reads_one_of_a_list_gets_all_of_it(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    def reading(analyser: Expressions, node: Any, _scope: Scope) -> Origin:
        if node.rexpr[0].val.sval == "a" and any(element.val.sval == "role" for element in node.rexpr):
            raise Unanalysable("role")
        return CLEAN_ORIGIN

    monkeypatch.setitem(expressions._RULES, "A_Expr", reading)
    statements = [decided(clinic, f"SELECT 'x' IN ({each})") for each in ("'a', 'b', 'c'", "'a', 'b', 'c', 'role'")]
    assert [statement.verdict for statement in statements] == [Verdict.ALLOW, Verdict.DENY]
    assert statements[0].literals_matter


def test_a_literal_behind_the_second_is_seen_by_those_that_need_it(clinic: Clinic) -> None:
    rows = ", ".join("(1)" for _ in range(50))
    text = f"WITH v AS (VALUES {rows}) SELECT set_config('work_mem', '1MB', false), pg_notify('a', 'b') FROM v"
    assert decided(clinic, text).commands[0].notifies == (("a", "b"),)
    refused = "SELECT set_config(x, '1', false) FROM staff WHERE 'role' IN ('a', 'b', 'role')"
    assert decided(clinic, refused).verdict is Verdict.DENY


@pytest.mark.parametrize("text", VALUES)
def test_every_value_is_guarded(text: str) -> None:
    target = parse(text).commands[0].targetList[0].val
    value = target.val if isinstance(target, ast.A_Const) else target.typeName.arrayBounds[0]
    (attribute,) = type(value).__slots__
    plain = getattr(value, attribute)
    command = parse(text).commands[0]
    found = Literals(command)
    target = command.targetList[0].val
    guarded = target.val if isinstance(target, ast.A_Const) else target.typeName.arrayBounds[0]
    assert isinstance(guarded, type(value))
    assert type(guarded).__name__ == type(value).__name__
    assert list(guarded) == [attribute]
    assert not found.read
    assert getattr(guarded, attribute) == plain
    assert found.read


def test_what_was_taken_out_can_be_put_back() -> None:
    text = "SELECT 1 WHERE 1 IN (1, 2, 3, 4)"
    command, whole = parse(text).commands[0], parse(text).commands[0]
    found = Literals(command)
    assert len(command.whereClause.rexpr) == 2
    assert found.put_back()
    assert len(command.whereClause.rexpr) == 4
    assert [element.val.ival for element in command.whereClause.rexpr] == [
        element.val.ival for element in whole.whereClause.rexpr
    ]
    assert not found.put_back()


@pytest.mark.parametrize("text", ["CREATE TABLE t (a int)", "COPY t TO STDOUT WITH (DELIMITER ',')", "SELECT 1 INTO t"])
def test_a_node_that_nobody_thought_of_counts_as_read(text: str) -> None:
    assert Literals(parse(text).commands[0]).read


def test_too_deep_a_tree_counts_as_read() -> None:
    row = "(" + "upper(" * 495 + "'x'" + ")" * 496
    assert Literals(parse(f"VALUES {row}, {row}").commands[0]).read


def test_the_table_names_what_is_there() -> None:
    for name, attributes in literals._NO_LITERAL.items():
        assert set(attributes.split()) <= set(getattr(ast, name).__slots__), name
