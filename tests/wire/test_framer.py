"""The framer: transcripts at every split point, hostile lengths, phases, plans, counters, memory."""

from __future__ import annotations

import struct
import tracemalloc

import pytest

from hoopfast.errors import BackendProtocolError, FrontendProtocolError, HoopfastError, LimitExceeded
from hoopfast.wire import backend, frontend, protocol
from hoopfast.wire.framer import Framer, RowCounts, VerdictTables
from hoopfast.wire.masking import MaskPlan
from hoopfast.wire.protocol import BackendPhase, FrontendPhase
from tests.wire.driver import assert_twins_agree, backend_setting, drive, every_split, frontend_setting, new_framer
from tests.wire.naive import DATE_YEAR, FIXED, KEEP_FIRST, KEEP_LAST, PASS, Deliver, Plan, Setting, naive_frame
from tests.wire.round_trip import Message

MASKED = Plan(((PASS, b"", 0), (KEEP_LAST, b"", 4)))  # where the row stands
REDACTED = Plan(((PASS, b"", 0), (FIXED, b"***", 0)))  # into another place, but for values of three bytes
ROW = backend.DataRow((b"Anna", b"777-65-9863")).encode()
MASKED_ROW = backend.DataRow((b"Anna", b"*******9863")).encode()
REDACTED_ROW = backend.DataRow((b"Anna", b"***")).encode()
TAG = backend.CommandComplete(b"SELECT 2").encode()
READY = backend.ReadyForQuery(b"I").encode()


def row_of(text: bytes) -> bytes:
    """As ROW, with another number."""
    return backend.DataRow((b"Anna", text)).encode()


def header(kind: str, length: int, rest: bytes = b"") -> bytes:
    """A header that says what we like."""
    return kind.encode() + struct.pack(">i", length) + rest


def simple_query() -> tuple[bytes, Setting, list[object]]:
    """A result whose rows are masked by the plan made of its RowDescription, and a second one that passes."""
    description = backend.RowDescription((backend.Field(b"name", 16400, 2, 25, -1, -1, 0),)).encode()
    other = backend.DataRow((b"1",)).encode()
    setting = backend_setting(BackendPhase.READY)
    setting.after = [
        (BackendPhase.READY, MASKED),
        (BackendPhase.READY, None),
        (BackendPhase.READY, Plan(columns=1)),
        (BackendPhase.READY, None),
        (BackendPhase.READY, None),
    ]
    data = description + ROW + ROW + TAG + description + other + other + TAG + READY
    expected: list[object] = [
        Deliver(ord("T"), description[5:]),
        MASKED_ROW * 2,
        Deliver(ord("C"), TAG[5:]),
        Deliver(ord("T"), description[5:]),
        other * 2,
        Deliver(ord("C"), TAG[5:]),
        Deliver(ord("Z"), b"I"),
    ]
    return data, setting, expected


def copy_out() -> tuple[bytes, Setting, list[object]]:
    """COPY TO STDOUT: CopyData passes between CopyOutResponse and CopyDone."""
    begin = backend.CopyOutResponse(0, (0, 0)).encode()
    rows = b"".join(backend.CopyData(b"%d\tAnna\n" % number).encode() for number in range(3))
    setting = backend_setting(BackendPhase.READY)
    setting.after = [(BackendPhase.COPY_OUT, None), (BackendPhase.READY, None), (BackendPhase.READY, None)]
    end = backend.CopyDone().encode()
    expected: list[object] = [Deliver(ord("H"), begin[5:]), rows, Deliver(ord("c"), b""), Deliver(ord("C"), TAG[5:])]
    return begin + rows + end + TAG, setting, expected


def pipeline() -> tuple[bytes, Setting, list[object]]:
    """An extended-protocol pipeline with stray copy messages in it, which are dropped."""
    messages: list[Message] = [
        frontend.Parse(b"s", b"select $1", (23,)),
        frontend.Bind(b"", b"s", (1,), (b"\0\0\0\7", None), (0,)),
        frontend.Describe(b"P", b""),
        frontend.Execute(b"", 10),
        frontend.Sync(),
    ]
    stray = frontend.CopyData(b"left over").encode() + frontend.CopyDone().encode() + frontend.CopyFail(b"no").encode()
    encoded = [message.encode() for message in messages]
    data = encoded[0] + encoded[1] + stray + b"".join(encoded[2:]) + stray
    expected: list[object] = [Deliver(message[0], message[5:]) for message in encoded]
    return data, frontend_setting(FrontendPhase.READY), expected


