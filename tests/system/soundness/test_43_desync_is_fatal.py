"""Finding 43: a backend out of step closes the session; rows never fall back to another plan. Hostile backends, too."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator

import pytest

from hoopfast.sandbox.postgres import ThrowawayPostgres
from hoopfast.sandbox.sandbox import Sandbox
from tests.support import canaries
from tests.support.protocol import SYNC, Frontend, bind, describe, execute, message, parse, query
from tests.support.sandboxes import CONFIGURATION, MASKED_SSN, SCHEMA, resident_bytes
from tests.support.servers import ROLE, bin_directory
from tests.support.tamper import Change, TamperingServer

SELECT = "SELECT /* tamper */ ssn, city FROM patients WHERE id = 1"
SECRET_ROW = struct.pack("!H", 1) + struct.pack("!i", len(canaries.SSN)) + canaries.SSN.encode()


@pytest.fixture(scope="module")
def tampering() -> Iterator[TamperingServer]:
    with ThrowawayPostgres(bin_directory(18)) as real, TamperingServer(real) as server:
        yield server


@pytest.fixture(scope="module")
def box(tampering: TamperingServer) -> Iterator[Sandbox]:
    with Sandbox(CONFIGURATION, schema=SCHEMA, role=ROLE, server=tampering.as_server()) as made:
        yield made


def _header(kind: bytes, length: int) -> bytes:
    return kind + struct.pack("!I", length & 0xFFFFFFFF)


def _instead(of: bytes, data: bytes) -> Change:
    return lambda kind, whole: data if kind == of else whole


def _before(of: bytes, data: bytes) -> Change:
    return lambda kind, whole: data + whole if kind == of else whole


CHANGES: dict[str, Change] = {
    "a cell too few": _instead(b"D", message("D", SECRET_ROW)),
    "a cell too many": _instead(b"D", message("D", struct.pack("!H", 3) + SECRET_ROW[2:] * 3)),
    "count beyond the body": _instead(b"D", message("D", struct.pack("!H", 2) + SECRET_ROW[2:])),
    "bytes behind the cells": _instead(b"D", message("D", struct.pack("!H", 2) + SECRET_ROW[2:] * 2 + b"777-13-4281")),
    "cell length negative": _instead(b"D", message("D", struct.pack("!Hii", 2, -2, 3))),
    "cell length 2^31-1": _instead(b"D", message("D", struct.pack("!Hii", 2, 2**31 - 1, 3))),
    "row before its description": _before(b"T", message("D", SECRET_ROW)),
    "row behind the end": _before(b"Z", message("D", SECRET_ROW)),
    "second end": _before(b"Z", message("C", b"SELECT 1\0")),
    "copy data": _before(b"C", message("d", canaries.SSN.encode())),
    "copy out": _instead(b"T", message("H", struct.pack("!BHH", 0, 1, 0)) + message("d", canaries.SSN.encode())),
    "copy both": _instead(b"T", message("W", struct.pack("!BHH", 0, 1, 0))),
    "function result": _before(b"C", message("V", struct.pack("!i", 11) + canaries.SSN.encode())),
    "authentication": _before(b"C", message("R", struct.pack("!I", 3))),
    "key data again": _before(b"C", message("K", struct.pack("!II", 1, 2))),
    "unknown type": _before(b"C", message("y", canaries.SSN.encode())),
    "frontend's type": _before(b"C", message("Q", b"SELECT 1\0")),
    "length 0": _before(b"D", _header(b"D", 0)),
    "length 3": _before(b"D", _header(b"D", 3)),
    "length negative": _before(b"D", _header(b"D", -1)),
    "length 2^31-1": _before(b"D", _header(b"D", 2**31 - 1)),
    "huge control message": _before(b"C", _header(b"E", 2**30)),
    "description counts too many": _instead(b"T", message("T", struct.pack("!H", 9) + b"ssn\0" + bytes(18))),
    "description cut": _instead(b"T", message("T", struct.pack("!H", 1) + b"ssn")),
    "status unknown": _instead(b"Z", message("Z", b"X")),
    "parse complete": _before(b"C", message("1")),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("protocol", ["simple", "extended"])
def test_backend_out_of_step(box: Sandbox, tampering: TamperingServer, name: str, protocol: str) -> None:
    with Frontend.connect(box.gateway_dsn()) as other, Frontend.connect(box.gateway_dsn()) as frontend:
        before = resident_bytes(box)
        tampering.change = CHANGES[name]
        sent = [query(SELECT)] if protocol == "simple" else [parse(SELECT), bind(), describe(), execute(), SYNC]
        started = time.monotonic()
        frontend.send(*sent)
        seen = frontend.read_to_end()
        assert time.monotonic() - started < 8, "the session was not closed"
        tampering.change = lambda _, whole: whole
        canaries.assert_none(b"".join(m.body for m in seen))
        errors = [m for m in seen if m.type == "E"]
        # A masked row over max_message is refused as such before anything of it is held.
        expected = "54000" if name == "length 2^31-1" else "08006"
        assert [m.sqlstate for m in errors] in ([expected], []), errors
        assert [m.fields["S"] for m in errors] in (["FATAL"], [])
        assert other.rows(query("SELECT ssn FROM patients WHERE id = 1")) == [[MASKED_SSN.encode()]]
        assert resident_bytes(box) - before < 8 * 1024 * 1024


def test_backend_hangs_up(box: Sandbox, tampering: TamperingServer) -> None:
    with Frontend.connect(box.gateway_dsn()) as frontend:
        pid = frontend.rows(query("SELECT pg_backend_pid()"))[0][0]
        assert pid is not None
        tampering.psql(f"SELECT pg_terminate_backend({pid.decode()})")
        seen = frontend.read_to_end()
        assert [m.type for m in seen if m.type != "N"] == ["E"]
        assert seen[-1].sqlstate in ("57P01", "08006")
