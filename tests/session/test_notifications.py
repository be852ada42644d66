"""Notifications and their payloads (soundness 48)."""

from __future__ import annotations

from tests.session.scripted import play


def test_notifications_pass_if_this_gateway_forwarded_them() -> None:
    play(
        """
        F Query(b"notify")
        > same
        B CommandComplete(b"NOTIFY")
        < same
        B NotificationResponse(1, b"ch", b"hello")
        < same
        B NotificationResponse(1, b"ch", b"secret row")
        < NotificationResponse(1, b"ch", b"")
        B ReadyForQuery(b"I")
        < same
        """
    )
