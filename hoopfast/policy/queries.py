"""The rules for queries: SELECT, VALUES, WITH, set operations, and everything that may stand in FROM.

Owns scopes and the expansion of `*`; expressions are in expressions.py, modifying statements in modifications.py. A
clause without a rule is Unanalysable.
"""

from __future__ import annotations

from collections.abc import Sequence

from hoopfast.policy.catalog import Relation
from hoopfast.policy.expressions import Expressions, literal, location_of
from hoopfast.policy.facts import Finding, Unanalysable
from hoopfast.policy.functions import Trust, function_trust
from hoopfast.policy.labels import label
from hoopfast.policy.model import Origin
from hoopfast.policy.parse import Node, ast, enums
from hoopfast.policy.scope import CLEAN, OPAQUE, Columns, Item, Namespace, Output, Scope, relation_item, renamed, union
from hoopfast.policy.typenames import qualified, strings

_MOST_ROUNDS = 50  # of a recursive WITH: each round adds a source to some column, or is the last


class Queries(Expressions):
    """Origins of the columns of queries."""

    def query(self, node: Node, parent: Scope | None) -> Output:
        """The output of a SELECT, VALUES or TABLE, or of a modifying statement in WITH."""
        if isinstance(node, ast.SelectStmt):
            return self.select(node, parent)
        return self.modification(node, parent)

    def modification(self, node: Node, parent: Scope | None) -> Output:
        """The output of a modifying statement: its RETURNING."""
        raise Unanalysable(f"{type(node).__name__} in a query")

    # -- SELECT --------------------------------------------------------------------------------------------------

    def select(self, node: Node, parent: Scope | None) -> Output:
        """The output of a SelectStmt, whatever its form."""
        scope = Scope(parent)
        self.with_clause(node.withClause, scope)
        if node.op != enums.SetOperation.SETOP_NONE:
            output = self._set_operation(node, scope)
        elif node.valuesLists:
            output = self._values(node.valuesLists, scope)
        else:
            output = self._plain(node, scope)
        self._limits(node, scope)
        if node.intoClause is not None:
            self._into(output, node.intoClause)
        return output

    def _plain(self, node: Node, scope: Scope) -> Output:
        scope.namespace = self.from_clause(node.fromClause or (), scope)
        self.fixed_setting = self._setting_that_is_asked_for(node)
        output = self.targets(node.targetList or (), scope)
        self.condition(node.whereClause, scope)
        self.condition(node.havingClause, scope)
        for part in node.windowClause or ():
            self.condition(part, scope)
        for part in (*(node.groupClause or ()), *(node.sortClause or ())):
            self._ordering(part, output, scope, output_first=isinstance(part, ast.SortBy))
        if node.distinctClause is not None:
            on = [part for part in node.distinctClause if part is not None]
            for part in on:
                self._ordering(part, output, scope, output_first=True)
            if not on:
                self.searched(output.rest, getattr(node.targetList[0], "location", -1) if node.targetList else -1)
        if node.lockingClause:
            self._lock(node, scope)
        return output

    def _setting_that_is_asked_for(self, node: Node) -> str | None:
        """`… FROM pg_settings WHERE name = 'this'`: the one setting whose name the column then holds (pg_dump)."""
        condition = node.whereClause
        if len(node.fromClause or ()) != 1 or not isinstance(node.fromClause[0], ast.RangeVar):
            return None
        found = self.context.names.relations(node.fromClause[0].schemaname, node.fromClause[0].relname)
        if [relation.label for relation in found if relation.system] != ["pg_catalog.pg_settings"] or len(found) != 1:
            return None
        if not isinstance(condition, ast.A_Expr) or condition.kind != enums.A_Expr_Kind.AEXPR_OP:
            return None
        if not isinstance(condition.lexpr, ast.ColumnRef) or strings(condition.lexpr.fields) != ["name"]:
            return None
        return literal(condition.rexpr) if strings(condition.name) == ["="] else None

    def targets(self, targets: Sequence[Node], scope: Scope) -> Output:
        """The output columns of a target list, `*` expanded."""
        columns: Columns = []
        hidden: list[Origin] = []
        for target in targets:
            star = _star(target.val)
            if star is None:
                columns.append((label(target), self.value(target.val, scope)))
                continue
            namespace = self._starred(star, target.val, scope)
            self.context.facts.protected |= self.context.protection.protected_of(namespace.output().rest.sources)
            columns += namespace.columns
            hidden += namespace.rest
        everything = union([origin for _name, origin in columns] + hidden)
        return Output(None if hidden else columns, everything)

    def _starred(self, qualifier: list[str], node: Node, scope: Scope) -> Namespace:
        if isinstance(node, ast.A_Indirection):
            return self._composite_star(node, scope)
        if not qualifier:
            return scope.namespace
        item = scope.item(qualifier[-1], qualifier[-2] if len(qualifier) > 1 else None)
        if item is None:
            self.facts.missing.append(Finding(".".join(qualifier), node.location))
            return Namespace(rest=[OPAQUE])
        return Namespace.of(item)

    def _composite_star(self, node: Node, scope: Scope) -> Namespace:
        """`(p).*`: the columns of a FROM item, or nobody knows how many fields."""
        if isinstance(node.arg, ast.ColumnRef) and len(node.indirection) == 1:
            names = strings(node.arg.fields)
            if len(names) == len(node.arg.fields) == 1 and scope.column(names[0]) is None:
                item = scope.item(names[0])
                if item is not None:
                    return Namespace.of(item)
        return Namespace(rest=[self.value(node, scope)])

    def _ordering(self, node: Node, output: Output, scope: Scope, *, output_first: bool) -> None:
        """ORDER BY, GROUP BY and DISTINCT ON: an output column by position or name, or an expression."""
        inner = node.node if isinstance(node, ast.SortBy) else node
        if isinstance(node, ast.SortBy) and node.useOp:
            self.operator(*qualified(node.useOp), node.location)
        if isinstance(inner, ast.A_Const) and isinstance(getattr(inner, "val", None), ast.Integer):
            position = inner.val.ival or 0
            known = output.columns is not None and 0 < position <= len(output.columns)
            self.searched(
                output.columns[position - 1][1] if known and output.columns else output.rest, location_of(node)
            )
            return
        if isinstance(inner, ast.GroupingSet):
            for part in inner.content or ():
                self._ordering(part, output, scope, output_first=False)
            return
        names = strings(inner.fields) if isinstance(inner, ast.ColumnRef) else []
        named = [origin for name, origin in output.columns or () if len(names) == 1 and name == names[0]]
        if named:  # SQL92 names an output column in ORDER BY, and an input column first in GROUP BY: judge both
            self.searched(union(named), location_of(inner))
            if output_first or scope.column(names[0]) is None:
                return
        self.condition(inner, scope)

    def _limits(self, node: Node, scope: Scope) -> None:
        outside = Scope(scope)
        self.condition(node.limitCount, outside)
        self.condition(node.limitOffset, outside)
        if node.op != enums.SetOperation.SETOP_NONE or node.valuesLists:
            for part in node.sortClause or ():
                if part.useOp:
                    self.operator(*qualified(part.useOp), part.location)

    def _lock(self, node: Node, scope: Scope) -> None:
        for clause in node.lockingClause:
            names = {entry.relname for entry in clause.lockedRels or ()}
            for item in scope.namespace.items:
                if item.relation is not None and (not names or item.alias in names):
                    self.facts.locks.append(Finding(item.relation.label))
                    self.facts.writes[item.relation.oid] = item.relation
            if not self.facts.locks:
                self.facts.locks.append(Finding("rows"))

    def _into(self, output: Output, node: Node) -> None:
        if self.tainted(output.rest):
            self.facts.refusals.append(
                Finding("a protected column may not be copied into a new table", getattr(node.rel, "location", -1))
            )

    # -- set operations, VALUES, WITH ----------------------------------------------------------------------------

    def _set_operation(self, node: Node, scope: Scope) -> Output:
        # Long chains of UNION lean to the left: walked without recursion.
        branches = []
        current = node
        while current.op != enums.SetOperation.SETOP_NONE and (current is node or _unadorned(current)):
            branches.append((current.rarg, current.all))
            current = current.larg
        output = self.select(current, scope)
        for branch, keeps_duplicates in reversed(branches):
            other = self.select(branch, scope)
            if not keeps_duplicates:
                self.searched(union([output.rest, other.rest]), -1)
            output = _merged(output, other)
        if node.sortClause:
            for part in node.sortClause:
                self._ordering(part, output, Scope(scope.parent), output_first=True)
        return output

    def _values(self, rows: Sequence[Sequence[Node]], scope: Scope) -> Output:
        origins = [[self.value(cell, scope) for cell in row] for row in rows]
        width = min((len(row) for row in origins), default=0)
        return Output.of([(f"column{i + 1}", union([row[i] for row in origins])) for i in range(width)])

    def with_clause(self, node: Node, scope: Scope) -> None:
        """Add the common table expressions of a WITH to a scope."""
        if node is None:
            return
        if node.recursive:  # later ones may be referred to before they are defined: no rule for these
            scope.ctes.update({cte.ctename: Output(None, OPAQUE) for cte in node.ctes})
        for cte in node.ctes:
            if node.recursive:
                scope.ctes[cte.ctename] = self._recursive(cte, scope)
            else:
                scope.ctes[cte.ctename] = self._cte(cte, self.query(cte.ctequery, scope))

    def _cte(self, cte: Node, output: Output) -> Output:
        names = strings(cte.aliascolnames)
        if output.columns is None and names:
            return Output(None, output.rest)
        columns = None if output.columns is None else renamed(output.columns, names)
        output = Output(columns, output.rest)
        for clause in (cte.search_clause, cte.cycle_clause):
            if clause is not None:  # adds columns made from others; which ones is not worth a rule
                return Output(None, output.rest)
        return output

    def _recursive(self, cte: Node, scope: Scope) -> Output:
        """Grow the columns of a recursive query until another round adds nothing."""
        query = cte.ctequery
        if not isinstance(query, ast.SelectStmt) or query.op == enums.SetOperation.SETOP_NONE:
            return self._cte(cte, self.query(query, scope))
        inner = Scope(scope)
        self.with_clause(query.withClause, inner)
        known = self._cte(cte, self.select(query.larg, inner))
        for _round in range(_MOST_ROUNDS):
            inner.ctes[cte.ctename] = known
            grown = self._cte(cte, _merged(known, self.select(query.rarg, inner)))
            if grown == known:
                break
            known = grown
        else:
            raise Unanalysable("a recursive WITH that does not settle", cte.location)
        if not query.all:
            self.searched(known.rest, cte.location)
        for part in query.sortClause or ():
            self._ordering(part, known, Scope(scope), output_first=True)
        self._limits(query, inner)
        return known

    # -- FROM ----------------------------------------------------------------------------------------------------

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
            self.facts.missing.append(Finding(node.relname, node.location))
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


def _merged(left: Output, right: Output) -> Output:
    """The output of a set operation: column by column from both sides, never bare."""
    rest = union([left.rest, right.rest])
    if left.columns is None or right.columns is None or len(left.columns) != len(right.columns):
        return Output(None, rest)
    pairs = zip(left.columns, right.columns, strict=True)
    return Output([(name, union([origin, other])) for (name, origin), (_name, other) in pairs], rest)


def _unadorned(node: Node) -> bool:
    parts = (node.withClause, node.sortClause, node.limitCount, node.limitOffset, node.lockingClause)
    return not any(part for part in parts)


def _star(node: Node) -> list[str] | None:
    """The qualifier of `*`, `t.*` or `(row).*`; None if a target is anything else."""
    if isinstance(node, ast.ColumnRef) and isinstance(node.fields[-1], ast.A_Star):
        return strings(node.fields)
    if isinstance(node, ast.A_Indirection) and isinstance(node.indirection[-1], ast.A_Star):
        return []
    return None
