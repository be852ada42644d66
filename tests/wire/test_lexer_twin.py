"""Agreement of the lexer with its naive twin."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hoopfast.wire.lexer import shape
from tests.wire.naive_lexer import NotLexable
from tests.wire.naive_shape import naive_shape
from tests.wire.sql_texts import soup, statements


def assert_twin_agrees(text: bytes, *, fold: bool) -> None:
    found = shape(text, fold=fold)
    try:
        expected = naive_shape(text, fold=fold)
    except NotLexable:
        assert found is None
        return
    assert found is not None
    assert tuple(found) == tuple(expected)


@settings(deadline=None, max_examples=1500)
@given(soup, st.booleans())
def test_soup(text: str, fold: bool) -> None:
    assert_twin_agrees(text.encode(), fold=fold)


@settings(deadline=None, max_examples=300)
@given(statements(), st.booleans(), st.data())
def test_statements(parts: list[str], fold: bool, data: st.DataObject) -> None:
    text = "".join(parts)
    assert_twin_agrees(text.encode(), fold=fold)
    # … and with a piece taken out of it.
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    assert_twin_agrees((text[:start] + text[end:]).encode(), fold=fold)
