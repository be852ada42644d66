"""Tests of hoopfast/gateway/claims.py: which claims are recorded."""

from __future__ import annotations

from hoopfast.gateway.claims import recorded_claims


def test_pinned_ones_and_those_that_say_which_run_it_was() -> None:
    claims = {
        "sub": "repo:acme/etl",
        "repository": "acme/etl",
        "run_id": 42,
        "email": "someone@example.org",
        "team": ["data", "ops"],
        "kubernetes.io": {"namespace": "etl", "pod": {"name": "etl-1", "uid": "x"}},
    }
    assert recorded_claims(claims, ["team", "missing"]) == {
        "team": ["data", "ops"],
        "repository": "acme/etl",
        "run_id": "42",
        "kubernetes.io.namespace": "etl",
        "kubernetes.io.pod.name": "etl-1",
    }


def test_they_are_bounded() -> None:
    recorded = recorded_claims({"ref": "x" * 10_000, "groups": [str(n) for n in range(1000)]}, ["groups"])
    assert len(str(recorded["ref"])) == 500
    groups = recorded["groups"]
    assert isinstance(groups, list)
    assert len(groups) == 20
