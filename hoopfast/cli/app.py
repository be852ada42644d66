"""The command `hoopfast`: which verbs there are, and how errors that a user can cause are shown.

Owns the list of verbs. Imports a verb's module only when that verb, or the list of all, is asked for, and not even
typer for `version`: scripts call that in a loop.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hoopfast.errors import HoopfastError

if TYPE_CHECKING:
    import typer

COMMANDS = {
    "init": "hoopfast.cli.init:init",
    "check": "hoopfast.cli.check:check",
    "serve": "hoopfast.cli.serve:serve",
    "sandbox": "hoopfast.cli.sandbox:sandbox",
    "demo": "hoopfast.cli.demo:demo",
    "token": "hoopfast.cli.token:token",
    "version": "hoopfast.cli.version:version",
}

ABOUT = """A gateway between machine identities and PostgreSQL.

Callers bring a token instead of a password; protected columns are masked, statements decided on and recorded.

Examples:

  hoopfast init                            write a first configuration, keys and a certificate
  hoopfast check hoopfast.toml --connect   say all that is wrong with it, also against the databases
  hoopfast serve --config hoopfast.toml    run the gateway
  hoopfast demo                            see it at work on a made-up clinic
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends by SystemExit."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in (["version"], ["--version"]):
        from hoopfast.cli.version import version

        version()
        sys.exit(0)
    verb = next((word for word in given if not word.startswith("-")), None)
    try:
        build([verb] if verb in COMMANDS else COMMANDS)(given, prog_name="hoopfast")
    except HoopfastError as error:
        sys.exit(described(error))


def described(error: HoopfastError) -> str:
    """An error as it is shown: what is wrong, and what to do."""
    return f"hoopfast: {error.message}" + (f"\n{error.hint}" if error.hint else "")


def build(verbs: Iterable[str]) -> typer.Typer:
    """The application with these verbs."""
    import typer

    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # it would swallow the names of TOML tables in the texts: [[issuer]]
        help=as_written(ABOUT),
    )
    app.callback()(_nothing)
    for verb in verbs:
        function = load(COMMANDS[verb])
        app.command(verb, help=as_written(function.__doc__ or ""))(function)
    return app


def load(place: str) -> Callable[..., Any]:
    """The function at "module:name"."""
    module, _, name = place.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def as_written(text: str) -> str:
    """A help text whose indented paragraphs (the examples) keep their lines."""
    paragraphs = text.strip().split("\n\n")
    return "\n\n".join("\b\n" + one if one.startswith(" ") else " ".join(one.split()) for one in paragraphs)


def _nothing() -> None:
    """Make typer see a group of verbs even where only one is registered."""
