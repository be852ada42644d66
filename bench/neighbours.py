"""Who is measured beside hoopfast: pgbouncer, haproxy and the relay of bytes, each started and stopped here.

Owns what a target is, and the configuration of those that are not ours: one thread each, no pooling across clients.
What is not installed takes no part, and says so. Every listener is on 127.0.0.1 at a free port.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench import database
from bench.client import Address
from bench.cpu import descendants
from hoopfast.sandbox.certificate import write_self_signed
from hoopfast.sandbox.postgres import ThrowawayPostgres
from hoopfast.sandbox.process import Account, KeptProcess, free_port, private_folder

RELAY = "relay"  # what everything is compared with: a relay of bytes (relay.c)
START_SECONDS = 30.0


class Target(NamedTuple):
    """Something that answers like PostgreSQL."""

    name: str
    address: Address
    process: KeptProcess | None  # None: nothing stands between

    def pids(self) -> list[int]:
        """The processes whose CPU time is the proxy's."""
        return descendants(self.process.pid) if self.process else []


PGBOUNCER = """
[databases]
{database} = host=127.0.0.1 port={server_port} dbname={database} user={role}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = session
default_pool_size = 100
max_client_conn = 500
pkt_buf = {buffer}
server_tls_sslmode = disable
ignore_startup_parameters = extra_float_digits
logfile = {folder}/log
{tls}
"""


@contextmanager
def pgbouncer(server: ThrowawayPostgres, *, tls: bool, buffer: int = 4096) -> Iterator[Target]:
    """Session pooling; `buffer` is its pkt_buf (4096 is its default, 65536 suits bulk)."""
    program = database.program_path("pgbouncer")
    assert program is not None
    account = Account.for_server()  # it refuses root
    folder = private_folder(account, "hoopfast-bench-")
    encryption = ""
    if tls:
        for file in _certificate(folder):
            account.give(file)
        encryption = f"client_tls_sslmode = require\nclient_tls_cert_file = {folder}/server.crt\n"
        encryption += f"client_tls_key_file = {folder}/server.key\n"
    port = free_port()
    config = folder / "pgbouncer.ini"
    config.write_text(
        PGBOUNCER.format(
            database=database.DATABASE,
            server_port=server.port,
            role=database.ROLE,
            port=port,
            buffer=buffer,
            folder=folder,
            tls=encryption,
        )
    )
    account.give(config)
    process = KeptProcess([program, config], log=folder / "stderr", account=account, remove=(folder,))
    try:
        _await_port(process, port)
        yield Target("pgbouncer", Address("127.0.0.1", port, database.DATABASE, database.ROLE, tls=tls), process)
    finally:
        process.stop()


HAPROXY = """
global
    nbthread 1
    maxconn 1000
defaults
    mode tcp
    timeout connect 5s
    timeout client 10m
    timeout server 10m
listen postgresql
    bind 127.0.0.1:{port}
    server postgresql 127.0.0.1:{server_port}
"""


@contextmanager
def haproxy(server: ThrowawayPostgres) -> Iterator[Target]:
    """Bytes only, mode tcp, one thread. It cannot speak PostgreSQL's TLS, so it takes part without only."""
    program = database.program_path("haproxy")
    assert program is not None
    with tempfile.TemporaryDirectory(prefix="hoopfast-bench-") as place:
        port = free_port()
        config = Path(place) / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=port, server_port=server.port))
        process = KeptProcess([program, "-db", "-f", config], log=Path(place) / "log")
        try:
            _await_port(process, port)
            yield Target("haproxy", Address("127.0.0.1", port, database.DATABASE, database.ROLE), process)
        finally:
            process.stop()


RELAY_SOURCE = Path(__file__).with_name("relay.c")


def compiler() -> str | None:
    """The C compiler; whoever has built the extensions has one."""
    return shutil.which("cc") or shutil.which("gcc")


def build(source: Path, folder: Path, *options: str) -> Path:
    """Compile a C file into a folder; returns what was made. Raises RuntimeError with the compiler's words."""
    found = compiler()
    if found is None:
        raise RuntimeError("there is no C compiler")
    program = folder / source.stem
    command = [found, "-O2", "-Wall", "-Wextra", *options, "-o", str(program), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{source.name} does not compile:\n{done.stderr}")
    return program


@contextmanager
def relay(server_port: int, *, name: str = RELAY) -> Iterator[Target]:
    """The relay of bytes, compiled for this run: what nobody who stands between can do for less."""
    with tempfile.TemporaryDirectory(prefix="hoopfast-bench-") as place:
        folder = Path(place)
        process = KeptProcess(
            [build(RELAY_SOURCE, folder), "127.0.0.1", str(server_port)], log=folder / "log", output=folder / "port"
        )
        try:
            port = int(await_line(process, folder / "port"))
            yield Target(name, Address("127.0.0.1", port, database.DATABASE, database.ROLE), process)
        finally:
            process.stop()


def neighbours(stack: ExitStack, server: ThrowawayPostgres, *, tls: bool, buffer: int) -> list[Target]:
    """The other proxies, where they are installed and can take part; `stack` stops them."""
    found = []
    if database.program_path("pgbouncer"):
        found.append(stack.enter_context(pgbouncer(server, tls=tls, buffer=buffer)))
    if tls:
        return found  # the others do not decrypt
    if database.program_path("haproxy"):
        found.append(stack.enter_context(haproxy(server)))
    if compiler():
        found.append(stack.enter_context(relay(server.port)))
    return found


def missing() -> list[str]:
    """What takes no part because it is not installed, as sentences."""
    found = [
        f"{name} left out: it is not installed (make system-packages brings it)"
        for name in ("pgbouncer", "haproxy")
        if not database.program_path(name)
    ]
    if not compiler():
        found.append("the relay left out: there is no C compiler (Debian: apt install gcc)")
    return found


def await_line(process: KeptProcess, file: Path, seconds: float = START_SECONDS) -> str:
    """The first line that a process writes to a file, once it is whole."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        text = file.read_text() if file.exists() else ""
        if text.endswith("\n"):
            return text
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"a target did not start:\n{process.log_tail()}")


def _certificate(folder: Path) -> tuple[Path, Path]:
    files = (folder / "server.crt", folder / "server.key")
    write_self_signed(*files)
    return files


def _await_port(process: KeptProcess, port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.02)
    raise RuntimeError(f"a target did not start:\n{process.log_tail()}")
