"""Our first messages to the backend, at every split point of its answers."""

from __future__ import annotations

from typing import Any

import pytest

from hoopfast.errors import BackendProtocolError, BackendUnavailable, HoopfastError, NoSuchDatabase, TooManySessions
from hoopfast.session.backend_startup import BackendStartup
from hoopfast.wire import backend
from hoopfast.wire.startup import StartupMessage

OK = backend.Authentication(0, b"").encode()
REST = (
    backend.ParameterStatus(b"server_version", b"18.4").encode()
    + backend.BackendKeyData(7, b"abcd").encode()
    + backend.ReadyForQuery(b"I").encode()
)


class Secretive:
    """Answers every request with the code that was asked for."""

    def respond(self, code: int, data: bytes) -> bytes | None:
        return None if code in (0, 12) else b"answer to %d" % code


def machine(**parameters: str) -> BackendStartup:
    return BackendStartup(user="etl", database="clinic", parameters=parameters, authenticator=Secretive())


def error(sqlstate: bytes) -> bytes:
    return backend.ErrorResponse({"S": b"FATAL", "V": b"FATAL", "C": sqlstate, "M": b"role etl at 10.0.0.7"}).encode()


def test_the_startup_message_carries_the_parameters() -> None:
    expected = {b"user": b"etl", b"database": b"clinic", b"application_name": b"x"}
    assert machine(application_name="x").start() == StartupMessage(3 << 16, expected).encode()


def test_trust_at_every_split_point() -> None:
    data = OK + REST
    for cut in range(len(data)):
        startup = machine()
        assert startup.feed(data[:cut]) + startup.feed(data[cut:]) == b""
        assert startup.done
        assert startup.parameters == {"server_version": "18.4"}
        assert startup.key == backend.BackendKeyData(7, b"abcd")


def test_requests_are_answered() -> None:
    startup = machine()
    assert startup.feed(backend.Authentication(5, b"salt").encode()) == b"p\x00\x00\x00\x0fanswer to 5"
    assert startup.feed(backend.Authentication(12, b"final").encode() + OK) == b""
    assert not startup.done
    startup.feed(REST)
    assert startup.done


def test_a_backend_that_skips_authentication_is_not_trusted() -> None:
    with pytest.raises(BackendProtocolError):
        machine().feed(REST)


def test_a_backend_that_begins_again_is_not_trusted() -> None:
    with pytest.raises(BackendProtocolError):
        machine().feed(OK + backend.Authentication(3, b"").encode())


def test_data_behind_ready_for_query() -> None:
    with pytest.raises(BackendProtocolError):
        machine().feed(OK + REST + REST)


@pytest.mark.parametrize(
    ("sqlstate", "kind", "told"),
    [
        (b"3D000", NoSuchDatabase, "3D000"),
        (b"53300", TooManySessions, "53300"),
        (b"57P03", BackendUnavailable, "57P03"),
        (b"28P01", BackendUnavailable, "08006"),
        (b"28\xff00", BackendUnavailable, "08006"),
    ],
)
def test_a_refusal_is_told_without_the_upstreams_text(sqlstate: bytes, kind: type[HoopfastError], told: str) -> None:
    with pytest.raises(kind) as caught:
        machine().feed(error(sqlstate))
    said: Any = caught.value
    assert said.sqlstate == told
    assert "etl" not in said.message
    assert "10.0.0.7" not in said.message


@pytest.mark.parametrize(
    "data", [b"R\x00\x00\x00\x00", b"R\xff\xff\xff\xff", b"D\x00\x00\x00\x06\x00\x00", b"HTTP/1.1 400"]
)
def test_hostile_backends(data: bytes) -> None:
    with pytest.raises(BackendProtocolError):
        machine().feed(data)
