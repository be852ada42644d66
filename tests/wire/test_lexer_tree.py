"""What a shape promises: texts of one shape have one syntax tree, constants aside, and values do not count."""

from __future__ import annotations

import random
from itertools import groupby
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pglast.parser import ParseError, parse_sql

from hoopfast.wire.lexer import shape
from tests.wire.sql_texts import FRAGMENTS, filled, templates

PLACES = ("location", "list_start", "list_end", "stmt_len")


def constant(node: dict[str, Any]) -> str:
    """A constant without its value: what sort of token it was."""
    if node.get("isnull"):
        return "NULL"
    value = node["val"]
    if value["@"] == "Boolean":
        return f"Boolean {value['boolval']}"
    return f"BitString {value['bsval'][0]}" if value["@"] == "BitString" else str(value["@"])


def bare(node: Any, *, folded: bool) -> Any:
    """A syntax tree without places and values; `folded`: and without the number of what the lexer folds."""
    if isinstance(node, dict):
        if node.get("@") == "A_Const":
            return constant(node)
        if node.get("@") == "Integer":
            return "Integer"
        tree = {key: bare(value, folded=folded) for key, value in node.items() if not key.endswith(PLACES)}
        if folded:
            for key in ("rexpr", "elements"):
                items = tree.get(key)
                if isinstance(items, list) and len(items) > 1 and all(item == items[0] for item in items):
                    tree[key] = [items[0], "..."]
            if "valuesLists" in tree:
                groups = [(row, len(list(alike))) for row, alike in groupby(tree["valuesLists"])]
                tree["valuesLists"] = [(row, count > 1) for row, count in groups]
        return tree
    if isinstance(node, list | tuple):
        return [bare(item, folded=folded) for item in node]
    return node


def outcome(text: str, *, folded: bool) -> Any:
    """What the parser makes of a text: a tree, or nothing."""
    try:
        parsed = parse_sql(text)
    except ParseError:
        return None
    return [bare(statement(skip_none=True), folded=folded) for statement in parsed]


def key(text: str, *, fold: bool) -> bytes | None:
    found = shape(text.encode(), fold=fold)
    return found.key if found is not None and not found.exact else None


unhurried = settings(
    deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@unhurried
@given(st.data())
def test_values_do_not_count_and_the_tree_is_the_same(data: st.DataObject) -> None:
    template = data.draw(templates)
    first, second = ("".join(data.draw(filled(template))) for _ in range(2))
    assert key(first, fold=True) is not None
    assert key(first, fold=True) == key(second, fold=True)
    assert outcome(first, folded=True) == outcome(second, folded=True)
    if key(first, fold=False) == key(second, fold=False):
        assert outcome(first, folded=False) == outcome(second, folded=False)
    else:
        assert any(not isinstance(part, str) and (part.many or part.rows) for part in template)


def test_most_generated_statements_parse() -> None:
    parsed = []

    @settings(unhurried, max_examples=200, database=None)
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        text = "".join(data.draw(filled(data.draw(templates))))
        parsed.append(outcome(text, folded=False) is not None)

    collect()
    assert sum(parsed) > 0.6 * len(parsed)


@unhurried
@given(st.data())
def test_a_mutation_that_keeps_the_shape_keeps_the_tree(data: st.DataObject) -> None:
    text = "".join(data.draw(filled(data.draw(templates))))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 5)))
    other = text[:start] + data.draw(st.sampled_from(FRAGMENTS)) + text[end:]
    for fold in (True, False):
        if key(text, fold=fold) == key(other, fold=fold) is not None:
            assert outcome(text, folded=fold) == outcome(other, folded=fold)


def test_soup_of_one_shape_parses_alike() -> None:
    # Short texts of few pieces, so that many have one shape.
    pieces = [
        "select ", "values ", "(", ")", ",", "1", "2", "'a'", "'b'", "E'\\\\u0041'", "E'c'", "U&'\\0041'", "U&'d'",
        "U&'!'", " uescape ", "'!'",
        "'?'", " in ", "array", "[", "]", "x", ".", "float", " ", "-", "+", "::", "0x1", "1.0", "\n", "--\n", "/**/",
        "$1", "N'a'", "n", "in(1,2)",
        "in(1,2,3)", "array[1,2]", "array[1,2,3]", "(1),(2)", "(3),(4),(5)", "e", "b'1'", "25", "24", "float(24)",
        "float(25)", '"a"', "U&\"a\"",
        "case when ", " then ", " end", "not ", "position", "interval ", "date ", "limit ", " from ",
    ]  # fmt: skip
    chosen = random.Random(20_240_101)
    seen: dict[tuple[bool, bytes], tuple[str, Any]] = {}
    compared = alike = 0
    for _ in range(30_000):
        text = chosen.choice(["select ", "select x ", "values ", "select x in(", "values (1)"])
        text += "".join(chosen.choices(pieces, k=chosen.randint(1, 6)))
        for fold in (True, False):
            found = key(text, fold=fold)
            if found is None:
                continue
            made = outcome(text, folded=fold)
            before = seen.setdefault((fold, found), (text, made))
            assert before[1] == made, (before[0], text)
            compared += before[0] != text
            alike += before[0] != text and made is not None
    assert compared > 2000
    assert alike > 200
