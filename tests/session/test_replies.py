"""The queue of replies that the backend owes."""

from __future__ import annotations

from hoopfast.session.replies import Expected, Reply, ReplyQueue


def queue(*kinds: Reply) -> ReplyQueue:
    made = ReplyQueue()
    for number, kind in enumerate(kinds):
        made.push(Expected(kind, segment=number))
    return made


def test_replies_come_in_the_order_of_their_messages() -> None:
    replies = queue(Reply.PARSE, Reply.BIND)
    assert replies.head is not None
    assert replies.pop().kind is Reply.PARSE
    assert replies.pop().kind is Reply.BIND
    assert replies.head is None


def test_skipping_stops_before_sync() -> None:
    replies = queue(Reply.BIND, Reply.QUERY, Reply.SYNC, Reply.QUERY)
    skipped, found = replies.skip_to_sync()
    assert [entry.kind for entry in skipped] == [Reply.BIND, Reply.QUERY]
    assert found
    assert len(replies) == 2


def test_skipping_without_a_sync_empties_the_queue() -> None:
    replies = queue(Reply.BIND, Reply.EXECUTE)
    assert replies.skip_to_sync()[1] is False
    assert len(replies) == 0


def test_names_may_be_changed_by_earlier_segments_only() -> None:
    replies = ReplyQueue()
    replies.push(Expected(Reply.PARSE, segment=3, changes_names=True))
    assert replies.changes_names_before(4)
    assert not replies.changes_names_before(3)
