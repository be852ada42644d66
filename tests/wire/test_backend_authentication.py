"""What a backend says before a session's first statement: bytes, round trips, malformed bodies, no secret shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoopfast.wire import backend
from tests.wire.round_trip import TEXTS, UINT32S, Message, check_any_body, check_round_trip, refuses, tuples

MESSAGES: dict[type[Any], st.SearchStrategy[Any]] = {
    backend.Authentication: st.builds(backend.Authentication, UINT32S, st.binary(max_size=20)),
    backend.BackendKeyData: st.builds(backend.BackendKeyData, UINT32S, st.binary(min_size=1, max_size=32)),
    backend.NegotiateProtocolVersion: st.builds(backend.NegotiateProtocolVersion, UINT32S, tuples(TEXTS)),
}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(*MESSAGES.values()))
def test_round_trips(message: Message) -> None:
    check_round_trip(message, frontend=False)


@settings(deadline=None)
@given(st.sampled_from(sorted(MESSAGES, key=lambda each: each.__name__)), st.binary(max_size=40))
def test_any_body(decode: type[Message], body: bytes) -> None:
    check_any_body(decode, body)


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        (backend.Authentication(0, b""), b"R\0\0\0\x08\0\0\0\0"),
        (backend.Authentication(5, b"salt"), b"R\0\0\0\x0c\0\0\0\5salt"),
        (backend.BackendKeyData(7, b"\1\2\3\4"), b"K\0\0\0\x0c\0\0\0\7\1\2\3\4"),
        (
            backend.NegotiateProtocolVersion(3 << 16 | 2, (b"_pq_.x",)),
            b"v\0\0\0\x13\0\3\0\2\0\0\0\1_pq_.x\0",
        ),
    ],
)
def test_the_bytes_are_those_of_the_manual(message: Message, encoded: bytes) -> None:
    assert message.encode() == encoded


def test_malformed_bodies() -> None:
    refuses(backend.Authentication, b"", b"\0\0\0")
    refuses(backend.BackendKeyData, b"\0\0\0\7", b"\0\0\0\7" + b"x" * 257)
    refuses(backend.NegotiateProtocolVersion, b"\0\3\0\2", b"\0\3\0\2\xff\xff\xff\xff", b"\0\3\0\2\0\0\0\2a\0")


def test_secrets_do_not_show() -> None:
    assert "salt" not in repr(backend.Authentication(5, b"salt"))
    assert "key!" not in repr(backend.BackendKeyData(7, b"key!"))
