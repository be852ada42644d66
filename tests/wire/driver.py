"""Drives the framer under test as a conversation would, and puts down what comes out as naive.py does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hoopfast.errors import HoopfastError
from hoopfast.wire import protocol
from hoopfast.wire.framer import Framer
from tests.wire.naive import Deliver, Plan, Result, Setting


def frontend_setting(
    phase: protocol.FrontendPhase, *, max_message: int = 1 << 20, max_control: int = 1 << 16
) -> Setting:
    """What a framer of a frontend's messages is told."""
    return Setting(
        protocol.FRONTEND_VERDICTS,
        True,
        phase,
        max_message=max_message,
        max_control=max_control,
        large=protocol.LARGE_FRONTEND,
        largest=protocol.LARGEST_FRONTEND_MESSAGE,
    )


def backend_setting(
    phase: protocol.BackendPhase,
    plan: Plan | None = None,
    *,
    max_message: int = 1 << 20,
    max_control: int = 1 << 16,
) -> Setting:
    """What a framer of a backend's messages is told."""
    return Setting(
        protocol.BACKEND_VERDICTS,
        False,
        phase,
        plan,
        max_message=max_message,
        max_control=max_control,
        large=protocol.LARGE_BACKEND,
        largest=protocol.LARGEST_BACKEND_MESSAGE,
    )


def new_framer(setting: Setting) -> Framer:
    """A framer as `setting` says."""
    framer = Framer(
        setting.tables,
        frontend=setting.frontend,
        max_message=setting.max_message,
        max_control=setting.max_control,
    )
    _set(framer, setting, setting.phase, setting.plan)
    return framer


def _set(framer: Framer, setting: Setting, phase: int, plan: Plan | None) -> None:
    framer.phase = (protocol.FrontendPhase if setting.frontend else protocol.BackendPhase)(phase)
    framer.plan = None if plan is None else plan.compiled()


def drive(pieces: Iterable[bytes], setting: Setting) -> Result:
    """Feed `pieces` one after the other, taking everything that comes out after each."""
    framer = new_framer(setting)
    result = Result()
    deliveries = 0
    try:
        for piece in pieces:
            scratch = bytearray(piece)
            framer.feed(scratch)
            scratch[:] = b"\xee" * len(scratch)  # the caller may reuse its buffer at once
            while (taken := framer.next()) is not None:
                kind, body = taken
                if not kind:
                    assert body, "an empty span"
                    result.forward(body)
                    continue
                result.events.append(Deliver(kind, body))
                if setting.after:
                    _set(framer, setting, *setting.after[deliveries % len(setting.after)])
                    deliveries += 1
    except HoopfastError as error:
        result.error = error.message
    counts = framer.take_counts()
    result.rows, result.received = counts.rows, counts.received_bytes
    result.delivered, result.masked = counts.delivered_bytes, counts.masked_cells
    if not result.error:
        result.mid_message, result.buffered = framer.mid_message, framer.buffered
    return result


def every_split(data: bytes) -> Iterator[Sequence[bytes]]:
    """`data` whole, cut in two at every place, and byte by byte."""
    yield [data]
    for place in range(1, len(data)):
        yield [data[:place], data[place:]]
    yield [data[place : place + 1] for place in range(len(data))]


def assert_twins_agree(actual: Result, expected: Result) -> None:
    """Compare what came out of the framer with what its twin says."""
    if expected.error:
        assert expected.error in actual.error
        assert actual.events == expected.events
        return
    assert actual == expected
