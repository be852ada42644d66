"""The policy of a session: from a statement's text to a decision, from a RowDescription to what is done with cells.

Implements model.Policy. Owns the cache of decisions by exact text, the compiled policies, which decisions are too slow
for the loop, and the second witness (docs/design.md §5.2). Calls are synchronous and do no I/O; an exception in the
analyser refuses the statement, and only it.

Threads: what DecisionNeeded carries may run in any whose stack has a megabyte or more (the parser recurses: parse.py),
and compiling is done by one at a time. All else belongs to the thread that owns the engine.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hoopfast.policy.catalog import Catalog
from hoopfast.policy.compiled import Basis, Compiled, PolicyKey, policy_key
from hoopfast.policy.decision import Decision
from hoopfast.policy.model import CellRule, Command, DecisionNeeded, Environment, ResultColumn, Rows, Statement
from hoopfast.policy.protection import Guard, Source
from hoopfast.policy.remembered import Remembered
from hoopfast.policy.witness import Witness

if TYPE_CHECKING:
    from hoopfast.config.schema import PolicyConfig

__all__ = ["CatalogSource", "PolicyEngine", "SessionPolicy"]

_MEMORY = 64 << 20  # bytes that remembered decisions may take, in all policies of a process
_LONGEST_CACHED = 64 * 1024  # bytes of a text; longer ones are decided anew each time
# Bytes of a text from which on a decision takes more than about a millisecond (measured: docs/decisions/0007).
_LONG = 800
_MOST_COMPILED = 32


class CatalogSource(Protocol):
    """Where the catalog of a session's database comes from."""

    def current(self) -> Catalog:
        """The catalog as it is; CatalogNeeded if there is none that is known to be fresh enough."""


class _Key(NamedTuple):
    """What a decision is asked for by."""

    text: bytes
    parameters: tuple[int, ...]
    basis: Basis


class PolicyEngine:
    """The compiled policies of one process, and their decisions, shared by its sessions."""

    def __init__(self) -> None:
        self.decisions = Remembered(_MEMORY)
        self._compiled: OrderedDict[PolicyKey, Compiled] = OrderedDict()
        self._compiling = Lock()
        self._matched: dict[Hashable, set[str]] = {}
        self._bound: dict[Hashable, dict[Source, Guard]] = {}

    def session(self, name: str, config: PolicyConfig, source: CatalogSource) -> SessionPolicy:
        """The policy of one session."""
        return SessionPolicy(name, config, source, self)

    def is_compiled(self, name: str, config: PolicyConfig, catalog: Catalog) -> bool:
        """Whether `compiled` would answer at once."""
        return policy_key(name, config, catalog) in self._compiled

    def prepare(self, catalog: Catalog) -> None:
        """Compile what is in use in this database for another state of its catalog; in any thread."""
        with self._compiling:
            known = [each for each in list(self._compiled.values()) if each.catalog.identity == catalog.identity]
        for each in known:
            if each.catalog.version == known[-1].catalog.version:
                self.compiled(each.name, each.config, catalog)

    def compiled(self, name: str, config: PolicyConfig, catalog: Catalog) -> Compiled:
        """A policy in a catalog, compiled at its first use; in any thread."""
        key = policy_key(name, config, catalog)
        found = self._compiled.get(key)
        if found is not None:
            with suppress(KeyError):  # given up meanwhile
                self._compiled.move_to_end(key)
            return found
        with self._compiling:
            return self._compiled.get(key) or self._compile(key, config, catalog)

    def _compile(self, key: PolicyKey, config: PolicyConfig, catalog: Catalog) -> Compiled:
        bound = self._bound.setdefault((*key[:2], catalog.identity), {})
        compiled = Compiled(key[0], config, catalog, bound)
        bound.update(compiled.protection.bound)
        compiled.closed = self._closed(compiled)
        self._compiled[key] = compiled
        while len(self._compiled) > _MOST_COMPILED:
            self._compiled.popitem(last=False)
        return compiled

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
        self._keyed: tuple[Catalog, Hashable] | None = None
        # What was decided in a thread, for the next to ask for it; None: it is to be decided here.
        self._handed: tuple[_Key, Statement | None] | None = None

    def basis(self, environment: Environment) -> Hashable:
        """What a decision taken now would rest on."""
        return self._basis(self.source.current(), environment)

    def decide(self, text: bytes, parameter_types: Sequence[int], environment: Environment) -> Statement:
        """What becomes of a statement's text."""
        catalog = self.source.current()
        key = _Key(text, tuple(parameter_types), self._basis(catalog, environment))
        known = self.engine.decisions.get(key)
        if known is not None:
            return known
        handed = self._handed
        if handed is not None and handed[0] == key:
            self._handed = None
            if handed[1] is not None:
                return self._remembered(key, handed[1])
        elif environment.threaded and self._is_slow(text, catalog):
            raise DecisionNeeded(partial(self._work, key, catalog, environment))
        compiled = self._compiled(catalog)
        statement, names_used = Decision(compiled, key.basis, environment, parameter_types).decide(text)
        return statement if names_used else self._remembered(key, statement)

    def _is_slow(self, text: bytes, catalog: Catalog) -> bool:
        return len(text) > _LONG or not (
            (self._last is not None and self._last[0] is catalog)
            or self.engine.is_compiled(self.name, self.config, catalog)
        )

    def _work(self, key: _Key, catalog: Catalog, environment: Environment) -> None:
        """Decide in a thread. What depends on the session's names, which are not for threads, is left to be decided."""
        made = None
        with suppress(Exception):  # whoever asks again meets it where it can be seen
            compiled = self.engine.compiled(self.name, self.config, catalog)
            nameless = replace(environment, names=None)
            statement, names_used = Decision(compiled, key.basis, nameless, key.parameters).decide(key.text)
            made = None if names_used else statement
        self._handed = (key, made)

    def _remembered(self, key: _Key, statement: Statement) -> Statement:
        if len(key.text) <= _LONGEST_CACHED:
            self.engine.decisions.put(key, statement, len(key.text))
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
        witness = Witness(self._compiled(self.source.current()))
        known = command.columns
        if command.rows is Rows.CLEAN and known is None:
            return tuple(witness.clean(column) for column in columns)
        if command.rows not in (Rows.CLEAN, Rows.BY_ORIGIN) or known is None or len(known) != len(columns):
            return tuple(witness.masked(column) for column in columns)
        return tuple(witness.rule(origin, column) for origin, column in zip(known, columns, strict=True))

    def _compiled(self, catalog: Catalog) -> Compiled:
        if self._last is None or self._last[0] is not catalog:
            self._last = (catalog, self.engine.compiled(self.name, self.config, catalog))
        return self._last[1]

    def _basis(self, catalog: Catalog, environment: Environment) -> Basis:
        if self._keyed is None or self._keyed[0] is not catalog:
            self._keyed = (catalog, policy_key(self.name, self.config, catalog))
        parameters = environment.parameters
        return Basis(
            self._keyed[1],
            environment.schemas,
            environment.role,
            parameters.get("client_encoding", "UTF8"),
            parameters.get("standard_conforming_strings", "on"),
            environment.catalog_dirty,
        )
