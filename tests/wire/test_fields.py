"""Fields of messages: bounds, blame, and that what is written reads back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopfast.errors import BackendProtocolError, FrontendProtocolError
from hoopfast.wire import fields
from hoopfast.wire.fields import Reader, backend_reader, frontend_reader


def reader(body: bytes) -> Reader:
    return frontend_reader(body, "Bind")


def test_each_side_is_blamed_for_its_own_messages() -> None:
    with pytest.raises(FrontendProtocolError, match="malformed Bind message"):
        frontend_reader(b"", "Bind").byte()
    with pytest.raises(BackendProtocolError, match="malformed DataRow message"):
        backend_reader(b"", "DataRow").byte()


@pytest.mark.parametrize("length", [-1, -(2**31), 4, 2**31 - 1])
def test_nothing_is_taken_beyond_the_end(length: int) -> None:
    with pytest.raises(FrontendProtocolError):
        reader(b"abc").take(length)


@pytest.mark.parametrize("body", [b"", b"a", b"\0\0\0", b"\0\0\0\2a", b"\xff\xff\xff\xfe", b"\x7f\xff\xff\xffabc"])
def test_values_that_are_not_there(body: bytes) -> None:
    with pytest.raises(FrontendProtocolError):
        reader(body).value()


def test_strings_end_with_a_zero_byte() -> None:
    there = reader(b"abc\0\0x")
    assert there.string() == b"abc"
    assert there.string() == b""
    with pytest.raises(FrontendProtocolError):
        there.string()
    with pytest.raises(ValueError, match="zero byte"):
        fields.string(b"a\0b")


def test_a_body_is_used_up_exactly() -> None:
    there = reader(b"ab")
    assert there.byte() == ord("a")
    with pytest.raises(FrontendProtocolError):
        there.end()
    assert there.rest() == b"b"
    there.end()


def test_counts_are_unsigned_and_formats_are_not() -> None:
    assert reader(b"\xff\xff").count() == 65535
    assert reader(b"\xff\xff").int16() == -1
    assert reader(b"\xff\xff\xff\xff").int32() == -1
    assert reader(b"\xff\xff\xff\xff").uint32() == 2**32 - 1


def test_errors_hold_nothing_of_the_body() -> None:
    with pytest.raises(FrontendProtocolError) as malformed:
        reader(b"777-65-9863").string()
    assert "777" not in str(malformed.value)


@given(
    st.binary().filter(lambda text: 0 not in text),
    st.none() | st.binary(),
    st.integers(-(2**15), 2**15 - 1),
    st.integers(0, 2**16 - 1),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 2**32 - 1),
)
def test_what_is_written_reads_back(
    text: bytes, value: bytes | None, int16: int, count: int, int32: int, uint32: int
) -> None:
    there = reader(
        fields.string(text)
        + fields.value(value)
        + fields.int16(int16)
        + fields.count(count)
        + fields.int32(int32)
        + fields.uint32(uint32)
    )
    assert there.string() == text
    assert there.value() == value
    assert (there.int16(), there.count(), there.int32(), there.uint32()) == (int16, count, int32, uint32)
    there.end()


def test_a_whole_message_counts_its_length_field() -> None:
    assert fields.whole(ord("S"), b"") == b"S\0\0\0\4"
    assert fields.whole(ord("Q"), b"a\0") == b"Q\0\0\0\6a\0"
