"""Tests of hoopfast/gateway/upstream.py: the way to the database's server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hoopfast.sandbox.certificate import write_self_signed
from hoopfast.sandbox.postgres import ThrowawayPostgres
from tests.gateway.running import Gateway, Place
from tests.support import protocol
from tests.support.protocol import Frontend, SignInError
from tests.support.servers import bin_directory


def answer(place: Place) -> str:
    """What a session through a gateway in this place comes to: "1", or the SQLSTATE of its refusal."""
    with Gateway(place) as gateway:
        try:
            with Frontend.connect(gateway.dsn()) as frontend:
                [[cell]] = frontend.rows(protocol.query("SELECT 1"))
                return "" if cell is None else cell.decode()
        except SignInError as error:
            response = error.response
    if "secret" in str(response.fields):
        raise AssertionError("a password is shown")
    return response.sqlstate


def in_place(folder: Path, server: ThrowawayPostgres, **values: Any) -> Place:
    place = Place(folder, server)
    place.tables["database"][0] |= values
    return place


@pytest.mark.needs_postgres15
@pytest.mark.parametrize(
    ("tls", "host", "authority", "result"),
    [
        ("require", "127.0.0.1", "none", "1"),
        ("verify-ca", "127.0.0.1", "right", "1"),
        ("verify-ca", "127.0.0.1", "wrong", "08006"),
        ("verify-full", "127.0.0.1", "right", "1"),
        ("verify-full", "127.0.0.1", "wrong", "08006"),
        ("verify-full", "127.0.0.1", "none", "08006"),
        ("verify-full", "127.0.0.2", "right", "08006"),
        ("verify-ca", "127.0.0.2", "right", "1"),
        ("off", "127.0.0.1", "none", "1"),
    ],
)
def test_tls(tmp_path: Path, tls_server: ThrowawayPostgres, tls: str, host: str, authority: str, result: str) -> None:
    write_self_signed(tmp_path / "other.crt", tmp_path / "other.key")
    trusted = {"right": str(tls_server.certificate), "wrong": str(tmp_path / "other.crt"), "none": ""}[authority]
    assert answer(in_place(tmp_path, tls_server, tls=tls, host=host, tls_ca=trusted)) == result


@pytest.fixture(scope="module")
def tls_server() -> Iterator[ThrowawayPostgres]:
    settings = {"listen_addresses": "127.0.0.1,127.0.0.2"}
    rules = ["host all all 127.0.0.0/24 trust"]
    with ThrowawayPostgres(bin_directory(15), tls=True, settings=settings, authentication=rules) as server:
        server.create_role("hoop_app")
        yield server


@pytest.mark.needs_postgres15
def test_sessions_in_tls_end_to_end(tmp_path: Path, tls_server: ThrowawayPostgres) -> None:
    place = in_place(tmp_path, tls_server, tls="verify-full", tls_ca=str(tls_server.certificate))
    with Gateway(place, place.with_tls()) as gateway, Frontend.connect(gateway.dsn()) as frontend:
        rows = frontend.rows(protocol.query("SELECT repeat('x', 1000) FROM generate_series(1, 20000)"))
        assert len(rows) == 20000
        shown = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'hoop_app'"
        assert tls_server.psql(shown).strip() == "t"


def test_a_server_without_tls(tmp_path: Path, postgres18: ThrowawayPostgres) -> None:
    assert answer(in_place(tmp_path, postgres18, tls="require")) == "08006"


def test_a_unix_socket(tmp_path: Path, postgres18: ThrowawayPostgres) -> None:
    assert answer(in_place(tmp_path, postgres18, host=str(postgres18.socket_directory))) == "1"


@pytest.mark.parametrize("method", ["scram-sha-256", "md5", "password"])
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_passwords(tmp_path: Path, passwords: ThrowawayPostgres, method: str, right: bool) -> None:
    (tmp_path / "password").write_text("top secret" if right else "wrong secret")
    secret = {"file": str(tmp_path / "password")}
    user = {"scram-sha-256": "scram", "md5": "digest", "password": "clear"}[method]
    place = in_place(tmp_path, passwords, user=user, password=secret)
    assert answer(place) == ("1" if right else "08006")


def test_a_password_from_a_command(tmp_path: Path, passwords: ThrowawayPostgres) -> None:
    place = in_place(tmp_path, passwords, user="scram", password={"command": ["echo", "top secret"]})
    assert answer(place) == "1"


@pytest.mark.parametrize("secret", [{"command": ["false"]}, {"env": "HOOPFAST_NO_SUCH_VARIABLE"}])
def test_a_password_that_cannot_be_had(tmp_path: Path, passwords: ThrowawayPostgres, secret: dict[str, Any]) -> None:
    assert answer(in_place(tmp_path, passwords, user="scram", password=secret)) == "08006"


@pytest.fixture(scope="module")
def passwords() -> Iterator[ThrowawayPostgres]:
    rules = ["host all scram all scram-sha-256", "host all digest all md5", "host all clear all password"]
    with ThrowawayPostgres(authentication=rules) as server:
        server.psql("CREATE ROLE scram LOGIN PASSWORD 'top secret'")
        server.psql("CREATE ROLE clear LOGIN PASSWORD 'top secret'")
        server.psql("SET password_encryption = md5; CREATE ROLE digest LOGIN PASSWORD 'top secret'")
        yield server


class FakeServer:
    """Accepts connections and answers the first bytes of each with fixed ones: what no real server would say."""

    def __init__(self, *answers: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._answers = answers
        self._open: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for text in self._answers:
                connection.recv(65536)
                connection.sendall(text)

    def close(self) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()

    def __enter__(self) -> FakeServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


OK = b"R\0\0\0\x08\0\0\0\0"
READY = b"Z\0\0\0\x05I"


@pytest.mark.parametrize(
    ("tls", "answers"),
    [
        ("off", [b"Z\0\0\0\x05I"]),
        ("off", [b"R\x7f\xff\xff\xff"]),
        ("off", [b"R\0\0\0\x03"]),
        ("off", [OK + OK + READY]),
        ("off", [b"HTTP/1.1 400 Bad Request\r\n\r\n"]),
        ("off", [b"R\0\0\0\x08\0\0\0\x07"]),
        ("require", [b"Sx"]),
        ("require", [b"N"]),
        ("require", [b"E\0\0\0\x05\0"]),
        ("require", [b"S", b"no handshake"]),
    ],
)
def test_servers_that_do_not_speak_properly(tmp_path: Path, tls: str, answers: list[bytes]) -> None:
    with FakeServer(*answers) as server:
        place = Place(tmp_path, None)
        place.tables["database"][0] |= {"port": server.port, "tls": tls}
        assert answer(place) == "08006"