def copy_in() -> tuple[bytes, Setting, list[object]]:
    """COPY FROM STDIN from the frontend's side, with the Flush and Sync that are legal in it."""
    rows = frontend.CopyData(b"1\tAnna\n").encode() * 2
    setting = frontend_setting(FrontendPhase.COPY_IN)
    setting.after = [
        (FrontendPhase.COPY_IN, None),
        (FrontendPhase.COPY_IN, None),
        (FrontendPhase.READY, None),
        (FrontendPhase.READY, None),
    ]
    flush, sync, done = (message.encode() for message in (frontend.Flush(), frontend.Sync(), frontend.CopyDone()))
    expected: list[object] = [
        rows,
        Deliver(ord("H"), b""),
        Deliver(ord("S"), b""),
        rows,
        Deliver(ord("c"), b""),
        Deliver(ord("S"), b""),
    ]
    return rows + flush + sync + rows + done + sync, setting, expected


@pytest.mark.parametrize("transcript", [simple_query, copy_out, pipeline, copy_in])
def test_transcripts_at_every_split_point(transcript: object) -> None:
    assert callable(transcript)
    data, setting, expected = transcript()
    for pieces in every_split(data):
        result = drive(pieces, setting)
        assert result.error == ""
        assert result.events == expected
        assert (result.buffered, result.mid_message) == (0, False)


def test_a_span_covers_the_whole_run() -> None:
    framer = new_framer(backend_setting(BackendPhase.READY, MASKED))
    framer.feed(ROW * 100 + TAG)
    assert framer.next() == (0, MASKED_ROW * 100)
    assert framer.next() == (ord("C"), TAG[5:])
    framer.plan = MaskPlan.clean()
    framer.feed(ROW * 100 + TAG)
    assert framer.next() == (0, ROW * 100)


def test_a_masked_span_ends_before_it_grows_without_bound() -> None:
    constant = b"x" * 10_000
    framer = new_framer(backend_setting(BackendPhase.READY, Plan(((FIXED, constant, 0),))))
    framer.feed(backend.DataRow((b"",)).encode() * 1000)
    spans = []
    while (taken := framer.next()) is not None:
        spans.append(len(taken[1]))
    assert sum(spans) == 1000 * len(backend.DataRow((constant,)).encode())
    assert max(spans) < 256 * 1024 + 20_000


def spans(plan: Plan, data: bytes) -> list[bytes]:
    """What each call of next() gives."""
    framer = new_framer(backend_setting(BackendPhase.READY, plan))
    framer.feed(data)
    found = []
    while (taken := framer.next()) is not None:
        found.append(taken[1])
    return found


def test_rows_that_keep_their_lengths_leave_apart_from_a_first_one_that_does_not() -> None:
    same, other = b"".join(row_of(text) for text in (b"abc", b"xyz")), row_of(b"longer")
    assert spans(REDACTED, same * 5) == [REDACTED_ROW * 10]
    assert spans(REDACTED, same + other + same) == [REDACTED_ROW * 2, REDACTED_ROW * 3]
    assert spans(REDACTED, other + same + other) == [REDACTED_ROW * 4], "once copied, all of the run is"
    assert spans(REDACTED, same + TAG + other + same) == [REDACTED_ROW * 2, TAG[5:], REDACTED_ROW * 3]


def test_a_row_is_not_written_over_before_all_of_it_is_known() -> None:
    # A mask that would mask its own output: if the date were written before the second cell turns out to change its
    # length, copying the row would find a date where there was none.
    plan = Plan(((DATE_YEAR, b"1998-10-05", 0), (FIXED, b"***", 0)))
    expected = backend.DataRow((b"1998-10-05", b"***")).encode()
    same = backend.DataRow((b"05.10.1998", b"abc")).encode()
    other = backend.DataRow((b"05.10.1998", b"longer")).encode()
    assert spans(plan, same + other) == [expected, expected]


@pytest.mark.parametrize("plan", [MASKED, REDACTED])
def test_what_only_looks_like_a_row_is_none(plan: Plan) -> None:
    tag = b"C" + ROW[1:]
    masked = MASKED_ROW if plan is MASKED else REDACTED_ROW
    assert spans(plan, ROW + tag + ROW) == [masked, ROW[5:], masked]


@pytest.mark.parametrize("plan", [MASKED, REDACTED])
def test_the_cap_holds_for_every_row_of_a_run(plan: Plan) -> None:
    setting = backend_setting(BackendPhase.READY, plan, max_message=len(ROW) - 1)
    result = drive([ROW + ROW + row_of(b"777-65-98633") + ROW], setting)
    assert "is larger than" in result.error
    assert result.rows == 2


