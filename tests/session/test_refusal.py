"""What the frontend is told: our own errors, and what may pass of the backend's."""

from __future__ import annotations

import pytest

from hoopfast.errors import PolicyDenied
from hoopfast.session.refusal import error_response, fatal_response, substitute_parse, substitute_query, withhold
from hoopfast.wire import backend, frontend

SECRET = b"777-65-9863"


def test_an_error_says_what_where_and_what_to_do() -> None:
    error = PolicyDenied("no DDL here", hint="ask", detail="rule ddl", position=3)
    fields = backend.ErrorResponse.decode(error_response(error)[5:]).fields
    expected = {"S": b"ERROR", "C": b"42501", "M": b"no DDL here", "H": b"ask", "D": b"rule ddl", "P": b"3"}
    assert {name: fields[name] for name in expected} == expected
    assert backend.ErrorResponse.decode(fatal_response(error)[5:]).fields["S"] == b"FATAL"


def test_the_substitutes_are_named_and_cannot_be_taken_for_sql() -> None:
    parse = frontend.Parse.decode(substitute_parse()[5:])
    assert parse.name  # so that the unnamed statement survives
    assert parse.text == frontend.Query.decode(substitute_query()[5:]).text


@pytest.mark.parametrize("field", list("SVCMDHPpqWstcdnFLR"))
def test_no_field_carries_a_value(field: str) -> None:
    # Soundness 46: HINT, SCHEMA, TABLE, COLUMN, DATATYPE, CONSTRAINT and even SQLSTATE do.
    fields = {"S": b"ERROR", "V": b"ERROR", "C": b"22P02", "M": b"m", field: SECRET}
    assert SECRET not in b"".join(withhold(fields).values())


def test_the_sqlstate_passes_if_postgresql_has_it() -> None:
    assert withhold({"V": b"ERROR", "C": b"23505"})["C"] == b"23505"
    assert withhold({"V": b"ERROR", "C": b"77765"})["C"] == b"XX000"


def test_the_severity_is_the_untranslated_one() -> None:
    assert withhold({"S": b"AVISO", "V": b"NOTICE", "C": b"00000"})["S"] == b"NOTICE"
