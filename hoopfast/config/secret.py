"""A secret, known by where it is kept: an environment variable, a file or a command's output. Never the value.

The configuration holds no password, so that it can be committed, printed and compared. Nothing here caches, shows or
logs a value; who resolves one keeps it as short as it can.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from hoopfast.errors import ConfigError

_KINDS = ("env", "file", "command")
_COMMAND_SECONDS = 10.0
_LARGEST_FILE = 64 * 1024
_HOW_TO = '{ env = "NAME" }, { file = "path" } or { command = ["program", "argument"] }'


class Secret:
    """A reference to a secret; `resolve` fetches the value anew each time, so that a rotated one is picked up."""

    __slots__ = ("folder", "kind", "source")

    def __init__(self, kind: str, source: str | tuple[str, ...], folder: Path) -> None:
        self.kind = kind
        self.source = source
        self.folder = folder

    @classmethod
    def parse(cls, value: object, folder: Path) -> Secret:
        """The secret that a TOML value refers to; ValueError says how to write it, and never repeats a literal."""
        if isinstance(value, Secret):
            return value
        if isinstance(value, str):
            raise ValueError(f"a secret must not stand in the configuration: refer to it by {_HOW_TO}")
        if not isinstance(value, Mapping) or len(value) != 1 or next(iter(value)) not in _KINDS:
            raise ValueError(f"a secret is a table with exactly one key: {_HOW_TO}")
        kind, source = next(iter(value.items()))
        if kind == "command":
            if not (isinstance(source, list) and source and all(isinstance(word, str) and word for word in source)):
                raise ValueError('"command" is a list of the program and its arguments, such as ["pass", "show", "db"]')
            return cls(kind, tuple(source), folder)
        if not isinstance(source, str) or not source:
            raise ValueError(f'"{kind}" needs {"the name of an environment variable" if kind == "env" else "a path"}')
        return cls(kind, source, folder)

    @property
    def path(self) -> Path | None:
        """The file that holds it, if it is one."""
        return self.folder / Path(str(self.source)).expanduser() if self.kind == "file" else None

    def resolve(self) -> str:
        """The value as text, without trailing line ends; ConfigError says what is missing, never the value."""
        try:
            return self.resolve_bytes().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise ConfigError(f"the secret from {self} is not UTF-8 text") from None

    def resolve_bytes(self) -> bytes:
        """The value as it is; ConfigError says what is missing, never the value."""
        if self.kind == "env":
            return self._from_environment()
        if self.kind == "file":
            return self._from_file()
        return self._from_command()

    def _from_environment(self) -> bytes:
        value = os.environb.get(os.fsencode(str(self.source)))
        if not value:
            raise ConfigError(f"the environment variable {self.source} is not set, or empty: set it before starting")
        return value

    def _from_file(self) -> bytes:
        path = self.folder / Path(str(self.source)).expanduser()
        try:
            with path.open("rb") as file:
                value = file.read(_LARGEST_FILE + 1)
        except OSError as error:
            raise ConfigError(f"the secret's file {path} cannot be read: {error.strerror}") from None
        if not value or len(value) > _LARGEST_FILE:
            raise ConfigError(f"the secret's file {path} is {'larger than 64 KiB' if value else 'empty'}")
        return value

    def _from_command(self) -> bytes:
        program = self.source[0]
        try:
            done = subprocess.run(
                list(self.source), capture_output=True, check=False, cwd=self.folder, stdin=subprocess.DEVNULL,
                timeout=_COMMAND_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ConfigError(f"the secret's command {program} took longer than {_COMMAND_SECONDS:.0f} s") from None
        except OSError as error:
            raise ConfigError(f"the secret's command {program} cannot be run: {error.strerror}") from None
        if done.returncode != 0 or not done.stdout:
            # Its standard error is not repeated: a failing helper may print the secret there.
            raise ConfigError(f"the secret's command {program} failed ({done.returncode}) or printed nothing")
        return done.stdout

    def reference(self) -> dict[str, str | list[str]]:
        """What the configuration says, as TOML would have it."""
        return {self.kind: list(self.source) if isinstance(self.source, tuple) else self.source}

    def __str__(self) -> str:
        return f"{self.kind} {self.source[0] if isinstance(self.source, tuple) else self.source}"

    def __repr__(self) -> str:
        return f"Secret({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self.kind, self.source, self.folder

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def parse(value: object, info: core_schema.ValidationInfo) -> Secret:
            return cls.parse(value, (info.context or {}).get("folder", Path()))

        return core_schema.with_info_plain_validator_function(
            parse, serialization=core_schema.plain_serializer_function_ser_schema(lambda secret: secret.reference())
        )
