"""The catalog of one database as the gateway read it: immutable, with lookups by name and by OID.

Built from the text results of `QUERIES` (catalog_queries.py). Knows no policy and no syntax trees; expressions and
definitions are kept as the text that the server renders with an empty search_path. PostgreSQL 13 to 18.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import orjson

from hoopfast.policy.catalog_queries import FINGERPRINT, QUERIES

__all__ = ["FINGERPRINT", "QUERIES", "Catalog", "Column", "Function", "Operator", "Relation", "Type"]

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")
Row = Sequence[str | None]
Results = Mapping[str, Sequence[Row]]
SYSTEM_SCHEMAS = frozenset(("pg_catalog", "information_schema"))
SYSTEM_COLUMNS = {"ctid": -1, "xmin": -2, "cmin": -3, "xmax": -4, "cmax": -5, "tableoid": -6}
FIRST_NORMAL_OID = 16384  # FirstNormalObjectId, src/include/access/transam.h


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is not dropped."""

    number: int
    name: str
    type_oid: int
    generated: bool


class Relation:
    """A row of pg_class; its columns are unpacked when they are first asked for."""

    def __init__(self, row: Row) -> None:
        oid, schema, name, kind, persistence, row_security, has_rules, row_type, partition, columns = row
        self.oid = _integer(oid)
        self.schema = schema or ""
        self.name = name or ""
        # r table, p partitioned, v view, m materialised, f foreign, c composite, S sequence, t TOAST
        self.kind = kind or ""
        self.temporary = persistence == "t"
        self.row_security = row_security == "t"
        self.has_rules = has_rules == "t"
        self.row_type = _integer(row_type)
        self.partition = partition == "t"
        self._columns = columns

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Its columns by attribute number, system columns left out."""
        rows = orjson.loads(self._columns) if self._columns else ()
        return tuple(Column(number, name, int(type_oid), generated != "") for number, name, type_oid, generated in rows)

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Its columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def by_number(self) -> dict[int, Column]:
        """Its columns by attribute number."""
        return {column.number: column for column in self.columns}

    @property
    def system(self) -> bool:
        """Whether it belongs to the server itself."""
        return self.oid < FIRST_NORMAL_OID and self.schema in SYSTEM_SCHEMAS

    @property
    def label(self) -> str:
        """schema.name, as messages and records say it."""
        return f"{self.schema}.{self.name}"

    def __repr__(self) -> str:
        return f"<Relation {self.label} {self.kind}>"


@dataclass(frozen=True, slots=True)
class Type:
    """A row of pg_type. `kind` is typtype: b base, c composite, d domain, e enum, p pseudo, r range, m multirange."""

    oid: int
    schema: str
    name: str
    kind: str
    category: str
    base: int  # domains
    element: int  # arrays, and fixed-length types that can be subscripted
    relation: int  # composites
    extension: str | None
    subtype: int  # ranges


@dataclass(frozen=True, slots=True)
class Function:
    """A row of pg_proc that is not one of the server's own in pg_catalog."""

    oid: int
    schema: str
    name: str
    kind: str  # f function, p procedure, a aggregate, w window
    returns_set: bool
    return_type: int
    language: str
    volatility: str
    argument_types: tuple[int, ...]
    argument_names: str | None
    argument_modes: str | None
    all_argument_types: str | None
    extension: str | None
    source: str | None
    xmin: str

    @property
    def label(self) -> str:
        """schema.name, as messages and records say it."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Operator:
    """A row of pg_operator that is not one of the server's own."""

    oid: int
    schema: str
    name: str
    function: int
    extension: str | None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key, seen from the referenced side for its actions."""

    referencing: int
    referenced: int
    on_update: str  # a no action, r restrict, c cascade, n set null, d set default
    on_delete: str


class Catalog:
    """One database's catalog; nothing in it changes."""

    def __init__(self, results: Results) -> None:
        version, system_identifier, database_oid, database, encoding = results["server"][0]
        self.server_version = _integer(version)
        self.identity = (system_identifier or "", _integer(database_oid))
        self.database = database or ""
        self.encoding = encoding or ""
        self.version = _digest(results)
        self.schemas = {_integer(oid): name or "" for oid, name in results["schemas"]}
        self.relations = {relation.oid: relation for relation in map(Relation, results["relations"])}
        self.types = {entry.oid: entry for entry in map(_type, results["types"])}
        self.functions = {entry.oid: entry for entry in map(_function, results["functions"])}
        self.operators = {entry.oid: entry for entry in map(_operator, results["operators"])}
        self.builtin_functions = frozenset((results["builtin_functions"][0][0] or "").split())
        self.builtin_operators = frozenset((results["builtin_operators"][0][0] or "").split())
        self.keywords = dict(pair.split(":", 1) for pair in (results["keywords"][0][0] or "").split())
        self.comments_are_data = results["comments"][0][0] == "t"
        self._results = results

    @classmethod
    def build(cls, results: Results) -> Catalog:
        """The catalog that the results of all `QUERIES`, by their names, describe."""
        return cls(results)

    @cached_property
    def relations_by_name(self) -> dict[str, list[Relation]]:
        """Relations of each name, in any schema; composite types and TOAST tables among them."""
        return _grouped((relation.name, relation) for relation in self.relations.values())

    @cached_property
    def types_by_name(self) -> dict[str, list[Type]]:
        """Types of each name, in any schema; row types of the server's own relations are not there."""
        return _grouped((entry.name, entry) for entry in self.types.values())

    @cached_property
    def functions_by_name(self) -> dict[str, list[Function]]:
        """Functions of each name that are not the server's own in pg_catalog."""
        return _grouped((entry.name, entry) for entry in self.functions.values())

    @cached_property
    def operators_by_name(self) -> dict[str, list[Operator]]:
        """Operators of each name that are not the server's own."""
        return _grouped((entry.name, entry) for entry in self.operators.values())

    @cached_property
    def parents(self) -> dict[int, list[int]]:
        """Child OID → parents, for inheritance and partitioning."""
        return _grouped((_integer(child), _integer(parent)) for child, parent in self._results["inheritance"])

    @cached_property
    def children(self) -> dict[int, list[int]]:
        """Parent OID → children."""
        return _grouped((_integer(parent), _integer(child)) for child, parent in self._results["inheritance"])

    @cached_property
    def view_definitions(self) -> dict[int, str]:
        """View or materialised view OID → its SELECT."""
        return {_integer(oid): text or "" for oid, text, _extension in self._results["views"]}

    @cached_property
    def view_relations(self) -> dict[int, frozenset[int]]:
        """View OID → the relations that its rule depends on (pg_depend)."""
        return {
            _integer(oid): frozenset(map(int, (names or "").split())) for oid, names in self._results["view_relations"]
        }

    @cached_property
    def column_expressions(self) -> dict[int, dict[int, str]]:
        """Relation OID → attribute number → default or generation expression."""
        found: dict[int, dict[int, str]] = defaultdict(dict)
        for relation, number, text in self._results["expressions"]:
            found[_integer(relation)][_integer(number)] = text or ""
        return dict(found)

    @cached_property
    def domain_checks(self) -> dict[int, list[str]]:
        """Domain OID → its CHECK constraints as text."""
        return _grouped((_integer(oid), text or "") for oid, text in self._results["domains"])

    @cached_property
    def user_casts(self) -> list[tuple[int, int, int, str, str | None]]:
        """(source type, target type, function, context, extension) of casts by code that is not the server's own."""
        return [
            (_integer(source), _integer(target), _integer(function), context or "", extension)
            for source, target, function, context, _method, extension in self._results["casts"]
        ]

    @cached_property
    def rules(self) -> dict[int, list[str]]:
        """Relation OID → definitions of its rewrite rules, a view's own left out."""
        return _grouped((_integer(row[0]), row[4] or "") for row in self._results["rules"])

    @cached_property
    def policies(self) -> dict[int, list[str]]:
        """Relation OID → expressions of its row-level security policies."""
        return _grouped((_integer(row[0]), text) for row in self._results["policies"] for text in row[2:] if text)

    @cached_property
    def row_triggers(self) -> dict[int, list[tuple[int, int]]]:
        """Relation OID → (function, tgtype) of its triggers, internal ones left out."""
        return _grouped((_integer(row[0]), (_integer(row[2]), _integer(row[3]))) for row in self._results["triggers"])

    @cached_property
    def checks(self) -> dict[int, list[str]]:
        """Relation OID → expressions of its CHECK constraints and indexes (also partial ones' predicates)."""
        checks = ((_integer(row[0]), row[7] or "") for row in self._results["constraints"] if row[1] == "c")
        indexes = ((_integer(row[0]), text) for row in self._results["indexes"] for text in row[1:] if text)
        return _grouped([*checks, *indexes])

    @cached_property
    def foreign_keys(self) -> dict[int, list[ForeignKey]]:
        """Referenced relation OID → the foreign keys that refer to it."""
        keys = (
            ForeignKey(_integer(row[0]), _integer(row[2]), row[3] or "a", row[4] or "a")
            for row in self._results["constraints"]
            if row[1] == "f"
        )
        return _grouped((key.referenced, key) for key in keys)

    @cached_property
    def unique_columns(self) -> frozenset[tuple[int, int]]:
        """(table OID, attribute number) of columns in a unique index, an exclusion or a foreign key."""
        found = {pair for pair, _referenced in self._references}
        for table, key, computed in self._results["unique_indexes"]:
            relation = self.relations.get(_integer(table))
            if computed == "t" and relation is not None:  # of which columns is not worth a rule
                found.update((relation.oid, column.number) for column in relation.columns)
            found.update((_integer(table), number) for number in map(int, (key or "").split()) if number > 0)
        return frozenset(found)

    @cached_property
    def referenced_columns(self) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """Column of a foreign key → the columns that it refers to."""
        return _grouped(self._references)

    @cached_property
    def _references(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        return [
            ((_integer(row[0]), number), (_integer(row[2]), other))
            for row in self._results["constraints"]
            if row[1] == "f"
            for number, other in zip(_numbers(row[5]), _numbers(row[6]), strict=True)
        ]

    @cached_property
    def builtin_outputs(self) -> dict[str, frozenset[str]]:
        """Name of a server's own set-returning function → names of its output columns, over all overloads."""
        found: dict[str, set[str]] = defaultdict(set)
        for name, names, modes in self._results["builtin_outputs"]:
            pairs = zip((names or "").split(" "), modes or "", strict=False)
            found[name or ""].update(text for text, mode in pairs if mode in "otb")
        return {name: frozenset(names) for name, names in found.items()}

    def relation_named(self, schema: str, name: str) -> Relation | None:
        """The relation of a qualified name; composite types and TOAST tables too."""
        return next((relation for relation in self.relations_by_name.get(name, ()) if relation.schema == schema), None)

    def type_named(self, schema: str, name: str) -> Type | None:
        """The type of a qualified name, as pg_type has it (int4, _text …)."""
        return next((entry for entry in self.types_by_name.get(name, ()) if entry.schema == schema), None)

    def base_type(self, oid: int) -> Type | None:
        """The type of an OID; for a domain what it is made of."""
        entry = self.types.get(oid)
        for _ in range(64):  # domains over domains; the server cannot nest them in a circle
            if entry is None or entry.kind != "d":
                return entry
            entry = self.types.get(entry.base)
        return None

    def family(self, oid: int) -> set[int]:
        """The relation, and all that are connected with it by inheritance or partitioning, up and down."""
        found = {oid}
        waiting = [oid]
        while waiting:
            current = waiting.pop()
            for other in (*self.parents.get(current, ()), *self.children.get(current, ())):
                if other not in found:
                    found.add(other)
                    waiting.append(other)
        return found

    def descendants(self, oid: int) -> set[int]:
        """The relation and all that inherit from it."""
        found = {oid}
        waiting = [oid]
        while waiting:
            for child in self.children.get(waiting.pop(), ()):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return found


def _numbers(array: str | None) -> list[int]:
    return [int(number) for number in (array or "{}").strip("{}").split(",") if number]


def _integer(text: str | None) -> int:
    return int(text) if text else 0


def _grouped(pairs: Iterable[tuple[_K, _V]]) -> dict[_K, list[_V]]:
    found: dict[_K, list[_V]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return dict(found)


def _digest(results: Results) -> str:
    content = orjson.dumps([[name, results[name]] for name in sorted(results)])
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _type(row: Row) -> Type:
    oid, schema, name, kind, category, *rest = row
    base, element, relation, subtype = (_integer(rest[i]) for i in (0, 1, 2, 4))
    texts = schema or "", name or "", kind or "", category or ""
    return Type(_integer(oid), *texts, base, element, relation, rest[3], subtype)


def _function(row: Row) -> Function:
    return Function(
        oid=_integer(row[0]),
        schema=row[1] or "",
        name=row[2] or "",
        kind=row[3] or "f",
        returns_set=row[4] == "t",
        return_type=_integer(row[5]),
        language=row[6] or "",
        volatility=row[7] or "v",
        argument_types=tuple(map(int, (row[8] or "").split())),
        argument_names=row[9],
        argument_modes=row[10],
        all_argument_types=row[11],
        extension=row[12],
        source=row[13],
        xmin=row[14] or "",
    )


def _operator(row: Row) -> Operator:
    oid, schema, name, function, extension = row
    return Operator(_integer(oid), schema or "", name or "", _integer(function), extension)
