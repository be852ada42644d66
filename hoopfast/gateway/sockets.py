"""The listening sockets: one per worker, all on one port (SO_REUSEPORT); and what else is said to a socket itself.

The supervisor owns them for the life of the gateway and each worker inherits one, so that connections which arrive
while a worker is being restarted wait in its queue instead of being refused. Knows no protocol and no configuration.
"""

from __future__ import annotations

import ipaddress
import socket

from hoopfast.errors import ConfigError

BACKLOG = 1024


def listening_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """Open `count` listening sockets on one address; port 0 takes a free port for all of them.

    Raises ConfigError when the address cannot be had. SO_REUSEPORT would let a second gateway of the same user share
    the port in silence, so the port is first bound without it.
    """
    family, address = _resolve(host, port)
    sockets: list[socket.socket] = []
    try:
        if port:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        for _ in range(count):
            listener = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind((address[0], port, *address[2:]))
            port = listener.getsockname()[1]
            listener.listen(BACKLOG)
            listener.setblocking(False)
    except OSError as error:
        for listener in sockets:
            listener.close()
        raise ConfigError(
            f"[gateway] listen: cannot listen on {host}:{port}: {error.strerror or error}",
            hint="Choose a free port, or 0 for any free port.",
        ) from error
    return sockets


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigError(f"[gateway] listen: unknown host {host!r}") from error
    family, _, _, _, address = found[0]
    return family, address  # type: ignore[return-value]  # only INET and INET6 are asked for by SOCK_STREAM names


def is_loopback(host: str) -> bool:
    """Whether an address, or the name localhost, is of this machine; IPv4-mapped addresses count as what they map."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def keep_alive(connection: socket.socket | None) -> None:
    """Find out within minutes when the machine at the other end is gone."""
    if connection is not None and connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
