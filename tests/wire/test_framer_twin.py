"""The framer against its naive twin, over bytes that hypothesis makes: well-formed, damaged, cut anywhere."""

from __future__ import annotations

import struct

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoopfast.wire.protocol import BACKEND_VERDICTS, FRONTEND_VERDICTS, BackendPhase, FrontendPhase
from tests.wire.driver import assert_twins_agree, backend_setting, drive, frontend_setting
from tests.wire.naive import DATE_YEAR, Cell, Plan, Setting, naive_frame

# Making text loads tables first, which takes long on a busy machine; nothing here is slow by itself.
unhurried = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])

DATES = st.sampled_from(
    (b"1998-10-05", b"05.10.1998", b"1998-10-05 01:02:03", b"1998-10-05 01:02:03.4+02", b"\0\0\1\1")
)
TEXTS = st.text(max_size=6).map(lambda text: text.encode("utf-8", "replace"))
CELLS = st.none() | st.binary(max_size=6) | TEXTS | DATES


def encode_row(cells: list[bytes | None]) -> bytes:
    """A DataRow's body."""
    parts = [struct.pack(">H", len(cells))]
    parts += [struct.pack(">i", -1) if cell is None else struct.pack(">i", len(cell)) + cell for cell in cells]
    return b"".join(parts)


# A replacement is often as long as the cell, so that rows masked where they stand and copied ones come in turns.
REPLACEMENTS = st.binary(max_size=8) | DATES
RULES = st.tuples(st.integers(0, 4), REPLACEMENTS, st.integers(0, 5)) | st.tuples(
    st.just(DATE_YEAR), REPLACEMENTS, st.integers(0, 4)
)
PLANS = st.one_of(
    st.none(),
    st.integers(-1, 3).map(lambda columns: Plan(columns=columns)),
    st.builds(
        lambda rules, single_byte: Plan(tuple(rules), single_byte=single_byte),
        st.lists(RULES, max_size=3),
        st.booleans(),
    ),
)


@st.composite
def messages(draw: st.DrawFn, kinds: str) -> bytes:
    """One message, mostly well-formed, of a type that some phase knows."""
    kind = draw(st.sampled_from(kinds))
    body = draw(st.binary(max_size=12))
    if kind == "D":
        body = encode_row(draw(st.lists(CELLS, max_size=3)))
    length = len(body) + 4
    if draw(st.integers(0, 30)) == 0:
        length = draw(st.sampled_from((-1, 0, 3, 4, 5, 6, 41, 65, 2**31 - 1)))
    if draw(st.integers(0, 30)) == 0:
        kind = chr(draw(st.integers(0, 127)))
    return kind.encode() + struct.pack(">i", length) + body


@st.composite
def pieces(draw: st.DrawFn, kinds: str) -> list[bytes]:
    """A run of messages, cut into pieces."""
    data = b"".join(draw(st.lists(messages(kinds), max_size=12)))
    data = data[: draw(st.integers(0, len(data)) | st.just(len(data)))]
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def with_changes(setting: Setting, after: list[tuple[int, Plan | None]]) -> Setting:
    """`setting`, with what happens after each delivered message."""
    setting.after = after
    return setting


@unhurried
@given(
    pieces("DDDDCZTEdH"),
    st.sampled_from(BackendPhase),
    PLANS,
    st.lists(st.tuples(st.sampled_from((BackendPhase.READY, BackendPhase.COPY_OUT)), PLANS), max_size=3),
)
def test_backend_framing_agrees_with_the_twin(
    parts: list[bytes], phase: BackendPhase, plan: Plan | None, after: list[tuple[int, Plan | None]]
) -> None:
    setting = with_changes(backend_setting(phase, plan, max_message=64, max_control=40), after)
    assert_twins_agree(drive(parts, setting), naive_frame(b"".join(parts), setting))


@unhurried
@given(
    pieces("QPBDESddcfHX"),
    st.sampled_from(FrontendPhase),
    st.lists(st.tuples(st.sampled_from(FrontendPhase), st.none()), max_size=3),
)
def test_frontend_framing_agrees_with_the_twin(
    parts: list[bytes], phase: FrontendPhase, after: list[tuple[int, Plan | None]]
) -> None:
    setting = with_changes(frontend_setting(phase, max_message=64, max_control=40), after)
    assert_twins_agree(drive(parts, setting), naive_frame(b"".join(parts), setting))


@unhurried
@given(st.binary(max_size=40), st.booleans(), st.integers(0, 3), PLANS)
def test_any_bytes_at_all(data: bytes, frontends: bool, phase: int, plan: Plan | None) -> None:
    if frontends:
        setting = frontend_setting(FrontendPhase(phase % len(FRONTEND_VERDICTS)))
    else:
        setting = backend_setting(BackendPhase(phase % len(BACKEND_VERDICTS)), plan)
    assert_twins_agree(drive([data], setting), naive_frame(data, setting))


@unhurried
@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=20),
    st.lists(RULES, min_size=3, max_size=3),
    st.booleans(),
)
def test_masked_rows_agree_with_the_twin(rows: list[list[bytes | None]], rules: list[Cell], single_byte: bool) -> None:
    setting = backend_setting(BackendPhase.READY, Plan(tuple(rules), single_byte=single_byte))
    bodies = [encode_row(row) for row in rows]
    data = b"".join(b"D" + struct.pack(">i", len(body) + 4) + body for body in bodies)
    result = naive_frame(data, setting)
    assert result.error == ""
    assert_twins_agree(drive([data], setting), result)


@st.composite
def wide_rows(draw: st.DrawFn) -> tuple[list[list[bytes | None]], list[Cell]]:
    """Rows of more columns than the framer remembers without asking for memory, most of them masked."""
    rules = draw(st.lists(RULES, min_size=14, max_size=20))
    cells = st.lists(CELLS, min_size=len(rules), max_size=len(rules))
    return draw(st.lists(cells, min_size=1, max_size=4)), rules


@unhurried
@given(wide_rows(), st.integers(0, 600))
def test_wide_rows_agree_with_the_twin(wide: tuple[list[list[bytes | None]], list[Cell]], cut: int) -> None:
    rows, rules = wide
    setting = backend_setting(BackendPhase.READY, Plan(tuple(rules)))
    bodies = [encode_row(row) for row in rows]
    data = b"".join(b"D" + struct.pack(">i", len(body) + 4) + body for body in bodies)
    assert_twins_agree(drive([data[:cut], data[cut:]], setting), naive_frame(data, setting))
