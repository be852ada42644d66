"""Names that change under a statement's feet: every transcript here once showed rows by another statement's plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hoopfast.policy.model import Command, Kind, Rows
from tests.session.scripted import READ, STATEMENTS, Player, allow, read

CLEAN_CURSOR = Command("DECLARE CURSOR", Kind.SESSION, declares="c", declared=READ, clean=True)
CLEAN_PREPARE = Command("PREPARE", Kind.SESSION, prepares="p", prepared=READ, clean=True)
MORE = {
    "prepare read": allow("prepare read", CLEAN_PREPARE),
    "write; prepare": allow("write; prepare", *STATEMENTS["write"].commands, *STATEMENTS["prepare"].commands),
    "write; deallocate": allow("write; deallocate", *STATEMENTS["write"].commands, *STATEMENTS["deallocate"].commands),
    "declare read": allow("declare read", CLEAN_CURSOR),
    "close": allow("close", Command("CLOSE CURSOR", Kind.SESSION, closes="c", clean=True)),
    "opaque read": allow("opaque read", replace(read(), opaque=True)),
    "discard": allow("discard", Command("DISCARD ALL", Kind.SESSION, discards_all=True, clean=True)),
}
BEGUN = """
    F Query(b"begin")
    > same
    B CommandComplete(b"BEGIN")
    < same
    B ReadyForQuery(b"T")
    < same
