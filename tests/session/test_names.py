"""The names of prepared statements and portals."""

from __future__ import annotations

from tests.session.scripted import play


def test_sql_prepare_and_protocol_bind_share_a_name() -> None:
    play(
        """
        F Query(b"prepare")
        > same
        B CommandComplete(b"PREPARE")
        < same
        B ReadyForQuery(b"I")
        < same
        F Bind(b"", b"p", (), (), ())
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
        F Query(b"execute")
        > same
        B text_columns(P)
        < same
        B DataRow((b"secret",))
        < DataRow((b"x",))
        B CommandComplete(b"SELECT 1")
        < same
        B ReadyForQuery(b"I")
        < same
        F Query(b"deallocate")
        > same
        B CommandComplete(b"DEALLOCATE")
        < same
        B ReadyForQuery(b"I")
        < same
        F Query(b"execute")
        > refusal
        """
    )


def test_declare_and_protocol_execute_share_a_name() -> None:
    play(
        """
        F Query(b"begin")
        > same
        B CommandComplete(b"BEGIN")
        < same
        B ReadyForQuery(b"T")
        < same
        F Query(b"declare")
        > same
        B CommandComplete(b"DECLARE CURSOR")
        < same
        B ReadyForQuery(b"T")
        < same
        F Query(b"fetch")
        > same
        B text_columns(P)
        < same
        B DataRow((b"secret",))
        < DataRow((b"x",))
        B CommandComplete(b"FETCH 1")
        < same
        B ReadyForQuery(b"T")
        < same
        F Execute(b"c", 1)
        > Describe(b"P", b"c")
        > same
        F Sync()
        > same
        B text_columns(P)
        < drop
        B DataRow((b"secret",))
        < DataRow((b"x",))
        B PortalSuspended()
        < same
        B ReadyForQuery(b"I")
        < same
        F Query(b"fetch")
        > refusal
        """
    )


def test_opaque_code_leaves_no_known_name() -> None:
    play(
        """
        F Query(b"prepare")
        > same
        B CommandComplete(b"PREPARE")
        < same
        B ReadyForQuery(b"I")
        < same
        F Query(b"opaque")
        > same
        B CommandComplete(b"DO")
        < same
        B ReadyForQuery(b"I")
        < same
        F Query(b"execute")
        > own question
        B own answer
        < drop
        > refusal
        """
    )
