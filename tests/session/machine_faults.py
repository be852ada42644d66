"""What goes wrong with the machine's backend: how often, and what a hostile one says."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from hoopfast.wire import backend
from tests.session.machine_statements import MIXED, PLAIN


@dataclass(frozen=True)
class Temper:
    """How often something happens, of a hundred."""

    error: int = 2
    aside: int = 2  # a notice, a notification, a ParameterStatus
    fatal: int = 0
    other_columns: int = 2  # what comes is not what was described
    hostile: int = 0  # a message is left out, said twice, damaged, or another one


def aside(random: Random) -> bytes:
    """A message that may come at any time."""
    match random.randrange(9):
        case 0:
            return backend.NotificationResponse(7, b"ch", random.choice((b"", b"hello", b"other"))).encode()
        case 1:
            return backend.ParameterStatus(b"DateStyle", b"ISO, DMY").encode()
        case 2:
            return backend.ParameterStatus(b"application_name", b"x").encode()
        case 3:
            return backend.ParameterStatus(b"client_encoding", random.choice((b"UTF8", b"LATIN1"))).encode()
        case _:
            fields = {"S": b"NOTICE", "V": b"NOTICE", "C": b"00000", "M": b"row 777-65-9863"}
            return backend.NoticeResponse(fields).encode()


def damaged(random: Random, data: bytes) -> bytes:
    """What a hostile backend sends instead of a message."""
    match random.randrange(8):
        case 0:
            return b""
        case 1:
            return data + data
        case 2:
            place = random.randrange(len(data))
            return data[:place] + bytes((random.randrange(256),)) + data[place + 1 :]
        case 3:
            return data[:1] + (len(data) - 2).to_bytes(4, "big") + data[5:] + b"\0"
        case 4:
            return data + random.choice(STRAYS)
        case 5:
            return random.choice(STRAYS) + data
        case _:
            return data + random.choice(LIKELY)


def _strays() -> tuple[bytes, ...]:
    error = {"S": b"ERROR", "V": b"ERROR", "C": b"22012", "M": b"x"}
    fatal = {"S": b"FATAL", "V": b"FATAL", "C": b"57P01", "M": b"x"}
    return (
        backend.ParseComplete().encode(),
        backend.BindComplete().encode(),
        backend.CloseComplete().encode(),
        backend.NoData().encode(),
        backend.PortalSuspended().encode(),
        backend.EmptyQueryResponse().encode(),
        backend.DataRow((b"777-65-9863",)).encode(),
        backend.DataRow((b"777-65-9863", b"a")).encode(),
        backend.DataRow(()).encode(),
        backend.CommandComplete(b"SELECT 1").encode(),
        backend.CommandComplete(b"T" * 70).encode(),
        backend.CommandComplete("sé".encode()).encode(),
        backend.ReadyForQuery(b"I").encode(),
        backend.ReadyForQuery(b"T").encode(),
        b"Z\0\0\0\5X",
        b"C\0\0\0\6no",
        b"C\0\0\0\4",
        b"1\0\0\0\5\0",
        b"D\0\0\0\3",
        b"D\0\0\0\6\0\1",
        b"D\xff\xff\xff\xff",
        b"D\0\0\0\x0a\0\1\0\0\0\x63",
        b"D\0\0\0\x0a\0\1\xff\xff\xff\xfe",
        b"T\0\0\0\6\0\5",
        b"T\0\0\0\6\0\0",
        b"W\0\0\0\7\0\0\0",
        b"\0\0\0\0\4",
        b"R\0\0\0\x08\0\0\0\0",
        backend.RowDescription((backend.Field(b"ssn", *MIXED[0], 25, -1, -1, 0),)).encode(),
        backend.ParameterDescription((25,)).encode(),
        backend.CopyInResponse(0, (0,)).encode(),
        backend.CopyOutResponse(0, (0,)).encode(),
        backend.CopyData(b"777-65-9863\n").encode(),
        backend.CopyDone().encode(),
        backend.ErrorResponse(error).encode(),
        backend.ErrorResponse(fatal).encode(),
        b"E\0\0\0\4",
        backend.ParameterStatus(b"standard_conforming_strings", b"off").encode(),
    )


STRAYS = _strays()
# Well-formed, and of use: out of place only now and then.
LIKELY = (
    backend.ParseComplete().encode(),
    backend.BindComplete().encode(),
    backend.CloseComplete().encode(),
    backend.NoData().encode(),
    backend.PortalSuspended().encode(),
    backend.DataRow((b"777-65-9863", b"a")).encode(),
    backend.CommandComplete(b"SELECT 1").encode(),
    backend.ReadyForQuery(b"I").encode(),
    backend.RowDescription(tuple(backend.Field(b"a", *origin, 25, -1, -1, 0) for origin in PLAIN)).encode(),
)
