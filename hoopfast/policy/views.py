"""Protection of views and materialised views: by analysing their definitions, lowest first.

A column that is bare and unprotected at every step stays unprotected; one that is exactly a protected column keeps its
own mask; everything else that protected columns may have gone into is `derived`. What cannot be analysed, or runs
unread code, or depends on relations that the analysis has not met (pg_depend), is protected whole (soundness 30, 31).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoopfast.policy.catalog import Catalog, Relation
from hoopfast.policy.expressions import Context
from hoopfast.policy.facts import Facts, Unanalysable
from hoopfast.policy.modifications import Modifications
from hoopfast.policy.names import Names
from hoopfast.policy.parse import Parsed, TooComplex, Unparsable, ast, children, parse, strange_to_server
from hoopfast.policy.scope import Columns
from hoopfast.policy.typenames import strings

if TYPE_CHECKING:
    from hoopfast.policy.protection import Protection

_PATH = ("pg_catalog",)


def protect_views(protection: Protection) -> None:
    """Add the guards of all views and materialised views to a protection."""
    catalog = protection.catalog
    for oid in _lowest_first(catalog):
        relation = catalog.relations.get(oid)
        if relation is not None and not relation.system:
            _protect_view(protection, relation)


def columns_used(text: str, relation: Relation) -> set[int] | None:
    """The attribute numbers that an expression of the catalog refers to; None if it is not known."""
    try:
        (command,) = parse(f"SELECT {text}").commands
    except (Unparsable, TooComplex, ValueError):
        return None
    used: set[int] = set()
    waiting = [command]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ColumnRef):
            names = strings(node.fields)
            column = relation.by_name.get(names[-1]) if len(names) == len(node.fields) else None
            if column is None:
                return None
            used.add(column.number)
        waiting += children(node)
    return used


def _lowest_first(catalog: Catalog) -> list[int]:
    """Views in an order in which each comes after those that it is made from."""
    order: list[int] = []
    seen: set[int] = set()
    for first in catalog.view_definitions:
        stack = [(first, False)]
        while stack:
            oid, expanded = stack.pop()
            if expanded:
                order.append(oid)
            elif oid not in seen:
                seen.add(oid)
                stack.append((oid, True))
                below = catalog.view_relations.get(oid, frozenset()) & catalog.view_definitions.keys()
                stack += [(other, False) for other in below]
    return order


def _protect_view(protection: Protection, relation: Relation) -> None:
    from hoopfast.policy.protection import Guard, derived_guard, unproven_guard

    facts, columns = _analysed(protection, relation)
    if columns is None or len(columns) != len(relation.columns):
        _protect_whole(protection, relation)
        return
    for column, (_name, origin) in zip(relation.columns, columns, strict=True):
        source = (relation.oid, column.number)
        guards = [guard for part in origin.sources if (guard := protection.guard(part)) is not None]
        if facts.rows_tell and (not origin.bare or not origin.sources):  # a count of rows, or whether there is one
            guards.append(unproven_guard(relation.label))
        if not guards or source in protection.guards:  # a rule that names the view's column has the last word
            continue
        label = f"{relation.label}.{column.name}"
        if origin.bare and len(origin.sources) == 1:
            protection.guards[source] = Guard(guards[0].own, guards[0].derived, guards[0].searchable, label)
        else:
            protection.guards[source] = derived_guard(guards, label)
    protection.remember_hidden(relation, facts)


def _protect_whole(protection: Protection, relation: Relation) -> None:
    from hoopfast.policy.protection import unproven_guard

    for column in relation.columns:
        protection.guards.setdefault((relation.oid, column.number), unproven_guard(f"{relation.label}.{column.name}"))
    protection.remember_hidden(relation, None)


def _analysed(protection: Protection, relation: Relation) -> tuple[Facts, Columns | None]:
    """What is known of a view's columns, None if that is nothing."""
    catalog = protection.catalog
    names = Names(catalog, _PATH)
    context = Context(catalog, names, protection, protection.types, protection.types.listed)
    try:
        parsed = _definition(catalog, relation)
        if parsed is None:
            return context.facts, None
        output = Modifications(context).query(parsed.commands[0], None)
    except (Unparsable, TooComplex, Unanalysable, RecursionError):
        return context.facts, None
    facts = context.facts
    met = set(facts.reads)
    if facts.missing or not catalog.view_relations.get(relation.oid, frozenset()) <= met or output.columns is None:
        return facts, None
    return facts, output.columns


def _definition(catalog: Catalog, relation: Relation) -> Parsed | None:
    parsed = parse(catalog.view_definitions.get(relation.oid, ""))
    if len(parsed.commands) != 1 or not isinstance(parsed.commands[0], ast.SelectStmt):
        return None
    return None if strange_to_server(parsed, catalog.keywords, catalog.server_version) else parsed
