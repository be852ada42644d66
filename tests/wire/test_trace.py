"""The trace: expected lines, and that no value ever stands in one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoopfast.wire import backend, frontend, protocol
from hoopfast.wire.startup import CancelRequest, SSLRequest, StartupMessage
from hoopfast.wire.trace import trace, trace_message, trace_startup

CONVERSATION = [
    (True, frontend.Query(b"select 1").encode(), "F 13 Query [9]"),
    (True, frontend.Parse(b"s", b"select $1", (23,)).encode(), 'F 22 Parse "s" [9] types 23'),
    (
        True,
        frontend.Bind(b"", b"s", (1,), (b"\0\0\0\7", None), (0,)).encode(),
        'F 29 Bind "" "s" formats 1 values [4] NULL results 0',
    ),
    (True, frontend.Describe(b"P", b"").encode(), 'F 6 Describe P ""'),
    (True, frontend.Execute(b"", 10).encode(), 'F 9 Execute "" 10'),
    (True, frontend.Sync().encode(), "F 4 Sync"),
    (
        True,
        frontend.FunctionCall(42, (), (b"x", None), 1).encode(),
        "F 23 FunctionCall 42 values [1] NULL result 1",
    ),
    (True, frontend.PasswordMessage(b"token").encode(), "F 10 PasswordMessage [6]"),
    (False, backend.ParseComplete().encode(), "B 4 ParseComplete"),
    (
        False,
        backend.RowDescription(
            (backend.Field(b"name", 16401, 2, 25, -1, -1, 0), backend.Field(b"n", 0, 0, 23, 4, -1, 1))
        ).encode(),
        'B 49 RowDescription "name" 16401.2 type 25 format 0; "n" 0.0 type 23 format 1',
    ),
    (False, backend.DataRow((b"Anna", None)).encode(), "B 18 DataRow [4] NULL"),
    (False, backend.CommandComplete(b"SELECT 1").encode(), 'B 13 CommandComplete "SELECT 1"'),
    (False, backend.ReadyForQuery(b"T").encode(), "B 5 ReadyForQuery T"),
    (
        False,
        backend.ErrorResponse({"S": b"ERROR", "C": b"7776A", "M": b"no 777"}).encode(),
        "B 27 ErrorResponse S[5] C[5] M[6]",
    ),
    (False, backend.ParameterStatus(b"TimeZone", b"UTC").encode(), 'B 17 ParameterStatus "TimeZone" [3]'),
    (False, backend.NotificationResponse(7, b"ch", b"x").encode(), 'B 13 NotificationResponse 7 "ch" [1]'),
    (False, backend.BackendKeyData(7, b"key!").encode(), "B 12 BackendKeyData 7 [4]"),
    (False, backend.Authentication(5, b"salt").encode(), "B 12 Authentication 5 [4]"),
    (
        False,
        backend.NegotiateProtocolVersion(3 << 16 | 2, (b"_pq_.x",)).encode(),
        'B 19 NegotiateProtocolVersion 3.2 "_pq_.x"',
    ),
    (False, backend.CopyOutResponse(0, (0, 0)).encode(), "B 11 CopyOutResponse format 0 columns 0,0"),
    (False, backend.CopyData(b"1\tAnna\n").encode(), "B 11 CopyData [7]"),
    (False, backend.FunctionCallResponse(b"x").encode(), "B 9 FunctionCallResponse [1]"),
    (False, backend.ParameterDescription((23, 25)).encode(), "B 14 ParameterDescription 23,25"),
]


@pytest.mark.parametrize(("side", "message", "line"), CONVERSATION)
def test_lines(side: bool, message: bytes, line: str) -> None:
    assert trace(message, frontend=side) == [line]


def test_runs_of_messages_and_what_is_cut_off() -> None:
    data = frontend.Sync().encode() + frontend.Query(b"select 1").encode()
    assert trace(data, frontend=True) == ["F 4 Sync", "F 13 Query [9]"]
    assert trace(data[:-1], frontend=True) == ["F 4 Sync", "F incomplete [13]"]
    assert trace(b"", frontend=True) == []
    assert trace(b"D\xff\xff\xff\xffabc", frontend=False) == ["B incomplete [8]"]


def test_what_cannot_be_read_is_said_to_be_malformed() -> None:
    assert trace_message(ord("D"), b"\0\1", frontend=False) == "B 6 DataRow malformed"
    assert trace_message(0, b"", frontend=True) == "F 4 type 0x00"
    assert trace_startup(b"") == "F 4 startup malformed"


def test_startup_packets() -> None:
    message = StartupMessage(3 << 16, {b"user": b"etl", b"database": b"clinic"})
    assert trace_startup(message.encode()[4:]) == 'F 34 StartupMessage 3.0 "user" [3] "database" [6]'
    assert trace_startup(SSLRequest().encode()[4:]) == "F 8 SSLRequest"
    assert trace_startup(CancelRequest(7, b"key!").encode()[4:]) == "F 16 CancelRequest 7 [4]"


def test_names_cannot_forge_lines() -> None:
    (line,) = trace(frontend.Describe(b"S", b'a"\nB 5 ReadyForQuery I\x1b[2J\xff').encode(), frontend=True)
    assert line == 'F 33 Describe S "a\\"\\x0aB 5 ReadyForQuery I\\x1b[2J\\xff"'
    assert line.isprintable()


SECRET = b"777-65-9863"
CARRIERS: list[Callable[[bytes], bytes]] = [
    lambda secret: frontend.Query(secret).encode(),
    lambda secret: frontend.Parse(b"s", secret, ()).encode(),
    lambda secret: frontend.Bind(b"", b"", (), (secret,), ()).encode(),
    lambda secret: frontend.FunctionCall(1, (), (secret,), 0).encode(),
    lambda secret: frontend.CopyData(secret).encode(),
    lambda secret: frontend.CopyFail(secret).encode(),
    lambda secret: frontend.PasswordMessage(secret).encode(),
    lambda secret: frontend.SASLInitialResponse(b"SCRAM-SHA-256", secret).encode(),
    lambda secret: frontend.SASLResponse(secret).encode(),
    lambda secret: backend.DataRow((secret,)).encode(),
    lambda secret: backend.CopyData(secret).encode(),
    lambda secret: backend.ErrorResponse({code: secret for code in "SVCMDHPpqWsctdn"}).encode(),
    lambda secret: backend.NoticeResponse({code: secret for code in "SVCMDHPpqWsctdn"}).encode(),
    lambda secret: backend.ParameterStatus(b"application_name", secret).encode(),
    lambda secret: backend.NotificationResponse(1, b"channel", secret).encode(),
    lambda secret: backend.FunctionCallResponse(secret).encode(),
    lambda secret: backend.BackendKeyData(1, secret).encode(),
    lambda secret: backend.Authentication(12, secret).encode(),
]


@pytest.mark.parametrize("carrier", range(len(CARRIERS)))
def test_no_value_shows(carrier: int) -> None:
    message = CARRIERS[carrier](SECRET)
    for side in (True, False):
        for cut in (message, message[:-1], message + message):
            lines = "\n".join(trace(cut, frontend=side))
            assert "777" not in lines
    startup = StartupMessage(3 << 16, {b"options": SECRET}).encode()[4:]
    assert "777" not in trace_startup(startup)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted({*protocol.FRONTEND_NAMES, *protocol.BACKEND_NAMES})), st.binary(max_size=60))
def test_it_never_raises(kind: int, body: bytes) -> None:
    for side in (True, False):
        assert trace_message(kind, body, frontend=side).isprintable()
    assert trace_startup(body).isprintable()
