"""Tests of hoopfast/gateway/sockets.py: one port for several sockets."""

from __future__ import annotations

import socket

import pytest

from hoopfast.errors import ConfigError
from hoopfast.gateway.sockets import is_loopback, listening_sockets


def test_all_listen_on_the_same_free_port() -> None:
    made = listening_sockets("127.0.0.1", 0, 3)
    try:
        ports = {one.getsockname()[1] for one in made}
        assert len(ports) == 1
        reached = set()
        for _ in range(60):
            with socket.create_connection(("127.0.0.1", ports.copy().pop())):
                for index, one in enumerate(made):
                    try:
                        accepted, _ = one.accept()
                    except BlockingIOError:
                        continue
                    accepted.close()
                    reached.add(index)
        assert reached == {0, 1, 2}
    finally:
        for one in made:
            one.close()


def test_two_gateways_do_not_share_a_port() -> None:
    [first] = listening_sockets("127.0.0.1", 0, 1)
    with first, pytest.raises(ConfigError, match="cannot listen on"):
        listening_sockets("127.0.0.1", first.getsockname()[1], 1)


def test_a_port_is_free_again_at_once() -> None:
    [first] = listening_sockets("127.0.0.1", 0, 1)
    port = first.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)):
        first.accept()[0].close()
    first.close()
    [second] = listening_sockets("127.0.0.1", port, 1)
    with second:
        assert second.getsockname()[1] == port


def test_a_port_that_is_asked_for_is_the_port_of_all() -> None:
    [first] = listening_sockets("127.0.0.1", 0, 1)
    port = first.getsockname()[1]
    first.close()
    made = listening_sockets("127.0.0.1", port, 2)
    try:
        assert [one.getsockname()[1] for one in made] == [port, port]
    finally:
        for one in made:
            one.close()


def test_an_unknown_host() -> None:
    with pytest.raises(ConfigError, match="unknown host"):
        listening_sockets("no such host.invalid", 0, 1)


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_loopback(host: str, is_one: bool) -> None:
    assert is_loopback(host) is is_one
