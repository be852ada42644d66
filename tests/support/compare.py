"""The same bytes through the gateway and straight to the server, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hoopfast.sandbox.sandbox import Sandbox
from tests.support.protocol import Frontend, Message
from tests.support.sandboxes import direct_as_role


@contextmanager
def side_by_side(box: Sandbox) -> Iterator[tuple[Frontend, Frontend]]:
    """A connection through the gateway and one to the server, signed in as the same role."""
    with Frontend.connect(box.gateway_dsn()) as gateway, Frontend.connect(direct_as_role(box)) as direct:
        yield gateway, direct


def shown(messages: list[Message]) -> list[tuple[str, object]]:
    """Messages as the frontend sees them, without what differs by nature (a server's file and line, table OIDs)."""
    seen: list[tuple[str, object]] = []
    for one in messages:
        if one.type in "NEA":
            seen.append((one.type, {key: text for key, text in one.fields.items() if key not in "FLR"}))
        else:
            seen.append((one.type, one.body))
    return seen


def assert_same(gateway: list[Message], direct: list[Message]) -> None:
    """Fail with both lists if they differ."""
    assert shown(gateway) == shown(direct)
