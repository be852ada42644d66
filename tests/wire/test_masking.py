"""Mask plans: what becomes of a cell, by action; what a plan refuses; agreement with the naive twin."""

from __future__ import annotations

import copy
import gc
import pickle

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hoopfast.policy.model import CellAction
from hoopfast.wire import backend
from hoopfast.wire.masking import MaskPlan
from hoopfast.wire.protocol import BackendPhase
from tests.wire.driver import backend_setting, drive, new_framer
from tests.wire.naive import DATE_YEAR, FIXED, KEEP_FIRST, KEEP_LAST, NULL, PASS, Cell, Plan, naive_cell, naive_year


def masked(cells: tuple[bytes | None, ...], rules: tuple[Cell, ...], *, single_byte: bool = False) -> backend.DataRow:
    """One row, through the framer."""
    setting = backend_setting(BackendPhase.READY, Plan(rules, single_byte=single_byte), max_message=1 << 24)
    result = drive([backend.DataRow(cells).encode()], setting)
    assert result.error == ""
    (message,) = result.events
    assert isinstance(message, bytes)
    assert int.from_bytes(message[1:5], "big") == len(message) - 1
    replaced = sum(cell is not None and rule[0] != PASS for cell, rule in zip(cells, rules, strict=True))
    assert result.masked == replaced
    return backend.DataRow.decode(message[5:])


def one(value: bytes, rule: Cell, *, single_byte: bool = False) -> bytes | None:
    """What becomes of one cell between two that pass."""
    row = masked((b"left", value, b"right"), ((PASS, b"", 0), rule, (PASS, b"", 0)), single_byte=single_byte)
    assert (row.cells[0], row.cells[2]) == (b"left", b"right")
    return row.cells[1]


def test_the_actions_are_those_of_the_policy() -> None:
    assert [action.value for action in CellAction] == [PASS, NULL, FIXED, KEEP_FIRST, KEEP_LAST, DATE_YEAR]


@pytest.mark.parametrize(
    ("value", "rule", "expected"),
    [
        (b"777-65-9863", (PASS, b"", 0), b"777-65-9863"),
        (b"777-65-9863", (NULL, b"", 0), None),
        (b"777-65-9863", (FIXED, b"***", 0), b"***"),
        (b"777-65-9863", (FIXED, b"", 0), b""),
        (b"", (FIXED, b"***", 0), b"***"),
        (b"777-65-9863", (KEEP_LAST, b"", 4), b"*******9863"),
        (b"777-65-9863", (KEEP_FIRST, b"", 4), b"777-*******"),
        (b"777-65-9863", (KEEP_LAST, b"", 0), b"***********"),
    ],
)
def test_cells(value: bytes, rule: Cell, expected: bytes | None) -> None:
    assert one(value, rule) == expected


@pytest.mark.parametrize("action", [KEEP_FIRST, KEEP_LAST])
@pytest.mark.parametrize(
    ("value", "n", "shown"),
    [
        (b"", 4, 0),
        (b"a", 4, 0),
        (b"abc", 4, 0),
        (b"abcd", 4, 0),  # n or fewer characters: nothing
        (b"abcde", 4, 2),  # at most half
        (b"abcdefg", 4, 3),
        (b"abcdefgh", 4, 4),
        (b"abcdefghi", 4, 4),
        (b"ab", 1, 1),
        (b"abcdefgh", 2**40, 0),
    ],
)
def test_kept_parts_are_never_more_than_half(value: bytes, n: int, shown: int, action: int) -> None:
    stars = b"*" * (len(value) - shown)
    kept = value[:shown] + stars if action == KEEP_FIRST else stars + value[len(value) - shown :]
    assert one(value, (action, b"", n)) == kept


@pytest.mark.parametrize(
    ("value", "rule", "single_byte", "expected"),
    [
        ("żółwik".encode(), (KEEP_FIRST, b"", 2), False, "żó****".encode()),
        ("żółwik".encode(), (KEEP_LAST, b"", 2), False, b"****ik"),
        ("a😀b😀".encode(), (KEEP_LAST, b"", 2), False, "**b😀".encode()),
        (b"m\xfcller", (KEEP_FIRST, b"", 2), True, b"m\xfc****"),
        (b"m\xfcller", (KEEP_FIRST, b"", 2), False, b"********"),  # not UTF-8
    ],
)
def test_characters_are_those_of_the_encoding(value: bytes, rule: Cell, single_byte: bool, expected: bytes) -> None:
    assert one(value, rule, single_byte=single_byte) == expected