def test_masking_leaves_what_was_fed_alone() -> None:
    data = bytes(ROW)
    assert spans(MASKED, data) == [MASKED_ROW]
    assert data == backend.DataRow((b"Anna", b"777-65-9863")).encode()


@pytest.mark.parametrize("length", [*range(1, 10), 4096])
def test_rows_of_either_kind_at_every_split_point(length: int) -> None:
    plan = Plan(((KEEP_FIRST, b"", 3), (FIXED, b"x" * min(length, 40), 0), (PASS, b"", 0)))
    cells: list[tuple[bytes | None, ...]] = [
        (b"ab" * min(length, 40), b"a" * min(length, 40), b"p"),
        (None, None, None),
        ("żółw".encode() * min(length, 9), b"", None),
        (b"", b"a" * min(length, 40), b"p" * min(length, 90)),
    ]
    data = b"".join(backend.DataRow(row).encode() for row in [*cells, *reversed(cells)]) + TAG
    setting = backend_setting(BackendPhase.READY, plan)
    expected = naive_frame(data, setting)
    assert expected.rows == 8
    for pieces in every_split(data):
        assert_twins_agree(drive(pieces, setting), expected)


def test_unmasked_rows_stream() -> None:
    framer = new_framer(backend_setting(BackendPhase.READY, Plan(columns=2)))
    framer.feed(ROW[:6])
    assert framer.next() is None, "the count of columns has not come yet"
    framer.feed(ROW[6:9])
    assert framer.next() == (0, ROW[:9])
    assert framer.mid_message
    framer.phase = BackendPhase.READY
    framer.plan = None  # holds for the next row; this one ends as it began
    framer.feed(ROW[9:])
    assert framer.next() == (0, ROW[9:])
    assert not framer.mid_message
    assert framer.take_counts() == RowCounts(1, len(ROW), len(ROW), 0)
    assert framer.take_counts() == RowCounts(0, 0, 0, 0)


def test_masked_rows_are_held_whole() -> None:
    framer = new_framer(backend_setting(BackendPhase.READY, MASKED))
    framer.feed(ROW[:-1])
    assert framer.next() is None
    assert (framer.buffered, framer.mid_message) == (len(ROW) - 1, False)
    framer.feed(ROW[-1:])
    assert framer.next() == (0, MASKED_ROW)
    assert framer.take_counts() == RowCounts(1, len(ROW), len(MASKED_ROW), 1)


def test_a_row_without_a_plan_is_never_forwarded() -> None:
    framer = new_framer(backend_setting(BackendPhase.READY))
    framer.feed(ROW)
    with pytest.raises(BackendProtocolError, match="no rows are expected"):
        framer.next()


@pytest.mark.parametrize("plan", [Plan(columns=3), Plan(((FIXED, b"x", 0),))])
def test_a_row_with_another_number_of_columns_is_an_error(plan: Plan) -> None:
    for pieces in every_split(ROW):
        assert "not as many columns" in drive(pieces, backend_setting(BackendPhase.READY, plan)).error


def test_any_error_is_final() -> None:
    framer = new_framer(backend_setting(BackendPhase.READY, MASKED))
    framer.feed(ROW + b"W" + READY)
    assert framer.next() == (0, MASKED_ROW)
    for _ in range(2):
        with pytest.raises(BackendProtocolError, match="CopyBothResponse is not allowed in phase READY"):
            framer.next()
    with pytest.raises(BackendProtocolError):
        framer.feed(READY)
    assert framer.buffered == 0


HOSTILE_LENGTHS = (-(2**31), -1, 0, 1, 3)


@pytest.mark.parametrize("length", HOSTILE_LENGTHS)
@pytest.mark.parametrize("frontends", [True, False])
def test_lengths_that_cannot_be(length: int, frontends: bool) -> None:
    phases: list[FrontendPhase] | list[BackendPhase] = list(FrontendPhase) if frontends else list(BackendPhase)
    tables = protocol.FRONTEND_VERDICTS if frontends else protocol.BACKEND_VERDICTS
    for phase in phases:
        for kind in tables[phase]:  # type: ignore[index]
            setting = frontend_setting(phase) if frontends else backend_setting(phase, MASKED)  # type: ignore[arg-type]
            framer = new_framer(setting)
            framer.feed(bytes((kind,)) + struct.pack(">i", length))
            with pytest.raises(FrontendProtocolError if frontends else BackendProtocolError, match="invalid length"):
                framer.next()


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [("Q", 1 << 20), ("P", 1 << 20), ("B", 1 << 20), ("F", 1 << 20), ("D", 1 << 16), ("E", 1 << 16), ("S", 1 << 16)],
)
def test_held_messages_have_a_cap(kind: str, allowed: int) -> None:
    framer = new_framer(frontend_setting(FrontendPhase.READY))
    framer.feed(header(kind, allowed))
    assert framer.next() is None
    for length in (allowed + 1, 2**31 - 1):
        framer = new_framer(frontend_setting(FrontendPhase.READY))
        framer.feed(header(kind, length))
        with pytest.raises(FrontendProtocolError, match="over the limit"):
            framer.next()


