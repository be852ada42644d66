"""`hoopfast token`: make a development token from a key of one's own, or look into a token's claims.

Owns the command's options and what is shown: claims, never a signature: what is pasted elsewhere signs nobody in.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

EXAMPLE = """
Examples:

  openssl genpkey -algorithm ed25519 -out issuer.key
  hoopfast token --key issuer.key --jwks > keys.json     for jwks_file of an [[issuer]]
  hoopfast token --key issuer.key --issuer https://dev.example --claim repository=acme/etl --expires 8h
  echo "$TOKEN" | hoopfast token --inspect
  PGPASSWORD="$(hoopfast token --key issuer.key --issuer https://dev.example)" psql -h 127.0.0.1 -p 6432 -d clinic

A claim that is given several times becomes a list.
"""


def token(
    key: Annotated[Path | None, typer.Option(help="The issuer's private key (PEM).")] = None,
    issuer: Annotated[str, typer.Option(help='The claim "iss": the url of the [[issuer]].')] = "",
    audience: Annotated[str, typer.Option(help='The claim "aud".')] = "hoopfast",
    subject: Annotated[str, typer.Option(help='The claim "sub".')] = "developer",
    claim: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A further claim.")] = None,
    expires: Annotated[str, typer.Option(help="For how long it is good.")] = "8h",
    jwks: Annotated[bool, typer.Option("--jwks", help="Print the key set of --key instead of a token.")] = False,
    inspect: Annotated[
        bool, typer.Option("--inspect", help="Show the claims of a token from standard input (or PGPASSWORD).")
    ] = False,
) -> None:
    """Make a development token, or show the claims of one without verifying it."""
    from hoopfast.errors import ConfigError

    if inspect:
        _inspect(_given())
        return
    if key is None:
        raise ConfigError("--key is missing: the issuer's private key", hint="--inspect looks into a token instead")
    from hoopfast.auth.minting import SigningKey

    try:
        signing_key = SigningKey(key.read_bytes())
    except OSError as error:
        raise ConfigError(f"{key} cannot be read: {error.strerror}") from None
    if jwks:
        _print_json(signing_key.jwks())
        return
    if not issuer:
        raise ConfigError("--issuer is missing: the url of the [[issuer]] that the token is to be of")
    registered = {"iss": issuer, "aud": audience, "sub": subject}
    print(signing_key.sign({**registered, **_times(expires), **parse_claims(claim or [])}))


token.__doc__ = f"{token.__doc__}\n{EXAMPLE}"


def parse_claims(pairs: list[str]) -> dict[str, str | list[str]]:
    """NAME=VALUE pairs as claims; ConfigError for what is not one."""
    from hoopfast.errors import ConfigError

    values: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ConfigError(f'--claim "{pair}" is not of the form NAME=VALUE', hint="such as repository=acme/etl")
        values.setdefault(name, []).append(value)
    return {name: several if len(several) > 1 else several[0] for name, several in values.items()}


def _times(expires: str) -> dict[str, Any]:
    import time
    import uuid

    from hoopfast.config.units import parse_duration
    from hoopfast.errors import ConfigError

    try:
        seconds = parse_duration(expires)
    except ValueError as error:
        raise ConfigError(f"--expires: {error}") from None
    now = int(time.time())
    return {"iat": now, "nbf": now, "exp": now + int(seconds), "jti": uuid.uuid4().hex}


def _given() -> str:
    # Not as an argument: every user of the machine can read those.
    if not sys.stdin.isatty() and (piped := sys.stdin.read().strip()):
        return piped
    return os.environ.get("PGPASSWORD", "").strip()


def _inspect(text: str) -> None:
    import time

    from hoopfast.auth.encoding import base64url, json_object
    from hoopfast.errors import ConfigError

    segments = text.split(".")
    try:
        header, claims = (json_object(base64url(segment)) for segment in segments[:2])
    except ValueError:
        hint = 'such as: echo "$TOKEN" | hoopfast token --inspect'
        raise ConfigError("there is no token on standard input or in PGPASSWORD", hint=hint) from None
    _print_json({"header": header, "claims": claims})
    expiry = claims.get("exp")
    if isinstance(expiry, int | float):
        left = expiry - time.time()
        print(f"expired {-left:.0f} s ago" if left < 0 else f"good for another {left:.0f} s", file=sys.stderr)
    print("not verified: anybody can write such claims", file=sys.stderr)


def _print_json(value: object) -> None:
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))
