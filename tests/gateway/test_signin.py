"""Tests of hoopfast/gateway/signin.py: from the first byte to a session, or to a refusal."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopfast.sandbox.postgres import ThrowawayPostgres
from tests.gateway.running import Gateway, Place
from tests.support import protocol
from tests.support.protocol import Frontend, SignInError

GSSENC_REQUEST = struct.pack("!II", 8, 80877104)


@pytest.fixture(scope="module")
def tls_gateway(tmp_path_factory: pytest.TempPathFactory, postgres18: ThrowawayPostgres) -> Iterator[Gateway]:
    place = Place(tmp_path_factory.mktemp("tls"), postgres18)
    with Gateway(place, place.with_tls()) as running:
        yield running


def refused(gateway: Gateway, **how: str) -> protocol.Message:
    with pytest.raises(SignInError) as error:
        Frontend.connect(gateway.dsn(**how))
    return error.value.response


def test_the_parameters_are_the_servers(gateway: Gateway) -> None:
    with Frontend.connect(gateway.dsn(), application_name="parameters") as frontend:
        assert frontend.parameters["server_version"].startswith("18")
        assert frontend.parameters["application_name"] == "parameters"
        assert len(frontend.backend_key) == 8


def test_gss_encryption_is_refused_and_the_session_goes_on(gateway: Gateway) -> None:
    to = protocol.target(gateway.dsn())
    with Frontend(to.host, to.port) as frontend:
        frontend.send(GSSENC_REQUEST)
        assert frontend.socket.recv(1) == b"N"
        frontend.send(protocol.SSL_REQUEST)
        assert frontend.socket.recv(1) == b"N"
        frontend.sign_in(to.user, to.dbname, to.password)
        assert frontend.rows(protocol.query("SELECT 1")) == [[b"1"]]


def test_a_session_in_tls(tls_gateway: Gateway) -> None:
    with Frontend.connect(tls_gateway.dsn()) as frontend:
        assert isinstance(frontend.socket, ssl.SSLSocket)
        rows = frontend.rows(protocol.query("SELECT repeat('x', 100) FROM generate_series(1, 50000)"))
        assert len(rows) == 50000
        value = b"y" * 2_000_000
        assert frontend.rows(protocol.query(f"SELECT '{value.decode()}'")) == [[value]]


def test_a_slow_reader_in_tls_gets_it_all(tls_gateway: Gateway) -> None:
    # The gateway stops reading wherever a record happens to end or not, and must go on from there.
    with Frontend.connect(tls_gateway.dsn()) as frontend:
        frontend.send(protocol.query("SELECT repeat('x', 9973) FROM generate_series(1, 6000)"))
        for _ in range(5):
            time.sleep(0.2)
            assert frontend.read().type in "TD"
        rows = [m for m in frontend.read_until("Z") if m.type == "D"]
        assert len(rows) == 6000 - 4
        assert frontend.rows(protocol.query("SELECT 1")) == [[b"1"]]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_versions(tls_gateway: Gateway, version: ssl.TLSVersion) -> None:
    with socket.create_connection((tls_gateway.host, tls_gateway.port), 10) as plain:
        plain.sendall(protocol.SSL_REQUEST)
        assert plain.recv(1) == b"S"
        context = ssl.create_default_context(cafile=str(tls_gateway.certificate))
        context.maximum_version = context.minimum_version = version
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted:
            assert encrypted.version() == version.name.replace("_", ".")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_is_refused(tls_gateway: Gateway) -> None:
    with socket.create_connection((tls_gateway.host, tls_gateway.port), 10) as plain:
        plain.sendall(protocol.SSL_REQUEST)
        assert plain.recv(1) == b"S"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(plain)


def test_without_tls_where_it_is_required(tls_gateway: Gateway) -> None:
    to = protocol.target(tls_gateway.dsn())
    with Frontend(to.host, to.port) as frontend:
        with pytest.raises(SignInError) as error:
            frontend.sign_in(to.user, to.dbname, to.password)
        assert error.value.response.sqlstate == "28000"


def test_plaintext_behind_the_ssl_request(tls_gateway: Gateway) -> None:
    # CVE-2021-23222: what stands in the clear behind SSLRequest must not count as if it had come encrypted.
    to = protocol.target(tls_gateway.dsn())
    with Frontend(to.host, to.port) as frontend:
        frontend.send(protocol.SSL_REQUEST + protocol.startup(to.user, to.dbname))
        assert [m.sqlstate for m in frontend.read_to_end()] == ["08P01"]


def test_plaintext_instead_of_a_handshake(tls_gateway: Gateway) -> None:
    to = protocol.target(tls_gateway.dsn())
    with Frontend(to.host, to.port) as frontend:
        frontend.send(protocol.SSL_REQUEST)
        assert frontend.socket.recv(1) == b"S"
        frontend.send(protocol.startup(to.user, to.dbname) + protocol.message("p", to.password.encode() + b"\0"))
        answer = b""
        try:
            while data := frontend.socket.recv(65536):
                answer += data
        except ConnectionError:
            pass
        assert b"R" not in answer[:1]  # a TLS alert or nothing


@pytest.mark.parametrize(
    "packet",
    [
        struct.pack("!II", 3, 196608),
        struct.pack("!II", 0, 196608),
        struct.pack("!iI", -1, 196608),
        struct.pack("!II", 0x7FFFFFFF, 196608),
        struct.pack("!II", 20000, 196608),
        struct.pack("!II", 8, 0x0002_0000),
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack("!II", 12, 196608) + b"user",
    ],
)
def test_hostile_first_packets(gateway: Gateway, packet: bytes) -> None:
    with Frontend(gateway.host, gateway.port) as frontend:
        frontend.send(packet)
        seen = frontend.read_to_end()
        assert [m.sqlstate for m in seen] in (["08P01"], ["0A000"])
    with Frontend.connect(gateway.dsn()) as other:
        assert other.rows(protocol.query("SELECT 1")) == [[b"1"]]


def test_tokens_that_prove_nothing(gateway: Gateway, tmp_path: Path) -> None:
    from hoopfast.sandbox.issuer import DevelopmentIssuer

    stranger = DevelopmentIssuer(tmp_path).mint({"sub": "job"})
    for token in ("no token", stranger, gateway.place.token(seconds=-3600), gateway.place.token()[:-4] + "AAAA"):
        response = refused(gateway, token=token)
        assert response.sqlstate == "28000"
        assert token not in str(response.fields)
        assert token not in gateway.log()


def test_a_database_that_no_rule_names(gateway: Gateway) -> None:
    assert refused(gateway, dbname="elsewhere").sqlstate == "3D000"


def test_a_database_that_is_not_there(place: Place) -> None:
    place.tables["database"][0]["dbname"] = "not_there"
    with Gateway(place) as gateway:
        assert refused(gateway).sqlstate == "3D000"


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with Gateway(Place(tmp_path, None)) as gateway:
        response = refused(gateway)
        assert response.sqlstate == "08006"
        assert "127.0.0.1" not in str(response.fields)


def test_replication_is_refused(gateway: Gateway) -> None:
    with pytest.raises(SignInError) as error:
        Frontend.connect(gateway.dsn(), replication="database")
    assert error.value.response.sqlstate == "42501"


def test_the_journal_says_who_came_and_who_was_turned_away(place: Place) -> None:
    with Gateway(place) as gateway:
        refused(gateway, dbname="elsewhere")
        with Frontend.connect(gateway.dsn("who"), application_name="signin-test"):
            pass
    written = b"".join(segment.read_bytes() for segment in place.audit.iterdir())
    assert b"sign_in_refused" in written
    assert b"session_start" in written
    assert b"signin-test" in written
    assert b"session_end" in written
    assert place.token().split(".")[0].encode() not in written


def test_a_token_in_the_wrong_place_is_not_recorded(place: Place) -> None:
    token = place.token()
    with Gateway(place) as gateway:
        for database in ("db", token):
            with contextlib.suppress(SignInError), Frontend(gateway.host, gateway.port) as frontend:
                frontend.sign_in(token, database, token, application_name=token)
        log = gateway.log()
    written = b"".join(segment.read_bytes() for segment in place.audit.iterdir())
    assert b"session_start" in written
    assert b"sign_in_refused" in written
    for part in (token.split(".")[1][-20:], token.split(".")[2][:20]):
        assert part.encode() not in written
        assert part not in log
