"""The rules for expressions: from which columns a value derives, and what evaluating it may do.

One method for each kind of node; a node without a rule is Unanalysable. Owns functions' and operators' names, casts,
column references and sub-selects in expressions; what a SELECT is, is in queries.py. Decides nothing: it fills
`Facts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hoopfast.policy.arguments import judge_set_config, location_of, note_notify
from hoopfast.policy.facts import Facts, Finding, Unanalysable
from hoopfast.policy.functions import COMMENTING, POPULATING, Trust, function_trust, operator_trust
from hoopfast.policy.model import Origin
from hoopfast.policy.parse import Node, ast, enums
from hoopfast.policy.scope import CLEAN, EXISTS, OPAQUE, OPAQUE_SOURCE, Item, Output, Scope, union
from hoopfast.policy.typenames import Types, operators, qualified, strings

if TYPE_CHECKING:
    from hoopfast.policy.catalog import Catalog
    from hoopfast.policy.names import Names
    from hoopfast.policy.protection import Protection

# Their value derives from all the values below them, and from nothing else.
_SUM_OF_PARTS = (
    "BoolExpr NullTest BooleanTest CoalesceExpr MinMaxExpr A_ArrayExpr RowExpr NamedArgExpr XmlExpr XmlSerialize"
    " CollateClause GroupingFunc WindowDef GroupingSet ResTarget JsonObjectConstructor JsonArrayConstructor"
    " JsonObjectAgg JsonArrayAgg JsonAggConstructor JsonIsPredicate JsonParseExpr JsonScalarExpr JsonSerializeExpr"
    " JsonFuncExpr JsonValueExpr JsonKeyValue JsonArgument JsonBehavior JsonOutput"
).split()
_WITHOUT_VALUE = (
    "A_Const ParamRef SetToDefault Integer Float Boolean String BitString JsonFormat JsonReturning A_Star".split()
)


@dataclass(slots=True)
class Context:
    """What the analysis of one command works with."""

    catalog: Catalog
    names: Names
    protection: Protection
    types: Types
    listed: Callable[[str, str], bool]
    facts: Facts = field(default_factory=Facts)


class Expressions:
    """Origins of expressions; `Queries` (queries.py) adds what a query is."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.facts = context.facts
        self.fixed_setting: Node = None  # the value of the column `name`, where a query can have one only

    def query(self, node: Node, parent: Scope | None) -> Output:
        """The output of a SELECT or of a modifying statement in WITH."""
        raise Unanalysable("a sub-select is not possible here")

    # -- positions -----------------------------------------------------------------------------------------------

    def value(self, node: Node, scope: Scope) -> Origin:
        """Where the value of an expression comes from."""
        if node is None:
            return CLEAN
        if isinstance(node, tuple):
            return union([self.value(part, scope) for part in node])
        rule = _RULES.get(type(node).__name__)
        if rule is None:
            raise Unanalysable(f"{type(node).__name__} in an expression", getattr(node, "location", -1))
        return rule(self, node, scope)

    def condition(self, node: Node, scope: Scope) -> None:
        """An expression whose value decides which rows there are, or in which order: no place for protected columns."""
        if node is not None:
            self.searched(self.value(node, scope), location_of(node))

    def searched(self, origin: Origin, location: int) -> None:
        """A value of this origin decides about rows."""
        if OPAQUE_SOURCE in origin.sources and self.facts.missing:
            return  # the server does not know the name either
        denied = self.context.protection.not_searchable(origin.sources)
        if denied is None:
            return
        self.facts.rows_tell = True
        location = self.facts.places.get(denied, location)
        hint = ""
        what = "a value that may derive from anything"
        if denied != OPAQUE_SOURCE:
            what = f"the protected column {self.context.protection.label(denied)}"
            hint = 'leave it out of the condition; or the policy\'s owner sets predicates = "allow" for this column'
        self.facts.refusals.append(
            Finding(f"{what} may not be used to select, order, join or group rows", location, hint)
        )

    def plain(self, origin: Origin, location: int) -> Origin:
        """A value in a list of targets: an expression may fail, or return several rows, depending on the value."""
        known = origin.sources - {OPAQUE_SOURCE}
        denied = None if origin.bare else self.context.protection.not_searchable(known)
        if denied is not None:
            label = self.context.protection.label(denied)
            what = f"the protected column {label} may be read as it is only, and not in an expression"
            hint = "select the column as it is, and compute in the client"
            self.facts.refusals.append(Finding(what, self.facts.places.get(denied, location), hint))
        return origin

    def unread(self, what: str, location: int) -> None:
        """Code that nobody has read takes part."""
        self.facts.opaque.append(Finding(what, location))

    def tainted(self, origin: Origin) -> bool:
        """Whether a value may derive from a protected column, or from nobody knows what."""
        return self.context.protection.tainted(origin.sources)

    # -- leaves --------------------------------------------------------------------------------------------------

    def _nothing(self, _node: Node, _scope: Scope) -> Origin:
        return CLEAN

    def _parts(self, node: Node, scope: Scope) -> Origin:
        found = []
        for attribute in node:
            part = getattr(node, attribute)
            if isinstance(part, ast.Node | tuple):
                found.append(self._part(part, scope))
        return union(found)

    def _part(self, part: Node, scope: Scope) -> Origin:
        if isinstance(part, ast.TypeName):
            self.type_name(part)
            return CLEAN
        if isinstance(part, tuple):
            return union([self._part(piece, scope) for piece in part if isinstance(piece, ast.Node | tuple)])
        return self.value(part, scope)

    def _column(self, node: Node, scope: Scope) -> Origin:
        if isinstance(node.fields[-1], ast.A_Star):
            item = self._item(strings(node.fields), scope)
            if item is None:
                self.facts.missing.append(Finding(".".join(strings(node.fields)), node.location))
                return OPAQUE
            return item.whole()
        names = strings(node.fields)
        origin = self._named(names, scope, node.location)
        for source in self.context.protection.protected_of(origin.sources):
            self.facts.protected.add(source)
            self.facts.places[source] = node.location
        return origin

    def _named(self, names: list[str], scope: Scope, location: int) -> Origin:
        if len(names) == 1:
            found = scope.column(names[0])
            if found is not None:
                return found
            item = scope.item(names[0])
            if item is not None:
                return item.whole()
        else:
            item = self._item(names[:-1], scope)
            if item is not None:
                found = item.find(names[-1])
                if found is not None and item.knows(names[-1]):
                    return found
                if found is not None:
                    return union([found, self._attribute(names[-1], item.whole(), location)])
                return self._call(None, names[-1], item.whole(), location)  # soundness 17: p.label is label(p)
        self.facts.missing.append(Finding(".".join(names), location))
        return OPAQUE

    def _attribute(self, name: str, value: Origin, location: int) -> Origin:
        """`value.name`: a field, or a function or a type of that name, called with the value (soundness 17)."""
        context = self.context
        trust = function_trust(context.catalog, None, name, context.listed)
        if trust is Trust.UNKNOWN and not context.names.types(None, name):
            return union([value])
        return union([value, self._call(None, name, value, location)])

    def _item(self, names: list[str], scope: Scope) -> Item | None:
        if not names:
            return None
        return scope.item(names[-1], names[-2] if len(names) > 1 else None)

    # -- operators, functions, types -----------------------------------------------------------------------------

    def operator(self, schema: str | None, name: str, location: int) -> bool:
        """Judge an operator by its name; whether its value derives from its arguments only."""
        context = self.context
        trust = operator_trust(context.catalog, schema, name, context.listed)
        if trust is Trust.UNKNOWN:
            self.facts.missing.append(Finding(name, location))
        elif trust is not Trust.PURE or self._cast_unasked():
            self.facts.opaque.append(Finding(f"the operator {name}", location))
        else:
            return True
        return False

    def _expression(self, node: Node, scope: Scope) -> Origin:
        # The left spine is walked without recursion: long concatenations are ordinary.
        found: list[Origin] = []
        pure = True
        current = node
        while isinstance(current, ast.A_Expr):
            for schema, name in operators(current):
                pure = self.operator(schema, name, current.location) and pure
            if current.kind == enums.A_Expr_Kind.AEXPR_SIMILAR:
                pure = self._judge("pg_catalog", "similar_to_escape", CLEAN, current.location) is not OPAQUE and pure
            found.append(self.value(current.rexpr, scope))
            current = current.lexpr
        found.append(self.value(current, scope))
        return union(found) if pure else OPAQUE

    def _case(self, node: Node, scope: Scope) -> Origin:
        if node.arg is not None:
            self.operator(None, "=", node.location)
        deciding = [self._decides(part.expr, scope) for part in node.args]
        if node.arg is not None:
            deciding.append(self._decides(node.arg, scope))
        return union(
            [*deciding, *(self.value(part.result, scope) for part in node.args), self.value(node.defresult, scope)]
        )

    def _decides(self, node: Node, scope: Scope) -> Origin:
        """A condition inside an expression: judged as one, and a source of the expression's value (soundness 35)."""
        origin = self.value(node, scope)
        self.searched(origin, location_of(node))
        return origin

    def _sort(self, node: Node, scope: Scope) -> Origin:
        if node.useOp:
            self.operator(*qualified(node.useOp), node.location)
        return self.value(node.node, scope)

    def _function(self, node: Node, scope: Scope) -> Origin:
        schema, name = qualified(node.funcname)
        arguments = list(node.args or ())
        values = [self.value(argument, scope) for argument in arguments]
        around = [
            self._decides(part, scope) for part in (node.agg_order, node.agg_filter, node.over) if part is not None
        ]
        if schema in (None, "pg_catalog") and name == "set_config":
            judge_set_config(arguments, self.fixed_setting, self.facts, node.location)
        elif schema in (None, "pg_catalog") and name == "pg_notify":
            note_notify(arguments, self.facts)
        if name in POPULATING:
            self._row_types_trusted(union(values), name, node.location)
        bare_count = (
            name == "count" and not node.agg_distinct and (node.agg_star or (len(values) == 1 and values[0].bare))
        )
        result = self._call(schema, name, union(values), node.location)
        if bare_count and result is not OPAQUE:
            result = CLEAN
        return union([result, *around]) if around else result

    def _call(self, schema: str | None, name: str, arguments: Origin, location: int) -> Origin:
        self.facts.functions.add((schema or "", name))
        return self._judge(schema, name, arguments, location)

    def _judge(self, schema: str | None, name: str, arguments: Origin, location: int) -> Origin:
        context = self.context
        trust = function_trust(context.catalog, schema, name, context.listed)
        label = f"the function {schema}.{name}" if schema else f"the function {name}"
        if trust is Trust.UNKNOWN:
            return self._not_a_function(schema, name, arguments, label, location)
        if trust is Trust.OPAQUE or self._cast_unasked():
            self.facts.opaque.append(Finding(label, location))
            return OPAQUE
        if trust is Trust.PURE:
            return union([arguments])
        if self.tainted(arguments):
            self.facts.refusals.append(Finding(f"{label} may not be given a protected column", location))
            return OPAQUE
        if trust is Trust.WRITE:
            self.facts.writing.append(Finding(label, location))
        if name in COMMENTING:
            return context.protection.comments()
        return CLEAN

    def _not_a_function(self, schema: str | None, name: str, arguments: Origin, label: str, location: int) -> Origin:
        """A type's name called like a function is a cast, and a column's name called on a row is that column."""
        types = self.context.names.types(schema, name)
        if types:
            return union([arguments]) if self._types_trusted([entry.oid for entry in types], name, location) else OPAQUE
        rows = {oid for oid, number in arguments.sources if number == 0 and oid}
        relations = [self.context.catalog.relations[oid] for oid in rows if oid in self.context.catalog.relations]
        if any(name in relation.by_name for relation in relations):
            return union([arguments])
        self.facts.missing.append(Finding(label, location))
        return OPAQUE

    def _cast_unasked(self) -> bool:
        """Whether the server may run unread code to cast an argument (soundness 14)."""
        sources = self.context.types.implicit_sources
        if not sources:
            return False
        types = self.context.catalog.types
        if any(oid in types and types[oid].oid < 16384 for oid in sources):
            return True
        return any(c.type_oid in sources for relation in self.facts.reads.values() for c in relation.columns)

    def type_name(self, node: Node) -> bool:
        """Judge a type by its name; whether its values run no unread code."""
        types = self.context.types.resolve(node, self.context.names)
        if strings(node.names)[-1:] == ["json"]:  # a keyword from 16 on, and a name that anything may have before
            types = self.context.catalog.types_by_name.get("json", [])
        if not types:
            if node.pct_type:
                raise Unanalysable("%TYPE", node.location)
            self.facts.missing.append(Finding(".".join(strings(node.names)), node.location))
            return False
        return self._types_trusted([entry.oid for entry in types], ".".join(strings(node.names)), node.location)

    def _row_types_trusted(self, values: Origin, label: str, location: int) -> None:
        """Judge the types of the columns that values come from."""
        relations = self.context.catalog.relations
        columns = [
            column.type_oid
            for oid, number in values.sources
            if oid in relations
            for column in relations[oid].columns
            if number in (0, column.number)
        ]
        self._types_trusted(columns, f"that {label} makes a row of", location)

    def _types_trusted(self, oids: Iterable[int], label: str, location: int) -> bool:
        if all(self.context.types.trusted(oid) for oid in oids):
            return True
        self.facts.opaque.append(Finding(f"the type {label}", location))
        return False

    def _cast(self, node: Node, scope: Scope) -> Origin:
        value = self.value(node.arg, scope)
        return union([value]) if self.type_name(node.typeName) else OPAQUE

    # -- sub-selects and composites ------------------------------------------------------------------------------

    def _sub_select(self, node: Node, scope: Scope) -> Origin:
        output = self.query(node.subselect, scope)
        left = self.value(node.testexpr, scope)
        if node.subLinkType in (enums.SubLinkType.ANY_SUBLINK, enums.SubLinkType.ALL_SUBLINK):
            schema, name = qualified(node.operName) if node.operName else (None, "=")
            if not self.operator(schema, name, node.location):
                return OPAQUE
        if node.subLinkType == enums.SubLinkType.EXISTS_SUBLINK:
            return EXISTS  # whether there is a row is decided by conditions, which are judged where they stand
        return union([left, output.rest])

    def _indirection(self, node: Node, scope: Scope) -> Origin:
        value = union([self.value(node.arg, scope)])
        fields = self._fields(node.arg, scope)
        for step in node.indirection:
            if isinstance(step, ast.A_Indices):
                value = union([value, self.value(step.lidx, scope), self.value(step.uidx, scope)])
            elif isinstance(step, ast.String):
                value = value if step.sval in fields else self._attribute(step.sval, value, location_of(node.arg))
            elif not isinstance(step, ast.A_Star):
                raise Unanalysable(f"{type(step).__name__} in a field selection")
            fields = frozenset()
        return value

    def _fields(self, node: Node, scope: Scope) -> frozenset[str]:
        """The fields that a value is certain to have: a FROM item's columns, those of a composite column."""
        names = strings(node.fields) if isinstance(node, ast.ColumnRef) else []
        if len(names) == 1 and scope.column(names[0]) is None:
            item = scope.item(names[0])
            return frozenset(name for name, _origin in item.columns) if item is not None else frozenset()
        origin = self._named(names, scope, -1) if names and len(names) == len(node.fields) else CLEAN
        if not origin.bare or len(origin.sources) != 1:
            return frozenset()
        catalog = self.context.catalog
        ((oid, number),) = origin.sources
        relation = catalog.relations.get(oid)
        column = relation.by_number.get(number) if relation is not None else None
        entry = catalog.base_type(column.type_oid) if column is not None else None
        composite = catalog.relations.get(entry.relation) if entry is not None and entry.kind == "c" else None
        return frozenset(composite.by_name) if composite is not None else frozenset()

    def _multiple(self, node: Node, scope: Scope) -> Origin:
        return self.value(node.source, scope)


_Rule = Callable[[Expressions, Node, Scope], Origin]
_RULES: dict[str, _Rule] = {
    **dict.fromkeys(_SUM_OF_PARTS, Expressions._parts),
    **dict.fromkeys(_WITHOUT_VALUE, Expressions._nothing),
    "A_Expr": Expressions._expression,
    "A_Indirection": Expressions._indirection,
    "CaseExpr": Expressions._case,
    "ColumnRef": Expressions._column,
    "CurrentOfExpr": Expressions._nothing,
    "FuncCall": Expressions._function,
    "MergeSupportFunc": Expressions._nothing,
    "MultiAssignRef": Expressions._multiple,
    "SortBy": Expressions._sort,
    "SQLValueFunction": Expressions._nothing,
    "SubLink": Expressions._sub_select,
    "TypeCast": Expressions._cast,
}
