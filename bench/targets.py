"""What is measured: the database itself, hoopfast in its stages, and its neighbours, together or each by itself.

Owns the gateway's configuration, which is part of the result (neighbours.py has the others'), and which targets a
section compares: the same database behind all, one worker or thread each. Every listener is on 127.0.0.1.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import database
from bench.client import Address
from bench.neighbours import RELAY, START_SECONDS, Target, await_line, compiler, neighbours, pgbouncer, relay
from hoopfast.audit.keys import create_key
from hoopfast.sandbox.certificate import write_self_signed
from hoopfast.sandbox.issuer import DevelopmentIssuer
from hoopfast.sandbox.postgres import ThrowawayPostgres
from hoopfast.sandbox.process import KeptProcess

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("off", "policy", "records", "masking")
RELAY_AGAIN = "relay again"  # the same program a second time: how far apart two equal things come out


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
    tuning: str = "",
    under: Sequence[str] = (),
    start_seconds: float = START_SECONDS,
) -> Iterator[Target]:
    """The gateway with one worker; `stage` says how much of it takes part, `masks` counts in the last stage.

    `under` is a command that runs it (a profiler), which may need more seconds to start; `tuning` goes into [tuning].
    """
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
        config.write_text(f"{text}[tuning]\n{tuning}\n{masks if stage == STAGES[-1] else ''}")
        process = KeptProcess(
            [*under, *hoopfast_command(config, stage, 1)],
            log=folder / "log",
            output=folder / "ready",
            environment={**os.environ, "PYTHONPATH": str(ROOT)},
            folder=ROOT,
        )
        try:
            port = int(json.loads(await_line(process, folder / "ready", start_seconds))["port"])
            token = issuer.mint({"sub": "bench"})
            yield Target(name, Address("127.0.0.1", port, database.DATABASE, database.ROLE, token, tls), process)
        finally:
            process.stop()


@contextmanager
def all_targets(server: ThrowawayPostgres, *, tls: bool) -> Iterator[list[Target]]:
    """Direct, hoopfast, and those of its neighbours that are installed."""
    with ExitStack() as stack:
        found = [direct(server, tls=tls), stack.enter_context(hoopfast(server, tls=tls))]
        yield [*found, *neighbours(stack, server, tls=tls, buffer=4096)]


@contextmanager
def bulk_targets(server: ThrowawayPostgres) -> Iterator[list[Target]]:
    """The same for bulk: hoopfast once with nothing of the wide table protected, and once with two of its columns."""
    with ExitStack() as stack:
        found = [direct(server, tls=False)]
        for name, masks in (("hoopfast", MASK_SMALL), (MASKED, MASK_SMALL + MASK_WIDE)):
            found.append(stack.enter_context(hoopfast(server, tls=False, name=name, masks=masks)))
        yield [*found, *neighbours(stack, server, tls=False, buffer=65536)]


@contextmanager
def stage_targets(server: ThrowawayPostgres) -> Iterator[list[Target]]:
    """Direct, pgbouncer and the relay where they can take part, and hoopfast once per stage."""
    with ExitStack() as stack:
        found = [direct(server, tls=False)]
        if database.program_path("pgbouncer"):
            found.append(stack.enter_context(pgbouncer(server, tls=False)))
        if compiler():
            found.append(stack.enter_context(relay(server.port)))
        found += [stack.enter_context(hoopfast(server, tls=False, stage=stage, name=stage)) for stage in STAGES]
        yield found


@contextmanager
def shape_targets(server: ThrowawayPostgres) -> Iterator[list[Target]]:
    """Direct, hoopfast, and pgbouncer where it is installed."""
    with ExitStack() as stack:
        found = [direct(server, tls=False), stack.enter_context(hoopfast(server, tls=False))]
        if database.program_path("pgbouncer"):
            found.append(stack.enter_context(pgbouncer(server, tls=False)))
        yield found


@contextmanager
def noise_targets(server: ThrowawayPostgres) -> Iterator[list[Target]]:
    """The relay twice; nothing where it cannot be built."""
    with ExitStack() as stack:
        names = (RELAY, RELAY_AGAIN) if compiler() else ()
        yield [stack.enter_context(relay(server.port, name=name)) for name in names]
