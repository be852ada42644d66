"""What is measured: the database itself, hoopfast in its stages, pgbouncer and haproxy, each started and stopped here.

Owns their configuration, which is part of the result: the same database behind all, one worker or thread each, no
pooling across clients. Every listener is on 127.0.0.1 at a free port.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench import database
from bench.client import Address
from bench.cpu import descendants
from hoopfast.audit.keys import create_key
from hoopfast.sandbox.certificate import write_self_signed
from hoopfast.sandbox.issuer import DevelopmentIssuer
from hoopfast.sandbox.postgres import ThrowawayPostgres
from hoopfast.sandbox.process import Account, KeptProcess, free_port, private_folder

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("off", "policy", "records", "masking")
START_SECONDS = 30.0


class Target(NamedTuple):
    """Something that answers like PostgreSQL."""

    name: str
    address: Address
    process: KeptProcess | None  # None: nothing stands between

    def pids(self) -> list[int]:
        """The processes whose CPU time is the proxy's."""
        return descendants(self.process.pid) if self.process else []


def direct(server: ThrowawayPostgres, *, tls: bool) -> Target:
    """The database itself."""
    return Target("direct", Address("127.0.0.1", server.port, database.DATABASE, database.ROLE, tls=tls), None)


HOOPFAST = """
[gateway]
listen = "127.0.0.1:0"
tls = "{tls}"
tls_cert = "server.crt"
tls_key = "server.key"

[audit]
directory = "audit"
signing_key = {{ file = "audit.key" }}

[[issuer]]
name = "bench"
url = "{url}"
audience = "{audience}"
jwks_file = "jwks.json"

[[database]]
name = "{database}"
host = "127.0.0.1"
port = {server_port}
user = "{role}"
tls = "off"

[[access]]
claims = {{ sub = "bench" }}
database = "{database}"
policy = "bench"

[policy.bench]
writes = "allow"
ddl = "deny"
"""
# One column of pgbench's table, and two of eight of the wide one.
MASK_SMALL = """
[[policy.bench.mask]]
columns = ["public.pgbench_accounts.filler"]
with = "redact"
"""
MASK_WIDE = """
[[policy.bench.mask]]
columns = ["public.wide.c2", "public.wide.c5"]
with = "keep_last(4)"
"""
MASKED = "masking 2 of 8"  # the gateway with MASK_WIDE, beside one without


def hoopfast_command(config: Path, stage: str, ready: int) -> list[str]:
    """The gateway as everybody starts it, or, for the stages before the last, with parts left out (bench/staged.py)."""
    program = ["hoopfast.cli", "serve"] if stage == STAGES[-1] else ["bench.staged", "--stage", stage]
    return [sys.executable, "-m", *program, "--config", str(config), "--ready-fd", str(ready)]


@contextmanager
def hoopfast(
    server: ThrowawayPostgres,
    *,
    tls: bool,
    stage: str = STAGES[-1],
    name: str = "hoopfast",
    masks: str = MASK_SMALL + MASK_WIDE,
) -> Iterator[Target]:
    """The gateway with one worker; `stage` says how much of it takes part, `masks` counts in the last stage."""
    with tempfile.TemporaryDirectory(prefix="hoopfast-bench-") as place:
        folder = Path(place)
        issuer = DevelopmentIssuer(folder)
        write_self_signed(folder / "server.crt", folder / "server.key")
        create_key(folder / "audit.key")
        text = HOOPFAST.format(
            tls="allow" if tls else "off",
            url=issuer.url,
            audience=issuer.audience,
            database=database.DATABASE,
            server_port=server.port,
            role=database.ROLE,
        )
        config = folder / "hoopfast.toml"
        config.write_text(text + (masks if stage == STAGES[-1] else ""))
        process = KeptProcess(
            hoopfast_command(config, stage, 1),
            log=folder / "log",
            output=folder / "ready",
            environment={**os.environ, "PYTHONPATH": str(ROOT)},
            folder=ROOT,
        )
        try:
            port = _await_line(process, folder / "ready")
            token = issuer.mint({"sub": "bench"})
            yield Target(name, Address("127.0.0.1", port, database.DATABASE, database.ROLE, token, tls), process)
        finally:
            process.stop()


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


@contextmanager
def all_targets(server: ThrowawayPostgres, *, tls: bool) -> Iterator[list[Target]]:
    """Direct, hoopfast, and of pgbouncer and haproxy those that are installed."""
    with ExitStack() as stack:
        found = [direct(server, tls=tls), stack.enter_context(hoopfast(server, tls=tls))]
        yield [*found, *_neighbours(stack, server, tls=tls, buffer=4096)]


@contextmanager
def bulk_targets(server: ThrowawayPostgres) -> Iterator[list[Target]]:
    """The same for bulk: hoopfast once with nothing of the wide table protected, and once with two of its columns."""
    with ExitStack() as stack:
        found = [direct(server, tls=False)]
        for name, masks in (("hoopfast", MASK_SMALL), (MASKED, MASK_SMALL + MASK_WIDE)):
            found.append(stack.enter_context(hoopfast(server, tls=False, name=name, masks=masks)))
        yield [*found, *_neighbours(stack, server, tls=False, buffer=65536)]


def _neighbours(stack: ExitStack, server: ThrowawayPostgres, *, tls: bool, buffer: int) -> list[Target]:
    """The other proxies, where they are installed and can take part."""
    found = []
    if database.program_path("pgbouncer"):
        found.append(stack.enter_context(pgbouncer(server, tls=tls, buffer=buffer)))
    if not tls and database.program_path("haproxy"):
        found.append(stack.enter_context(haproxy(server)))
    return found


@contextmanager
def stage_targets(server: ThrowawayPostgres) -> Iterator[list[Target]]:
    """Direct, pgbouncer where it is installed, and hoopfast once per stage."""
    with ExitStack() as stack:
        found = [direct(server, tls=False)]
        if database.program_path("pgbouncer"):
            found.append(stack.enter_context(pgbouncer(server, tls=False, buffer=65536)))
        found += [stack.enter_context(hoopfast(server, tls=False, stage=stage, name=stage)) for stage in STAGES]
        yield found


def _certificate(folder: Path) -> tuple[Path, Path]:
    files = (folder / "server.crt", folder / "server.key")
    write_self_signed(*files)
    return files


def _await_line(process: KeptProcess, file: Path) -> int:
    """The port, once the gateway has written the line that says where it listens."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        text = file.read_text() if file.exists() else ""
        if text.endswith("\n"):
            return int(json.loads(text)["port"])
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"hoopfast did not start:\n{process.log_tail()}")


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
