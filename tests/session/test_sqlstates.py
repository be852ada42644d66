"""The table of SQLSTATEs."""

from __future__ import annotations

from hoopfast.session.sqlstates import CONDITIONS, UNKNOWN, condition


def test_the_codes_have_their_form() -> None:
    assert all(len(code) == 5 and code.isalnum() and code.upper() == code for code in CONDITIONS)
    assert {"00000", "01000", "22P02", "23505", "40001", "42P01", "57014", "XX000"} <= CONDITIONS.keys()


def test_the_texts_hold_no_value() -> None:
    assert all(text and "%" not in text and '"' not in text for text in CONDITIONS.values())


def test_a_code_that_postgresql_does_not_have_is_not_shown() -> None:
    assert condition("7776A") == (UNKNOWN, "internal error")
    assert condition("23505")[0] == "23505"
