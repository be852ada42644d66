"""The gateway's own login: what each Authentication request is answered with, and to whom a password does not go."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from typing import Any

import pytest

from hoopfast.auth import upstream
from hoopfast.auth.scram import ScramCache
from hoopfast.auth.upstream import Authenticator
from hoopfast.errors import BackendProtocolError, BackendUnavailable, ConfigError

PASSWORD = "pencil-42"


class Reference:
    """A secret that is fetched."""

    def resolve(self) -> str:
        return PASSWORD


class Missing:
    """A secret that cannot be had."""

    def resolve(self) -> str:
        raise ConfigError("the environment variable CLINIC_PASSWORD is not set")


def login(password: Any = PASSWORD, **options: Any) -> Authenticator:
    return Authenticator("etl", password, ScramCache(), host="db", **options)


def test_trust() -> None:
    assert login(None).respond(upstream.OK, b"") is None


def test_cleartext_where_nobody_reads_along() -> None:
    made = login(Reference(), secure=True)
    assert made.respond(upstream.CLEARTEXT_PASSWORD, b"") == PASSWORD.encode() + b"\0"
    assert made.respond(upstream.OK, b"") is None


def test_no_cleartext_where_somebody_may() -> None:
    with pytest.raises(BackendUnavailable, match="in the clear") as caught:
        login().respond(upstream.CLEARTEXT_PASSWORD, b"")
    assert PASSWORD not in str(caught.value)


def test_md5() -> None:
    salt = b"\x01\x02\x03\x04"
    inner = hashlib.md5(f"{PASSWORD}etl".encode()).hexdigest().encode()
    expected = b"md5" + hashlib.md5(inner + salt).hexdigest().encode() + b"\0"
    assert login().respond(upstream.MD5_PASSWORD, salt) == expected


@pytest.mark.parametrize("salt", [b"", b"abc", b"abcde"])
def test_md5_with_a_salt_of_the_wrong_length(salt: bytes) -> None:
    with pytest.raises(BackendProtocolError):
        login().respond(upstream.MD5_PASSWORD, salt)


class Server:
    """PostgreSQL's side (src/backend/libpq/auth-scram.c), which ignores the user name within SCRAM."""

    def __init__(self, client_first: bytes) -> None:
        self.bare = client_first.removeprefix(b"n,,")
        assert self.bare.startswith(b"n=,r=")
        self.first = b"r=" + self.bare[5:] + b"server,s=c2FsdHNhbHQ=,i=4096"

    def final(self, client_final: bytes) -> bytes:
        """The server-final-message, once the client's proof holds."""
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"saltsalt", 4096)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof, _, proof = client_final.rpartition(b",p=")
        message = b",".join((self.bare, self.first, without_proof))
        signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
        assert bytes(a ^ b for a, b in zip(signature, base64.b64decode(proof), strict=True)) == client_key
        return b"v=" + base64.b64encode(hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256"))


def scram(made: Authenticator, mechanisms: bytes = b"SCRAM-SHA-256\0\0") -> bytes:
    """The exchange up to the server's final message, which is returned."""
    initial = made.respond(upstream.SASL, mechanisms)
    assert initial is not None
    name, _, rest = initial.partition(b"\0")
    (length,) = struct.unpack("!i", rest[:4])
    assert name == b"SCRAM-SHA-256"
    assert length == len(rest) - 4
    server = Server(rest[4:])
    final = made.respond(upstream.SASL_CONTINUE, server.first)
    assert final is not None
    return server.final(final)


@pytest.mark.parametrize("mechanisms", [b"SCRAM-SHA-256\0\0", b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"])
def test_scram(mechanisms: bytes) -> None:
    made = login()
    final = scram(made, mechanisms)
    assert made.respond(upstream.SASL_FINAL, final) is None
    assert made.respond(upstream.OK, b"") is None


def test_a_server_may_not_skip_its_proof() -> None:
    made = login()
    scram(made)
    with pytest.raises(BackendProtocolError, match="out of turn"):
        made.respond(upstream.OK, b"")


def test_nor_fall_back_in_the_middle() -> None:
    for code in (upstream.OK, upstream.CLEARTEXT_PASSWORD, upstream.MD5_PASSWORD, upstream.SASL, upstream.SASL_FINAL):
        made = login(secure=True)
        made.respond(upstream.SASL, b"SCRAM-SHA-256\0\0")
        with pytest.raises(BackendProtocolError, match="out of turn"):
            made.respond(code, b"abcd")


def test_nor_ask_twice() -> None:
    made = login(secure=True)
    made.respond(upstream.MD5_PASSWORD, b"abcd")
    with pytest.raises(BackendProtocolError, match="out of turn"):
        made.respond(upstream.CLEARTEXT_PASSWORD, b"")


def test_nor_go_on_after_ok() -> None:
    made = login()
    made.respond(upstream.OK, b"")
    with pytest.raises(BackendProtocolError, match="out of turn"):
        made.respond(upstream.OK, b"")


@pytest.mark.parametrize("code", [upstream.SASL_CONTINUE, upstream.SASL_FINAL, 1, 4, 6, 99, -1])
def test_requests_that_may_not_come_first(code: int) -> None:
    with pytest.raises(BackendProtocolError, match="out of turn"):
        login().respond(code, b"")


@pytest.mark.parametrize(("code", "name"), [(2, "Kerberos V5"), (7, "GSSAPI"), (9, "SSPI")])
def test_methods_that_are_not_there(code: int, name: str) -> None:
    with pytest.raises(BackendUnavailable, match=name):
        login().respond(code, b"")


@pytest.mark.parametrize(
    "mechanisms", [b"\0", b"", b"SCRAM-SHA-256-PLUS\0\0", b"OAUTHBEARER\0\0", b"XSCRAM-SHA-256\0\0"]
)
def test_mechanisms_that_are_not_there(mechanisms: bytes) -> None:
    with pytest.raises(BackendUnavailable, match="offers no SCRAM-SHA-256"):
        login().respond(upstream.SASL, mechanisms)


def test_no_password_configured() -> None:
    with pytest.raises(BackendUnavailable, match="none is configured"):
        login(None).respond(upstream.MD5_PASSWORD, b"abcd")


def test_a_password_that_cannot_be_had() -> None:
    with pytest.raises(BackendUnavailable) as caught:
        login(Missing()).respond(upstream.MD5_PASSWORD, b"abcd")
    assert "CLINIC_PASSWORD" not in caught.value.message
    assert isinstance(caught.value.__cause__, ConfigError)


def test_a_password_with_a_nul() -> None:
    with pytest.raises(BackendUnavailable, match="holds a NUL"):
        login("a\0b", secure=True).respond(upstream.CLEARTEXT_PASSWORD, b"")
