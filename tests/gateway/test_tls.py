"""Tests of hoopfast/gateway/tls.py: contexts, and files that do not do."""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from hoopfast import config
from hoopfast.config import Config, Database
from hoopfast.errors import ConfigError
from hoopfast.gateway.tls import client_context, server_context
from hoopfast.sandbox.certificate import write_self_signed
from hoopfast.wire.startup import SSLRequest, StartupMessage
from tests.gateway.running import Gateway, Place


def configured(tmp_path: Path, **gateway: str) -> Config:
    return config.parse({"gateway": gateway}, tmp_path / "hoopfast.toml", lenient_databases=True)


def database(**values: Any) -> Database:
    return Database.model_validate({"name": "db", "host": "db.example", "user": "u", **values})


def test_no_tls_no_context(tmp_path: Path) -> None:
    assert server_context(configured(tmp_path, tls="off")) is None
    assert client_context(database(tls="off")) is None


def test_the_listeners_context(tmp_path: Path) -> None:
    write_self_signed(tmp_path / "server.crt", tmp_path / "server.key")
    context = server_context(configured(tmp_path, tls="require"))
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tls_cert: .*server\.crt: No such file") as error:
        server_context(configured(tmp_path, tls="require"))
    assert "hoopfast init" in (error.value.hint or "")


def test_files_that_do_not_go_together(tmp_path: Path) -> None:
    write_self_signed(tmp_path / "server.crt", tmp_path / "server.key")
    (tmp_path / "server.key").unlink()
    write_self_signed(tmp_path / "other.crt", tmp_path / "server.key")
    with pytest.raises(ConfigError, match="KEY_VALUES_MISMATCH"):
        server_context(configured(tmp_path, tls="require"))


def test_files_that_are_something_else(tmp_path: Path) -> None:
    (tmp_path / "server.crt").write_text("nothing")
    (tmp_path / "server.key").write_text("nothing")
    with pytest.raises(ConfigError, match="tls_cert, tls_key"):
        server_context(configured(tmp_path, tls="require"))


@pytest.mark.parametrize(
    ("tls", "mode", "hostname"),
    [
        ("require", ssl.CERT_NONE, False),
        ("verify-ca", ssl.CERT_REQUIRED, False),
        ("verify-full", ssl.CERT_REQUIRED, True),
    ],
)
def test_what_is_checked(tls: str, mode: ssl.VerifyMode, hostname: bool) -> None:
    context = client_context(database(tls=tls))
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (mode, hostname)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_authorities_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tls_ca: .*No such file"):
        client_context(database(tls="verify-ca", tls_ca=str(tmp_path / "missing.crt")))
    (tmp_path / "nothing.crt").write_text("nothing")
    with pytest.raises(ConfigError, match="no certificates in PEM form"):
        client_context(database(tls="verify-ca", tls_ca=str(tmp_path / "nothing.crt")))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_clients_that_come_again_resume(tmp_path: Path, version: ssl.TLSVersion) -> None:
    certificate = write_self_signed_pair(tmp_path)
    server = server_context(configured(tmp_path, tls="require"))
    assert server is not None
    client = ssl.create_default_context(cafile=str(certificate))
    client.maximum_version = version
    first = handshake(server, client, None)
    assert not first.session_reused
    assert first.session is not None
    assert handshake(server, client, first.session).session_reused
    # Another worker, or this one after a reload, has other keys: a full handshake, and no error.
    elsewhere = server_context(configured(tmp_path, tls="require"))
    assert elsewhere is not None
    assert not handshake(elsewhere, client, first.session).session_reused


def test_a_frontend_that_comes_again_resumes(place: Place) -> None:
    certificate = place.with_tls()
    client = ssl.create_default_context(cafile=str(certificate))

    def come(gateway: Gateway, session: ssl.SSLSession | None) -> tuple[bool | None, ssl.SSLSession | None]:
        with socket.create_connection((gateway.host, gateway.port), 10) as connection:
            connection.sendall(SSLRequest().encode())
            assert connection.recv(1) == b"S"
            with client.wrap_socket(connection, server_hostname="localhost", session=session) as link:
                link.sendall(StartupMessage(3 << 16, {b"user": b"job", b"database": b"db"}).encode())
                assert link.recv(1) == b"R"  # it is asked for its token all the same
                return link.session_reused, link.session

    with Gateway(place, certificate) as gateway:
        reused, session = come(gateway, None)
        assert not reused
        assert come(gateway, session)[0]


def write_self_signed_pair(folder: Path) -> Path:
    write_self_signed(folder / "server.crt", folder / "server.key")
    return folder / "server.crt"


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLObject:
    """The client's end of a connection that has said something."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname="localhost", session=session)
    steps = [theirs.do_handshake, ours.do_handshake, theirs.do_handshake, ours.do_handshake]
    for step in steps:
        with contextlib.suppress(ssl.SSLWantReadError):
            step()
    ours.write(b"the ticket comes before this")
    assert theirs.read(100) == b"the ticket comes before this"
    return theirs
