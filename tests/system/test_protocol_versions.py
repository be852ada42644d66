"""Protocol 3.0 and 3.2 on the frontend's side, whatever the server speaks: negotiation and cancel keys."""

from __future__ import annotations

import struct
import threading
import time

import psycopg
import pytest

from hoopfast.sandbox.sandbox import Sandbox
from tests.support.protocol import PROTOCOL_3_0, PROTOCOL_3_2, SSL_REQUEST, Frontend, query, target
from tests.support.sandboxes import MASKED_SSN

GSSENC_REQUEST = struct.pack("!II", 8, 80877104)


def _cancel(box: Sandbox, key: bytes) -> None:
    to = target(box.gateway_dsn())
    with Frontend(to.host, to.port) as link:
        if to.root_certificate:
            link.start_tls(to.root_certificate)
        link.send(struct.pack("!II", 8 + len(key), 80877102) + key)
        assert link.read_to_end() == []


@pytest.mark.parametrize("protocol", [PROTOCOL_3_0, PROTOCOL_3_2], ids=["3.0", "3.2"])
def test_cancel_key(sandbox: Sandbox, protocol: int) -> None:
    with Frontend.connect(sandbox.gateway_dsn(), protocol=protocol, timeout=20) as frontend:
        # 3.0 has room for four bytes of secret; 3.2 exists so that there may be more.
        assert (len(frontend.backend_key) == 8) == (protocol == PROTOCOL_3_0)
        assert len(frontend.backend_key) <= 4 + 256
        timer = threading.Timer(0.5, _cancel, (sandbox, frontend.backend_key))
        timer.start()
        started = time.monotonic()
        seen = frontend.run(query("SELECT pg_sleep(15)"))
        timer.join()
        assert time.monotonic() - started < 10
        assert next(m.sqlstate for m in seen if m.type == "E") == "57014"
        assert frontend.rows(query("SELECT ssn FROM patients WHERE id = 1")) == [[MASKED_SSN.encode()]]


def test_wrong_cancel_key_cancels_nothing(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn(), timeout=20) as frontend:
        key = frontend.backend_key
        wrong = key[:-1] + bytes([key[-1] ^ 1])
        timer = threading.Timer(0.2, _cancel, (sandbox, wrong))
        timer.start()
        assert frontend.rows(query("SELECT 1 FROM pg_sleep(0.8)")) == [[b"1"]]
        timer.join()


def test_cancel_of_an_idle_session_does_nothing(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        _cancel(sandbox, frontend.backend_key)
        time.sleep(0.3)
        assert frontend.rows(query("SELECT 1")) == [[b"1"]]


@pytest.mark.parametrize(("asked", "offered"), [(0x0003_0009, 2), (PROTOCOL_3_2, None), (PROTOCOL_3_0, None)])
def test_negotiation_of_the_minor_version(sandbox: Sandbox, asked: int, offered: int | None) -> None:
    to = target(sandbox.gateway_dsn())
    with Frontend(to.host, to.port) as link:
        if to.root_certificate:
            link.start_tls(to.root_certificate)
        seen = link.sign_in(to.user, to.dbname, to.password, asked)
        answers = [m for m in seen if m.type == "v"]
        # A whole version number in PostgreSQL 18, its minor part alone before: 2 either way.
        minors = [struct.unpack("!I", m.body[:4])[0] & 0xFFFF for m in answers]
        assert minors == ([] if offered is None else [offered])


def test_protocol_extensions_are_declined(sandbox: Sandbox) -> None:
    to = target(sandbox.gateway_dsn())
    with Frontend(to.host, to.port) as link:
        if to.root_certificate:
            link.start_tls(to.root_certificate)
        seen = link.sign_in(to.user, to.dbname, to.password, PROTOCOL_3_0, **{"_pq_.surprise": "1"})
        (answer,) = (m for m in seen if m.type == "v")
        assert b"_pq_.surprise\0" in answer.body
        assert link.rows(query("SELECT 1")) == [[b"1"]]


def test_gss_encryption_is_declined(sandbox: Sandbox) -> None:
    to = target(sandbox.gateway_dsn())
    with Frontend(to.host, to.port) as link:
        link.send(GSSENC_REQUEST)
        assert link.socket.recv(1) == b"N"
        if to.root_certificate:
            link.start_tls(to.root_certificate)
        link.sign_in(to.user, to.dbname, to.password)
        assert link.rows(query("SELECT 1")) == [[b"1"]]


def test_tls_is_declined_where_there_is_none(sandbox18: Sandbox) -> None:
    to = target(sandbox18.gateway_dsn())
    with Frontend(to.host, to.port) as link:
        link.send(SSL_REQUEST)
        assert link.socket.recv(1) == b"N"
        link.sign_in(to.user, to.dbname, to.password)
        assert link.rows(query("SELECT 1")) == [[b"1"]]


def test_what_the_client_is_told_at_the_start(sandbox: Sandbox) -> None:
    with psycopg.connect(
        sandbox.gateway_dsn(), application_name="nightly", options="-c DateStyle=ISO,DMY"
    ) as connection:
        info = connection.info
        assert info.server_version // 10000 == sandbox.postgres.version
        assert info.parameter_status("application_name") == "nightly"
        assert info.parameter_status("DateStyle") == "ISO, DMY"
        assert info.parameter_status("is_superuser") == "off"
