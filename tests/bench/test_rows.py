"""The masks' work alone."""

from __future__ import annotations

from bench import rows


def test_a_masked_row_takes_longer() -> None:
    framed, masked = (rows.time_rows(kind).p50 for kind in (rows.FRAMED, rows.MASKED_ROW))
    assert framed is not None
    assert masked is not None
    assert 1e-9 < framed < masked < 1e-4


def test_kinds_have_words() -> None:
    assert len({rows.described(kind) for kind in rows.KINDS}) == len(rows.KINDS) >= 2
    assert rows.described("a kind of another version") == "a kind of another version"
