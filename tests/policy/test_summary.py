"""The journal's text of a statement: no comment, no literal, nothing of a text that cannot be parsed."""

from __future__ import annotations

import pytest

from hoopfast.policy.parse import parse
from hoopfast.policy.summary import digest, render, render_unparsed, shape

SECRET = "977-13-4281"


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("select a.b,c from t -- x\nwhere d=1", "SELECT a.b, c FROM t WHERE d = ?"),
        ("SELECT 'a'\n 'b', E'c', $$d$$, U&'e' UESCAPE '!', 1.5, X'1F', $1", "SELECT ?, ?, ?, ? UESCAPE ?, ?, ?, $1"),
        ("SELECT x::int[], count(*) FROM t", "SELECT x::int[], count(*) FROM t"),
        ("SELECT 1; ;", "SELECT ?"),
        ("SELECT 1; SELECT n'x' ;", "SELECT ?; SELECT ?"),
        ("SELECT a ? 'b' WHERE a IN (1)", "SELECT a ? ? WHERE a IN (?)"),
        (
            "SELECT a IN (1, 2.5, 'x'), ARRAY['a', 'b'], b IN (1, c), ARRAY[[1, 2]]",
            "SELECT a IN (?, ...), ARRAY[?, ...], b IN (?, c), ARRAY[[?, ?]]",
        ),
        ("SELECT s.in(1, 2), x.array[1], s.values(1), (2)", "SELECT s.IN (?, ?), x.ARRAY[?], s.values(?), (?)"),
        (
            "VALUES (1, 'a'), (2, 'b'), (3, DEFAULT), (4, DEFAULT), (5, 'c')",
            "VALUES (?, ?), ..., (?, DEFAULT), ..., (?, ?)",
        ),
        ("VALUES (ARRAY[1, 2]), (ARRAY[1, 2, 3]), (((4)))", "VALUES (ARRAY[?, ...]), ..., (((?)))"),
        (
            "INSERT INTO t VALUES (f(1), (VALUES (2), (3))), (f(4), (VALUES (5), (6), (7))) RETURNING a",
            "INSERT INTO t VALUES (f(?), (VALUES (?), ...)), ... RETURNING a",
        ),
    ],
)
def test_rendering(text: str, rendered: str) -> None:
    assert render(parse(text)) == rendered


@pytest.mark.parametrize(
    "text", ["VALUES (1", "VALUES (1),", "x IN (1, 2", "ARRAY[1,", "VALUES", "IN", "VALUES (1), (2), ("]
)
def test_what_is_cut_off_is_rendered_too(text: str) -> None:
    assert render_unparsed(text).count("(") <= text.count("(")


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT '{SECRET}' /* {SECRET} */ -- {SECRET}",
        f"SELECT $tag${SECRET}$tag$, E'{SECRET}', U&'{SECRET}'",
        f"COPY t FROM STDIN WITH (DELIMITER '{SECRET}')",
    ],
)
def test_no_literal_stands_in_it(text: str) -> None:
    assert SECRET not in render(parse(text))


def test_names_are_digested_where_there_is_doubt() -> None:
    rendered = render(parse(f'SELECT x AS "{SECRET}" FROM t'), names=False)
    assert SECRET not in rendered
    assert digest("x") in rendered


@pytest.mark.parametrize("text", [f"SELEC {SECRET}", f"'{SECRET}", f'SELECT "{SECRET}" FROM FROM', f"/* {SECRET}"])
def test_unparsed_texts_show_nothing(text: str) -> None:
    assert "4281" not in render_unparsed(text).replace("?", "")


def test_shapes_tell_statements_apart_and_literals_not() -> None:
    one, two = (shape(render(parse(f"SELECT a FROM t WHERE b = {n}"))) for n in (1, 2))
    assert one == two
    assert one != shape(render(parse("SELECT a FROM t WHERE c = 1")))
    assert len(one) == 16