"""


@pytest.fixture(params=(0, 1, 5, 11))
def player(request: pytest.FixtureRequest) -> Player:
    """A player that cuts every message in two, and knows MORE."""
    one = Player(request.param)
    one.policy.statements.update(MORE)
    return one


def done(text: str, tag: str, status: str = "I") -> str:
    """A Query, and its answer without rows."""
    return f"""
        F Query(b"{text}")
        > same
        B CommandComplete(b"{tag}")
        < same
        B ReadyForQuery(b"{status}")
        < same
    """


def parsed(name: str, text: str) -> str:
    """A Parse, and its answer."""
    return f"""
        F Parse(b"{name}", b"{text}", ())
        > same
        F Sync()
        > same
        B ParseComplete()
        < same
        B ReadyForQuery(b"I")
        < same
    """


def test_a_fetch_that_is_under_way_keeps_its_cursor(player: Player) -> None:
    # The rows of the first cursor wait in the portal's store; the name means another cursor by now.
    player.play(BEGUN + done("declare", "DECLARE CURSOR", "T"))
    player.play(
        """
        F Parse(b"f", b"fetch", ())
        > same
        F Bind(b"f", b"f", (), (), ())
        > same
        F Execute(b"f", 1)
        > Describe(b"P", b"f")
        > same
        F Sync()
        > same
        B ParseComplete()
        < same
        B BindComplete()
        < same
        B text_columns(P)
        < drop
        B DataRow((b"secret",))
        < DataRow((b"x",))
        B PortalSuspended()
        < same
        B ReadyForQuery(b"T")
        < same
        """
        + done("close", "CLOSE CURSOR", "T")
        + done("declare read", "DECLARE CURSOR", "T")
        + """
        F Describe(b"P", b"f")
        > same
        F Execute(b"f", 0)
        > same
        F Sync()
        > same
        B text_columns(P)
        < same
        B DataRow((b"secret",))
        < DataRow((b"x",))
        B CommandComplete(b"FETCH 1")
        < same
        B ReadyForQuery(b"T")
        < same
        """
    )


def test_an_execute_that_names_another_statement_than_at_bind_is_refused(player: Player) -> None:
    # PostgreSQL runs the new statement and describes its rows as the old one's.
    player.play(done("prepare read", "PREPARE"))
    player.play(
        """
        F Parse(b"e", b"execute", ())
        > same
        F Bind(b"e", b"e", (), (), ())
        > same
        F Describe(b"P", b"e")
        > same
        F Parse(b"", b"deallocate", ())
        > same
        F Bind(b"", b"", (), (), ())
        > same
        F Execute(b"", 0)
        > same
        F Parse(b"", b"prepare", ())
        > same
        F Bind(b"", b"", (), (), ())
        > same
        F Execute(b"", 0)
        > same
        F Execute(b"e", 0)
        > refusal
        """
    )


def test_a_utility_commands_portal_is_not_executed_under_other_names(player: Player) -> None:
    # COPY staff TO STDOUT looks staff up when it is executed; SET has come in between.
    player.policy.statements["copy out"] = STATEMENTS["copy out"]
    player.play(
        """
        F Parse(b"c", b"copy out", ())
        > same
        F Bind(b"c", b"c", (), (), ())
        > same
        F Parse(b"", b"set", ())
        > same
        F Bind(b"", b"", (), (), ())
        > same
        F Execute(b"", 0)
        > same
        """
    )
    player.policy.statements["copy out"] = allow("copy out", Command("COPY", Kind.READ, Rows.BY_ORIGIN, copy="out"))
    player.play('F Execute(b"c", 0)\n> refusal')


def test_a_statement_that_means_another_thing_is_prepared_again(player: Player) -> None:
    # A new relation comes before the old one in search_path: the server would go on with the old one.
    player.play(parsed("s", "secret"))
    player.policy.version = 2
    player.policy.statements["secret"] = allow("now clean", read())
    player.play(
        """
        F Bind(b"", b"s", (), (), ())
        > own question
        B own answer
        > Close(b"S", b"s")
        > Parse(b"s", b"secret", ())
        > Bind(b"", b"s", (), (), ())
        F Execute(b"", 0)
        > same
        F Sync()
        > same
        B CloseComplete()
        < drop
        B ParseComplete()
        < drop
        B BindComplete()
        < same
        B DataRow((b"public",))
        < same
        B CommandComplete(b"SELECT 1")
        < same
        B ReadyForQuery(b"I")
        < same
        F Bind(b"", b"s", (), (), ())
        > same
        """
    )


def test_execute_of_a_statement_that_means_another_thing_is_refused(player: Player) -> None:
    player.play(done("prepare", "PREPARE"))
    player.policy.version = 2
    player.policy.statements["prepare"] = allow("prepare", replace(CLEAN_PREPARE, prepared=allow("now clean", read())))
    player.play(
        """
        F Query(b"execute")
        > own question
        B own answer
        > refusal
        """
    )


def test_ddl_in_the_transaction_takes_decisions_again_although_the_basis_is_the_same(player: Player) -> None:
    player.play(parsed("s", "read"))
    player.play(BEGUN + done("ddl", "CREATE TABLE", "T"))
    player.policy.statements["read"] = player.policy.statements["drop"]
    player.play(
        """
        F Bind(b"", b"s", (), (), ())
        > own question
        B own answer
        > refusal
        """
    )


@pytest.mark.parametrize("text", ["write; prepare"])
def test_a_prepare_before_a_failing_commit_has_prepared(player: Player, text: str) -> None:
    # The deferred constraint's error comes in place of the last CommandComplete; no rollback undoes PREPARE.
    player.play(done("prepare read", "PREPARE"))
    for unnoticed in ("write; deallocate", text):
        player.play(
            f"""
            F Query(b"{unnoticed}")
            > same
            B CommandComplete(b"INSERT 0 1")
            < same
            B error(b"23505", b"duplicate key")
            < same
            B ReadyForQuery(b"I")
            < same
            """
        )
    player.play('F Query(b"execute")\n> refusal')


def opaque_portal(how: str) -> str:
    """A pipeline that runs opaque code and then binds a statement that it may have replaced."""
    run = 'F Execute(b"o", 0)\n> same' if how == "executed" else ""
    return f"""
        F Parse(b"o", b"opaque read", ())
        > same
        F Bind(b"o", b"o", (), (), ())
        > same
        {run}
        F Bind(b"", b"s", (), (), ())
        > Close(b"S", b"s")
        > Parse(b"s", b"read", ())
        > same
    """


@pytest.mark.parametrize("how", ["executed", "planned"])
def test_opaque_code_may_have_replaced_a_statement(player: Player, how: str) -> None:
    # Planning runs immutable functions, and what they call.
    player.play(parsed("s", "read"))
    player.play("\n".join(line for line in opaque_portal(how).splitlines() if line.strip()))


def test_opaque_code_that_fails_may_have_replaced_a_statement(player: Player) -> None:
    player.play(done("prepare read", "PREPARE"))
    player.play(
        """
        F Query(b"opaque")
        > same
        B error(b"P0001", b"raised")
        < withheld(b"P0001", b"raised")
        B ReadyForQuery(b"I")
        < same
        F Query(b"execute")
        > own question
        B own answer
        > refusal
        """
    )


def test_deallocate_all_and_discard_all_keep_the_unnamed_statement(player: Player) -> None:
    player.play(parsed("", "read"))
    player.play(
        """
        F Parse(b"d", b"discard", ())
        > same
        F Bind(b"d", b"d", (), (), ())
        > same
        F Execute(b"d", 0)
        > same
        F Sync()
        > same
        B ParseComplete()
        < same
        B BindComplete()
        < same
        B CommandComplete(b"DISCARD ALL")
        < same
        B ReadyForQuery(b"I")
        < same
        F Bind(b"", b"", (), (), ())
        > own question
        B own answer
        > Bind(b"", b"", (), (), ())
        """
    )


@pytest.mark.parametrize(
    ("tags", "outcomes"),
    [
        (("BEGIN", "INSERT 0 1", "ROLLBACK"), ["rolled back"]),
        (("BEGIN", "INSERT 0 1", "COMMIT"), ["committed"]),
        (("INSERT 0 1", "ROLLBACK", "INSERT 0 1"), ["rolled back", "committed"]),
    ],
)
def test_transactions_within_one_string_have_their_own_outcome(
    player: Player, tags: tuple[str, ...], outcomes: list[str]
) -> None:
    known = {"BEGIN": "begin", "COMMIT": "commit", "INSERT 0 1": "write"}
    rollback = Command("ROLLBACK", Kind.TRANSACTION, transaction="rollback", clean=True)
    commands = [rollback if tag == "ROLLBACK" else STATEMENTS[known[tag]].commands[0] for tag in tags]
    player.policy.statements["string"] = allow("string", *commands)
    answers = "".join(f'B CommandComplete(b"{tag}")\n< same\n' for tag in tags)
    player.play(f'F Query(b"string")\n> same\n{answers}B ReadyForQuery(b"I")\n< same')
    assert [outcome for _, _, outcome in player.recorder.transactions] == outcomes


def test_names_outside_ascii_are_one_name_only_in_utf_8(player: Player) -> None:
    # Under LATIN1 the bytes c3 a9 are another name for the server than the decoded text's é.
    player.play('B ParameterStatus(b"client_encoding", b"LATIN1")\n< same')
    player._feed("F", b"P\x00\x00\x00\x0e\xc3\xa9\x00read\x00\x00\x00")
    assert player.closed
    assert not player.to_backend
