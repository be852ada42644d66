"""Which columns are protected: mask rules bound to (table OID, attribute number), and what follows from them.

Owns the binding of one policy's rules to one catalog, and the flow of protection through inheritance, partitions,
generated columns and views (docs/design.md §5.1). What has no proof is protected: foreign tables, views that cannot be
analysed, the server's relations that are not on the list, whole rows, unknown OIDs. Compiled once per policy and
catalog, then only read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from hoopfast.policy.catalog import SYSTEM_COLUMNS, Catalog, Relation
from hoopfast.policy.masks import Mask, fits
from hoopfast.policy.model import Origin
from hoopfast.policy.scope import OPAQUE_SOURCE
from hoopfast.policy.typenames import Types

if TYPE_CHECKING:
    from hoopfast.config.schema import MaskRule, PolicyConfig
    from hoopfast.policy.facts import Facts

Source = tuple[int, int]
COMMENTS = ("pg_catalog.pg_description", "pg_catalog.pg_shdescription")
_PLAIN_KINDS = frozenset("rpS")


@dataclass(frozen=True, slots=True)
class PlainMask:
    """A mask without arguments that the policy did not write down."""

    name: str = "redact"
    n: int = 0
    text: str = ""


REDACT = PlainMask()


@dataclass(frozen=True, slots=True)
class Guard:
    """How one column is protected."""

    own: Mask  # where both witnesses say that it is exactly this column
    derived: Mask
    searchable: bool
    label: str


@dataclass(frozen=True, slots=True)
class Warning:
    """A mask rule that does less than it says, for `hoopfast check --connect`."""

    rule: int  # index in the policy's `mask`
    message: str


class Protection:
    """The protected columns of one policy in one catalog."""

    def __init__(
        self, config: PolicyConfig, catalog: Catalog, types: Types, remembered: Mapping[Source, Guard] | None = None
    ) -> None:
        self.config = config
        self.catalog = catalog
        self.types = types
        self.guards: dict[Source, Guard] = {}
        self.warnings: list[Warning] = []
        self.unmatched: list[str] = []  # patterns without globs that match nothing and are not optional
        self._guarded: dict[int, bool] = {}
        self._hidden: dict[int, tuple[str, ...]] = {}
        self.bound: dict[Source, Guard] = {}  # by the rules, now or before their columns were renamed
        self._bind(remembered or {})
        self._spread()

    # -- questions -----------------------------------------------------------------------------------------------

    def guard(self, source: Source) -> Guard | None:
        """How a source is protected; None if it is known not to be."""
        oid, number = source
        relation = self.catalog.relations.get(oid)
        if source == OPAQUE_SOURCE or relation is None:
            return _UNKNOWN
        if number == 0:
            return self._whole_row(relation)
        if number < 0:
            return None if number >= min(SYSTEM_COLUMNS.values()) else _UNKNOWN
        if number not in relation.by_number:
            return _UNKNOWN
        if relation.system:
            return self._guard_of_system(relation, relation.by_number[number].name)
        return self.guards.get(source) or self._opaque_relation(relation)

    def comments(self) -> Origin:
        """Where a comment on an object comes from: as it is, and nobody knows of which object."""
        found = [self.catalog.relation_named(*label.split(".")) for label in COMMENTS]
        sources = [(relation.oid, relation.by_name["description"].number) for relation in found if relation is not None]
        return Origin(frozenset(sources), bare=True)

    def tainted(self, sources: Iterable[Source]) -> bool:
        """Whether one of the sources is protected."""
        return any(self.guard(source) is not None for source in sources)

    def protected_of(self, sources: Iterable[Source]) -> set[Source]:
        """Those of the sources that are protected."""
        return {source for source in sources if self.guard(source) is not None}

    def not_searchable(self, sources: Iterable[Source]) -> Source | None:
        """A source that conditions may not use, if there is one."""
        for source in sources:
            guard = self.guard(source)
            if guard is not None and not guard.searchable:
                return source
        return None

    def guarded(self, relation: Relation) -> bool:
        """Whether only plain columns may be read from a relation: it has protected columns, or is no plain table."""
        known = self._guarded.get(relation.oid)
        if known is None:
            if relation.system:
                known = False  # column by column: their proof is the list
            else:
                known = relation.kind not in _PLAIN_KINDS or self._whole_row(relation) is not None
            self._guarded[relation.oid] = known
        return known

    def holds_protected(self, relation: Relation) -> bool:
        """Whether a relation has a protected column of its own."""
        return any((relation.oid, column.number) in self.guards for column in relation.columns)

    def guessable(self, oid: int, number: int) -> str | None:
        """The column's name, if storing guesses in it tells which values are there (soundness 36)."""
        if (oid, number) not in self.catalog.unique_columns:
            return None
        places = [(oid, number), *self.catalog.referenced_columns.get((oid, number), ())]
        guards = [guard for place in places if (guard := self.guard(place)) is not None and not guard.searchable]
        return guards[0].label if guards else None

    def label(self, source: Source) -> str:
        """schema.table.column of a source."""
        relation = self.catalog.relations.get(source[0])
        if relation is None:
            return "unknown"
        column = relation.by_number.get(source[1])
        return f"{relation.label}.{column.name if column else '*'}"

    def hidden_code(self, relation: Relation) -> tuple[str, ...]:
        """What runs unread code when the relation is read: row-level policies, the functions of a view."""
        known = self._hidden.get(relation.oid)
        if known is None:
            texts = self.catalog.policies.get(relation.oid, []) if relation.row_security else []
            known = () if all(map(self.types.expression_is_pure, texts)) else (f"the policies of {relation.label}",)
            self._hidden[relation.oid] = known
        return known

    def remember_hidden(self, view: Relation, facts: Facts | None) -> None:
        """What runs when a view is read, found by analysing it; None: it could not be analysed."""
        if facts is None:
            self._hidden[view.oid] = (f"the view {view.label}, which cannot be analysed,",)
        else:
            found = [*facts.opaque, *facts.hidden, *facts.writing]
            self._hidden[view.oid] = tuple(dict.fromkeys(f"{finding.what} in {view.label}" for finding in found))

    def hidden_writers(self, relation: Relation) -> list[str]:
        """What runs unread code when the relation is written: triggers, defaults, checks, index expressions."""
        found = []
        for function, _kind in self.catalog.row_triggers.get(relation.oid, ()):
            entry = self.catalog.functions.get(function)
            if entry is None or not self.types.listed(entry.schema, entry.name):
                found.append(f"the triggers of {relation.label}")
        texts = [
            *self.catalog.column_expressions.get(relation.oid, {}).values(),
            *self.catalog.checks.get(relation.oid, ()),
        ]
        if not all(map(self.types.expression_is_pure, texts)):
            found.append(f"the defaults, checks or indexes of {relation.label}")
        return found

    def _whole_row(self, relation: Relation) -> Guard | None:
        if relation.system:
            guards = [self._guard_of_system(relation, column.name) for column in relation.columns]
        else:
            guards = [self.guards.get((relation.oid, column.number)) for column in relation.columns]
            guards.append(self._opaque_relation(relation))
        found = [guard for guard in guards if guard is not None]
        if not found:
            return None
        searchable = all(guard.searchable for guard in found)
        return Guard(REDACT, weakest([guard.derived for guard in found]), searchable, f"{relation.label}.*")

    def _guard_of_system(self, relation: Relation, column: str) -> Guard | None:
        if column == "description" and relation.label in COMMENTS and not self.catalog.comments_are_data:
            return None
        return _guard_of_system(relation, column)

    def _opaque_relation(self, relation: Relation) -> Guard | None:
        if relation.kind in _PLAIN_KINDS or relation.kind in "vmc":
            return None  # views: columns without a guard were proven clean when they were bound
        return Guard(REDACT, REDACT, searchable=False, label=relation.label)

    # -- binding -------------------------------------------------------------------------------------------------

    def _bind(self, remembered: Mapping[Source, Guard]) -> None:
        best: dict[Source, tuple[tuple[int, ...], Guard]] = {}
        for index, rule in enumerate(self.config.mask):
            self._bind_rule(index, rule, best)
        listed = set(best)
        self.guards = {source: guard for source, (_specificity, guard) in best.items() if guard is not _CLEAR}
        for (
            source,
            guard,
        ) in remembered.items():  # soundness 11: what a rule has named stays protected under other names
            relation = self.catalog.relations.get(source[0])
            if relation is not None and source[1] in relation.by_number:
                self.guards.setdefault(source, replace(guard, label=self.label(source)))
        self.bound = dict(self.guards)
        if self.config.unlisted == "mask":
            for relation in self.catalog.relations.values():
                if relation.kind in "rpf" and not relation.system:
                    for column in relation.columns:
                        source = (relation.oid, column.number)
                        if source not in listed:
                            self.guards[source] = Guard(
                                REDACT, REDACT, self.config.predicates == "allow", f"{relation.label}.{column.name}"
                            )

    def _bind_rule(self, index: int, rule: MaskRule, best: dict[Source, tuple[tuple[int, ...], Guard]]) -> None:
        searchable = (rule.predicates or self.config.predicates) == "allow"
        for pattern in rule.columns:
            matched = False
            specificity = tuple(pattern.specificity)
            for relation in self._relations_for(pattern):
                for column in relation.columns:
                    if not pattern.column.matches(column.name):
                        continue
                    matched = True
                    source = (relation.oid, column.number)
                    excepted = any(entry.matches(column.name) for entry in rule.except_)
                    guard = (
                        _CLEAR
                        if excepted
                        else Guard(rule.with_, rule.derived, searchable, f"{relation.label}.{column.name}")
                    )
                    if source not in best or best[source][0] < specificity:
                        best[source] = (specificity, guard)
                    if not excepted:
                        self._check_fit(index, rule, relation, column.name, column.type_oid)
            if not matched:
                self.warnings.append(Warning(index, f"{pattern} matches no column"))
                if not pattern.is_glob and not rule.optional:
                    self.unmatched.append(str(pattern))

    def _relations_for(self, pattern: object) -> Iterable[Relation]:
        schema, table = pattern.schema, pattern.table  # type: ignore[attr-defined]
        if table.glob:
            candidates: Iterable[Relation] = self.catalog.relations.values()
        else:
            candidates = self.catalog.relations_by_name.get(table.text, ())
        return [
            relation
            for relation in candidates
            if relation.kind in "rpvmf"
            and not relation.system
            and schema.matches(relation.schema)
            and table.matches(relation.name)
        ]

    def _check_fit(self, index: int, rule: MaskRule, relation: Relation, column: str, type_oid: int) -> None:
        if not fits(self.catalog, rule.with_, type_oid):
            entry = self.catalog.types.get(type_oid)
            name = entry.name if entry else "unknown"
            self.warnings.append(
                Warning(
                    index,
                    f'{relation.label}.{column} is of type {name}, which "{rule.with_}" does not fit: '
                    "its values are redacted whole",
                )
            )

    # -- flow ----------------------------------------------------------------------------------------------------

    def _spread(self) -> None:
        from hoopfast.policy.views import protect_views

        self._guard_foreign_tables()
        self._spread_over_families()
        self._spread_to_generated()
        self._spread_over_families()
        protect_views(self)
        self._guarded.clear()

    def _guard_foreign_tables(self) -> None:
        """Nobody knows what a foreign table shows; a partition that is one taints its parent."""
        for relation in self.catalog.relations.values():
            if relation.kind == "f" and not relation.system:
                for column in relation.columns:
                    label = f"{relation.label}.{column.name}"
                    self.guards.setdefault((relation.oid, column.number), unproven_guard(label))

    def _spread_over_families(self) -> None:
        """Down and up inheritance and partitioning: by column name, which is how children share columns."""
        done: set[int] = set()
        for oid in {source[0] for source in self.guards}:
            if oid in done:
                continue
            members = self.catalog.family(oid)
            done |= members
            if len(members) == 1:
                continue
            relations = [self.catalog.relations[member] for member in members if member in self.catalog.relations]
            by_name: dict[str, list[Guard]] = {}
            for relation in relations:
                for column in relation.columns:
                    guard = self.guards.get((relation.oid, column.number))
                    if guard is not None:
                        by_name.setdefault(column.name, []).append(guard)
            for relation in relations:
                for name, guards in by_name.items():
                    shared = relation.by_name.get(name)
                    if shared is not None:
                        own = self.guards.get((relation.oid, shared.number))
                        self.guards[relation.oid, shared.number] = _strictest(own, guards, relation, name)

    def _spread_to_generated(self) -> None:
        for oid, expressions in self.catalog.column_expressions.items():
            relation = self.catalog.relations.get(oid)
            if relation is None:
                continue
            guards = [self.guards[oid, c.number] for c in relation.columns if (oid, c.number) in self.guards]
            if not guards:
                continue
            for number, text in expressions.items():
                column = relation.by_number.get(number)
                if column is not None and column.generated and (oid, number) not in self.guards:
                    used = self._columns_used(text, relation)
                    if used is None or any((oid, other) in self.guards for other in used):
                        self.guards[oid, number] = derived_guard(guards, f"{relation.label}.{column.name}")

    def _columns_used(self, text: str, relation: Relation) -> set[int] | None:
        from hoopfast.policy.views import columns_used

        return columns_used(text, relation)


