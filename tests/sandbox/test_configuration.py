"""hoopfast/sandbox/configuration.py: what the sandbox puts into a user's file, and what it leaves."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from hoopfast import config
from hoopfast.errors import ConfigError
from hoopfast.sandbox import configuration
from hoopfast.sandbox.configuration import Effective, Upstream

SHORT = """
[[access]]
claims   = { sub = "*" }
database = "corpus"
policy   = "p"
[policy.p]
writes = "deny"
"""

FULL = """
[gateway]
listen = "0.0.0.0:6432"
session_limit = "1h"
[audit]
durability = "sync"
sinks = ["s3://bucket/prefix"]
[[issuer]]
name = "github"
url = "https://token.actions.githubusercontent.com"
audience = ["first", "second"]
session = "2h"
[[issuer]]
name = "corp"
url = "https://id.corp.example"
audience = "corp"
[[database]]
name = "clinic"
host = "db.example"
dbname = "clinic_live"
user = "etl"
password = { env = "CLINIC_PASSWORD" }
[[access]]
issuer = "github"
claims = { repository = ["acme/etl", "acme/web"], ref = "refs/heads/*" }
database = "clinic"
policy = "nightly"
[[access]]
issuer = "corp"
claims = { groups = "dba" }
database = "other"
policy = "nightly"
[policy.nightly]
writes = "approve"
[[policy.nightly.mask]]
columns = ["public.patients.ssn"]
with = "keep_last(4)"
[policy.nightly.approval]
approvers = [{ issuer = "corp", claims = { groups = "compliance" } }]
notify = ["slack"]
[notifier.slack]
url = { file = "slack.url" }
"""


def _write(tmp_path: Path, text: str, *, tls: bool = False, upstream_tls: bool = False) -> Effective:
    source = tmp_path / "hoopfast.toml"
    source.write_text(text)
    folder = tmp_path / "run"
    folder.mkdir()
    upstream = Upstream("127.0.0.1", 5999, "hoop_app", tmp_path / "ca.crt" if upstream_tls else None)
    return configuration.write(configuration.read(source), source, folder, upstream, tls=tls)


def _claims(effective: Effective) -> dict[str, object]:
    claims: dict[str, object] = jwt.decode(effective.token(), options={"verify_signature": False})
    return claims


def test_issuer_and_database_may_be_left_out(tmp_path: Path) -> None:
    effective = _write(tmp_path, SHORT)
    loaded = config.load(effective.file)
    (database,) = loaded.database
    assert (database.name, database.dbname, database.port) == ("corpus", "corpus", 5999)
    assert (database.user, database.password, database.tls) == ("hoop_app", None, "off")
    assert loaded.issuer[0].jwks_file == effective.issuer.jwks_file
    assert (loaded.gateway.listen.host, loaded.gateway.listen.port, loaded.gateway.tls) == ("127.0.0.1", 0, "off")
    assert (effective.database, effective.dbname, effective.certificate) == ("corpus", "corpus", None)
    claims = _claims(effective)
    assert claims["iss"] == loaded.issuer[0].url
    assert [claims["aud"]] == loaded.issuer[0].audience


def test_nothing_outside_is_touched(tmp_path: Path) -> None:
    effective = _write(tmp_path, FULL)
    loaded = config.load(effective.file)
    assert loaded.audit.sinks == []
    assert loaded.audit.directory == effective.audit_directory
    assert {(one.name, one.host, one.dbname) for one in loaded.database} == {
        ("clinic", "127.0.0.1", "clinic_live"),
        ("other", "127.0.0.1", "other"),
    }
    assert all(one.password is None for one in loaded.database)
    assert {one.jwks_file for one in loaded.issuer} == {effective.issuer.jwks_file}


def test_what_the_file_says_stays(tmp_path: Path) -> None:
    loaded = config.load(_write(tmp_path, FULL).file)
    original = config.load(tmp_path / "hoopfast.toml", lenient_databases=True)
    assert loaded.policy == original.policy
    assert loaded.access == original.access
    assert loaded.gateway.session_limit == 3600.0
    assert loaded.audit.durability == "sync"
    assert [(one.url, one.session) for one in loaded.issuer] == [(one.url, one.session) for one in original.issuer]
    assert loaded.notifier["slack"].url.path == tmp_path / "slack.url"


def test_token_matches_the_first_access_rule(tmp_path: Path) -> None:
    effective = _write(tmp_path, FULL)
    claims = _claims(effective)
    assert claims["iss"] == "https://token.actions.githubusercontent.com"
    assert claims["aud"] == "first"
    assert (claims["repository"], claims["ref"]) == ("acme/etl", "refs/heads/sandbox")
    assert (effective.database, effective.dbname) == ("clinic", "clinic_live")


def test_named_issuers_are_supplied(tmp_path: Path) -> None:
    text = SHORT.replace("[[access]]", '[[access]]\nissuer = "a"') + (
        '[[access]]\nissuer = "b"\nclaims = { sub = "x" }\ndatabase = "corpus"\npolicy = "p"\n'
    )
    loaded = config.load(_write(tmp_path, text).file)
    assert [one.name for one in loaded.issuer] == ["a", "b"]


def test_tls(tmp_path: Path) -> None:
    effective = _write(tmp_path, SHORT, tls=True, upstream_tls=True)
    loaded = config.load(effective.file)
    assert loaded.gateway.tls == "require"
    assert loaded.gateway.tls_cert == effective.certificate
    assert loaded.gateway.tls_key.stat().st_mode & 0o077 == 0
    assert (loaded.database[0].tls, loaded.database[0].tls_ca) == ("verify-full", tmp_path / "ca.crt")


def test_errors_name_the_users_file(tmp_path: Path) -> None:
    source = tmp_path / "hoopfast.toml"
    source.write_text(SHORT.replace("writes", "writess"))
    with pytest.raises(ConfigError, match=r"hoopfast\.toml[\s\S]*writess[\s\S]*writes"):
        configuration.read(source)


def test_file_without_access(tmp_path: Path) -> None:
    source = tmp_path / "hoopfast.toml"
    source.write_text('[policy.p]\nwrites = "deny"\n')
    with pytest.raises(ConfigError, match="no \\[\\[access\\]\\] rule"):
        configuration.read(source)
