"""What is probably not meant: warnings, and none for the reference but those it deserves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hoopfast.config import load, merged, parse
from hoopfast.config.advice import advice

ROOT = Path(__file__).resolve().parents[2]
RAW: dict[str, Any] = {
    "issuer": [{"name": "github", "url": "https://token.actions.githubusercontent.com", "audience": "hoopfast"}],
    "database": [{"name": "clinic", "host": "db.example", "user": "etl"}],
    "access": [{"claims": {"repository": "acme/etl"}, "database": "clinic", "policy": "p"}],
    "policy": {"p": {"mask": [{"columns": ["a.b.c"], "with": "redact"}]}},
}
ACCESS = RAW["access"][0]


def test_nothing_to_say() -> None:
    assert advice(parse(RAW, Path("/srv/hoopfast.toml"))) == []


def test_the_reference_names_an_approver_of_an_issuer_that_is_not_there() -> None:
    findings = advice(load(ROOT / "docs" / "reference.toml"))
    assert [finding.where for finding in findings] == ["policy.nightly.approval.approvers[0].issuer"]


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        (
            {"access": [{**ACCESS, "claims": {"ref": "refs/heads/main"}}]},
            "access[0].claims",
            "anybody can get such a token",
        ),
        ({"access": [{**ACCESS, "claims": {"repository": "*"}}]}, "access[0].claims", "anybody can get such a token"),
        (
            {"access": [{**ACCESS, "claims": {"repository": ["acme/etl", "*/*"]}}]},
            "access[0].claims",
            "anybody can get",
        ),
        (
            {
                "issuer": [{"name": "i", "url": "https://i.example", "audience": "h"}],
                "access": [{**ACCESS, "claims": {"sub": "*"}}],
            },
            "access[0].claims",
            "every token of this issuer",
        ),
        ({"access": [ACCESS, ACCESS]}, "access[1]", "an earlier rule"),
        ({"access": []}, "access", "everybody is refused"),
        ({"policy": {"q": {"unlisted": "mask"}}}, "policy.q", "is not used"),
        ({"policy": {"p": {"mask": []}}}, "policy.p", "protects no column"),
        ({"policy": {"p": {"writes": "approve"}}}, "policy.p", "nobody can give it"),
        (
            {"database": [{**RAW["database"][0], "tls": "require"}]},
            "database.clinic",
            "does not check whom it speaks to",
        ),
        ({"audit": {"sinks": ["s3://bucket"]}}, "audit.sinks", "writes to the directory only"),
        ({"gateway": {"client_ca": "ca.crt"}}, "gateway.client_ca", "not accepted as identities in this version"),
    ],
)
def test_warnings(changes: dict[str, Any], where: str, message: str) -> None:
    findings = advice(parse(merged(RAW, changes), Path("/srv/hoopfast.toml")))
    assert any(finding.where == where and message in finding.message for finding in findings), findings
    assert all(finding.level == "warning" for finding in findings)
