"""A segment's bytes: header, frames, chain; every flipped bit shows."""

from __future__ import annotations

import hashlib

import pytest

from hoopfast.audit.segment import (
    FIRST_CHAIN,
    HEADER_SIZE,
    Header,
    Scan,
    SegmentError,
    chain_start,
    check_stream_name,
    file_name,
    frame,
    parse_file_name,
)

HEADER = Header("worker-0", bytes(range(16)), 3, 41, 1_700_000_000_000_000, b"\x07" * 32)
BODIES = [b"{}", b"x" * 300, b"y"]


def segment(tail: bytes = b"") -> bytes:
    data = HEADER.encode()
    chain = chain_start(data)
    for body in BODIES:
        framed, chain = frame(chain, body)
        data += framed
    return data + tail


def scanned(data: bytes) -> tuple[list[bytes], Scan]:
    scan = Scan(data)
    return [body for _, body in scan], scan


def test_header_round_trip() -> None:
    data = HEADER.encode()
    assert len(data) == HEADER_SIZE
    assert Header.decode(data) == HEADER
    assert Header.decode(HEADER._replace(previous=FIRST_CHAIN).encode()).previous == bytes(32)


def test_header_byte_by_byte() -> None:
    data = HEADER.encode()
    assert data[:16] == b"HOOPFAST" + b"\x01\x00" + b"\x00\x01" + bytes(4)
    assert data[16:24] == (3).to_bytes(8, "little")
    assert data[24:32] == (41).to_bytes(8, "little")
    assert data[32:40] == (1_700_000_000_000_000).to_bytes(8, "little")
    assert data[40:72] == b"\x07" * 32
    assert data[72:88] == bytes(range(16))
    assert data[88:97] == b"\x08worker-0"
    assert data[97:224] == bytes(127)
    assert data[224:] == hashlib.sha256(data[:224]).digest()


def test_a_frame_byte_by_byte() -> None:
    framed, chain = frame(b"\x05" * 32, b"body")
    assert framed == b"\x04\x00\x00\x00" + chain + b"body"
    assert chain == hashlib.sha256(b"\x05" * 32 + b"\x04\x00\x00\x00" + b"body").digest()


@pytest.mark.parametrize("zeros", [0, 1, 35, 36, 37, 5000])
def test_scan(zeros: int) -> None:
    bodies, scan = scanned(segment(bytes(zeros)))
    assert bodies == BODIES
    assert (scan.records, scan.torn, scan.offset) == (3, 0, len(segment()))


def test_every_flipped_bit_of_a_segment_shows() -> None:
    whole = segment(bytes(8))
    for index in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[index] ^= 1 << bit
            try:
                bodies, scan = scanned(bytes(changed))
            except SegmentError:
                assert index < HEADER_SIZE
            else:
                assert index >= HEADER_SIZE
                assert scan.torn
                assert bodies == BODIES[: len(bodies)]


def test_every_truncation_shows_or_ends_at_a_record() -> None:
    whole = segment()
    ends = {HEADER_SIZE}
    for body in BODIES:
        ends.add(max(ends) + 36 + len(body))
    for length in range(HEADER_SIZE, len(whole)):
        _, scan = scanned(whole[:length])
        assert scan.offset in ends
        # What is cut off right behind zeros of a length looks like unused space: nothing is left of that record.
        assert scan.torn or length in ends or not whole[scan.offset : length].strip(b"\0")


@pytest.mark.parametrize("length", [1, 2**30, 2**30 + 1, 2**31 - 1, 2**32 - 1])
def test_hostile_lengths(length: int) -> None:
    _, scan = scanned(segment(length.to_bytes(4, "little") + bytes(60)))
    assert scan.records == 3
    assert scan.torn


def test_another_format_is_refused() -> None:
    data = bytearray(HEADER.encode())
    data[8] = 2
    data[224:] = hashlib.sha256(data[:224]).digest()
    with pytest.raises(SegmentError, match="format 2"):
        Header.decode(bytes(data))
    with pytest.raises(SegmentError, match="shorter"):
        Header.decode(b"")
    with pytest.raises(SegmentError, match="never written"):
        Header.decode(bytes(HEADER_SIZE))


def test_file_names() -> None:
    assert file_name("worker-0", 17) == "worker-0.000000000017.journal"
    assert parse_file_name("worker-0.000000000017.journal") == ("worker-0", 17)
    for other in ("worker-0.17.journal", "worker-0.000000000017.journal.zst", "Worker.000000000017.journal", "x"):
        assert parse_file_name(other) is None


def test_stream_names() -> None:
    check_stream_name("worker-0")
    for bad in ("", "a/b", "..", "A", "a" * 64, "-a", "a.b"):
        with pytest.raises(ValueError, match="cannot name a stream"):
            check_stream_name(bad)
