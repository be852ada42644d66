"""Which columns a name can mean at one place of a statement: FROM items, joins, sub-selects, and what encloses them.

Owns name resolution inside a statement, as the server does it (src/backend/parser/parse_relation.c): qualified names
look for an item, unqualified ones for a column, innermost query first. Values are origins; knows no expression and no
policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hoopfast.policy.catalog import SYSTEM_COLUMNS, Relation
from hoopfast.policy.model import Origin

OPAQUE_SOURCE = (0, 0)  # no table has OID 0: what nobody can say anything about
CLEAN = Origin(frozenset())
EXISTS = Origin(frozenset(), bare=True)  # says whether there is a row: as plain as a column, and of no column
OPAQUE = Origin(frozenset((OPAQUE_SOURCE,)))

Columns = list[tuple[str, Origin]]


def union(origins: Iterable[Origin]) -> Origin:
    """The origin of a value made from others: never bare."""
    parts = [origin.sources for origin in origins if origin.sources]
    if not parts:
        return CLEAN
    return Origin(parts[0].union(*parts[1:]) if len(parts) > 1 else parts[0])


@dataclass(slots=True)
class Output:
    """What a query gives: its columns, or None where their number is not known; `rest` is the union of them."""

    columns: Columns | None
    rest: Origin

    @classmethod
    def of(cls, columns: Columns) -> Output:
        """The output of known columns."""
        return cls(columns, union(origin for _name, origin in columns))


@dataclass(slots=True)
class Item:
    """One FROM item by its alias. `rest`: the origin of any other column, where not all of them are known by name."""

    alias: str
    columns: Columns
    schema: str | None = None  # of the relation, where it stands without an alias
    relation: Relation | None = None
    rest: Origin | None = None

    def find(self, name: str) -> Origin | None:
        """The column of a name, system columns too."""
        found = [origin for column, origin in self.columns if column == name]
        if found:
            return found[0] if len(found) == 1 else union(found)
        if self.relation is not None and name in SYSTEM_COLUMNS:
            return Origin(frozenset(((self.relation.oid, SYSTEM_COLUMNS[name]),)), bare=True)
        return self.rest

    def knows(self, name: str) -> bool:
        """Whether a column of this name is certain to be there."""
        return any(column == name for column, _ in self.columns) or (
            self.relation is not None and name in SYSTEM_COLUMNS
        )

    def whole(self) -> Origin:
        """The origin of the whole row."""
        parts = [origin for _name, origin in self.columns]
        if self.relation is not None:
            parts.append(Origin(frozenset(((self.relation.oid, 0),))))
        if self.rest is not None:
            parts.append(self.rest)
        return union(parts)


@dataclass(slots=True)
class Namespace:
    """What a FROM clause, or a part of one, makes visible: items for qualified names, columns for unqualified ones."""

    items: list[Item] = field(default_factory=list)
    columns: Columns = field(default_factory=list)
    rest: list[Origin] = field(default_factory=list)  # of items whose columns are not all known

    @classmethod
    def of(cls, item: Item) -> Namespace:
        """The namespace of a single item."""
        return cls([item], list(item.columns), [item.rest] if item.rest is not None else [])

    def extend(self, other: Namespace) -> None:
        """Add what another FROM item makes visible."""
        self.items += other.items
        self.columns += other.columns
        self.rest += other.rest

    def output(self) -> Output:
        """What `*` stands for."""
        everything = union([origin for _name, origin in self.columns] + self.rest)
        return Output(None if self.rest else list(self.columns), everything)


class Scope:
    """The names visible inside one query level."""

    def __init__(self, parent: Scope | None = None, namespace: Namespace | None = None) -> None:
        self.parent = parent
        self.namespace = namespace if namespace is not None else Namespace()
        self.ctes: dict[str, Output] = {}

    def levels(self) -> Iterator[Scope]:
        """This level and those around it, innermost first."""
        level: Scope | None = self
        while level is not None:
            yield level
            level = level.parent

    def cte(self, name: str) -> Output | None:
        """The common table expression of a name."""
        return next((level.ctes[name] for level in self.levels() if name in level.ctes), None)

    def column(self, name: str) -> Origin | None:
        """The column that an unqualified name means, None if there is none at any level."""
        doubts: list[Origin] = []
        for level in self.levels():
            found = [origin for column, origin in level.namespace.columns if column == name]
            if len(found) == 1 and not doubts and not level.namespace.rest:
                return found[0]
            doubts += level.namespace.rest
            if found:
                return union(found + doubts + self._rows(name))
            if (hidden := self._system_column(level, name)) is not None:
                return union([hidden, *doubts]) if doubts else hidden
        return union(doubts + self._rows(name)) if doubts else None

    def _rows(self, name: str) -> list[Origin]:
        """The whole row that a name means where it is none of the columns that are not known."""
        item = self.item(name)
        return [item.whole()] if item is not None else []

    def item(self, name: str, schema: str | None = None) -> Item | None:
        """The FROM item that a qualifier means."""
        for level in self.levels():
            for item in level.namespace.items:
                if item.alias == name and (schema is None or item.schema == schema):
                    return item
        return None

    @staticmethod
    def _system_column(level: Scope, name: str) -> Origin | None:
        if name not in SYSTEM_COLUMNS:
            return None
        found = [item.find(name) for item in level.namespace.items if item.relation is not None]
        known = [origin for origin in found if origin is not None]
        return known[0] if len(known) == 1 else union(known) if known else None


def renamed(columns: Columns, names: Sequence[str]) -> Columns:
    """Columns under the names of an alias's column list; those left over keep theirs."""
    return [(names[i] if i < len(names) else name, origin) for i, (name, origin) in enumerate(columns)]


def relation_item(relation: Relation, alias: str | None) -> Item:
    """The FROM item of a relation."""
    columns = [(c.name, Origin(frozenset(((relation.oid, c.number),)), bare=True)) for c in relation.columns]
    return Item(alias or relation.name, columns, None if alias else relation.schema, relation)
