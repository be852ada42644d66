"""The schema: defaults, lookups, versions, and that a secret's value is nowhere in it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hoopfast.config import Config, MaskSpec, load, parse

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference.toml"


def raw() -> dict[str, Any]:
    return {
        "issuer": [{"name": "i", "url": "https://i.example", "audience": "hoopfast"}],
        "database": [{"name": "clinic", "host": "db.example", "user": "etl"}],
        "access": [{"claims": {"sub": "x"}, "database": "clinic", "policy": "p"}],
        "policy": {"p": {"mask": [{"columns": ["a.b.c"], "with": "redact"}]}},
    }


def read(**changes: Any) -> Config:
    return parse({**raw(), **changes}, Path("/srv/hoopfast.toml"))


def test_defaults_are_strict() -> None:
    config = read()
    policy = config.policy["p"]
    assert (policy.writes, policy.ddl, policy.predicates, policy.unknown, policy.row_locks) == (
        "deny", "deny", "deny", "refuse", "write",
    )  # fmt: skip
    assert policy.mask[0].derived == MaskSpec("redact")
    assert policy.mask[0].predicates is None
    assert not policy.mask[0].optional
    assert config.database[0].tls == "verify-full"
    assert config.database[0].dbname == "clinic"
    assert config.gateway.tls == "require"


def test_a_unix_socket_has_no_tls() -> None:
    database = read(database=[{"name": "clinic", "host": "/run/postgresql", "user": "etl"}]).database[0]
    assert database.unix
    assert database.tls == "off"


def test_sessions_that_end_with_their_token() -> None:
    issuer = {**raw()["issuer"][0], "session": "token"}
    assert read(issuer=[issuer]).issuer[0].session == 0.0
    assert read().issuer[0].session == 8 * 3600.0


def test_lookups() -> None:
    config = read()
    assert config.database_named("clinic") is config.database[0]
    assert config.database_named("other") is None
    assert config.issuer_named(None) is config.issuer[0]
    assert config.issuer_named("i") is config.issuer[0]
    assert config.issuer_named("other") is None


def test_one_of_several_issuers_must_be_named() -> None:
    config = read().model_copy(update={"issuer": [read().issuer[0], read().issuer[0]]})
    assert config.issuer_named(None) is None


def test_nested_claims_become_dotted() -> None:
    access = {**raw()["access"][0], "claims": {"realm": {"role": ["a", "b"]}, "n": 5, "ok": True}}
    assert read(access=[access]).access[0].claims == {"realm.role": ("a", "b"), "n": ("5",), "ok": ("true",)}


def test_statements_are_command_tags() -> None:
    policy = {"rule": [{"name": "r", "statement": ["update", "create  table"], "action": "deny"}]}
    assert read(policy={"p": policy}).policy["p"].rule[0].statement == ["UPDATE", "CREATE TABLE"]


def test_a_policys_version_changes_with_it() -> None:
    one, same = read().policy["p"], read().policy["p"]
    other = read(policy={"p": {"mask": [{"columns": ["a.b.c"], "with": "null"}]}}).policy["p"]
    assert one.version == same.version
    assert one.version != other.version
    assert len(one.version) == 16


def test_nothing_changes_after_loading() -> None:
    with pytest.raises(ValidationError):
        read().gateway.workers = 2


def test_workers_get_it_whole() -> None:
    config = load(REFERENCE)
    twin = pickle.loads(pickle.dumps(config))
    assert twin == config
    assert twin.path == config.path
    assert twin.policy["nightly"].mask[1].columns[0].matches("public", "patients", "x")


def test_no_secret_is_dumped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_PASSWORD", "hunter2")
    config = load(REFERENCE)
    password = config.database[0].password
    assert password is not None
    assert password.resolve() == "hunter2"
    assert "hunter2" not in repr(config) + config.model_dump_json()
    assert '"password":{"env":"CLINIC_PASSWORD"}' in config.model_dump_json()
