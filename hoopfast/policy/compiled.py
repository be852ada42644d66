"""One policy in one catalog: what does not change from statement to statement, compiled once.

Owns the pairing of a policy's configuration with a catalog, and what a decision rests on. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from hoopfast.policy.catalog import Catalog
from hoopfast.policy.protection import Guard, Protection, Source
from hoopfast.policy.typenames import Types

if TYPE_CHECKING:
    from hoopfast.config.schema import PolicyConfig


PolicyKey = tuple[str, str, str, tuple[str, int]]


def policy_key(name: str, config: PolicyConfig, catalog: Catalog) -> PolicyKey:
    """What identifies a policy in a catalog."""
    return name, config.version, catalog.version, catalog.identity


class Compiled:
    """One policy in one catalog: what does not change from statement to statement."""

    def __init__(
        self, name: str, config: PolicyConfig, catalog: Catalog, remembered: Mapping[Source, Guard] | None = None
    ) -> None:
        self.name = name
        self.config = config
        self.catalog = catalog
        self.key = policy_key(name, config, catalog)
        self.types = Types(catalog, self.listed)
        self.protection = Protection(config, catalog, self.types, remembered)
        self.closed = ""  # the mask rule because of which this database is closed

    def listed(self, schema: str, name: str) -> bool:
        """Whether the policy lists a function as clean."""
        return any(pattern.matches(schema, name) for pattern in self.config.functions)


class Basis(NamedTuple):
    """What a decision rests on (model.Statement.basis)."""

    policy: Hashable
    schemas: tuple[str, ...] | None
    role: str | None
    encoding: str
    strings: str
    dirty: bool
