"""What `hoopfast check --connect` says about a policy in a database: rules that match nothing, masks that do not fit.

Pure: it is given the catalog. Knows no connection and no terminal.
"""

from __future__ import annotations

from collections.abc import Iterator

from hoopfast.config.problems import Finding
from hoopfast.config.schema import PolicyConfig
from hoopfast.policy.catalog import Catalog
from hoopfast.policy.compiled import Compiled


def findings(name: str, config: PolicyConfig, catalog: Catalog) -> Iterator[Finding]:
    """What a policy says about this database that does less than it seems to; all of it warnings."""
    for key, message in _weaknesses(config, Compiled(name, config, catalog)):
        yield Finding("warning", f"policy.{name}{key}", f"in {catalog.database}: {message}")


def _weaknesses(config: PolicyConfig, compiled: Compiled) -> Iterator[tuple[str, str]]:
    """The key below the policy, and what is the matter with it."""
    catalog = compiled.catalog
    for warning in compiled.protection.warnings:
        yield f".mask[{warning.rule}]", warning.message
    for index, rule in enumerate(config.rule):
        for pattern in rule.relations:
            if not any(pattern.matches(r.schema, r.name) for r in catalog.relations.values() if r.kind in "rpvmf"):
                yield f".rule[{index}]", f"{pattern} matches no relation"
    for listed in config.functions:
        if not any(listed.matches(entry.schema, entry.name) for entry in catalog.functions.values()):
            yield ".functions", f"{listed} matches no function"
    if compiled.types.implicit_sources:
        yield "", "a user-defined implicit cast runs code that nobody has read: expressions count as unread code"
