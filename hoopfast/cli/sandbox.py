"""`hoopfast sandbox`: a throwaway PostgreSQL with the gateway before it, for trying a policy out.

Owns the command's options, the one line on standard output, and when it ends: standard input closes, SIGTERM, Ctrl-C,
or one of its parts has ended by itself (then with status 1). The parts are hoopfast/sandbox/'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hoopfast.sandbox.sandbox import Sandbox

EXAMPLE = """
Examples:

  hoopfast sandbox --config hoopfast.toml --schema schema.sql
  hoopfast sandbox --config hoopfast.toml --postgres-bin /usr/lib/postgresql/15/bin --set wal_level=logical --tls

It prints one JSON line (gateway_dsn, direct_dsn, control_url, issuer_key, audit_dir, pids), logs to standard error,
runs until standard input closes or SIGTERM comes, and leaves nothing behind. [[issuer]] and [[database]] may be left
out of the configuration; where they are given, their keys, addresses and credentials are replaced by the sandbox's.
"""


def sandbox(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The configuration file: its access rules and policies are used.")
    ] = Path("hoopfast.toml"),
    schema: Annotated[
        Path | None,
        typer.Option(
            help="An SQL script (as for psql) to load into the first access rule's database, as a superuser. Where it "
            "grants the upstream role nothing, the role gets all rights on what it makes."
        ),
    ] = None,
    postgres_bin: Annotated[
        Path | None, typer.Option(help="The folder of a server's programs; default: PostgreSQL 18 from the wheel.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A server setting; may be repeated.")
    ] = None,
    role: Annotated[str, typer.Option(help="The upstream role, created for you.")] = "hoop_app",
    superuser: Annotated[bool, typer.Option("--superuser", help="Make the upstream role a superuser.")] = False,
    tls: Annotated[
        bool, typer.Option("--tls", help="TLS to the gateway, and to the server if it was built with it.")
    ] = False,
) -> None:
    """Start a throwaway PostgreSQL and the gateway before it; print where they are as one JSON line."""
    from hoopfast.sandbox.sandbox import Sandbox

    box = Sandbox(
        config,
        schema=schema,
        bin_directory=postgres_bin,
        settings=parse_settings(settings or []),
        role=role,
        superuser=superuser,
        tls=tls,
    )
    raise typer.Exit(run(box))


sandbox.__doc__ = f"{sandbox.__doc__}\n{EXAMPLE}"


def parse_settings(pairs: list[str]) -> dict[str, str]:
    """NAME=VALUE pairs as a mapping."""
    from hoopfast.errors import ConfigError

    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f'--set "{pair}" is not of the form NAME=VALUE', hint="for example: --set work_mem=64MB")
        settings[name.strip()] = value
    return settings


def run(box: Sandbox) -> int:
    """Start it, print the line, wait for the end; the exit status."""
    import json
    import signal

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    # SIGINT too: a shell without job control has what it starts in the background ignore it.
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    previous = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        with box:
            print(json.dumps(box.line()), flush=True)
            _show_log(box.gateway.log)
            return _wait(box)
    except KeyboardInterrupt:
        return 0
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _wait(box: Sandbox) -> int:
    """Until standard input is at its end (0), or a part has ended by itself (1)."""
    import os
    import select
    import sys

    while True:
        readable, _, _ = select.select([0], [], [], 0.5)
        if readable and not os.read(0, 65536):
            return 0
        for what, part in (("gateway", box.gateway), ("server", box.postgres)):
            if part.poll() is not None:
                print(f"hoopfast: the {what} has ended:\n{part.log_tail()}", file=sys.stderr)
                return 1


def _show_log(log: Path) -> None:
    """Copy what the gateway logs to standard error, in a thread: nobody may be reading there."""
    import sys
    import threading
    import time

    def follow() -> None:
        with log.open() as file:
            while True:
                sys.stderr.write(file.read())
                sys.stderr.flush()
                time.sleep(0.2)

    threading.Thread(target=follow, daemon=True).start()
