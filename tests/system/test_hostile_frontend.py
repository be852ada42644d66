"""Hostile bytes from the client: a typed error or a clean close, no growth of memory, no effect on other sessions."""

from __future__ import annotations

import socket
import struct
import time

import pytest

from hoopfast.sandbox.sandbox import Sandbox
from tests.support.protocol import (
    SSL_REQUEST,
    Frontend,
    HungUpError,
    bind,
    execute,
    message,
    parse,
    query,
    startup,
    target,
)
from tests.support.sandboxes import MASKED_SSN, resident_bytes

GROWTH = 4 * 1024 * 1024


def _header(kind: str, length: int) -> bytes:
    return kind.encode() + struct.pack("!I", length & 0xFFFFFFFF)


def _after_sign_in() -> dict[str, bytes]:
    cases = {}
    for kind in "QPBDECSHFXdcfp":
        for name, length in (("0", 0), ("3", 3), ("-1", -1), ("-2^31", -(2**31)), ("2^31-1", 2**31 - 1)):
            cases[f"{kind} length {name}"] = _header(kind, length) + b"x" * 64
    cases |= {f"type {code}": message(chr(code), b"abc") for code in (0, 1, 32, 82, 84, 90, 100, 127)}
    cases |= {
        "password again": message("p", b"secret\0"),
        "query without end": message("Q", b"SELECT 1"),
        "query with a zero inside": message("Q", b"SELECT 1\0; SELECT 2\0"),
        "empty query message": message("Q"),
        "parse without text": message("P", b"s"),
        "parse counts too many": message("P", b"s\0SELECT 1\0" + struct.pack("!H", 9)),
        "parse counts 65535": message("P", b"s\0SELECT 1\0" + b"\xff\xff"),
        "bind counts too many": message("B", b"\0s\0" + struct.pack("!HH", 0, 1000)),
        "bind length negative": message("B", b"\0\0" + struct.pack("!HHiH", 0, 1, -5, 0)),
        "bind length 2^31-1": message("B", b"\0\0" + struct.pack("!HHiH", 0, 1, 2**31 - 1, 0)),
        "bind unknown format": bind(result_formats=[7]),
        "describe nothing": message("D"),
        "describe kind": message("D", b"Q\0"),
        "execute cut": message("E", b"p"),
        "execute negative": message("E", b"\0" + struct.pack("!i", -1)),
        "close kind": message("C", b"x\0"),
        "long name": parse("SELECT 1", "n" * 64),
        "sync with a body": message("S", b"x"),
        "terminate with a body": message("X", b"x"),
        "not UTF-8": message("Q", b"SELECT '\xff\xfe'\0"),
        "function call cut": message("F", b"\0\0"),
        "startup again": startup("a", "b"),
        "TLS again": SSL_REQUEST,
    }
    return cases


AFTER_SIGN_IN = _after_sign_in()


def _before_sign_in() -> dict[str, bytes]:
    return {
        "length 0": struct.pack("!I", 0),
        "length 3": struct.pack("!I", 3),
        "length 7": struct.pack("!I", 7) + b"abc",
        "length -1": struct.pack("!i", -1),
        "length 2^31-1": struct.pack("!I", 2**31 - 1) + b"\0\3\0\0" + b"x" * 4096,
        "length 10001": struct.pack("!II", 10001, 196608) + b"x" * 9993,
        "version 1": struct.pack("!II", 8, 65536),
        "version 4": struct.pack("!II", 9, 262144) + b"\0",
        "no user": struct.pack("!II", 9, 196608) + b"\0",
        "key without value": struct.pack("!II", 13, 196608) + b"user\0",
        "no end": struct.pack("!II", 12, 196608) + b"user",
        "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "TLS without asking": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200,
        "cancel of nobody": struct.pack("!IIII", 16, 80877102, 1, 2),
        "cancel with a short key": struct.pack("!III", 12, 80877102, 1),
        "cancel with a long key": struct.pack("!III", 12 + 300, 80877102, 1) + b"k" * 300,
        "TLS behind TLS": SSL_REQUEST + SSL_REQUEST,
        "startup behind TLS": SSL_REQUEST + startup("hoop_app", "system"),
        "GSS twice": struct.pack("!II", 8, 80877104) * 2,
        "query first": query("SELECT 1"),
        "password length -1": startup("hoop_app", "system") + b"p" + struct.pack("!i", -1),
        "password length 2^31-1": startup("hoop_app", "system") + b"p" + struct.pack("!I", 2**31 - 1),
        "password without end": startup("hoop_app", "system") + message("p", b"token"),
        "query instead of password": startup("hoop_app", "system") + query("SELECT 1"),
        "replication": startup("hoop_app", "system", replication="database"),
        "option smuggled": startup("hoop_app", "system", options="-c session_replication_role=replica"),
    }


BEFORE_SIGN_IN = _before_sign_in()


@pytest.fixture
def witness(sandbox: Sandbox) -> Frontend:
    return Frontend.connect(sandbox.gateway_dsn())


def _assert_unharmed(box: Sandbox, witness: Frontend, before: int) -> None:
    with witness:
        assert witness.rows(query("SELECT ssn FROM patients WHERE id = 1")) == [[MASKED_SSN.encode()]]
    assert resident_bytes(box) - before < GROWTH


