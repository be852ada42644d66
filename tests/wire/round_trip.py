"""What holds for every message class: it reads back what it writes, and damage is a typed error and nothing else."""

from __future__ import annotations

from typing import Any, Protocol, Self

import pytest
from hypothesis import strategies as st

from hoopfast.errors import ProtocolError
from hoopfast.wire import protocol

TEXTS = st.binary(max_size=12).map(lambda text: text.replace(b"\0", b""))
VALUES = st.none() | st.binary(max_size=12)
INT16S = st.integers(-(2**15), 2**15 - 1)
INT32S = st.integers(-(2**31), 2**31 - 1)
UINT32S = st.integers(0, 2**32 - 1)


class Message(Protocol):
    """What every message class offers."""

    @classmethod
    def decode(cls, body: bytes) -> Self: ...

    def encode(self) -> bytes: ...


def tuples(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Short tuples of `elements`."""
    return st.lists(elements, max_size=5).map(tuple)


def check_round_trip(message: Message, *, frontend: bool) -> None:
    """Encode, look at the header, decode; then cut the body everywhere, and lengthen it."""
    encoded = message.encode()
    names = protocol.FRONTEND_NAMES if frontend else protocol.BACKEND_NAMES
    assert encoded[0] in names
    assert int.from_bytes(encoded[1:5], "big") == len(encoded) - 1
    body = encoded[5:]
    decoded = type(message).decode(body)
    assert decoded == message
    assert type(decoded) is type(message)
    assert decoded.encode() == encoded
    for end in range(len(body)):
        _decode_damaged(message, body[:end])
    _decode_damaged(message, body + b"\0")
    _decode_damaged(message, body + b"x")


def _decode_damaged(message: Message, body: bytes) -> None:
    # Damage may leave another valid message (a shorter rest, say), but then it must be exactly that one.
    try:
        decoded = type(message).decode(body)
    except ProtocolError:
        return
    assert decoded.encode()[5:] == body


def check_any_body(decode: type[Message], body: bytes) -> None:
    """Arbitrary bytes: read exactly, or refused with a typed error."""
    try:
        decoded = decode.decode(body)
    except ProtocolError as error:
        assert decode.__name__ in error.message  # noqa: PT017 - either outcome is right
        return
    assert decode.decode(decoded.encode()[5:]) == decoded


def refuses(decode: type[Message], *bodies: bytes) -> None:
    """Each of `bodies` is malformed."""
    for body in bodies:
        with pytest.raises(ProtocolError, match="malformed"):
            decode.decode(body)
