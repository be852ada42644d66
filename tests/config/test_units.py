"""Durations, sizes and addresses: what is read, and what the refusal of anything else says."""

from __future__ import annotations

import pytest

from hoopfast.config.units import Address, is_loopback, parse_address, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("50ms", 0.05),
        ("1s", 1.0),
        ("0s", 0.0),
        ("15m", 900.0),
        ("8h", 28800.0),
        ("7d", 604800.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["15", "", "m", "15 m", "-5s", "5S", "1e3s", "5m ", 15, 1.5, True, None, ["5s"]])
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match=r'is not a duration: write it with a unit, such as "50ms"'):
        parse_duration(value)


@pytest.mark.parametrize(
    ("text", "size"), [("0B", 0), ("1KiB", 1024), ("256KiB", 262144), ("1.5MiB", 1572864), ("1 GiB", 2**30)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("value", ["256", "256KIB", "KiB", "-1KiB", 256, None])
def test_what_is_no_size(value: object) -> None:
    with pytest.raises(ValueError, match="is not a size: write it with a unit"):
        parse_size(value)


def test_a_decimal_size_is_told_its_binary_form() -> None:
    with pytest.raises(ValueError, match='did you mean "256KiB"'):
        parse_size("256kB")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:6432", "127.0.0.1", 6432),
        ("[::1]:0", "::1", 0),
        ("db-1.example.com:65535", "db-1.example.com", 65535),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    address = parse_address(text)
    assert address == Address(host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("6432", "is not an address"),
        (6432, "is not an address"),
        ("127.0.0.1", "is not an address"),
        ("127.0.0.1:", '"" is not a port'),
        ("127.0.0.1:65536", '"65536" is not a port'),
        ("127.0.0.1:-1", '"-1" is not a port'),
        ("127.0.0.1:\u0664", "is not a port"),
        ("127.0.0.1:http", '"http" is not a port'),
        ("256.0.0.1:5", '"256.0.0.1" is not a host name'),
        ("::1:6432", "stands in brackets"),
        ("[nonsense]:1", "is not an IPv6 address"),
        (":6432", "is not a host name"),
        ("a b:1", "is not a host name"),
    ],
)
def test_what_is_no_address(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_address(value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("::", False),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