def derived_guard(guards: list[Guard], label: str) -> Guard:
    """The guard of a column whose values are made from protected ones."""
    mask = weakest([guard.derived for guard in guards])
    return Guard(mask, mask, all(guard.searchable for guard in guards), label)


def weakest(masks: list[Mask]) -> Mask:
    """One mask for several: theirs if they agree, else redact."""
    first = masks[0]
    return first if all(mask == first for mask in masks) else REDACT


def _strictest(own: Guard | None, guards: list[Guard], relation: Relation, name: str) -> Guard:
    searchable = all(guard.searchable for guard in guards)
    masks: list[Mask] = [guard.own for guard in guards]
    mask = own.own if own is not None and weakest(masks) == own.own else weakest(masks)
    return Guard(mask, weakest([guard.derived for guard in guards]), searchable, f"{relation.label}.{name}")


def unproven_guard(label: str) -> Guard:
    """The guard of a column about which nothing could be proven."""
    return Guard(REDACT, REDACT, searchable=False, label=label)


_UNKNOWN = Guard(REDACT, REDACT, searchable=False, label="unknown")
_CLEAR = Guard(REDACT, REDACT, searchable=True, label="clear")


@cache
def _system_list() -> dict[str, frozenset[str]]:
    """Name of a server's own relation → its columns that are protected; "*" for all."""
    found: dict[str, frozenset[str]] = {}
    for line in resources.files(__package__).joinpath("data/catalog.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, *columns = line.split()
            found[name] = frozenset(column.removeprefix("-") for column in columns)
    return found


def _guard_of_system(relation: Relation, column: str) -> Guard | None:
    excluded = _system_list().get(relation.label)
    if excluded is None and relation.schema == "information_schema":
        excluded = _system_list()["information_schema.*"]
    if excluded is None or "*" in excluded or column in excluded:
        return Guard(_NULL_MASK, _NULL_MASK, searchable=False, label=f"{relation.label}.{column}")
    return None


_NULL_MASK = PlainMask("null")
