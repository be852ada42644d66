"""SCRAM-SHA-256: RFC 7677's example to the letter, scramp's server as the other side, and servers that cheat."""

from __future__ import annotations

import base64

import pytest
import scramp

from hoopfast.auth.scram import ScramCache, ScramClient, derive
from hoopfast.errors import BackendUnavailable

NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
CLIENT_FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def client(
    cache: ScramCache | None = None, *, password: str = "pencil", nonce: str = NONCE, name: str = "user"
) -> ScramClient:
    return ScramClient(host="db", user="user", password=password, cache=cache or ScramCache(), nonce=nonce, name=name)


def test_the_example_of_rfc_7677() -> None:
    made = client()
    assert made.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert made.final(SERVER_FIRST) == CLIENT_FINAL
    made.verify(SERVER_FINAL)


@pytest.mark.parametrize(
    "password", ["pencil", "pass word", "I\u00adX", "\u2168", "p\u00e4ss", "\u0007control", "\u0627\u0031"]
)
def test_against_another_implementation(password: str) -> None:
    # Passwords that SASLprep changes, and two that it rejects: PostgreSQL uses those as they are.
    try:
        mechanism = scramp.ScramMechanism("SCRAM-SHA-256")
        stored = mechanism.make_auth_info(password, iteration_count=4096)
    except scramp.ScramException:
        keys = derive(password, b"salt", 4096)
        assert keys == derive(password, b"salt", 4096)
        return
    server = mechanism.make_server(lambda _name: stored)
    made = client(password=password, nonce="")
    server.set_client_first(made.first().decode())
    server.set_client_final(made.final(server.get_server_first().encode()).decode())
    made.verify(server.get_server_final().encode())


def test_a_password_that_saslprep_empties_is_used_as_it_is() -> None:
    # src/common/saslprep.c: "Empty string" after mapping is prohibited, and then the raw password counts.
    keys = derive("\u00ad", b"salt", 4096)
    assert keys != derive("\u00ad\u00ad", b"salt", 4096)


def test_the_nonce_is_new_each_time() -> None:
    assert client(nonce="").first() != client(nonce="").first()


@pytest.mark.parametrize(
    "server_first",
    [
        SERVER_FIRST.replace(b"rOprN", b"xOprN"),
        b"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"m=ext," + SERVER_FIRST,
        SERVER_FIRST.replace(b"i=4096", b"i=0"),
        SERVER_FIRST.replace(b"i=4096", b"i=-1"),
        SERVER_FIRST.replace(b"i=4096", b"i=2147483647"),
        SERVER_FIRST.replace(b"i=4096", b"i=x"),
        SERVER_FIRST.replace(b"W22ZaJ0SNY7soEsUEjb6gQ==", b""),
        SERVER_FIRST.replace(b"W22ZaJ0SNY7soEsUEjb6gQ==", b"!!"),
        b"e=other-error",
        b"",
        b"\xff",
        b"r=" + b"x" * 5000,
    ],
)
def test_first_messages_that_will_not_do(server_first: bytes) -> None:
    with pytest.raises(BackendUnavailable, match="failed the SCRAM exchange") as caught:
        client().final(server_first)
    assert "pencil" not in str(caught.value)


@pytest.mark.parametrize(
    "server_final", [b"v=", b"v=" + base64.b64encode(bytes(32)), b"e=invalid-proof", b"", SERVER_FINAL[:-4], b"v=\xff"]
)
def test_a_server_that_does_not_know_the_password(server_final: bytes) -> None:
    made = client()
    made.final(SERVER_FIRST)
    with pytest.raises(BackendUnavailable):
        made.verify(server_final)


def test_a_final_message_out_of_turn() -> None:
    with pytest.raises(BackendUnavailable, match="came before its first"):
        client().verify(SERVER_FINAL)


def test_keys_are_derived_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(password: str, salt: bytes, iterations: int) -> object:
        calls.append(password)
        return derive(password, salt, iterations)

    monkeypatch.setattr("hoopfast.auth.scram.derive", counted)
    cache = ScramCache()
    for _ in range(3):
        assert client(cache).final(SERVER_FIRST) == CLIENT_FINAL
    assert len(calls) == 1
    client(cache, password="other").final(SERVER_FIRST)
    client(cache).final(SERVER_FIRST.replace(b"i=4096", b"i=5000"))
    assert len(calls) == 3


def test_the_cache_is_bounded_and_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoopfast.auth.scram._MOST_CACHED", 5)
    cache = ScramCache()
    for number in range(20):
        keys = cache.keys("db", "user", "pencil", b"salt", number + 1)
        assert repr(keys) == "ScramKeys(…)"
    assert cache.size == 5
    assert "pencil" not in repr(vars(cache))
