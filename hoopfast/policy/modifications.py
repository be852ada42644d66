"""The rules for INSERT, UPDATE, DELETE and MERGE: what they store, where, and what their RETURNING gives.

Owns taint into storage (soundness 27) and the closure of written relations over inheritance, views and foreign-key
actions (soundness 62). Queries are in queries.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from hoopfast.policy.catalog import Relation
from hoopfast.policy.facts import Finding, Unanalysable
from hoopfast.policy.model import Origin
from hoopfast.policy.parse import Node, ast, enums
from hoopfast.policy.queries import Queries
from hoopfast.policy.scope import CLEAN, OPAQUE, Item, Namespace, Output, Scope, union

_ACTIONS = frozenset("cnd")  # cascade, set null, set default
_ROW, _BEFORE, _INSTEAD = 1, 2, 64  # tgtype, src/include/catalog/pg_trigger.h


class Modifications(Queries):
    """Origins and facts of modifying statements."""

    def modification(self, node: Node, parent: Scope | None) -> Output:
        """The output of INSERT, UPDATE, DELETE or MERGE: its RETURNING."""
        rule = _RULES.get(type(node).__name__)
        if rule is None:
            raise Unanalysable(f"{type(node).__name__} in a query", getattr(node, "location", -1))
        self.facts.modifies = True
        scope = Scope(parent)
        self.with_clause(node.withClause, scope)
        return rule(self, node, scope)

    # -- the statements ------------------------------------------------------------------------------------------

    def _insert(self, node: Node, scope: Scope) -> Output:
        self.facts.tags.append("INSERT")
        target = self.target(node.relation, "INSERT")
        columns = [column.name for column in node.cols or ()] or [name for name, _origin in target.columns]
        if node.selectStmt is not None:
            query = node.selectStmt
            output = self.query(query, scope)
            origins = [origin for _name, origin in output.columns] if output.columns is not None else []
            for i, name in enumerate(columns):
                origin = origins[i] if i < len(origins) else output.rest if output.columns is None else CLEAN
                self.assign(target, name, origin, node.relation.location)
            for origin in origins[len(columns) :]:
                self.assign(target, "", origin, node.relation.location)
        conflict = node.onConflictClause
        if conflict is not None:
            self._on_conflict(conflict, target, scope)
        return self._returning(node, target, Namespace(), scope)

    def _on_conflict(self, node: Node, target: Item, scope: Scope) -> None:
        # The proposed row holds what was assigned above, which was refused if it was tainted.
        excluded = Item("excluded", [(name, CLEAN) for name, _origin in target.columns], rest=target.rest)
        visible = Namespace.of(target)
        visible.items.append(excluded)
        inner = Scope(scope, visible)
        if node.infer is not None:
            for element in node.infer.indexElems or ():
                self._conflicting(element, target, inner)
            self.condition(node.infer.whereClause, inner)
        for part in node.targetList or ():
            self._set(part, target, inner)
        self.condition(node.whereClause, inner)

    def _conflicting(self, element: Node, target: Item, scope: Scope) -> None:
        if element.expr is not None:
            self.condition(element.expr, scope)
        elif element.name is not None:
            self.searched(target.find(element.name) or OPAQUE, -1)

    def _update(self, node: Node, scope: Scope) -> Output:
        self.facts.tags.append("UPDATE")
        if node.whereClause is None:
            self.facts.unconditional.add("UPDATE")
        target = self.target(node.relation, "UPDATE")
        others = self.from_clause(node.fromClause or (), scope)
        visible = Namespace.of(target)
        visible.extend(others)
        inner = Scope(scope, visible)
        for part in node.targetList:
            self._set(part, target, inner)
        self.condition(node.whereClause, inner)
        return self._returning(node, target, others, scope)

    def _delete(self, node: Node, scope: Scope) -> Output:
        self.facts.tags.append("DELETE")
        if node.whereClause is None:
            self.facts.unconditional.add("DELETE")
        target = self.target(node.relation, "DELETE")
        others = self.from_clause(node.usingClause or (), scope)
        visible = Namespace.of(target)
        visible.extend(others)
        self.condition(node.whereClause, Scope(scope, visible))
        return self._returning(node, target, others, scope)

    def _merge(self, node: Node, scope: Scope) -> Output:
        self.facts.tags.append("MERGE")
        target = self.target(node.relation, "MERGE")
        source = self.from_clause((node.sourceRelation,), scope)
        visible = Namespace.of(target)
        visible.extend(source)
        inner = Scope(scope, visible)
        self.condition(node.joinCondition, inner)
        for clause in node.mergeWhenClauses:
            self.condition(clause.condition, inner)
            if clause.commandType == enums.CmdType.CMD_INSERT:
                names = [part.name for part in clause.targetList or ()] or [name for name, _origin in target.columns]
                for name, value in zip(names, clause.values or (), strict=False):
                    self.assign(target, name, self.value(value, inner), _place(value))
            else:
                for part in clause.targetList or ():
                    self._set(part, target, inner)
        return self._returning(node, target, source, scope, source_first=True)

    # -- targets and assignments ---------------------------------------------------------------------------------

    def target(self, node: Node, action: str) -> Item:
        """The relation that a statement writes, as a FROM item; its closure goes to the facts."""
        item = self.relation(node, node.alias.aliasname if node.alias else None)
        candidates = [item.relation] if item.relation is not None else []
        candidates = candidates or self.context.names.relations(node.schemaname, node.relname)
        for relation in candidates:
            self.writes(relation, action)
        return item

    def writes(self, relation: Relation, action: str) -> None:
        """Add a relation and all that writing to it writes."""
        catalog, facts = self.context.catalog, self.facts
        waiting = [relation]
        while waiting:
            current = waiting.pop()
            if current.oid in facts.writes:
                continue
            facts.writes[current.oid] = current
            if current.has_rules and current.oid in catalog.rules:
                facts.opaque.append(Finding(f"the rewrite rules of {current.label}"))
            facts.hidden += [Finding(what) for what in self.context.protection.hidden_writers(current)]
            others = set(catalog.descendants(current.oid))
            if current.kind == "v":
                others |= catalog.view_relations.get(current.oid, frozenset())
            if action != "INSERT":
                for key in catalog.foreign_keys.get(current.oid, ()):
                    if {"DELETE": key.on_delete, "TRUNCATE": "a"}.get(action, key.on_update) in _ACTIONS or (
                        action == "MERGE" and key.on_delete in _ACTIONS
                    ):
                        others.add(key.referencing)
            waiting += [catalog.relations[oid] for oid in others if oid in catalog.relations]

    def _set(self, part: Node, target: Item, scope: Scope) -> None:
        origin = self.value(part.val, scope)
        for step in part.indirection or ():
            if isinstance(step, ast.A_Indices):
                self.condition(step.lidx, scope)
                self.condition(step.uidx, scope)
        if origin.sources:
            self.facts.assigns_column = True
        self.assign(target, part.name, origin, _place(part.val))

    def assign(self, target: Item, name: str, origin: Origin, location: int) -> None:
        """A value of this origin is stored in a column of the target."""
        if origin.sources:
            self.facts.assigns_column = True
        if self.tainted(origin):
            self.facts.refusals.append(
                Finding(
                    "a protected column may not be stored elsewhere",
                    location,
                    "only a later version can prove that the column it goes to is protected as well",
                )
            )
        relation = target.relation
        column = relation.by_name.get(name) if relation is not None else None
        if relation is None or column is None:
            return
        if not self.context.types.trusted(column.type_oid):
            self.facts.opaque.append(Finding(f"the type of {relation.label}.{name}", location))
        guess = self.context.protection.guessable(relation.oid, column.number)
        if guess is not None:
            self.facts.unique_writes.append(Finding(guess, location))

    # -- RETURNING -----------------------------------------------------------------------------------------------

    def _returning(
        self, node: Node, target: Item, others: Namespace, scope: Scope, *, source_first: bool = False
    ) -> Output:
        targets = _returned(node)
        if not targets:
            return Output.of([])
        visible = Namespace()
        for part in (others, Namespace.of(target)) if source_first else (Namespace.of(target), others):
            visible.extend(part)
        for name, option in _row_names(node):
            if all(item.alias != name for item in visible.items):
                visible.items.append(Item(name, target.columns, relation=target.relation, rest=target.rest))
            elif option:
                raise Unanalysable(f"RETURNING WITH ({name}) hides a relation of that name")
            else:  # soundness 38: the alias, or the row before and after, by the server's version
                either = union([target.whole(), *(item.whole() for item in visible.items if item.alias == name)])
                visible.items = [item for item in visible.items if item.alias != name] + [Item(name, [], rest=either)]
        if target.relation is not None and self._rewritten(target.relation):
            self.facts.opaque.append(
                Finding(f"the triggers of {target.relation.label}, which can change what is returned")
            )
            return Output(None, OPAQUE)
        return self.targets(targets, Scope(scope, visible))

    def _rewritten(self, relation: Relation) -> bool:
        catalog = self.context.catalog
        for oid in catalog.family(relation.oid):
            for function, kind in catalog.row_triggers.get(oid, ()):
                found = catalog.functions.get(function)
                listed = found is not None and self.context.listed(found.schema, found.name)
                if not listed and kind & _ROW and kind & (_BEFORE | _INSTEAD):
                    return True
        return False


def _returned(node: Node) -> Sequence[Node]:
    clause = getattr(node, "returningClause", None)
    if clause is not None:
        return tuple(clause.exprs or ())
    return tuple(getattr(node, "returningList", None) or ())


def _row_names(node: Node) -> list[tuple[str, bool]]:
    clause = getattr(node, "returningClause", None)
    options = list(getattr(clause, "options", None) or ())
    named = {option.option: option.value for option in options}
    old = named.get(enums.ReturningOptionKind.RETURNING_OPTION_OLD)
    new = named.get(enums.ReturningOptionKind.RETURNING_OPTION_NEW)
    return [(old or "old", old is not None), (new or "new", new is not None)]


def _place(node: Node) -> int:
    location = getattr(node, "location", -1)
    return location if isinstance(location, int) else -1


_RULES = {
    "InsertStmt": Modifications._insert,
    "UpdateStmt": Modifications._update,
    "DeleteStmt": Modifications._delete,
    "MergeStmt": Modifications._merge,
}
