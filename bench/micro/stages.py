"""The work that is timed and counted: deterministic bytes, and for each stage what is driven through them.

A row has 8 columns and 235 bytes, as in the prototype study that the targets come from. Input comes in pieces of 256
KiB, like a read of the relay; statements for the lexer come one by one. Needs nothing but hoopfast.wire, so that it
starts fast under valgrind.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple, Protocol

from hoopfast.wire import protocol
from hoopfast.wire.framer import Framer
from hoopfast.wire.lexer import Lexer
from hoopfast.wire.masking import MaskPlan
from hoopfast.wire.shapes import KnownStatement, ShapeTable

PIECE = 256 * 1024
MAX_MESSAGE = 256 * 1024 * 1024
MAX_CONTROL = 1024 * 1024
ROW_BYTES = 235
PASS, FIXED, KEEP_LAST = (0, b"", 0), (2, b"***", 0), (4, b"", 4)


def row(number: int) -> bytes:
    """One DataRow of 235 bytes, a patient."""
    cells = (
        b"%09d" % number,
        b"Anna Maria Kowalska-Schmidt"[: 20 + number % 8].ljust(27),
        b"777-65-%04d" % (number % 10_000),
        b"1961-%02d-%02d" % (1 + number % 12, 1 + number % 28),
        b"anna.kowalska.%05d@clinic.example" % (number % 100_000),
        b"ul. Dluga 17/4, 00-238 Warszawa, Polska".ljust(90),
        b"+48 22 %07d" % (number % 10_000_000),
        b"t",
    )
    body = struct.pack(">H", len(cells)) + b"".join(struct.pack(">i", len(cell)) + cell for cell in cells)
    return b"D" + struct.pack(">I", len(body) + 4) + body


def message(kind: bytes, body: bytes) -> bytes:
    """One message with its header."""
    return kind + struct.pack(">I", len(body) + 4) + body


def pieces(data: bytes) -> list[bytes]:
    """`data` as it comes from a socket."""
    return [data[at : at + PIECE] for at in range(0, len(data), PIECE)]


class Driven(Protocol):
    """What takes input and may give something for it."""

    @property
    def buffered(self) -> int:
        """How many bytes wait for more."""

    def feed(self, data: bytes) -> object:
        """Take input."""

    def next(self) -> object | None:
        """The next thing that comes out."""


class Shapes:
    """The lexer as far as the shape table needs it: each piece of input is a statement."""

    buffered = 0

    def __init__(self) -> None:
        self._lexer = Lexer()

    def feed(self, data: bytes) -> object:
        """Make the shape, and its hash."""
        return self._lexer.hash(data)

    def next(self) -> object | None:
        """Nothing: what is made stays in the lexer's buffers."""
        return None


class Statements:
    """A shape table that knows what it is asked for, among other statements."""

    buffered = 0

    def __init__(self) -> None:
        self._table = ShapeTable()
        for number in range(1000):
            self._learn(b"SELECT column_%d FROM patients WHERE id = 1" % number)
        for text in (QUERY, PREPARED, INSERT):
            self._learn(text)

    def _learn(self, text: bytes) -> None:
        known = KnownStatement(
            None, clean=True, returns_rows=True, rows_clean=True, describe_always=False, planned=False, transaction=0,
            template=None, literals_matter=False,
        )  # fmt: skip
        self._table.learn(text, b"", known)

    def feed(self, data: bytes) -> object:
        """Find the statement behind a text."""
        found = self._table.find_known(data, b"")
        assert found is not None
        return found

    def next(self) -> object | None:
        """Nothing."""
        return None


def drive(framer: Driven, data: list[bytes]) -> int:
    """Feed everything and take everything; returns how many things came out."""
    taken = 0
    for piece in data:
        framer.feed(piece)
        while framer.next() is not None:
            taken += 1
    return taken


def backend(plan: MaskPlan | None, phase: protocol.BackendPhase = protocol.BackendPhase.READY) -> Framer:
    """A framer of a backend's messages."""
    framer = Framer(protocol.BACKEND_VERDICTS, frontend=False, max_message=MAX_MESSAGE, max_control=MAX_CONTROL)
    framer.phase = phase
    framer.plan = plan
    return framer


