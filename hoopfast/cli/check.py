"""`hoopfast check`: all that is wrong with a configuration, and what it refers to, before anything is started.

Owns the checks of the files that a configuration names, the order of the list, and the exit status. The database part
is gateway/probe.py's: it connects as the gateway does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hoopfast.config import Config, Finding

EXAMPLE = """
Examples:

  hoopfast check hoopfast.toml
  hoopfast check hoopfast.toml --connect   also at each database: rules that match nothing, masks that do not fit

Exits with 1 if anything would stop the gateway or a session, with 0 if there are warnings only.
"""


def check(
    file: Annotated[Path, typer.Argument(help="The configuration file.")] = Path("hoopfast.toml"),
    connect: Annotated[
        bool, typer.Option("--connect", help="Connect to each database with its configured user as well.")
    ] = False,
) -> None:
    """Say all that is wrong with a configuration; exit 1 if anything is."""
    from hoopfast.config import load
    from hoopfast.config.advice import advice
    from hoopfast.errors import ConfigError

    try:
        config = load(file)
    except ConfigError as error:
        _show_error(error)
        raise typer.Exit(1) from None
    findings = [*files(config), *(databases(config) if connect else secrets(config)), *advice(config)]
    _show(file, findings)
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


check.__doc__ = f"{check.__doc__}\n{EXAMPLE}"


def files(config: Config) -> Iterator[Finding]:
    """What is wrong with the certificates and keys that a configuration names."""
    from hoopfast.audit.keys import load_key, parse_key
    from hoopfast.auth.jwks import parse_jwks
    from hoopfast.gateway.tls import client_context, server_context

    yield from _tried("gateway", lambda: server_context(config))
    key = config.audit.signing_key
    if key.path is not None:
        path = key.path
        yield from _tried("audit.signing_key", lambda: load_key(path))
    elif key.kind == "env":
        yield from _tried("audit.signing_key", lambda: parse_key(key.resolve_bytes()))
    for issuer in config.issuer:
        if issuer.jwks_file is not None:
            keys = issuer.jwks_file
            yield from _tried(f"issuer.{issuer.name}.jwks_file", lambda keys=keys: parse_jwks(keys.read_bytes()))
    for database in config.database:
        yield from _tried(f"database.{database.name}", lambda database=database: client_context(database))


def secrets(config: Config) -> Iterator[Finding]:
    """Passwords that cannot be had. Commands are not run, and a variable may be set for the service only: a warning."""
    from hoopfast.config import Finding

    for database in config.database:
        if database.password is not None and database.password.kind != "command":
            for finding in _tried(f"database.{database.name}.password", database.password.resolve):
                yield Finding("warning" if database.password.kind == "env" else "error", finding.where, finding.message)


def databases(config: Config) -> Iterator[Finding]:
    """What signing in at each database, and reading its catalog, shows."""
    from hoopfast.gateway import logs
    from hoopfast.gateway.probe import probe_database

    logs.silence()  # what went wrong is in the findings
    for database in config.database:
        yield from probe_database(config, database)


def _tried(where: str, action: object) -> Iterator[Finding]:
    from hoopfast.config import Finding
    from hoopfast.errors import HoopfastError

    assert callable(action)
    try:
        action()
    except HoopfastError as error:
        yield Finding("error", where, error.message + (f"; {error.hint}" if error.hint else ""))
    except OSError as error:
        yield Finding("error", where, f"{error.filename}: {error.strerror}")
    except ValueError as error:
        yield Finding("error", where, str(error))


def _show(file: Path, findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    styles = {"error": "bold red", "warning": "yellow"}
    for finding in sorted(findings, key=lambda one: one.level):
        line = Text.assemble(
            (f"{finding.level}: ", styles[finding.level]), (finding.where, "bold"), f": {finding.message}"
        )
        console.print(line)
    errors = sum(finding.level == "error" for finding in findings)
    warnings = len(findings) - errors
    if errors:
        console.print(Text(f"{file}: {_count(errors, 'error')}, {_count(warnings, 'warning')}", style="bold red"))
    else:
        console.print(
            Text(f"{file}: in order" + (f", {_count(warnings, 'warning')}" if warnings else ""), style="green")
        )


def _show_error(error: Exception) -> None:
    from rich.console import Console
    from rich.text import Text

    first, _, rest = str(error).partition("\n")
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(first, style="bold red"))
    if rest:
        console.print(Text(rest))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
