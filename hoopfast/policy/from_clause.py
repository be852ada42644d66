"""The rules for FROM: relations, joins, sub-selects, functions, samples, XMLTABLE and JSON_TABLE.

Owns which names each of them makes visible, and that reading a relation is noted. What a query is, is in queries.py; a
form without a rule is Unanalysable.
"""

from __future__ import annotations

from collections.abc import Sequence

from hoopfast.policy.catalog import Relation
from hoopfast.policy.expressions import Expressions
from hoopfast.policy.facts import Finding, Unanalysable
from hoopfast.policy.functions import Trust, function_trust
from hoopfast.policy.labels import label
from hoopfast.policy.model import Origin
from hoopfast.policy.parse import Node, ast
from hoopfast.policy.scope import CLEAN, OPAQUE, Columns, Item, Namespace, Output, Scope, relation_item, renamed, union
from hoopfast.policy.typenames import qualified, strings


class FromClause(Expressions):
    """What the items of a FROM clause make visible."""

    def from_clause(self, nodes: Sequence[Node], scope: Scope) -> Namespace:
        """What a FROM list makes visible; each item may see those before it if it is LATERAL."""
        namespace = Namespace()
        for node in nodes:
            namespace.extend(self._from(node, scope, namespace))
        return namespace

    def _from(self, node: Node, scope: Scope, before: Namespace) -> Namespace:
        if isinstance(node, ast.RangeVar):
            return Namespace.of(self._range_variable(node, scope))
        if isinstance(node, ast.JoinExpr):
            return self._join(node, scope, before)
        lateral = Scope(scope, before)
        if isinstance(node, ast.RangeSubselect):
            output = self.query(node.subquery, lateral if node.lateral else scope)
            return Namespace.of(_item(node.alias, output))
        if isinstance(node, ast.RangeFunction):
            return Namespace.of(self._range_function(node, lateral))
        if isinstance(node, ast.RangeTableSample):
            return self._sample(node, scope, before)
        if isinstance(node, ast.RangeTableFunc | ast.JsonTable):
            return Namespace.of(self._table_expression(node, lateral))
        raise Unanalysable(f"{type(node).__name__} in FROM", getattr(node, "location", -1))

    def _range_variable(self, node: Node, scope: Scope) -> Item:
        alias = node.alias.aliasname if node.alias else None
        names = strings(node.alias.colnames) if node.alias else []
        if node.schemaname is None and (cte := scope.cte(node.relname)) is not None:
            item = Item(alias or node.relname, renamed(cte.columns or [], names), None)
            item.rest = cte.rest if cte.columns is None else None
            return item
        item = self.relation(node, alias)
        item.columns = renamed(item.columns, names)
        return item

    def relation(self, node: Node, alias: str | None) -> Item:
        """The FROM item of a RangeVar that names a relation of the catalog."""
        candidates = self.context.names.relations(node.schemaname, node.relname)
        if not candidates:
            label = f"{node.schemaname}.{node.relname}" if node.schemaname else node.relname
            self.facts.missing.append(Finding(node.relname, node.location, f'relation "{label}" does not exist'))
            return Item(alias or node.relname, [], rest=OPAQUE)
        for candidate in candidates:
            self._read(candidate, node.location)
        if len(candidates) == 1:
            return relation_item(candidates[0], alias)
        if any(self.context.protection.guarded(candidate) for candidate in candidates):
            raise Unanalysable(
                f'"{node.relname}" may be one of several relations, as the search path is not known just now',
                node.location,
                "write the schema before the name",
            )
        every = union(Item("", [], relation=entry).whole() for entry in candidates)
        return Item(alias or node.relname, [], rest=every)

    def _read(self, relation: Relation, location: int) -> None:
        facts = self.facts
        facts.reads[relation.oid] = relation
        if facts.guarded is None and self.context.protection.guarded(relation):
            facts.guarded = Finding(relation.label, location)
        facts.opaque += [Finding(what, location) for what in self.context.protection.hidden_code(relation)]

    def _join(self, node: Node, scope: Scope, before: Namespace) -> Namespace:
        left = self._from(node.larg, scope, before)
        so_far = Namespace(before.items + left.items, before.columns + left.columns, before.rest + left.rest)
        right = self._from(node.rarg, scope, so_far)
        joined = Namespace(left.items + right.items, [], left.rest + right.rest)
        using = strings(node.usingClause)
        if node.isNatural:
            if joined.rest:
                raise Unanalysable("NATURAL JOIN with columns that are not known")
            using = [name for name, _origin in left.columns if any(name == other for other, _ in right.columns)]
        merged = self._using(using, left, right)
        joined.columns = merged + [(name, origin) for name, origin in left.columns + right.columns if name not in using]
        self.condition(node.quals, Scope(scope, Namespace(joined.items, joined.columns, joined.rest)))
        if node.join_using_alias is not None:
            joined.items.append(Item(node.join_using_alias.aliasname, merged))
        if node.alias is not None:
            columns = renamed(joined.columns, strings(node.alias.colnames))
            item = Item(node.alias.aliasname, columns, rest=union(joined.rest) if joined.rest else None)
            return Namespace([item], columns, joined.rest)
        return joined

    def _using(self, names: list[str], left: Namespace, right: Namespace) -> Columns:
        merged: Columns = []
        for name in names:
            sides = []
            for side in (left, right):
                found = [origin for column, origin in side.columns if column == name] or side.rest
                if not found:
                    self.facts.missing.append(Finding(name))
                    found = [OPAQUE]
                sides.append(found[0] if len(found) == 1 else union(found))
            both = union(sides)
            self.searched(both, -1)
            bare = all(origin.bare for origin in sides) and not self.tainted(both)
            merged.append((name, Origin(both.sources, bare)))
        if names:
            self.operator(None, "=", -1)
        return merged

    def _range_function(self, node: Node, scope: Scope) -> Item:
        origins = []
        definitions = list(node.coldeflist or ())
        for function, *extra in node.functions:
            definitions += extra[0] if extra and extra[0] else ()
            origin = self.value(function, scope)
            self.searched(origin, getattr(function, "location", -1))  # the number of rows derives from the arguments
            origins.append(union([origin]))
        for definition in definitions:
            self.type_name(definition.typeName)
        origin = union(origins)
        name = node.alias.aliasname if node.alias else label(ast.ResTarget(val=node.functions[0][0]))
        columns = [(definition.colname, origin) for definition in definitions]
        known = bool(columns)
        if not columns and len(node.functions) == 1:
            columns, known = self._function_columns(node.functions[0][0], name, origin)
        columns = renamed(columns, strings(node.alias.colnames) if node.alias else ())
        if node.ordinality:
            columns.append(("ordinality", CLEAN))
        return Item(name, columns, rest=None if known and not node.ordinality else origin)

    def _function_columns(self, node: Node, name: str, origin: Origin) -> tuple[Columns, bool]:
        """The columns of a function in FROM, and whether these are all; what the catalog tells of user functions."""
        if not isinstance(node, ast.FuncCall):
            return [], False
        schema, function = qualified(node.funcname)
        catalog = self.context.catalog
        candidates = [f for f in catalog.functions_by_name.get(function, ()) if schema in (None, f.schema)]
        if function_trust(catalog, schema, function, self.context.listed) > Trust.WRITE or candidates:
            return [], False
        outputs = catalog.builtin_outputs.get(function)
        return ([], False) if outputs else ([(name, origin)], False)

    def _sample(self, node: Node, scope: Scope, before: Namespace) -> Namespace:
        method = qualified(node.method)[1]
        if method not in ("system", "bernoulli"):
            self.facts.opaque.append(Finding(f"the sampling method {method}", node.location))
        for part in (*(node.args or ()), node.repeatable):
            self.condition(part, Scope(scope))
        return self._from(node.relation, scope, before)

    def _table_expression(self, node: Node, scope: Scope) -> Item:
        """XMLTABLE and JSON_TABLE: every column derives from everything that is passed in."""
        origin = union([self._passed(getattr(node, attribute), scope) for attribute in node if attribute != "alias"])
        self.searched(origin, getattr(node, "location", -1))
        return Item(node.alias.aliasname if node.alias else "", [], rest=origin)

    def _passed(self, part: Node, scope: Scope) -> Origin:
        if isinstance(part, tuple):
            return union([self._passed(piece, scope) for piece in part])
        if isinstance(part, ast.TypeName):
            self.type_name(part)
            return CLEAN
        if isinstance(part, ast.RangeTableFuncCol | ast.JsonTableColumn | ast.JsonTablePathSpec):
            return union([self._passed(getattr(part, attribute), scope) for attribute in part])
        return self.value(part, scope) if isinstance(part, ast.Node) else CLEAN


def _item(alias: Node, output: Output) -> Item:
    names = strings(alias.colnames) if alias else []
    rest = output.rest if output.columns is None else None
    return Item(alias.aliasname if alias else "", renamed(output.columns or [], names), rest=rest)
