"""The messages of a backend that consist of their type alone."""

from __future__ import annotations

from typing import Any

import pytest

from hoopfast.wire import backend
from tests.wire.round_trip import check_round_trip, refuses

MESSAGES: dict[type[Any], bytes] = {
    backend.BindComplete: b"2",
    backend.CloseComplete: b"3",
    backend.CopyDone: b"c",
    backend.EmptyQueryResponse: b"I",
    backend.NoData: b"n",
    backend.ParseComplete: b"1",
    backend.PortalSuspended: b"s",
}


@pytest.mark.parametrize("message", MESSAGES)
def test_they_are_a_type_and_a_length(message: type[Any]) -> None:
    assert message().encode() == MESSAGES[message] + b"\0\0\0\4"
    check_round_trip(message(), frontend=False)


@pytest.mark.parametrize("message", MESSAGES)
def test_they_hold_nothing(message: type[Any]) -> None:
    refuses(message, b"\0", b"x")
