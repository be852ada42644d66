"""Parsing, its guards, and the comparison with the server's own keywords."""

from __future__ import annotations

from typing import Any

import pytest

from hoopfast.policy.parse import (
    CHECKED_SETATTR,
    TooComplex,
    Unparsable,
    ast,
    children,
    non_ascii_token,
    parse,
    scan,
    strange_to_server,
)
from tests.policy.clinic import Clinic

NESTED = {
    "operators": "SELECT 1" + " + 1" * 100_000,
    "unions": "SELECT 1" + " UNION SELECT 1" * 100_000,
    "casts": "SELECT a" + "::int" * 100_000,
    "subscripts": "SELECT a" + "[1]" * 100_000,
    "calls": "SELECT 1" + " + f(1, 2)" * 100_000,
    "joins": "SELECT 1 FROM a" + " CROSS JOIN b" * 100_000,
    "parentheses": "SELECT " + "(" * 9_000 + "1" + ")" * 9_000,
}
TREES = [
    "SELECT DISTINCT a.b, count(*) FILTER (WHERE c), TRUE, NULL, -1, 1.5, 'x', b'01', $1, CURRENT_TIME(3), x[1:2]"
    " FROM ONLY a LEFT JOIN b USING (c) WHERE a IN (1, 2) GROUP BY GROUPING SETS ((a), ()) WINDOW w AS (ORDER BY a DESC"
    " NULLS LAST ROWS 1 PRECEDING) ORDER BY 1 FETCH FIRST 1 ROWS WITH TIES FOR UPDATE NOWAIT",
    "WITH RECURSIVE r AS MATERIALIZED (SELECT 1 UNION ALL SELECT 2) SEARCH DEPTH FIRST BY a SET s TABLE r",
    "SELECT * FROM JSON_TABLE('[]', '$' COLUMNS (a int PATH '$.a' NULL ON EMPTY)) j,"
    " XMLTABLE('/' PASSING x COLUMNS y int)",
    "INSERT INTO t (a) OVERRIDING USER VALUE VALUES (1), (DEFAULT) ON CONFLICT (a) DO UPDATE SET a = 1 RETURNING *",
    "MERGE INTO t USING s ON a = b WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN DO NOTHING RETURNING 1",
    "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY, b text STORAGE plain REFERENCES s ON DELETE CASCADE,"
    " CHECK (a > 1)) PARTITION BY RANGE (a)",
    "CREATE FUNCTION f(a int, OUT b text) LANGUAGE sql STRICT AS 'SELECT 1'",
    "COPY t (a) FROM STDIN WITH (FORMAT csv, HEADER true) WHERE a > 1",
    "ALTER TABLE t ADD COLUMN a int, DROP COLUMN b CASCADE",
    "GRANT SELECT (a), UPDATE ON t TO PUBLIC WITH GRANT OPTION",
    "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 1; FETCH BACKWARD ALL FROM c; SET LOCAL x TO 1, 'y'; BEGIN READ ONLY",
    "CREATE TRIGGER t BEFORE INSERT OR UPDATE OF a ON t FOR EACH ROW WHEN (true) EXECUTE FUNCTION f(1)",
]


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_what_would_end_the_process_is_not_parsed(text: str) -> None:
    with pytest.raises((TooComplex, Unparsable)):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 WHERE 1 IN (" + ",".join(f"-{i}" for i in range(20_000)) + ")",
        "SELECT 1 WHERE " + " OR ".join(f"a = -{i}" for i in range(10_000)),
        "VALUES " + ",".join(f"({i}, 'x' || 'y')" for i in range(10_000)),
        ";".join("SELECT 1 + 1" for _ in range(5_000)),
    ],
    ids=["in list", "or", "values", "commands"],
)
def test_long_is_not_deep(text: str) -> None:
    assert parse(text).commands


def test_positions_count_characters_from_one() -> None:
    with pytest.raises(Unparsable) as caught:
        parse("SELECT 'é' FROM FROM x")
    assert caught.value.position == 17
    with pytest.raises(Unparsable) as caught:
        parse("SELECT 1\0")
    assert caught.value.position == 9


def test_commands_and_tokens() -> None:
    parsed = parse("SELECT 1; /* x */ DELETE FROM t")
    assert [type(command).__name__ for command in parsed.commands] == ["SelectStmt", "DeleteStmt"]
    assert "C_COMMENT" in [token.name for token in parsed.tokens]
    with pytest.raises(Unparsable):
        scan("SELECT 'x")


def test_children_are_all_nodes_below() -> None:
    (command,) = parse("SELECT f(a), (SELECT b) FROM t WHERE c IN (1, 2) ORDER BY d").commands
    seen = []
    waiting = [command]
    while waiting:
        node = waiting.pop()
        seen.append(node)
        waiting += children(node)
    names = {node.fields[0].sval for node in seen if isinstance(node, ast.ColumnRef)}
    assert names == {"a", "b", "c", "d"}


def dumped(node: Any) -> Any:
    if isinstance(node, ast.Boolean):
        return bool(node.boolval)
    if isinstance(node, ast.Node):
        return [type(node), *((name, dumped(getattr(node, name))) for name in type(node).__slots__)]
    return [dumped(part) for part in node] if isinstance(node, tuple) else (type(node), node)


@pytest.mark.parametrize("text", TREES)
def test_trees_are_the_same_without_pglasts_checks(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = dumped(parse(text).commands)
    assert CHECKED_SETATTR is not None
    monkeypatch.setattr(ast.Node, "__setattr__", CHECKED_SETATTR, raising=False)
    assert dumped(parse(text).commands) == plain


@pytest.mark.needs_postgres15
@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ("SELECT system_user FROM su", "system_user"),
        ("SELECT json_scalar(1)", "json_scalar"),
        ("SELECT merge_action ()", "merge_action"),
        ("SELECT 0x1F", "0x1F"),
        ("SELECT 1_000", "1_000"),
        ('SELECT "system_user" FROM su', None),
        ("SELECT '0x1F', x::json, json FROM t", None),
        ("SELECT upper(a), now() FROM t WHERE b LIKE 'system_user'", None),
    ],
)
def test_what_an_older_server_reads_otherwise(
    clinic15: Clinic, clinic18: Clinic, text: str, strange: str | None
) -> None:
    parsed = parse(text)
    found = strange_to_server(parsed, clinic15.catalog.keywords, clinic15.catalog.server_version)
    assert (text[found.start : found.end + 1] if found else None) == strange
    assert strange_to_server(parsed, clinic18.catalog.keywords, clinic18.catalog.server_version) is None


def test_non_ascii_outside_literals() -> None:
    assert non_ascii_token(parse("SELECT 'é' -- ü")) is None
    found = non_ascii_token(parse('SELECT "é"'))
    assert found is not None
    assert found.start == 7
