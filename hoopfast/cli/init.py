"""`hoopfast init`: a first configuration with all that it refers to, in one folder.

Owns the list of files and the rule that none of them is ever overwritten. Their texts are init.toml and init.sql.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = """
Examples:

  hoopfast init
  hoopfast init /etc/hoopfast
  hoopfast init --missing     after one of the files has been deleted on purpose

Writes hoopfast.toml (commented), audit.key and audit.pub (the journal's keys), server.crt and server.key (self-signed
for localhost) and upstream-role.sql. Files that are there are never overwritten.
"""

_CERTIFICATE_DAYS = 365


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")] = Path("."),
    missing: Annotated[
        bool, typer.Option("--missing", help="Write the files that are missing, leave the others as they are.")
    ] = False,
) -> None:
    """Write a first configuration, keys, a certificate, and the SQL for the upstream role."""
    from hoopfast.errors import ConfigError

    files = _groups()
    there = [name for names in files for name in names if (folder / name).exists() or (folder / name).is_symlink()]
    if there and not missing:
        raise ConfigError(
            f"{', '.join(there)} in {folder} {'are' if len(there) > 1 else 'is'} there already: nothing was written",
            hint="--missing writes the others only",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for names, write in files.items():
            _write(folder, names, write, there)
    except OSError as error:
        raise ConfigError(f"{error.filename or folder} cannot be written: {error.strerror}") from None
    print(
        "\nNext: adapt hoopfast.toml ([[issuer]], [[database]], [[access]], masks), run upstream-role.sql at the\n"
        f"database, then: hoopfast check {folder / 'hoopfast.toml'} --connect"
    )


init.__doc__ = f"{init.__doc__}\n{EXAMPLE}"


def _groups() -> dict[tuple[str, ...], Callable[..., None]]:
    """What is written together: half of a pair of keys is of no use."""
    return {
        ("hoopfast.toml",): lambda path: _copy("init.toml", path),
        ("audit.key", "audit.pub"): _audit_keys,
        ("server.crt", "server.key"): _certificate,
        ("upstream-role.sql",): lambda path: _copy("init.sql", path),
    }


def _write(folder: Path, names: tuple[str, ...], write: Callable[..., None], there: list[str]) -> None:
    kept = [name for name in names if name in there]
    if not kept:
        write(*(folder / name for name in names))
    for name in names:
        state = "written" if not kept else "kept" if name in kept else "not written: it belongs to one that is there"
        print(f"  {folder / name}: {state}")


def _copy(template: str, path: Path) -> None:
    text = Path(__file__).with_name(template).read_text(encoding="utf-8")
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


def _audit_keys(private: Path, public: Path) -> None:
    from hoopfast.audit.keys import create_key, write_public_key

    write_public_key(create_key(private), public)


def _certificate(certificate: Path, key: Path) -> None:
    from hoopfast.sandbox.certificate import write_self_signed

    write_self_signed(certificate, key, days=_CERTIFICATE_DAYS)