@pytest.mark.parametrize("name", AFTER_SIGN_IN)
def test_after_sign_in(sandbox: Sandbox, witness: Frontend, name: str) -> None:
    before = resident_bytes(sandbox)
    with Frontend.connect(sandbox.gateway_dsn(), timeout=8) as frontend:
        frontend.send(AFTER_SIGN_IN[name])
        frontend.socket.shutdown(socket.SHUT_WR)
        seen = frontend.read_to_end()
    for one in seen:
        assert one.type in "EZNS", f"answered {one}"
        assert one.type != "E" or len(one.sqlstate) == 5
    _assert_unharmed(sandbox, witness, before)


@pytest.mark.parametrize("name", [key for key in AFTER_SIGN_IN if " length " in key and "bind" not in key])
def test_wrong_length_closes_at_once(sandbox: Sandbox, name: str) -> None:
    """Without waiting for the client to hang up, and with an answer that says so."""
    with Frontend.connect(sandbox.gateway_dsn(), timeout=8) as frontend:
        frontend.send(AFTER_SIGN_IN[name])
        seen = frontend.read_to_end()
    assert [m.type for m in seen] == ["E"]
    assert seen[0].fields["S"] == "FATAL"
    assert seen[0].sqlstate in ("08P01", "54000")


@pytest.mark.parametrize("name", BEFORE_SIGN_IN)
def test_before_sign_in(sandbox: Sandbox, witness: Frontend, name: str) -> None:
    before = resident_bytes(sandbox)
    to = target(sandbox.gateway_dsn())
    with Frontend(to.host, to.port, timeout=8) as frontend:
        frontend.send(BEFORE_SIGN_IN[name])
        frontend.socket.shutdown(socket.SHUT_WR)
        heard = b""
        try:
            while data := frontend.socket.recv(65536):
                heard += data
        except ConnectionError:
            pass
    # S, N: an answer to SSLRequest or GSSENCRequest; R: the question for a password; else an ErrorResponse or nothing.
    assert heard[:1] in (b"", b"S", b"N", b"E", b"R", b"v"), heard[:40]
    assert b"DataRow" not in heard
    _assert_unharmed(sandbox, witness, before)


def test_plaintext_behind_the_ssl_request(sandbox15: Sandbox) -> None:
    """CVE-2021-23222 and its like: what is sent before the handshake must not count as sent inside it."""
    to = target(sandbox15.gateway_dsn())
    with Frontend(to.host, to.port, timeout=8) as frontend:
        frontend.send(SSL_REQUEST, startup(to.user, to.dbname), query("SELECT 1"))
        heard = b""
        try:
            while data := frontend.socket.recv(65536):
                heard += data
        except ConnectionError:
            pass
    assert heard[:1] in (b"", b"S", b"E")
    assert b"Z\0\0\0\5" not in heard


def test_token_without_tls_is_refused(sandbox15: Sandbox) -> None:
    to = target(sandbox15.gateway_dsn())
    with Frontend(to.host, to.port, timeout=8) as frontend:
        frontend.send(startup(to.user, to.dbname))
        answer = frontend.read()
    assert answer.type == "E"
    assert answer.sqlstate in ("28000", "08P01")


def test_message_cut_by_hanging_up(sandbox: Sandbox, witness: Frontend) -> None:
    before = resident_bytes(sandbox)
    whole = parse("INSERT INTO parents VALUES (940)") + bind() + execute()
    for end in range(1, len(whole), 5):
        with Frontend.connect(sandbox.gateway_dsn()) as frontend:
            frontend.send(whole[:end])
    time.sleep(0.2)
    assert sandbox.postgres.psql("SELECT count(*) FROM parents WHERE id = 940", "system").strip() == "0"
    _assert_unharmed(sandbox, witness, before)


def test_oversized_query_is_refused_before_it_is_held(sandbox: Sandbox, witness: Frontend) -> None:
    before = resident_bytes(sandbox)
    with Frontend.connect(sandbox.gateway_dsn(), timeout=8) as frontend:
        frontend.send(_header("Q", 1024**3), b"x" * 65536)
        seen = frontend.read_to_end()
    assert [m.type for m in seen] == ["E"]
    assert seen[0].sqlstate in ("08P01", "54000")
    _assert_unharmed(sandbox, witness, before)


def test_slow_sign_in_holds_nobody_up(sandbox: Sandbox) -> None:
    to = target(sandbox.gateway_dsn())
    idlers = [Frontend(to.host, to.port) for _ in range(50)]
    try:
        for one in idlers[::2]:
            one.send(b"\0\0")
        with Frontend.connect(sandbox.gateway_dsn(), timeout=5) as frontend:
            assert frontend.rows(query("SELECT 1")) == [[b"1"]]
    finally:
        for one in idlers:
            one.close()


def test_bytes_one_by_one(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        for byte in query("SELECT ssn FROM patients WHERE id = 1"):
            frontend.send(bytes([byte]))
        try:
            seen = frontend.read_until("Z")
        except HungUpError:
            pytest.fail("the gateway hung up on a slow writer")
    assert [m.cells for m in seen if m.type == "D"] == [[MASKED_SSN.encode()]]
