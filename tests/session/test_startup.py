"""The frontend's first messages, at every split point."""

from __future__ import annotations

import pytest

from hoopfast.errors import AuthenticationFailed, FrontendProtocolError, HoopfastError, PolicyDenied
from hoopfast.session.startup import (
    Cancel,
    Credentials,
    FrontendStartup,
    Reply,
    Step,
    UpgradeToTls,
    accept,
    reject,
)
from hoopfast.wire import backend, frontend
from hoopfast.wire.startup import CancelRequest, GSSENCRequest, SSLRequest, StartupMessage

USER = {b"user": b"job", b"database": b"clinic", b"application_name": b"etl"}
ASK = Reply(backend.Authentication(3, b"").encode())


def startup(version: int = 3 << 16, parameters: dict[bytes, bytes] | None = None) -> bytes:
    return StartupMessage(version, USER if parameters is None else parameters).encode()


def steps(*packets: bytes, tls: str = "allow", encrypted: bool = False, loopback: bool = True) -> list[Step]:
    """What the packets lead to: the same at every split point, or this fails."""
    results = []
    for cut in range(max(map(len, packets))):
        machine = FrontendStartup(tls=tls, encrypted=encrypted, loopback=loopback)
        result: list[Step] = []
        for packet in packets:
            for part in (packet[:cut], packet[cut:]):
                if part:
                    result += machine.feed(part)
        results.append(result)
    assert all(result == results[0] for result in results)
    return results[0]


def test_a_password_is_asked_for_and_taken() -> None:
    asked, credentials = steps(startup(), frontend.PasswordMessage(b"a.token").encode())
    assert asked == ASK
    assert credentials == Credentials("job", "clinic", {"application_name": "etl"}, (3, 0), "a.token")
    assert "a.token" not in repr(credentials)


def test_the_database_is_named_like_the_user_where_none_is_named() -> None:
    _, credentials = steps(startup(parameters={b"user": b"job"}), frontend.PasswordMessage(b"t").encode())
    assert isinstance(credentials, Credentials)
    assert credentials.database == "job"


def test_tls_is_offered() -> None:
    assert steps(SSLRequest().encode()) == [Reply(b"S"), UpgradeToTls()]


def test_tls_is_not_offered_where_it_is_off() -> None:
    assert steps(SSLRequest().encode(), startup(), tls="off") == [Reply(b"N"), ASK]


def test_gss_encryption_is_declined_once() -> None:
    assert steps(GSSENCRequest().encode(), startup()) == [Reply(b"N"), ASK]
    with pytest.raises(FrontendProtocolError):
        steps(GSSENCRequest().encode(), GSSENCRequest().encode())


def test_plaintext_behind_ssl_request_ends_the_connection() -> None:
    machine = FrontendStartup(tls="require", encrypted=False, loopback=True)
    with pytest.raises(FrontendProtocolError, match="unencrypted data"):
        machine.feed(SSLRequest().encode() + startup())


def test_ssl_request_inside_tls_is_refused() -> None:
    with pytest.raises(FrontendProtocolError):
        steps(SSLRequest().encode(), encrypted=True)


def test_cancel_request() -> None:
    assert steps(CancelRequest(7, b"key!").encode()) == [Cancel(7, b"key!")]
    assert steps(CancelRequest(7, b"k" * 32).encode()) == [Cancel(7, b"k" * 32)]


def test_a_newer_minor_version_is_negotiated_down() -> None:
    answer, asked = steps(startup((3 << 16) | 9999))
    assert answer == Reply(backend.NegotiateProtocolVersion((3 << 16) | 2, ()).encode())
    assert asked == ASK


def test_protocol_3_2_is_spoken() -> None:
    _, credentials = steps(startup((3 << 16) | 2), frontend.PasswordMessage(b"t").encode())
    assert isinstance(credentials, Credentials)
    assert credentials.protocol == (3, 2)


def test_unknown_protocol_options_are_named_and_go_no_further() -> None:
    parameters = {**USER, b"_pq_.magic": b"1"}
    answer, _, credentials = steps(startup(parameters=parameters), frontend.PasswordMessage(b"t").encode())
    assert answer == Reply(backend.NegotiateProtocolVersion(3 << 16, (b"_pq_.magic",)).encode())
    assert isinstance(credentials, Credentials)
    assert credentials.parameters == {"application_name": "etl"}


@pytest.mark.parametrize("version", [2 << 16, 4 << 16, 0])
def test_other_major_versions_are_refused(version: int) -> None:
    with pytest.raises(FrontendProtocolError, match="unsupported frontend protocol"):
        steps(startup(version))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x00\x00\x00\x00", FrontendProtocolError),
        (b"\x00\x00\x00\x04", FrontendProtocolError),
        (b"\xff\xff\xff\xff", FrontendProtocolError),
        (b"\x7f\xff\xff\xff", FrontendProtocolError),
        (b"GET / HTTP/1.1\r\n", FrontendProtocolError),
        (startup(parameters={b"user": b"\xff"}), FrontendProtocolError),
        (startup(parameters={b"database": b"x"}), AuthenticationFailed),
        (startup(parameters={**USER, b"replication": b"database"}), PolicyDenied),
        (startup(parameters={**USER, b"replication": b"true"}), PolicyDenied),
    ],
)
def test_hostile_first_packets(data: bytes, error: type[HoopfastError]) -> None:
    with pytest.raises(error):
        FrontendStartup(tls="allow", encrypted=False, loopback=True).feed(data)


def test_tls_is_required_where_it_is_required() -> None:
    with pytest.raises(AuthenticationFailed, match="TLS is required"):
        steps(startup(), tls="require")
    assert steps(startup(), tls="require", encrypted=True) == [ASK]


def test_a_token_is_not_asked_for_in_clear_from_elsewhere() -> None:
    with pytest.raises(AuthenticationFailed, match="only over TLS"):
        steps(startup(), tls="allow", loopback=False)


def test_only_a_password_may_follow() -> None:
    machine = FrontendStartup(tls="off", encrypted=False, loopback=True)
    machine.feed(startup())
    with pytest.raises(FrontendProtocolError):
        machine.feed(frontend.Query(b"select 1").encode())


def test_nothing_may_follow_the_password_before_it_was_accepted() -> None:
    machine = FrontendStartup(tls="off", encrypted=False, loopback=True)
    machine.feed(startup())
    with pytest.raises(FrontendProtocolError):
        machine.feed(frontend.PasswordMessage(b"t").encode() + frontend.Query(b"select 1").encode())


def test_accept_is_what_a_driver_waits_for() -> None:
    data = accept({"server_version": "18.4"}, 7, b"k" * 32)
    assert data == b"".join(
        (
            backend.Authentication(0, b"").encode(),
            backend.ParameterStatus(b"server_version", b"18.4").encode(),
            backend.BackendKeyData(7, b"k" * 32).encode(),
            backend.ReadyForQuery(b"I").encode(),
        )
    )


def test_reject_is_fatal() -> None:
    fields = backend.ErrorResponse.decode(reject(AuthenticationFailed("no"))[5:]).fields
    assert fields["S"] == b"FATAL"
    assert fields["C"] == b"28000"
