"""Mask plans: which description a result is masked by."""

from __future__ import annotations

from tests.session.scripted import play


def test_a_protected_column_is_masked_by_its_origin() -> None:
    player = play(
        """
        F Query(b"secret")
        > same
        B text_columns(P, (1, 1))
        < same
        B DataRow((b"777-65-9863", b"a"))
        < DataRow((b"x", b"a"))
        B CommandComplete(b"SELECT 1")
        < same
        B ReadyForQuery(b"I")
        < same
        """
    )
    assert player.recorder.endings[1].masked_cells == 1


def test_each_result_of_a_string_has_its_own_plan() -> None:
    play(
        """
        F Query(b"both")
        > same
        B text_columns(P)
        < same
        B DataRow((b"a",))
        < same
        B CommandComplete(b"SELECT 1")
        < same
        B text_columns(P)
        < same
        B DataRow((b"secret",))
        < DataRow((b"x",))
        B CommandComplete(b"SELECT 1")
        < same
        B ReadyForQuery(b"I")
        < same
        """
    )


def test_a_result_that_nobody_predicted_is_masked_whole() -> None:
    # Soundness 32: a rule DO ALSO SELECT makes a plain INSERT return rows, whose origin is 0, 0.
    play(
        """
        F Query(b"write")
        > same
        B text_columns((0, 0), (0, 0))
        < same
        B DataRow((b"secret", b"more"))
        < DataRow((None, None))
        B CommandComplete(b"INSERT 0 1")
        < same
        B ReadyForQuery(b"I")
        < same
        """
    )


def test_the_extended_protocol_of_a_clean_statement_costs_no_message() -> None:
    play(
        """
        F Parse(b"s", b"read", ())
        > same
        F Bind(b"", b"s", (), (), ())
        > same
        F Execute(b"", 0)
        > same
        F Sync()
        > same
        B ParseComplete()
        < same
        B BindComplete()
        < same
        B DataRow((b"a", b"b"))
        < same
        B CommandComplete(b"SELECT 1")
        < same
        B ReadyForQuery(b"I")
        < same
        F Bind(b"", b"s", (), (), ())
        > same
        F Execute(b"", 0)
        > same
        F Sync()
        > same
        """
    )


def test_a_portal_that_is_not_clean_is_described_before_it_is_executed() -> None:
    # Soundness 1: a description made earlier is no witness for this execution.
    player = play(
        """
        F Parse(b"s", b"secret", ())
        > same
        F Describe(b"S", b"s")
        > same
        F Sync()
        > same
        B ParseComplete()
        < same
        B ParameterDescription(())
        < same
        B text_columns((1, 1))
        < same
        B ReadyForQuery(b"I")
        < same
        F Bind(b"", b"s", (), (), ())
        > same
        F Execute(b"", 0)
        > Describe(b"P", b"")
        > same
        F Sync()
        > same
        B BindComplete()
        < same
        B text_columns(P)
        < drop
        B DataRow((b"secret",))
        < DataRow((b"x",))
        B CommandComplete(b"SELECT 1")
        < same
        B ReadyForQuery(b"I")
        < same
        """
    )
    assert player.recorder.story() == [("secret", "completed")]


def test_a_portal_that_the_frontend_described_is_not_described_again() -> None:
    play(
        """
        F Parse(b"", b"secret", ())
        > same
        F Bind(b"", b"", (), (), ())
        > same
        F Describe(b"P", b"")
        > same
        F Execute(b"", 2)
        > same
        F Flush()
        > same
        B ParseComplete()
        < same
        B BindComplete()
        < same
        B text_columns(P)
        < same
        B DataRow((b"s",))
        < DataRow((b"x",))
        B PortalSuspended()
        < same
        F Execute(b"", 2)
        > same
        F Sync()
        > same
        B DataRow((b"s",))
        < DataRow((b"x",))
        B CommandComplete(b"SELECT 1")
        < same
        """
    )


def test_a_portal_owns_its_plan_from_bind_on() -> None:
    # Soundness 4: Parse '' A; Bind p1; Parse '' B; Bind p2; Execute p1 still runs A.
    play(
        """
        F Parse(b"", b"secret", ())
        > same
        F Bind(b"p1", b"", (), (), ())
        > same
        F Parse(b"", b"read", ())
        > same
        F Bind(b"p2", b"", (), (), ())
        > same
        F Execute(b"p1", 0)
        > Describe(b"P", b"p1")
        > same
        F Execute(b"p2", 0)
        > same
        F Sync()
        > same
        B ParseComplete()
        < same
        B BindComplete()
        < same
        B ParseComplete()
        < same
        B BindComplete()
        < same
        B text_columns(P)
        < drop
        B DataRow((b"secret",))
        < DataRow((b"x",))
        B CommandComplete(b"SELECT 1")
        < same
        B DataRow((b"a",))
        < same
        B CommandComplete(b"SELECT 1")
        < same
        """
    )
