"""The rules for queries: SELECT, VALUES, WITH, set operations, and everything that may stand in FROM.

Owns scopes and the expansion of `*`; expressions are in expressions.py, modifying statements in modifications.py. A
clause without a rule is Unanalysable.
"""

from __future__ import annotations

from collections.abc import Sequence

from hoopfast.policy.arguments import location_of
from hoopfast.policy.facts import Finding, Unanalysable
from hoopfast.policy.from_clause import FromClause
from hoopfast.policy.labels import label
from hoopfast.policy.model import Origin
from hoopfast.policy.parse import Node, ast, enums
from hoopfast.policy.scope import OPAQUE, Columns, Namespace, Output, Scope, renamed, union
from hoopfast.policy.typenames import qualified, strings

_MOST_ROUNDS = 50  # of a recursive WITH: each round adds a source to some column, or is the last


class Queries(FromClause):
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
        around, self.fixed_setting = self.fixed_setting, self._setting_that_is_asked_for(node)
        output = self.targets(node.targetList or (), scope)
        self.fixed_setting = around
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

    def _setting_that_is_asked_for(self, node: Node) -> Node:
        """`… FROM pg_settings WHERE name = 'this'`: what the column `name` then holds in all rows (pg_dump)."""
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
        return condition.rexpr if strings(condition.name) == ["="] else None

    def targets(self, targets: Sequence[Node], scope: Scope) -> Output:
        """The output columns of a target list, `*` expanded."""
        columns: Columns = []
        hidden: list[Origin] = []
        for target in targets:
            star = _star(target.val)
            if star is None:
                origin = self.value(target.val, scope)
                if not _hands_on(target.val):
                    self.plain(origin, location_of(target.val))
                columns.append((label(target), origin))
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
        if isinstance(inner, ast.A_Const) and isinstance(inner.val, ast.Integer):
            if self.context.protection.not_searchable(output.rest.sources) is not None:  # otherwise any column will do
                self._position(inner.val.ival or 0, output, location_of(node))
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

    def _position(self, position: int, output: Output, location: int) -> None:
        known = output.columns is not None and 0 < position <= len(output.columns)
        self.searched(output.columns[position - 1][1] if known and output.columns else output.rest, location)

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
        origins = [[self.plain(self.value(cell, scope), location_of(cell)) for cell in row] for row in rows]
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
                if clause is cte.cycle_clause:  # compared from row to row
                    self.searched(output.rest, clause.location)
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


def _hands_on(node: Node) -> bool:
    """Whether an expression only chooses between columns and constants, so that no value can make it fail (pg_dump)."""
    if isinstance(node, ast.CaseExpr):
        return all(map(_hands_on, (*(part.result for part in node.args), node.defresult)))
    return node is None or isinstance(node, ast.ColumnRef | ast.A_Const)