@pytest.mark.parametrize("kind", "ENV")
def test_what_a_backend_says_at_length_has_the_larger_cap(kind: str) -> None:
    framer = new_framer(backend_setting(BackendPhase.READY))
    framer.feed(header(kind, 1 << 20))
    assert framer.next() is None
    framer = new_framer(backend_setting(BackendPhase.READY))
    framer.feed(header(kind, (1 << 20) + 1))
    with pytest.raises(BackendProtocolError, match="over the limit"):
        framer.next()


@pytest.mark.parametrize(
    ("setting", "kind", "largest"),
    [
        (frontend_setting(FrontendPhase.COPY_IN), "d", 0x3FFFFFFE),
        (frontend_setting(FrontendPhase.READY), "d", 0x3FFFFFFE),
        (backend_setting(BackendPhase.COPY_OUT), "d", 0x40000002),
        (backend_setting(BackendPhase.READY, Plan()), "D", 0x40000002),
    ],
)
def test_streamed_messages_end_where_postgresql_ends(setting: Setting, kind: str, largest: int) -> None:
    framer = new_framer(setting)
    framer.feed(header(kind, largest))
    framer.next()
    for length in (largest + 1, 2**31 - 1):
        framer = new_framer(setting)
        framer.feed(header(kind, length))
        with pytest.raises(HoopfastError, match="over the limit"):
            framer.next()


def test_a_masked_row_over_the_cap_is_refused_by_its_header() -> None:
    framer = new_framer(backend_setting(BackendPhase.READY, MASKED))
    framer.feed(header("D", (1 << 20) + 1))
    with pytest.raises(LimitExceeded) as refused:
        framer.next()
    assert refused.value.sqlstate == "54000"
    assert refused.value.hint is not None
    assert "max_message" in refused.value.hint


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"\0\2",
        b"\0\2\0\0\0\1",
        b"\0\2\0\0\0\1A",
        b"\0\2\0\0\0\1A\0\0\0\2x",
        b"\0\2\0\0\0\1A\xff\xff\xff\xfe",
        b"\0\2\0\0\0\1A\x80\0\0\0",
        b"\0\2\0\0\0\1A\x7f\xff\xff\xff",
        b"\0\2\0\0\0\1A\0\0\0\1Bx",
        b"\0\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ],
)
@pytest.mark.parametrize(("plan", "masked"), [(MASKED, MASKED_ROW), (REDACTED, REDACTED_ROW)])
def test_rows_that_lie_about_themselves(body: bytes, plan: Plan, masked: bytes) -> None:
    row = header("D", len(body) + 4, body)
    for pieces in every_split(ROW + row):
        result = drive(pieces, backend_setting(BackendPhase.READY, plan))
        assert "DataRow is malformed" in result.error
        assert result.events == [masked]
        assert (result.rows, result.masked, result.received) == (1, 1, len(ROW))
        assert result.delivered == len(masked)


@pytest.mark.parametrize("length", [4, 5])
def test_a_row_without_room_for_its_count_is_malformed_even_where_rows_pass(length: int) -> None:
    result = drive([header("D", length, b"\0")], backend_setting(BackendPhase.READY, Plan()))
    assert "DataRow is malformed" in result.error


def test_errors_hold_nothing_of_the_bytes() -> None:
    secret = b"777-65-9863"
    wrong = [
        (backend_setting(BackendPhase.READY, MASKED), header("D", 30, b"\0\2\0\0\0\x0b" + secret + b"zzzzzzzzz")),
        (backend_setting(BackendPhase.READY), header("D", 30, b"\0\2\0\0\0\x0b" + secret + b"zzzzzzzzz")),
        (backend_setting(BackendPhase.COPY_OUT), b"Q" + secret),
        (frontend_setting(FrontendPhase.READY), b"p" + secret),
    ]
    for setting, data in wrong:
        result = drive([data], setting)
        assert result.error
        assert "777" not in result.error


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        (frontend_setting(FrontendPhase.READY, max_message=1 << 30), "Q"),
        (frontend_setting(FrontendPhase.COPY_IN, max_message=1 << 30), "d"),
        (frontend_setting(FrontendPhase.READY, max_message=1 << 30), "d"),
        (backend_setting(BackendPhase.READY, MASKED, max_message=1 << 30), "D"),
        (backend_setting(BackendPhase.READY, Plan(), max_message=1 << 30), "D"),
        (backend_setting(BackendPhase.READY, max_message=1 << 30), "E"),
    ],
)
def test_a_header_that_announces_a_gigabyte_allocates_nothing(setting: Setting, kind: str) -> None:
    framer = new_framer(setting)
    announcement = header(kind, (1 << 30) - 2, b"\0\2")
    tracemalloc.start()
    try:
        framer.feed(announcement)
        framer.next()
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024
    finally:
        tracemalloc.stop()


