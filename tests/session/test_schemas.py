"""The effective schemas: when they are asked for, and how the answer is read."""

from __future__ import annotations

import pytest

from hoopfast.session.schemas import array_of_names
from tests.session.scripted import play


def test_the_effective_schemas_are_asked_for_before_the_first_statement() -> None:
    play(
        """
        F Query(b"read")
        > own question
        B own answer
        < drop
        > Query(b"read")
        """,
        learn=False,
    )


def test_a_changed_setting_makes_the_schemas_unknown() -> None:
    play(
        """
        F Query(b"set")
        > same
        B CommandComplete(b"SET")
        < same
        B ReadyForQuery(b"I")
        < same
        F Query(b"read")
        > own question
        B own answer
        < drop
        > Query(b"read")
        """
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{}", ()),
        ("{pg_catalog,public}", ("pg_catalog", "public")),
        ('{pg_temp_3,"Odd Schema","a""b","c,d","e\\\\f",""}', ("pg_temp_3", "Odd Schema", 'a""b', "c,d", "e\\f", "")),
    ],
)
def test_arrays_of_names_are_read(text: str, names: tuple[str, ...]) -> None:
    assert array_of_names(text.replace('a""b', 'a\\"\\"b')) == names


def test_a_set_that_was_rolled_back_makes_the_schemas_unknown_again() -> None:
    play(
        """
        F Query(b"begin")
        > same
        B CommandComplete(b"BEGIN")
        < same
        B ReadyForQuery(b"T")
        < same
        F Query(b"set")
        > same
        B CommandComplete(b"SET")
        < same
        B ReadyForQuery(b"T")
        < same
        F Query(b"read")
        > own question
        B own answer
        < drop
        > same_read
        B CommandComplete(b"SELECT 0")
        < same
        B ReadyForQuery(b"T")
        < same
        F Query(b"commit")
        > same
        B CommandComplete(b"ROLLBACK")
        < same
        B ReadyForQuery(b"I")
        < same
        F Query(b"read")
        > own question
        """.replace("same_read", 'Query(b"read")')
    )


def test_a_transaction_command_does_not_ask() -> None:
    # SET TRANSACTION must come before any query of its transaction.
    play('F Query(b"begin")\n> same', learn=False)


def test_a_backend_that_will_not_say_is_not_asked_again_and_again() -> None:
    play(
        """
        F Query(b"read")
        > own question
        B error(b"57014", b"canceling statement due to statement timeout")
        < drop
        B ReadyForQuery(b"I")
        < drop
        > Query(b"read")
        """,
        learn=False,
    )
