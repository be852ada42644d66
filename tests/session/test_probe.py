"""Texts that only the backend can judge (soundness 45)."""

from __future__ import annotations

from tests.session.scripted import play


def test_a_text_that_only_the_backend_can_judge_is_sent_as_a_parse() -> None:
    # Soundness 45.
    player = play(
        """
        F Query(b"strange")
        > Parse(b"", b"strange", ())
        > Sync()
        F Query(b"read")
        > drop
        B error(b"42601", b"syntax error at or near \\"strange\\"")
        < same
        > Query(b"read")
        B ReadyForQuery(b"I")
        < same
        """
    )
    assert player.recorder.story() == [("strange", "error"), ("read", "open")]


def test_a_text_that_the_backend_understands_and_we_do_not_is_refused() -> None:
    player = play(
        """
        F Query(b"strange")
        > Parse(b"", b"strange", ())
        > Sync()
        B ParseComplete()
        < drop
        > Close(b"S", b"")
        > Sync()
        B ReadyForQuery(b"I")
        < drop
        B CloseComplete()
        < drop
        B ReadyForQuery(b"I")
        < drop
        ! resume
        > refusal
        B error(b"42601", b"syntax error")
        < ours("42501", "cannot be analysed")
        B ReadyForQuery(b"I")
        < same
        """
    )
    assert player.catalog_asked == 1


def test_a_probe_in_the_extended_protocol() -> None:
    play(
        """
        F Parse(b"s", b"strange", ())
        > Parse(b"hoopfast probe", b"strange", ())
        > Flush()
        F Bind(b"", b"s", (), (), ())
        > drop
        B error(b"42601", b"syntax error")
        < same
        > drop
        F Sync()
        > same
        B ReadyForQuery(b"I")
        < same
        F Parse(b"s", b"read", ())
        > same
        """
    )
