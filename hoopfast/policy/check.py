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
    compiled = Compiled(name, config, catalog)
    for warning in compiled.protection.warnings:
        yield Finding("warning", f"policy.{name}.mask[{warning.rule}] in {catalog.database}", warning.message)
    for index, rule in enumerate(config.rule):
        for pattern in rule.relations:
            if not any(pattern.matches(r.schema, r.name) for r in catalog.relations.values() if r.kind in "rpvmf"):
                yield Finding(
                    "warning", f"policy.{name}.rule[{index}] in {catalog.database}", f"{pattern} matches no relation"
                )
    for listed in config.functions:
        if not any(listed.matches(entry.schema, entry.name) for entry in catalog.functions.values()):
            yield Finding("warning", f"policy.{name}.functions in {catalog.database}", f"{listed} matches no function")
    if compiled.types.implicit_sources:
        yield Finding(
            "warning",
            f"policy.{name} in {catalog.database}",
            "a user-defined implicit cast runs code that nobody has read, so that expressions count as unread code",
        )