@pytest.mark.parametrize(
    "value",
    [
        b"\xff" * 40,
        b"abc\x80",
        b"\xc0\xafabcdef",  # overlong
        b"\xe0\x9f\xbfabcdef",
        b"\xed\xa0\x80abcdef",  # a surrogate
        b"\xf0\x8f\xbf\xbfabcdef",
        b"\xf4\x90\x80\x80abcdef",  # above U+10FFFF
        b"abcdefgh\xe2\x82",  # cut off
        b"abcdefgh\xe2\x82  ",
    ],
)
def test_what_is_not_valid_utf8_is_masked_whole_with_a_run_of_fixed_length(value: bytes) -> None:
    for action in (KEEP_FIRST, KEEP_LAST):
        assert one(value, (action, b"", 2)) == b"********"


@pytest.mark.parametrize("action", [KEEP_FIRST, KEEP_LAST])
def test_every_length_near_those_that_are_copied_and_filled_in_one_piece(action: int) -> None:
    for length in (*range(140), 1000):
        value = bytes(97 + place % 26 for place in range(length))
        for n in (0, 1, 5, length // 2):
            rule = (action, b"", n)
            assert one(value, rule) == naive_cell(value, rule, single_byte=False)
            # The second cell changes its length, so that the first is copied.
            row = masked((value, b"", value), (rule, (FIXED, value + b"x", 0), (PASS, b"", 0)))
            assert row.cells == (naive_cell(value, rule, single_byte=False), value + b"x", value)


@pytest.mark.parametrize("place", range(40))
def test_one_character_that_is_not_ascii_is_enough(place: int) -> None:
    for length in range(place + 1, 41):
        text = "a" * place + "ż" + "b" * (length - place - 1)
        half = (length - 1) // 2
        assert one(text.encode(), (KEEP_FIRST, b"", half)) == text[:half].encode() + b"*" * (length - half)
        assert one(text.encode(), (KEEP_LAST, b"", half)) == b"*" * (length - half) + text[length - half :].encode()


def test_padding_of_char_n_does_not_count() -> None:
    assert one(b"abcdefgh  ", (KEEP_LAST, b"", 4)) == b"****efgh  "
    assert one(b"ab        ", (KEEP_FIRST, b"", 2)) == b"**        "
    assert one(b"          ", (KEEP_FIRST, b"", 2)) == b"          "


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (b"1998-10-05", 0, b"1998-01-01"),
        (b"2024-02-29 23:59:59.999999", 1, b"2024-01-01 00:00:00"),
        (b"1998-10-05 00:00:00-05:30", 2, b"1998-01-01 00:00:00+00"),
        # Soundness 55: other DateStyles, and whatever else is no ISO date, show nothing.
        (b"05.10.1998", 0, b"gone"),
        (b"10/05/1998", 0, b"gone"),
        (b"10-05-1998", 0, b"gone"),
        (b"1998-10-05 BC", 0, b"gone"),
        (b"1998-10-05 12:00:00 BC", 1, b"gone"),
        (b"Mon Oct 05 00:00:00 1998", 1, b"gone"),
        (b"19980-10-05", 0, b"gone"),
        (b"infinity", 0, b"gone"),
        (b"", 0, b"gone"),
        (b"1998-10-05", 1, b"gone"),
        (b"1998-10-05 00:00:00", 0, b"gone"),
        ((-453).to_bytes(4, "big", signed=True), 3, (-730).to_bytes(4, "big", signed=True)),  # 1998-10-05
        ((0).to_bytes(4, "big"), 3, (0).to_bytes(4, "big")),
        (b"\x7f\xff\xff\xff", 3, b"gone"),  # infinity
        (b"\x80\x00\x00\x00", 3, b"gone"),
        (b"\x00\x00\x00", 3, b"gone"),
        ((-1).to_bytes(8, "big", signed=True), 4, (-365 * 86_400_000_000).to_bytes(8, "big", signed=True)),
        (b"\x7f" + b"\xff" * 7, 4, b"gone"),
        (b"1998-10-05", 4, b"gone"),
    ],
)
def test_of_a_date_the_year_is_kept(value: bytes, form: int, expected: bytes) -> None:
    assert one(value, (DATE_YEAR, b"gone", form)) == expected


@given(day=st.integers(-(2**31), 2**31 - 1) | st.integers(-730_200, 2_922_000))
def test_binary_dates_agree_with_the_calendar(day: int) -> None:
    value = day.to_bytes(4, "big", signed=True)
    expected = naive_year(value, 3)
    assert one(value, (DATE_YEAR, b"gone", 3)) == (b"gone" if expected is None else expected)


@given(micros=st.integers(-(2**63), 2**63 - 1) | st.integers(-63_082_281_600_000_100, 252_455_616_000_000_100))
def test_binary_timestamps_agree_with_the_calendar(micros: int) -> None:
    value = micros.to_bytes(8, "big", signed=True)
    expected = naive_year(value, 4)
    assert one(value, (DATE_YEAR, b"gone", 4)) == (b"gone" if expected is None else expected)


