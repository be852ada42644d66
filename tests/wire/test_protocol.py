"""The verdict tables: an explicit verdict for every phase and every type byte, written out a second time."""

from __future__ import annotations

import pytest

from hoopfast.wire import protocol
from hoopfast.wire.protocol import BackendPhase, FrontendPhase, Verdict, message_name

# (phase, what is delivered, forwarded, withheld, a row); every other byte is illegal.
FRONTEND = [
    (FrontendPhase.AUTHENTICATION, "p", "", "", ""),
    (FrontendPhase.READY, "BCDEFHPQSX", "", "cdf", ""),
    (FrontendPhase.COPY_IN, "HSXcf", "d", "", ""),
]
BACKEND = [
    (BackendPhase.STARTUP, "EKNRSZv", "", "", ""),
    (BackendPhase.READY, "123ACEGHINSTVZnst", "", "", "D"),
    (BackendPhase.COPY_IN, "123ACEGHINSTVZnst", "", "", ""),
    (BackendPhase.COPY_OUT, "AENSc", "d", "", ""),
]


def expected(kind: int, deliver: str, forward: str, withhold: str, row: str) -> Verdict:
    """The verdict that the line above gives for one type byte."""
    for types, verdict in (
        (deliver, Verdict.DELIVER),
        (forward, Verdict.FORWARD),
        (withhold, Verdict.WITHHOLD),
        (row, Verdict.ROW),
    ):
        if chr(kind) in types:
            return verdict
    return Verdict.ILLEGAL


@pytest.mark.parametrize("line", FRONTEND)
def test_every_frontend_type_has_its_verdict(line: tuple[FrontendPhase, str, str, str, str]) -> None:
    phase, *types = line
    for kind in range(256):
        actual = protocol.FRONTEND_VERDICTS[phase].get(kind, Verdict.ILLEGAL)
        assert actual is expected(kind, *types), f"{phase.name} {kind:#x}"


@pytest.mark.parametrize("line", BACKEND)
def test_every_backend_type_has_its_verdict(line: tuple[BackendPhase, str, str, str, str]) -> None:
    phase, *types = line
    for kind in range(256):
        actual = protocol.BACKEND_VERDICTS[phase].get(kind, Verdict.ILLEGAL)
        assert actual is expected(kind, *types), f"{phase.name} {kind:#x}"


def test_every_phase_is_there() -> None:
    assert set(protocol.FRONTEND_VERDICTS) == set(FrontendPhase) == {line[0] for line in FRONTEND}
    assert set(protocol.BACKEND_VERDICTS) == set(BackendPhase) == {line[0] for line in BACKEND}


def test_what_has_a_verdict_has_a_name() -> None:
    for frontend_verdicts in protocol.FRONTEND_VERDICTS.values():
        assert set(frontend_verdicts) <= set(protocol.FRONTEND_NAMES)
    for backend_verdicts in protocol.BACKEND_VERDICTS.values():
        assert set(backend_verdicts) <= set(protocol.BACKEND_NAMES)


def test_rows_never_go_by_the_forward_verdict() -> None:
    for phase, verdicts in protocol.BACKEND_VERDICTS.items():
        assert verdicts.get(protocol.B_DATA_ROW, Verdict.ILLEGAL) in (Verdict.ROW, Verdict.ILLEGAL), phase


def test_the_tables_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        protocol.BACKEND_VERDICTS[BackendPhase.READY] = {}  # type: ignore[index]


@pytest.mark.parametrize(
    ("kind", "frontend", "name"),
    [
        (ord("D"), True, "Describe"),
        (ord("D"), False, "DataRow"),
        (ord("W"), False, "CopyBothResponse"),
        (0, True, "type 0x00"),
        (0xFF, False, "type 0xff"),
    ],
)
def test_types_are_named_as_in_the_manual(kind: int, frontend: bool, name: str) -> None:
    assert message_name(kind, frontend=frontend) == name
