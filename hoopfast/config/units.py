"""Durations, sizes and addresses as the configuration writes them: "15m" is seconds, "256KiB" is bytes, "host:port".

Owns the spelling of units. A bare number is refused, because nobody remembers whether it meant seconds or milliseconds.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB)")
_DECIMAL_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmMgG])[bB]?")
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_HIGHEST_PORT = 65535


class Address(NamedTuple):
    """Where to listen: a host name or an IP address, and a TCP port (0: one that the system chooses)."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether a host, given as a name or an IP address, is this machine and nothing else."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_duration(value: object) -> float:
    """Seconds for "50ms", "15m", "8h", "1h30m"; ValueError says how to write it."""
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError(
            f'{_quoted(value)} is not a duration: write it with a unit, such as "50ms", "30s", "15m" or "8h"'
        )
    return sum(float(number) * _DURATION_UNITS[unit] for number, unit in _DURATION_PART.findall(value))


def parse_size(value: object) -> int:
    """Bytes for "256KiB"; ValueError says how to write it."""
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        hint = ""
        if isinstance(value, str) and (decimal := _DECIMAL_SIZE.fullmatch(value)):
            hint = f'; did you mean "{decimal[1]}{decimal[2].upper()}iB"?'
        raise ValueError(f'{_quoted(value)} is not a size: write it with a unit, such as "64KiB" or "256MiB"{hint}')
    return int(float(found[1]) * _SIZE_UNITS[found[2]])


def parse_address(value: object) -> Address:
    """The address in "host:port" or "[::1]:port"; ValueError says what is wrong with it."""
    example = 'write "host:port", such as "127.0.0.1:6432" or "[::1]:6432"'
    if isinstance(value, Address):
        return value
    if not isinstance(value, str) or ":" not in value:
        raise ValueError(f"{_quoted(value)} is not an address: {example}")
    host, _, port = value.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if not is_ip(host, 6):
            raise ValueError(f'"{host}" is not an IPv6 address: {example}')
    elif ":" in host:
        raise ValueError(f"{_quoted(value)} is not an address: an IPv6 address stands in brackets; {example}")
    elif not is_host(host):
        raise ValueError(f'"{host}" is not a host name or an IP address: {example}')
    if not (port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT):
        raise ValueError(f'"{port}" is not a port: a number from 0 to {_HIGHEST_PORT} is needed; {example}')
    return Address(host, int(port))


def is_ip(host: str, version: int) -> bool:
    """Whether `host` is an IP address of this version (4 or 6)."""
    try:
        return ipaddress.ip_address(host).version == version
    except ValueError:
        return False


def is_host(host: str) -> bool:
    """Whether `host` could be a host name or an IP address; four numbers with dots must be a valid IPv4 address."""
    if re.fullmatch(r"[\d.]+", host):
        return is_ip(host, 4)
    return bool(_HOST_NAME.fullmatch(host)) or is_ip(host, 6)


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value!r}"