def test_a_streamed_gigabyte_needs_no_memory() -> None:
    framer = new_framer(backend_setting(BackendPhase.READY, Plan(columns=1)))
    piece = bytes(256 * 1024)
    tracemalloc.start()
    try:
        framer.feed(header("D", (1 << 30) - 2, b"\0\1"))
        framer.next()
        for _ in range(64):
            framer.feed(piece)
            taken = framer.next()
            assert taken is not None
            assert len(taken[1]) == len(piece)
            assert framer.next() is None
        del taken
        peak = tracemalloc.get_traced_memory()[1]
        assert tracemalloc.get_traced_memory()[0] < 16 * 1024, "an idle framer gives its memory back"
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(piece)


def test_withheld_messages_are_dropped_without_being_held() -> None:
    framer = new_framer(frontend_setting(FrontendPhase.READY))
    framer.feed(header("d", 4 + 3 * 65536))
    for _ in range(3):
        framer.feed(bytes(65536))
        assert framer.next() is None
        assert (framer.buffered, framer.mid_message) == (0, False)
    framer.feed(frontend.Sync().encode())
    assert framer.next() == (ord("S"), b"")


def test_feeding_goes_on_while_nothing_is_taken() -> None:
    # A session that is paused reads ahead: what has been fed is neither lost nor reordered.
    framer = new_framer(frontend_setting(FrontendPhase.READY))
    queries = [frontend.Query(b"select %d" % number).encode() for number in range(100)]
    framer.feed(queries[0] + queries[1])
    assert framer.next() == (ord("Q"), queries[0][5:])
    for query in queries[2:]:
        framer.feed(memoryview(query))
    assert framer.buffered == sum(map(len, queries[1:]))
    assert [framer.next() for _ in queries[1:]] == [(ord("Q"), query[5:]) for query in queries[1:]]


def test_an_empty_feed_changes_nothing() -> None:
    framer = new_framer(frontend_setting(FrontendPhase.READY))
    assert framer.next() is None
    framer.feed(b"")
    assert framer.next() is None
    assert framer.buffered == 0


def test_the_phase_must_be_one_of_the_tables() -> None:
    framer = new_framer(frontend_setting(FrontendPhase.READY))
    assert framer.phase is FrontendPhase.READY
    with pytest.raises(ValueError, match="unknown phase"):
        framer.phase = BackendPhase.COPY_OUT
    for number in (-1, 8):
        with pytest.raises(ValueError, match="unknown phase"):
            framer.phase = number  # type: ignore[assignment]


def test_a_framer_starts_in_the_first_phase_without_a_plan() -> None:
    framer = Framer(protocol.BACKEND_VERDICTS, frontend=False, max_message=1024, max_control=1024)
    assert framer.phase is BackendPhase.STARTUP
    assert framer.plan is None
    plan = MaskPlan.clean()
    framer.plan = plan
    assert framer.plan is plan
    with pytest.raises(TypeError):
        framer.plan = "everything"  # type: ignore[assignment]


def test_tables_are_checked_when_they_are_compiled() -> None:
    assert VerdictTables(protocol.BACKEND_VERDICTS, frontend=False).phases == len(BackendPhase)
    with pytest.raises(ValueError, match="numbered from 0"):
        VerdictTables({1: {}}, frontend=True)
    with pytest.raises(OverflowError):
        VerdictTables({0: {256: protocol.Verdict.FORWARD}}, frontend=True)


@pytest.mark.parametrize("frontends", [True, False])
def test_every_phase_and_type_byte_gets_its_verdict(frontends: bool) -> None:
    tables = protocol.FRONTEND_VERDICTS if frontends else protocol.BACKEND_VERDICTS
    for phase in tables:
        for kind in range(256):
            setting = frontend_setting(phase) if frontends else backend_setting(phase, MASKED)  # type: ignore[arg-type]
            data = bytes((kind,)) + b"\0\0\0\4"
            assert_twins_agree(drive([data], setting), naive_frame(data, setting))
