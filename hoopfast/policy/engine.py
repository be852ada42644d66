"""The policy of a session: from a statement's text to a decision, from a RowDescription to what is done with cells.

Implements model.Policy. Owns the cache of decisions by exact text, the compiled policies, and the second witness
(docs/design.md §5.2). Calls are synchronous and do no I/O; an exception in the analyser refuses the statement, and
only it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Protocol

from hoopfast.policy.catalog import Catalog
from hoopfast.policy.compiled import Basis, Compiled
from hoopfast.policy.decision import Decision
from hoopfast.policy.model import CellRule, Command, Environment, ResultColumn, Rows, Statement
from hoopfast.policy.protection import Guard, Source
from hoopfast.policy.witness import Witness

if TYPE_CHECKING:
    from hoopfast.config.schema import PolicyConfig

__all__ = ["CatalogSource", "PolicyEngine", "SessionPolicy"]

_MOST_DECISIONS = 20_000
_LONGEST_CACHED = 64 * 1024  # bytes of a text; longer ones are decided anew each time


class CatalogSource(Protocol):
    """Where the catalog of a session's database comes from."""

    def current(self) -> Catalog:
        """The catalog as it is; CatalogNeeded if there is none that is known to be fresh enough."""


class PolicyEngine:
    """The compiled policies of one process, shared by its sessions."""

    def __init__(self) -> None:
        self._compiled: OrderedDict[Hashable, Compiled] = OrderedDict()
        self._matched: dict[Hashable, set[str]] = {}
        self._bound: dict[Hashable, dict[Source, Guard]] = {}

    def session(self, name: str, config: PolicyConfig, source: CatalogSource) -> SessionPolicy:
        """The policy of one session."""
        return SessionPolicy(name, config, source, self)

    def compiled(self, name: str, config: PolicyConfig, catalog: Catalog) -> Compiled:
        """A policy in a catalog, compiled at its first use."""
        key = (name, config.version, catalog.version, catalog.identity)
        found = self._compiled.get(key)
        if found is None:
            bound = self._bound.setdefault((name, config.version, catalog.identity), {})
            found = self._compiled[key] = Compiled(name, config, catalog, bound)
            bound.update(found.protection.bound)
            found.closed = self._closed(found)
            while len(self._compiled) > 32:
                self._compiled.popitem(last=False)
        else:
            self._compiled.move_to_end(key)
        return found

    def _closed(self, compiled: Compiled) -> str:
        """A rule without globs that has matched in this database before, and does not any more (soundness 11)."""
        matched = self._matched.setdefault((compiled.key[0], compiled.key[1], compiled.catalog.identity), set())
        unmatched = set(compiled.protection.unmatched)
        lost = sorted(matched & unmatched)
        patterns = {str(pattern) for rule in compiled.config.mask for pattern in rule.columns if not pattern.is_glob}
        matched |= patterns - unmatched
        return lost[0] if lost else ""


class SessionPolicy:
    """Decisions for one session; implements model.Policy."""

    def __init__(
        self, name: str, config: PolicyConfig, source: CatalogSource, engine: PolicyEngine | None = None
    ) -> None:
        self.name = name
        self.config = config
        self.source = source
        self.engine = engine if engine is not None else PolicyEngine()
        self._last: tuple[Catalog, Compiled] | None = None

    def basis(self, environment: Environment) -> Hashable:
        """What a decision taken now would rest on."""
        return self._key(self._compiled(), environment)

    def decide(self, text: bytes, parameter_types: Sequence[int], environment: Environment) -> Statement:
        """What becomes of a statement's text."""
        compiled = self._compiled()
        basis = self._key(compiled, environment)
        key = (text, tuple(parameter_types), basis)
        known = compiled.decisions.get(key)
        if known is not None:
            compiled.decisions.move_to_end(key)
            return known
        statement, names_used = Decision(compiled, basis, environment, parameter_types).decide(text)
        if not names_used and len(text) <= _LONGEST_CACHED:
            compiled.decisions[key] = statement
            if len(compiled.decisions) > _MOST_DECISIONS:
                compiled.decisions.popitem(last=False)
        return statement

    def needs_description(self, command: Command) -> bool:
        """Whether a doubt could be cleared by a description of this very execution."""
        if command.rows is not Rows.BY_ORIGIN:
            return False
        return command.columns is None or any(origin.sources and not origin.bare for origin in command.columns)

    def cell_rules(
        self, statement: Statement, command: Command, columns: Sequence[ResultColumn], *, this_execution: bool
    ) -> tuple[CellRule, ...]:
        """What to do with each column of a result: both witnesses asked, and the stricter believed."""
        compiled = self._compiled()
        witness = Witness(compiled)
        known = command.columns
        if command.rows is Rows.CLEAN and known is None:
            return tuple(witness.clean(column) for column in columns)
        if command.rows not in (Rows.CLEAN, Rows.BY_ORIGIN) or known is None or len(known) != len(columns):
            return tuple(witness.masked(column) for column in columns)
        return tuple(witness.rule(origin, column) for origin, column in zip(known, columns, strict=True))

    def _compiled(self) -> Compiled:
        catalog = self.source.current()
        if self._last is None or self._last[0] is not catalog:
            self._last = (catalog, self.engine.compiled(self.name, self.config, catalog))
        return self._last[1]

    def _key(self, compiled: Compiled, environment: Environment) -> Basis:
        parameters = environment.parameters
        return Basis(
            compiled.key,
            environment.schemas,
            environment.role,
            parameters.get("client_encoding", "UTF8"),
            parameters.get("standard_conforming_strings", "on"),
            environment.catalog_dirty,
        )
