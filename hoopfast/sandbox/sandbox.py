"""A sandbox: a throwaway PostgreSQL, a development issuer and a gateway before them, from one configuration file.

Owns the order in which its parts start and end, and the JSON object by which programs find them. Used by `hoopfast
sandbox`, by `hoopfast demo` and by the tests.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from hoopfast.errors import ConfigError
from hoopfast.sandbox import configuration
from hoopfast.sandbox.configuration import Effective, Upstream
from hoopfast.sandbox.gateway import GatewayProcess
from hoopfast.sandbox.postgres import SUPERUSER, ThrowawayPostgres
from hoopfast.sandbox.process import Account, private_folder

DEFAULT_ROLE = "hoop_app"


class Sandbox:
    """All parts of it, from `start()` to `stop()`, or for the length of a `with` block."""

    def __init__(
        self,
        file: Path,
        *,
        schema: Path | None = None,
        bin_directory: Path | None = None,
        settings: Mapping[str, str] | None = None,
        role: str = DEFAULT_ROLE,
        superuser: bool = False,
        tls: bool = False,
        server: ThrowawayPostgres | None = None,
    ) -> None:
        """What is wrong with the file, or with the programs, is said here, before anything starts.

        `server`: one that runs already and is left running; `settings` and `bin_directory` are then its own.
        """
        self._source = file
        self._document = configuration.read(file)
        if schema is not None and not schema.is_file():
            raise ConfigError(f"{schema}: there is no such file to load a schema from")
        if not role or role == SUPERUSER:
            raise ConfigError(f'"{role}" cannot be the upstream role', hint="choose another name for --role")
        self._schema = schema
        self._role = role
        self._superuser = superuser
        self._tls = tls
        self._owns_server = server is None
        self.postgres = server or ThrowawayPostgres(bin_directory, settings=settings)
        if server is None and tls and self.postgres.offers_tls:
            self.postgres.tls = True
        self._parts = contextlib.ExitStack()
        self.effective: Effective
        self.gateway: GatewayProcess
        self.folder: Path

    def start(self) -> Self:
        """Start the server, make role and schema, start the gateway."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        self.folder = private_folder(Account(None, None))
        self._parts.callback(shutil.rmtree, self.folder, ignore_errors=True)
        if self._owns_server:
            self._parts.enter_context(self.postgres)
        if not self.postgres.has_role(self._role):
            self.postgres.create_role(self._role, superuser=self._superuser)
        if self._schema is not None:
            _, dbname = configuration.first_database(self._document)
            if not self.postgres.has_database(dbname):
                self.postgres.create_database(dbname, owner=self._role)
            self.postgres.load(self._schema, dbname)
            self.postgres.open_to(self._role, dbname)  # otherwise the database would refuse, before any policy is seen
        authority = self.postgres.certificate if self.postgres.tls else None
        upstream = Upstream(self.postgres.host, self.postgres.port, self._role, authority)
        self.effective = configuration.write(self._document, self._source, self.folder, upstream, tls=self._tls)
        self.gateway = GatewayProcess(self.effective.file, log=self.folder / "gateway.log", remove=[self.folder])
        self._parts.callback(self.gateway.stop)

    def stop(self) -> None:
        """End all of it and delete its folders."""
        self._parts.close()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def gateway_dsn(self, *, token: str | None = None, dbname: str | None = None, user: str | None = None) -> str:
        """A URI that leads through the gateway; by default signed in by a new token of the first access rule."""
        password = quote(self.effective.token() if token is None else token, safe="")
        place = f"{self.gateway.host}:{self.gateway.port}/{quote(dbname or self.effective.database, safe='')}"
        certificate = self.effective.certificate
        query = f"?sslmode=verify-full&sslrootcert={quote(str(certificate))}" if certificate else ""
        return f"postgresql://{quote(user or self._role, safe='')}:{password}@{place}{query}"

    def direct_dsn(self, dbname: str | None = None) -> str:
        """A superuser's URI straight to the server, to the first access rule's database where it exists."""
        if dbname is None:
            dbname = self.effective.dbname if self.postgres.has_database(self.effective.dbname) else "postgres"
        return self.postgres.dsn(dbname)

    def line(self) -> dict[str, object]:
        """What `hoopfast sandbox` prints; other programs rely on these keys."""
        return {
            "gateway_dsn": self.gateway_dsn(),
            "direct_dsn": self.direct_dsn(),
            "control_url": None,
            "issuer_key": str(self.effective.issuer.key_file),
            "audit_dir": str(self.effective.audit_directory),
            "pids": {"postgres": self.postgres.pid, "gateway": self.gateway.pids},
        }