def test_null_stays_null() -> None:
    rules = tuple((action, b"x", 1) for action in (PASS, NULL, FIXED, KEEP_FIRST, KEEP_LAST, DATE_YEAR))
    assert masked((None,) * 6, rules).cells == (None,) * 6


def test_many_columns_and_long_cells() -> None:
    cells = tuple(b"%d" % number * 100 for number in range(1664))
    rules = tuple((number % 6, b"fixed", 3) for number in range(1664))
    expected = tuple(naive_cell(cell, rule, single_byte=False) for cell, rule in zip(cells, rules, strict=True))
    assert masked(cells, rules).cells == expected
    stars = tuple(((KEEP_FIRST, KEEP_LAST)[number % 2], b"", 3) for number in range(1664))
    kept = tuple(naive_cell(cell, rule, single_byte=False) for cell, rule in zip(cells, stars, strict=True))
    assert masked(cells, stars).cells == kept
    assert one(b"x" * (1 << 20), (KEEP_LAST, b"", 4)) == b"*" * ((1 << 20) - 4) + b"xxxx"


CELLS = st.none() | st.binary(max_size=24) | st.text(max_size=12).map(lambda text: text.encode("utf-8", "replace"))
ROWS = st.lists(st.tuples(CELLS, st.tuples(st.integers(0, 4), st.binary(max_size=12), st.integers(0, 12))), max_size=8)


@settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, st.booleans())
@example([(b"\xed\x9f\xbf\xee\x80\x80", (KEEP_LAST, b"", 1))], False)
@example([(b"\xf4\x8f\xbf\xbf\xf0\x90\x80\x80", (KEEP_FIRST, b"", 1))], False)
def test_cells_agree_with_the_twin(row: list[tuple[bytes | None, Cell]], single_byte: bool) -> None:
    cells = tuple(cell for cell, _ in row)
    rules = tuple(rule for _, rule in row)
    expected = tuple(None if cell is None else naive_cell(cell, rule, single_byte=single_byte) for cell, rule in row)
    assert masked(cells, rules, single_byte=single_byte).cells == expected


def test_a_plan_knows_its_columns() -> None:
    assert MaskPlan.clean().columns == -1
    assert MaskPlan.clean(3).columns == 3
    assert MaskPlan([(FIXED, b"", 0)] * 2).columns == 2
    assert MaskPlan.clean().passes_all
    assert MaskPlan([(PASS, b"", 0)]).passes_all
    assert MaskPlan([]).passes_all
    assert not MaskPlan([(PASS, b"", 0), (NULL, b"", 0)]).passes_all


@pytest.mark.parametrize("action", [-1, 6, 256, 2**40])
def test_an_unknown_action_is_refused(action: int) -> None:
    with pytest.raises(ValueError, match="unknown cell action"):
        MaskPlan([(action, b"", 0)])


def test_what_a_plan_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be -1"):
        MaskPlan([(KEEP_LAST, b"", -1)])
    MaskPlan([(DATE_YEAR, b"", 4)])
    with pytest.raises(ValueError, match="unknown form of a date 5"):
        MaskPlan([(DATE_YEAR, b"", 5)])
    with pytest.raises(ValueError, match="at most 65535 columns"):
        MaskPlan([(PASS, b"", 0)] * 65536)
    for columns in (-2, 65536):
        with pytest.raises(ValueError, match="at most 65535 columns"):
            MaskPlan.clean(columns)
    for fixed in ("text", 5, bytearray(b"x")):
        with pytest.raises(TypeError):
            MaskPlan([(FIXED, fixed, 0)])  # type: ignore[list-item]


def test_a_plan_is_immutable() -> None:
    plan = MaskPlan([(FIXED, b"x", 0)])
    plan.__init__([])  # type: ignore[call-arg]
    assert plan.columns == 1
    with pytest.raises(AttributeError):
        plan.columns = 2  # type: ignore[misc]
    with pytest.raises(TypeError):
        pickle.dumps(plan)
    with pytest.raises(TypeError):
        copy.copy(plan)


def test_a_plan_outlives_what_it_was_made_of() -> None:
    framer = new_framer(backend_setting(BackendPhase.READY))
    framer.plan = MaskPlan([(FIXED, b"constant %d" % number, 0) for number in range(50)])
    gc.collect()
    framer.feed(backend.DataRow((b"x",) * 50).encode())
    taken = framer.next()
    assert taken is not None
    framer.plan = None
    assert backend.DataRow.decode(taken[1][5:]).cells == tuple(b"constant %d" % number for number in range(50))
