"""`hoopfast serve`: run the gateway in the foreground until a signal ends it.

Owns the command's options and its exit status (0 after a drain, 1 when it could not start). Everything else is
gateway/supervisor.py's.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = """
Examples:

  hoopfast serve --config hoopfast.toml
  kill -HUP PID      take over a changed configuration, sessions go on
  kill -TERM PID     drain: idle sessions end at once, busy ones within drain_timeout
"""


def serve(
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration file.", dir_okay=False)] = Path(
        "hoopfast.toml"
    ),
    ready_fd: Annotated[
        int, typer.Option(help="Write one JSON line (host, port, pids) to this descriptor once it listens.")
    ] = -1,
) -> None:
    """Run the gateway in the foreground until SIGTERM or SIGINT; SIGHUP reloads the configuration."""
    from hoopfast.errors import ConfigError
    from hoopfast.gateway import logs
    from hoopfast.gateway.supervisor import Ready, Supervisor

    def tell(ready: Ready) -> None:
        if ready_fd >= 0:
            os.write(ready_fd, json.dumps(ready._asdict()).encode() + b"\n")
            if ready_fd > sys.stderr.fileno():  # closed standard streams would be taken by the next socket
                os.close(ready_fd)

    logs.configure()
    try:
        status = Supervisor(config, ready=tell).run()
    except ConfigError as error:
        print(f"hoopfast: {error.message}", file=sys.stderr)
        if error.hint:
            print(error.hint, file=sys.stderr)
        raise typer.Exit(1) from None
    raise typer.Exit(status)


serve.__doc__ = f"{serve.__doc__}\n{EXAMPLE}"
