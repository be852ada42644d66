"""Frontend messages: the bytes of the manual, round trips, malformed bodies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoopfast.errors import FrontendProtocolError
from hoopfast.wire import frontend
from tests.wire.round_trip import (
    INT16S,
    INT32S,
    TEXTS,
    UINT32S,
    VALUES,
    Message,
    check_any_body,
    check_round_trip,
    refuses,
    tuples,
)

KINDS = st.sampled_from((frontend.STATEMENT, frontend.PORTAL))
MESSAGES: dict[type[Any], st.SearchStrategy[Any]] = {
    frontend.Bind: st.builds(frontend.Bind, TEXTS, TEXTS, tuples(INT16S), tuples(VALUES), tuples(INT16S)),
    frontend.Close: st.builds(frontend.Close, KINDS, TEXTS),
    frontend.CopyData: st.builds(frontend.CopyData, st.binary(max_size=20)),
    frontend.CopyDone: st.just(frontend.CopyDone()),
    frontend.CopyFail: st.builds(frontend.CopyFail, TEXTS),
    frontend.Describe: st.builds(frontend.Describe, KINDS, TEXTS),
    frontend.Execute: st.builds(frontend.Execute, TEXTS, INT32S),
    frontend.Flush: st.just(frontend.Flush()),
    frontend.FunctionCall: st.builds(frontend.FunctionCall, UINT32S, tuples(INT16S), tuples(VALUES), INT16S),
    frontend.Parse: st.builds(frontend.Parse, TEXTS, TEXTS, tuples(UINT32S)),
    frontend.PasswordMessage: st.builds(frontend.PasswordMessage, TEXTS),
    frontend.Query: st.builds(frontend.Query, TEXTS),
    frontend.SASLInitialResponse: st.builds(frontend.SASLInitialResponse, TEXTS, VALUES),
    frontend.SASLResponse: st.builds(frontend.SASLResponse, st.binary(max_size=20)),
    frontend.Sync: st.just(frontend.Sync()),
    frontend.Terminate: st.just(frontend.Terminate()),
}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(*MESSAGES.values()))
def test_round_trips(message: Message) -> None:
    check_round_trip(message, frontend=True)


@settings(deadline=None)
@given(st.sampled_from(sorted(MESSAGES, key=lambda each: each.__name__)), st.binary(max_size=40))
def test_any_body(decode: type[Message], body: bytes) -> None:
    check_any_body(decode, body)


def test_every_class_is_tried() -> None:
    classes = {each for each in vars(frontend).values() if isinstance(each, type) and hasattr(each, "encode")}
    assert set(MESSAGES) == classes


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        (frontend.Query(b"select 1"), b"Q\0\0\0\x0dselect 1\0"),
        (frontend.Parse(b"s", b"select $1", (23,)), b"P\0\0\0\x16s\0select $1\0\0\1\0\0\0\x17"),
        (
            frontend.Bind(b"p", b"s", (1,), (b"\0\0\0\7", None), (0, 1)),
            b"B\0\0\0\x20p\0s\0\0\1\0\1\0\2\0\0\0\4\0\0\0\7\xff\xff\xff\xff\0\2\0\0\0\1",
        ),
        (frontend.Describe(b"P", b"p"), b"D\0\0\0\7Pp\0"),
        (frontend.Close(b"S", b"s"), b"C\0\0\0\7Ss\0"),
        (frontend.Execute(b"p", 10), b"E\0\0\0\x0ap\0\0\0\0\x0a"),
        (frontend.Sync(), b"S\0\0\0\4"),
        (frontend.Flush(), b"H\0\0\0\4"),
        (frontend.Terminate(), b"X\0\0\0\4"),
        (frontend.CopyData(b"1\n"), b"d\0\0\0\0061\n"),
        (frontend.CopyDone(), b"c\0\0\0\4"),
        (frontend.CopyFail(b"no"), b"f\0\0\0\7no\0"),
        (
            frontend.FunctionCall(42, (1,), (b"x", None), 1),
            b"F\0\0\0\x19\0\0\0\x2a\0\1\0\1\0\2\0\0\0\1x\xff\xff\xff\xff\0\1",
        ),
        (frontend.PasswordMessage(b"pw"), b"p\0\0\0\7pw\0"),
        (frontend.SASLInitialResponse(b"SCRAM-SHA-256", b"n,,"), b"p\0\0\0\x19SCRAM-SHA-256\0\0\0\0\3n,,"),
        (frontend.SASLResponse(b"c=biws"), b"p\0\0\0\x0ac=biws"),
    ],
)
def test_the_bytes_are_those_of_the_manual(message: Message, encoded: bytes) -> None:
    assert message.encode() == encoded


def test_malformed_bodies() -> None:
    refuses(frontend.Query, b"", b"select 1", b"select 1\0\0", b"select\0 1\0")
    refuses(frontend.Parse, b"s\0", b"s\0t\0", b"s\0t\0\0\1", b"s\0t\0\0\0x")
    refuses(frontend.Describe, b"", b"S", b"Xname\0", b"\0name\0")
    refuses(frontend.Close, b"s\0", b"sname\0")
    refuses(frontend.Execute, b"p\0\0\0\0", b"p\0\0\0\0\0\0")
    refuses(frontend.Sync, b"x")
    # Counts that promise more than there is.
    refuses(frontend.Bind, b"\0\0\xff\xff", b"\0\0\0\0\xff\xff", b"\0\0\0\0\0\1\0\0\0\5abc\0\0", b"\0\0\0\0\0\0\0\1")
    refuses(frontend.Bind, b"\0\0\0\0\0\1\xff\xff\xff\xfe\0\0")
    refuses(frontend.FunctionCall, b"\0\0\0\1\0\0\0\1\x7f\xff\xff\xff\0\0")


def test_the_frontend_is_blamed() -> None:
    with pytest.raises(FrontendProtocolError) as malformed:
        frontend.Query.decode(b"select '777-65-9863'")
    assert malformed.value.sqlstate == "08P01"
    assert "777" not in str(malformed.value)


def test_secrets_do_not_show() -> None:
    secret = b"eyJhbGciOi"
    for message in (
        frontend.PasswordMessage(secret),
        frontend.SASLInitialResponse(b"SCRAM-SHA-256", secret),
        frontend.SASLResponse(secret),
    ):
        assert "eyJ" not in repr(message)
        assert "eyJ" not in f"{message}"
