"""The functions of hoopfast/recording.pxd, called by pointer and with the GIL held, as C calls them."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence

from hoopfast.audit.recorder import SessionRecorder
from hoopfast.policy.model import Statement

OUTCOMES = ("committed", "rolled back")  # in the order of RecordedOutcome


class End(ctypes.Structure):
    """struct RecordedEnd."""

    _fields_ = (
        ("sequence", ctypes.c_int64),
        ("tag", ctypes.c_char_p),
        ("tag_length", ctypes.c_ssize_t),
        ("rows", ctypes.c_uint64),
        ("received_bytes", ctypes.c_uint64),
        ("delivered_bytes", ctypes.c_uint64),
        ("masked_cells", ctypes.c_uint64),
        ("database_microseconds", ctypes.c_uint64),
    )


class _Recording(ctypes.Structure):
    """struct Recording."""

    _fields_ = (
        ("context", ctypes.c_void_p),
        (
            "execution",
            ctypes.PYFUNCTYPE(
                ctypes.c_int64,
                ctypes.c_void_p,
                ctypes.c_void_p,
                ctypes.c_int,
                ctypes.c_char_p,
                ctypes.c_ssize_t,
            ),
        ),
        ("room", ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)),
        ("completed", ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(End))),
        (
            "transaction",
            ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int),
        ),
    )


_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = ctypes.c_void_p
_pointer.argtypes = (ctypes.py_object, ctypes.c_char_p)


def bound(values: Sequence[bytes | None]) -> bytes:
    """Values as Bind has them."""
    parts = [struct.pack(">H", len(values))]
    parts += [struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value for value in values]
    return b"".join(parts)


class Template:
    """What `SessionRecorder.template` gives for a statement."""

    def __init__(self, statement: Statement) -> None:
        self._capsule = SessionRecorder.template(statement)
        self.address = _pointer(self._capsule, b"hoopfast.recording.template")


class Steady:
    """The Recording of a recorder."""

    def __init__(self, recorder: SessionRecorder) -> None:
        self._capsule = recorder.recording
        self._functions = _Recording.from_address(_pointer(self._capsule, b"hoopfast.recording"))

    def execution(self, template: Template, *, extended: bool = True, parameters: bytes | None = None) -> int:
        """The sequence, or 0."""
        functions = self._functions
        length = 0 if parameters is None else len(parameters)
        return int(functions.execution(functions.context, template.address, extended, parameters, length))

    def room(self, records: int) -> bool:
        """Whether so many ends fit."""
        return bool(self._functions.room(self._functions.context, records))

    def completed(self, end: End) -> bool:
        """Record an end."""
        return bool(self._functions.completed(self._functions.context, end))

    def transaction(self, first: int, last: int, outcome: str | int) -> bool:
        """Record a transaction's end."""
        number = OUTCOMES.index(outcome) if isinstance(outcome, str) else outcome
        return bool(self._functions.transaction(self._functions.context, first, last, number))


def end(
    sequence: int,
    tag: bytes = b"SELECT 1",
    rows: int = 0,
    received: int = 0,
    delivered: int = 0,
    masked: int = 0,
    microseconds: int = 0,
) -> End:
    """A RecordedEnd."""
    return End(sequence, tag, len(tag), rows, received, delivered, masked, microseconds)
