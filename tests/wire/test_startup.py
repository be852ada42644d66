"""Messages without a type byte: bytes, round trips, malformed bodies."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoopfast.errors import FrontendProtocolError
from hoopfast.wire.startup import CancelRequest, GSSENCRequest, SSLRequest, StartupMessage, decode_startup
from tests.wire.round_trip import TEXTS

NAMES = TEXTS.filter(bool)
PACKETS = st.one_of(
    st.builds(StartupMessage, st.integers(3 << 16, (3 << 16) + 0xFFFF), st.dictionaries(NAMES, TEXTS, max_size=4)),
    st.builds(CancelRequest, st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=40)),
    st.just(SSLRequest()),
    st.just(GSSENCRequest()),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PACKETS)
def test_round_trips(packet: StartupMessage | CancelRequest | SSLRequest | GSSENCRequest) -> None:
    encoded = packet.encode()
    assert int.from_bytes(encoded[:4], "big") == len(encoded)
    decoded = decode_startup(encoded[4:])
    assert decoded == packet
    assert type(decoded) is type(packet)


@settings(deadline=None)
@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda rest: b"\0\3\0\0" + rest))
def test_any_body(body: bytes) -> None:
    try:
        packet = decode_startup(body)
    except FrontendProtocolError as error:
        assert error.message == "malformed startup message"  # noqa: PT017 - either outcome is right
        return
    assert decode_startup(packet.encode()[4:]) == packet


@pytest.mark.parametrize(
    ("packet", "encoded"),
    [
        (StartupMessage(3 << 16, {b"user": b"etl"}), b"\0\0\0\x12\0\3\0\0user\0etl\0\0"),
        (SSLRequest(), b"\0\0\0\x08\x04\xd2\x16\x2f"),
        (GSSENCRequest(), b"\0\0\0\x08\x04\xd2\x16\x30"),
        (CancelRequest(7, b"\1\2\3\4"), b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\7\1\2\3\4"),
    ],
)
def test_the_bytes_are_those_of_the_manual(packet: StartupMessage | SSLRequest, encoded: bytes) -> None:
    assert packet.encode() == encoded


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\3\0",
        b"\0\3\0\0",
        b"\0\3\0\0user",
        b"\0\3\0\0user\0",
        b"\0\3\0\0user\0etl",
        b"\0\3\0\0user\0etl\0",
        b"\0\3\0\0user\0etl\0\0x",
        b"\x04\xd2\x16\x2fx",  # SSLRequest with something behind it
        b"\x04\xd2\x16\x2e\0\0\0\7",  # CancelRequest without a secret
        b"\x04\xd2\x16\x2e\0\0\0\7" + b"x" * 257,
    ],
)
def test_malformed_bodies(body: bytes) -> None:
    with pytest.raises(FrontendProtocolError, match="malformed startup message"):
        decode_startup(body)


def test_other_versions_are_told_apart_without_being_read() -> None:
    packet = decode_startup(b"\0\2\0\0whatever it looks like")
    assert packet == StartupMessage(2 << 16, {})


def test_of_a_parameter_given_twice_the_last_counts() -> None:
    packet = decode_startup(b"\0\3\0\0user\0a\0user\0b\0\0")
    assert packet == StartupMessage(3 << 16, {b"user": b"b"})


def test_the_secret_does_not_show() -> None:
    assert "key!" not in repr(CancelRequest(7, b"key!"))
