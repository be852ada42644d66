"""The configuration that a sandbox's gateway runs with: the user's file, with the throwaway parts put in.

Owns which keys the sandbox supplies, and which it replaces so that nothing outside the sandbox is touched: the
listener, the issuers' keys, the databases' addresses and credentials, the journal's folder, sinks and store. What the
user's file says of access, policies and limits stays as it is. The file is checked first, so that errors name the
user's own lines.
"""

from __future__ import annotations

import copy
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hoopfast import config
from hoopfast.audit.keys import create_key
from hoopfast.errors import ConfigError
from hoopfast.sandbox import claims, toml
from hoopfast.sandbox.certificate import write_self_signed
from hoopfast.sandbox.issuer import AUDIENCE, NAME, URL, DevelopmentIssuer

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the throwaway server is, and as whom the gateway signs in; `tls_ca` None: without TLS."""

    host: str
    port: int
    user: str
    tls_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Effective:
    """What the sandbox has written, and what it tells its user."""

    file: Path
    document: Document
    issuer: DevelopmentIssuer
    audit_directory: Path
    certificate: Path | None  # what a client trusts (sslrootcert); None: no TLS
    database: str  # the first access rule's, as clients name it
    dbname: str  # … and as the server does

    def token(self, *, seconds: float | None = None) -> str:
        """A token that the first access rule lets in, by default good for 8 hours."""
        rule = self.document["access"][0]
        issuers: list[Document] = self.document["issuer"]
        wanted = next(one for one in issuers if rule.get("issuer") in (None, one["name"]))
        audience = wanted["audience"]
        wants: dict[str, Any] = {
            "url": wanted["url"],
            "audience": audience if isinstance(audience, str) else audience[0],
        }
        if seconds is not None:
            wants["seconds"] = seconds
        return self.issuer.mint(claims.example(rule["claims"]), **wants)


def read(file: Path) -> Document:
    """The user's file, checked; databases and issuers that it leaves out may be named all the same."""
    config.load(file, lenient_databases=True)
    document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    if not document.get("access"):
        raise ConfigError(
            f"{file}: there is no [[access]] rule, so nobody could sign in",
            hint='add one: [[access]] with claims = { sub = "*" }, database = "…" and policy = "…"',
        )
    return document


def first_database(document: Document) -> tuple[str, str]:
    """The database that the first access rule names: as clients call it, and its name on the server."""
    name: str = document["access"][0]["database"]
    for entry in document.get("database", []):
        if entry["name"] == name:
            return name, entry.get("dbname", name)
    return name, name


def write(document: Document, source: Path, folder: Path, upstream: Upstream, *, tls: bool) -> Effective:
    """Write the gateway's configuration, and all that it refers to, into the sandbox's folder."""
    made = copy.deepcopy(document)
    _absolute_secrets(made, source.absolute().parent)
    issuer = DevelopmentIssuer(folder)
    audit_directory = folder / "audit"
    audit_directory.mkdir(mode=0o700)
    config_tables: Document = {
        "gateway": {"listen": "127.0.0.1:0", "tls": "off"},
        "audit": {
            "directory": str(audit_directory),
            "signing_key": {"file": str(folder / "audit.key")},
            "sinks": [],
        },
        "store": {"url": f"sqlite:///{folder}/hoopfast.db"},
    }
    create_key(folder / "audit.key")
    certificate = None
    if tls:
        certificate, key = folder / "server.crt", folder / "server.key"
        write_self_signed(certificate, key)
        config_tables["gateway"] |= {"tls": "require", "tls_cert": str(certificate), "tls_key": str(key)}
    for section, values in config_tables.items():
        made[section] = {**made.get(section, {}), **values}
    if "client_ca" in made["gateway"]:
        made["gateway"]["client_ca"] = _from(source, made["gateway"]["client_ca"])
    made["issuer"] = _issuers(made, issuer)
    made["database"] = _databases(made, upstream)
    name, dbname = first_database(made)
    file = folder / "hoopfast.toml"
    file.write_text(toml.dumps(made), encoding="utf-8")
    config.load(file)
    return Effective(file, made, issuer, audit_directory, certificate, name, dbname)


def _issuers(document: Document, issuer: DevelopmentIssuer) -> list[Document]:
    """The file's issuers, or those that its access rules name; all of them with the development issuer's key."""
    given: list[Document] = document.get("issuer", [])
    named = dict.fromkeys(rule["issuer"] for rule in document["access"] if "issuer" in rule)
    known = {one["name"] for one in given}
    # Two issuers may not share a URL: each supplied one but the first gets a path of its own.
    supplied = [
        {"name": name, "url": URL if index == 0 else f"{URL}/{index}", "audience": AUDIENCE}
        for index, name in enumerate(name for name in named or [NAME] if name not in known)
        if named or not given
    ]
    return [{**one, "jwks_file": str(issuer.jwks_file)} for one in [*given, *supplied]]


def _databases(document: Document, upstream: Upstream) -> list[Document]:
    """The file's databases, and those that only its access rules name, all of them on the throwaway server."""
    given = {one["name"]: one for one in document.get("database", [])}
    for rule in document["access"]:
        given.setdefault(rule["database"], {"name": rule["database"]})
    address: Document = {"host": upstream.host, "port": upstream.port, "user": upstream.user, "tls": "off"}
    if upstream.tls_ca is not None:
        address |= {"tls": "verify-full", "tls_ca": str(upstream.tls_ca)}
    return [
        {**{key: one[key] for key in one if key not in ("password", "tls_ca")}, **address} for one in given.values()
    ]


def _absolute_secrets(value: Any, folder: Path) -> None:
    """Make { file = … } references independent of where the configuration lies."""
    if isinstance(value, list):
        for one in value:
            _absolute_secrets(one, folder)
    elif isinstance(value, dict):
        for key, one in value.items():
            if isinstance(one, dict) and set(one) == {"file"} and isinstance(one["file"], str) and key != "claims":
                one["file"] = str(folder / Path(one["file"]).expanduser())
            else:
                _absolute_secrets(one, folder)


def _from(source: Path, path: str) -> str:
    return str(source.absolute().parent / Path(path).expanduser()) if path else path
