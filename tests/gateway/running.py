"""Whole gateways for tests: `hoopfast serve` as a process, with a configuration that each test writes itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hoopfast.audit.keys import create_key
from hoopfast.sandbox import toml
from hoopfast.sandbox.certificate import write_self_signed
from hoopfast.sandbox.gateway import GatewayProcess
from hoopfast.sandbox.issuer import AUDIENCE, DevelopmentIssuer
from hoopfast.sandbox.postgres import ThrowawayPostgres
from tests.support.servers import ROLE

Tables = dict[str, Any]


class Place:
    """A folder with keys, an issuer and a configuration for a gateway before one server."""

    def __init__(self, folder: Path, server: ThrowawayPostgres | None, dbname: str = "postgres") -> None:
        self.folder = folder
        self.issuer = DevelopmentIssuer(folder)
        self.file = folder / "hoopfast.toml"
        create_key(folder / "audit.key")
        host, port = (server.host, server.port) if server is not None else ("127.0.0.1", 1)
        self.tables: Tables = {
            "gateway": {"listen": "127.0.0.1:0", "tls": "off"},
            "audit": {"directory": str(folder / "audit"), "signing_key": {"file": str(folder / "audit.key")}},
            "issuer": [
                {
                    "name": "test",
                    "url": self.issuer.url,
                    "audience": AUDIENCE,
                    "jwks_file": str(self.issuer.jwks_file),
                }
            ],
            "database": [{"name": "db", "host": host, "port": port, "dbname": dbname, "user": ROLE, "tls": "off"}],
            "access": [{"claims": {"sub": "*"}, "database": "db", "policy": "open"}],
            "policy": {"open": {"writes": "allow", "ddl": "allow", "predicates": "allow", "unknown": "redact"}},
        }

    @property
    def audit(self) -> Path:
        """The journal's folder."""
        return self.folder / "audit"

    def with_tls(self) -> Path:
        """Let the gateway demand TLS; the certificate to trust."""
        certificate, key = self.folder / "server.crt", self.folder / "server.key"
        write_self_signed(certificate, key)
        self.tables["gateway"] |= {"tls": "require", "tls_cert": str(certificate), "tls_key": str(key)}
        return certificate

    def write(self, **sections: Mapping[str, Any]) -> Path:
        """Write the configuration, with these values laid over its sections."""
        for name, values in sections.items():
            self.tables[name] = {**self.tables.get(name, {}), **values}
        self.file.write_text(toml.dumps(self.tables))
        return self.file

    def token(self, subject: str = "job", **wants: Any) -> str:
        """A token that the gateway believes."""
        return self.issuer.mint({"sub": subject}, **wants)


class Gateway:
    """A running gateway process."""

    def __init__(self, place: Place, certificate: Path | None = None, **sections: Mapping[str, Any]) -> None:
        self.place = place
        self.certificate = certificate
        self._process = GatewayProcess(place.write(**sections), log=place.folder / "gateway.log")
        self.host, self.port, self.pids = self._process.host, self._process.port, self._process.pids

    @property
    def supervisor(self) -> int:
        """The process id of the supervisor."""
        return self.pids[0]

    def dsn(self, subject: str = "job", *, dbname: str = "db", token: str | None = None) -> str:
        """A URI through the gateway."""
        password = quote(self.place.token(subject) if token is None else token, safe="")
        query = f"?sslmode=verify-full&sslrootcert={quote(str(self.certificate))}" if self.certificate else ""
        return f"postgresql://job:{password}@{self.host}:{self.port}/{dbname}{query}"

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        os.kill(self.supervisor, number)

    def log(self) -> str:
        """What it has logged."""
        return (self.place.folder / "gateway.log").read_text()

    def workers(self) -> list[int]:
        """The worker processes that are there now."""
        found = Path(f"/proc/{self.supervisor}/task/{self.supervisor}/children").read_text().split()
        return sorted(int(pid) for pid in found)

    def ended(self, seconds: float = 10.0) -> bool:
        """Whether the gateway ends by itself within some time."""
        return until(lambda: self._process.poll() is not None, seconds)

    def stop(self) -> None:
        """End it."""
        self._process.stop()

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether a condition comes true within some time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