def masked(third: tuple[int, bytes, int], fifth: tuple[int, bytes, int]) -> MaskPlan:
    """A plan for the rows above that masks a patient's number and address."""
    return MaskPlan([PASS, PASS, third, PASS, fifth, PASS, PASS, PASS])


def frontend() -> Framer:
    """A framer of a frontend's messages."""
    framer = Framer(protocol.FRONTEND_VERDICTS, frontend=True, max_message=MAX_MESSAGE, max_control=MAX_CONTROL)
    framer.phase = protocol.FrontendPhase.READY
    return framer


class Stage(NamedTuple):
    """A piece of work: what is fed, how many units (rows, statements) that is, and who takes it."""

    what: str
    units: int
    data: Callable[[], list[bytes]]
    framer: Callable[[], Driven]


ROWS = 8000
STATEMENTS = 2000


def _rows() -> list[bytes]:
    return pieces(b"".join(map(row, range(ROWS))))


def _copy() -> list[bytes]:
    return pieces(b"".join(message(b"d", row(number)[7:]) for number in range(ROWS)))


def _executions() -> list[bytes]:
    # A prepared statement run again and again, each execution in a read of its own.
    bind = message(b"B", b"\0s1\0\0\0\0\1\0\0\0\x04\x00\x00\x00\x07\0\0")
    execution = bind + message(b"D", b"P\0") + message(b"E", b"\0\0\0\0\0") + message(b"S", b"")
    return [execution] * STATEMENTS


QUERY = b"SELECT abalance FROM pgbench_accounts WHERE aid = 12345;"
REPORT = b"""
    SELECT p.id, p.name, v.visited_on, count(*) FROM patients p JOIN visits v ON v.patient_id = p.id
    WHERE p.city = 'Warszawa' AND v.visited_on >= '2024-01-01' GROUP BY p.id, p.name, v.visited_on
    ORDER BY 3 LIMIT 50"""
LONG_QUERY = b" UNION ALL ".join([REPORT] * 14)[:3000].rsplit(b" UNION", 1)[0]
PREPARED = QUERY.replace(b"12345", b"$1")


def _inserted(rows: int) -> bytes:
    values = b", ".join(b"(%d, 'patient number %d', 3.5)" % (number, number) for number in range(rows))
    return b"INSERT INTO patients (id, name, weight) VALUES " + values


INSERT = _inserted(92)


STAGES: dict[str, Stage] = {
    "frame": Stage("framing a row", ROWS, _rows, lambda: backend(MaskPlan.clean())),
    "clean": Stage("a row that passes, its columns counted", ROWS, _rows, lambda: backend(MaskPlan.clean(8))),
    "mask": Stage(
        "a row with 2 of 8 cells masked, of another length", ROWS, _rows, lambda: backend(masked(KEEP_LAST, FIXED))
    ),
    "mask-in-place": Stage(
        "a row with 2 of 8 cells masked in place", ROWS, _rows, lambda: backend(masked(KEEP_LAST, KEEP_LAST))
    ),
    "copy": Stage("a row of COPY TO, framed only", ROWS, _copy, lambda: backend(None, protocol.BackendPhase.COPY_OUT)),
    "pipeline": Stage("Bind, Describe, Execute, Sync, delivered to Python", STATEMENTS, _executions, frontend),
    "lex": Stage("a pgbench query of 56 bytes to shape and hash", STATEMENTS, lambda: [QUERY] * STATEMENTS, Shapes),
    "lex-long": Stage("a query of 2.8 KB to shape and hash", STATEMENTS, lambda: [LONG_QUERY] * STATEMENTS, Shapes),
    "lex-rows": Stage("a row of an INSERT of 8,000 rows to shape and hash", ROWS, lambda: [_inserted(ROWS)], Shapes),
    "find": Stage("a pgbench query of 56 bytes to what is known", STATEMENTS, lambda: [QUERY] * STATEMENTS, Statements),
    "find-prepared": Stage(
        "the same with $1, to what is known", STATEMENTS, lambda: [PREPARED] * STATEMENTS, Statements
    ),
    "find-insert": Stage(
        "an INSERT of 92 rows, 3 KB, to what is known", STATEMENTS, lambda: [INSERT] * STATEMENTS, Statements
    ),
}
