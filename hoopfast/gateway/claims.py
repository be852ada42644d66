"""Which of a token's claims go into the journal: those that a rule pins, and those that say which run it was.

Owns the list. Claims hold no secrets, but people: an address or a name that nobody asked for stays out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hoopfast.audit.records import JsonValue
from hoopfast.auth.access import values_of

# GitHub's, GitLab's and Kubernetes' names for what ran, from where, and who set it off.
RUN = (
    "repository", "repository_id", "ref", "sha", "workflow", "workflow_ref", "job_workflow_ref", "run_id", "run_number",
    "run_attempt", "event_name", "environment", "actor", "actor_id",
    "project_path", "project_id", "namespace_path", "pipeline_id", "pipeline_source", "job_id", "ci_config_ref_uri",
    "user_login", "user_id", "azp", "client_id",
    "kubernetes.io.namespace", "kubernetes.io.serviceaccount.name", "kubernetes.io.pod.name",
)  # fmt: skip
_LONGEST = 500
_MOST = 20  # values of one claim


def recorded_claims(claims: Mapping[str, Any], pinned: Iterable[str]) -> dict[str, JsonValue]:
    """The claims for the journal, by their dotted names; long values are cut."""
    chosen: dict[str, JsonValue] = {}
    for name in dict.fromkeys((*pinned, *RUN)):
        values = [value[:_LONGEST] for value in values_of(claims, name)[:_MOST]]
        if values:
            chosen[name] = values[0] if len(values) == 1 else [*values]
    return chosen
