"""What the end of a transaction undoes."""

from __future__ import annotations

from hoopfast.wire import backend, frontend
from tests.session.scripted import Player, play


def test_the_taint_lasts_to_the_end_of_the_transaction() -> None:
    play(
        """
        F Query(b"begin")
        > same
        B CommandComplete(b"BEGIN")
        < same
        B ReadyForQuery(b"T")
        < same
        F Query(b"secret")
        > same
        B CommandComplete(b"SELECT 0")
        < same
        B ReadyForQuery(b"T")
        < same
        F Query(b"commit")
        > same
        B error(b"23505", b"Key (k)=(SECRET-K) already exists")
        < withheld(b"23505", b"")
        B ReadyForQuery(b"I")
        < same
        F Query(b"read")
        > same
        B error(b"22012", b"division by zero")
        < same
        """
    )


def test_ddl_bumps_the_catalog_before_it_is_forwarded_and_when_its_transaction_ends() -> None:
    player = Player(0)
    first = player.conversation.frontend_data(frontend.Query(b"ddl").encode())
    assert first.catalog_changed
    assert first.to_backend
    done = backend.CommandComplete(b"CREATE TABLE").encode() + backend.ReadyForQuery(b"I").encode()
    assert player.conversation.backend_data(done).catalog_changed


def test_opaque_code_may_have_run_ddl() -> None:
    # A DO that replaces a view, and in the same pipeline a read of it: the catalog says nothing of either yet.
    player = Player(0)
    opaque = player.conversation.frontend_data(frontend.Query(b"opaque").encode())
    assert opaque.catalog_changed
    player.conversation.frontend_data(frontend.Query(b"begin").encode())
    assert player.policy.dirty[-2:] == [False, True]
