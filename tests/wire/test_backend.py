"""Backend messages: the bytes of the manual, round trips, malformed bodies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoopfast.errors import BackendProtocolError
from hoopfast.wire import backend, backend_authentication, backend_bodiless
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

FIELDS = st.builds(backend.Field, TEXTS, UINT32S, INT16S, UINT32S, INT16S, INT32S, INT16S)
ERROR_FIELDS = st.dictionaries(st.integers(1, 255).map(chr), TEXTS, max_size=5)
FORMATS = st.integers(0, 255)
MESSAGES: dict[type[Any], st.SearchStrategy[Any]] = {
    backend.CommandComplete: st.builds(backend.CommandComplete, TEXTS),
    backend.CopyData: st.builds(backend.CopyData, st.binary(max_size=20)),
    backend.CopyInResponse: st.builds(backend.CopyInResponse, FORMATS, tuples(INT16S)),
    backend.CopyOutResponse: st.builds(backend.CopyOutResponse, FORMATS, tuples(INT16S)),
    backend.DataRow: st.builds(backend.DataRow, tuples(VALUES)),
    backend.ErrorResponse: st.builds(backend.ErrorResponse, ERROR_FIELDS),
    backend.FunctionCallResponse: st.builds(backend.FunctionCallResponse, VALUES),
    backend.NoticeResponse: st.builds(backend.NoticeResponse, ERROR_FIELDS),
    backend.NotificationResponse: st.builds(backend.NotificationResponse, UINT32S, TEXTS, TEXTS),
    backend.ParameterDescription: st.builds(backend.ParameterDescription, tuples(UINT32S)),
    backend.ParameterStatus: st.builds(backend.ParameterStatus, TEXTS, TEXTS),
    backend.ReadyForQuery: st.builds(backend.ReadyForQuery, st.sampled_from((b"I", b"T", b"E"))),
    backend.RowDescription: st.builds(backend.RowDescription, tuples(FIELDS)),
}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(*MESSAGES.values()))
def test_round_trips(message: Message) -> None:
    check_round_trip(message, frontend=False)


@settings(deadline=None)
@given(st.sampled_from(sorted(MESSAGES, key=lambda each: each.__name__)), st.binary(max_size=40))
def test_any_body(decode: type[Message], body: bytes) -> None:
    check_any_body(decode, body)


def test_every_class_is_tried_or_has_its_own_file() -> None:
    classes = {each for each in vars(backend).values() if isinstance(each, type) and hasattr(each, "encode")}
    elsewhere = {backend_authentication.__name__, backend_bodiless.__name__}
    assert {each for each in classes if each.__module__ not in elsewhere} == set(MESSAGES)
    assert {each.__name__ for each in classes} <= set(backend.__all__)


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        (
            backend.RowDescription((backend.Field(b"ssn", 16401, 3, 25, -1, -1, 0),)),
            b"T\0\0\0\x1c\0\1ssn\0\0\0\x40\x11\0\3\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0",
        ),
        (backend.DataRow((b"a", None)), b"D\0\0\0\x0f\0\2\0\0\0\1a\xff\xff\xff\xff"),
        (backend.ParameterDescription((23, 25)), b"t\0\0\0\x0e\0\2\0\0\0\x17\0\0\0\x19"),
        (backend.ErrorResponse({"S": b"ERROR", "C": b"42501"}), b"E\0\0\0\x13SERROR\0C42501\0\0"),
        (backend.NoticeResponse({"M": b"hm"}), b"N\0\0\0\x09Mhm\0\0"),
        (backend.CommandComplete(b"SELECT 1"), b"C\0\0\0\x0dSELECT 1\0"),
        (backend.ReadyForQuery(b"T"), b"Z\0\0\0\5T"),
        (backend.ParameterStatus(b"DateStyle", b"ISO"), b"S\0\0\0\x12DateStyle\0ISO\0"),
        (backend.NotificationResponse(7, b"ch", b"x"), b"A\0\0\0\x0d\0\0\0\7ch\0x\0"),
        (backend.CopyInResponse(0, (0, 0)), b"G\0\0\0\x0b\0\0\2\0\0\0\0"),
        (backend.CopyOutResponse(1, (1,)), b"H\0\0\0\x09\1\0\1\0\1"),
        (backend.CopyData(b"1\n"), b"d\0\0\0\0061\n"),
        (backend.FunctionCallResponse(None), b"V\0\0\0\x08\xff\xff\xff\xff"),
    ],
)
def test_the_bytes_are_those_of_the_manual(message: Message, encoded: bytes) -> None:
    assert message.encode() == encoded


def test_malformed_bodies() -> None:
    refuses(backend.RowDescription, b"", b"\0\1", b"\0\1ssn\0\0\0\0\0", b"\xff\xffssn\0")
    refuses(backend.DataRow, b"\0\1", b"\0\1\0\0\0\2a", b"\0\1\xff\xff\xff\xfe", b"\0\0x", b"\xff\xff")
    refuses(backend.ErrorResponse, b"", b"SERROR\0", b"SERROR\0\0x", b"Sa\0Sb\0\0")
    refuses(backend.ReadyForQuery, b"", b"II", b"X")
    refuses(backend.CommandComplete, b"", b"SELECT 1", b"SELECT\0 1\0")
    refuses(backend.ParameterDescription, b"\0\1", b"\0\0\0")
    refuses(backend.CopyOutResponse, b"\0", b"\0\0\1", b"\0\0\0\0")


def test_the_backend_is_blamed() -> None:
    with pytest.raises(BackendProtocolError) as malformed:
        backend.DataRow.decode(b"\0\1\0\0\0\x0f777-65-9863")
    assert malformed.value.sqlstate == "08006"
    assert "777" not in str(malformed.value)


def test_rows_do_not_show() -> None:
    for message in (
        backend.DataRow((b"777-65-9863",)),
        backend.CopyData(b"777-65-9863"),
        backend.FunctionCallResponse(b"777-65-9863"),
    ):
        assert "777" not in repr(message)


def test_the_order_of_error_fields_is_kept() -> None:
    fields = backend.ErrorResponse.decode(b"SERROR\0VERROR\0C42501\0Mno\0\0").fields
    assert list(fields.items()) == [("S", b"ERROR"), ("V", b"ERROR"), ("C", b"42501"), ("M", b"no")]
