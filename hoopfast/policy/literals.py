"""The guard on literals: whether an analysis has looked at the value of one (docs/design.md §5.3).

Before a command is analysed, everything in its syntax tree that a literal's value goes into is replaced by something
that notes that it was read, and what the shape of a text folds is folded in the tree: lists and rows beyond the second
of their kind are taken out. What the analyser then sees is the same for all texts of one shape, unless the note says
that it has looked further: this, and no list of cases, is the proof of model.Statement.literals_matter. Every
attribute of every node is walked; a kind of node, or a number or text in one, that is not in the tables below counts
as a literal that was read. Decides nothing, and knows neither catalog nor policy.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from hoopfast.policy.parse import Node, ast, enums
from hoopfast.policy.summary import Folds

__all__ = ["Literals"]

# What may stand in the trees of queries and data modification, and its attributes in which no literal goes: names,
# numbers of parameters and columns, what the grammar sets to the same always. Flags, enumerations and places of the
# text are known by their types, and are none either: the grammar makes them from keywords and operators.
_NO_LITERAL = {
    "A_ArrayExpr": "",
    "A_Const": "",
    "A_Expr": "name",
    "A_Indices": "",
    "A_Indirection": "",
    "A_Star": "",
    "Alias": "aliasname colnames",
    "BoolExpr": "",
    "BooleanTest": "",
    "CTECycleClause": "cycle_col_list cycle_mark_column cycle_path_column cycle_mark_typmod",
    "CTESearchClause": "search_col_list search_seq_column",
    "CaseExpr": "",
    "CaseWhen": "",
    "CoalesceExpr": "",
    "CollateClause": "collname",
    "ColumnDef": "colname compression inhcount storage storage_name identity generated",
    "ColumnRef": "fields",
    "CommonTableExpr": "ctename aliascolnames cterefcount",
    "CurrentOfExpr": "cvarno cursor_name cursor_param",
    "DeleteStmt": "",
    "FuncCall": "funcname",
    "GroupingFunc": "agglevelsup",
    "GroupingSet": "",
    "IndexElem": "name indexcolname collation opclass",
    "InferClause": "conname",
    "InsertStmt": "",
    "JoinExpr": "usingClause rtindex",
    "JsonAggConstructor": "",
    "JsonArgument": "name",
    "JsonArrayAgg": "",
    "JsonArrayConstructor": "",
    "JsonArrayQueryConstructor": "",
    "JsonBehavior": "",
    "JsonFormat": "",
    "JsonFuncExpr": "column_name",
    "JsonIsPredicate": "",
    "JsonKeyValue": "",
    "JsonObjectAgg": "",
    "JsonObjectConstructor": "",
    "JsonOutput": "",
    "JsonParseExpr": "",
    "JsonReturning": "typmod",
    "JsonScalarExpr": "",
    "JsonSerializeExpr": "",
    "JsonTable": "",
    "JsonTableColumn": "name",
    "JsonTablePathSpec": "name",
    "JsonValueExpr": "",
    "LockingClause": "",
    "MergeStmt": "",
    "MergeSupportFunc": "",
    "MergeWhenClause": "",
    "MinMaxExpr": "",
    "MultiAssignRef": "colno ncolumns",
    "NamedArgExpr": "name argnumber",
    "NullTest": "",
    "OnConflictClause": "",
    "ParamRef": "number",
    "RangeFunction": "",
    "RangeSubselect": "",
    "RangeTableFunc": "",
    "RangeTableFuncCol": "colname",
    "RangeTableSample": "method",
    "RangeVar": "catalogname schemaname relname relpersistence",
    "ResTarget": "name",
    "ReturningClause": "",
    "ReturningOption": "value",
    "RowExpr": "colnames",
    "SQLValueFunction": "",
    "SelectStmt": "",
    "SetToDefault": "typeMod",
    "SortBy": "useOp",
    "String": "sval",  # a name: those of literals are met below their A_Const only
    "SubLink": "subLinkId operName",
    "TypeCast": "",
    "TypeName": "names arrayBounds",
    "UpdateStmt": "",
    "WindowDef": "name refname frameOptions",
    "WithClause": "",
    "XmlExpr": "name typmod",
    "XmlSerialize": "",
}
_UNSET = (None, -1)  # what the grammar leaves in a type modifier that is not written
_ROWS = "valuesLists"
_SIGN = "-"
_set = object.__setattr__  # pglast's own checks every value, and costs as much as all else that is done here


class Literals:
    """The literals of one command's tree, guarded from when this is made. `read`: whether one has been looked at."""

    def __init__(self, command: Node) -> None:
        self.read = False
        self.lists = self.elements = self.runs = self.rows = 0
        self._taken_out: list[tuple[Node, str, Any]] = []
        try:
            self._guard(command)
        except RecursionError:
            self.read = True

    @property
    def folds(self) -> Folds:
        """What was folded, to be compared with what can be folded in the text."""
        return Folds(self.lists, self.elements, self.runs, self.rows)

    def put_back(self) -> bool:
        """Make the tree whole again, for an analysis that needs all literals; whether anything was missing."""
        for node, attribute, whole in self._taken_out:
            _set(node, attribute, whole)
        missing, self._taken_out = bool(self._taken_out), []
        return missing

    def _guard(self, command: Node) -> None:
        waiting = [command]
        plans, guards, a_const = _PLANS, _GUARDED, _A_CONST
        while waiting:
            node = waiting.pop()
            kind = type(node)
            if kind is tuple:
                waiting += node
            elif kind is a_const:
                guard = guards.get(type(node.val))
                if guard is not None:
                    _set(node, "val", guard(node.val, self))
            elif node is not None:
                plan = plans.get(kind)
                if plan is None:
                    self.read = True
                    return
                fold, below, scalars = plan
                if fold is not None:
                    fold(self, node)
                for attribute in scalars:
                    if getattr(node, attribute) not in _UNSET:
                        self.read = True
                if below is not None:
                    waiting += below(node)

    def _fold_expression(self, node: Node) -> None:
        if node.kind == _IN:
            self._shorten_list(node, "rexpr")

    def _fold_array(self, node: Node) -> None:
        self._shorten_list(node, "elements")

    def _fold_select(self, node: Node) -> None:
        if node.valuesLists:
            self._shorten_rows(node)

    def _guard_bounds(self, node: Node) -> None:
        """The bounds of an array's type are numbers without an A_Const around them."""
        if node.arrayBounds and not all(type(bound) in _GUARDED for bound in node.arrayBounds):
            self.read = True
        elif node.arrayBounds:
            _set(node, "arrayBounds", tuple(_GUARDED[type(bound)](bound, self) for bound in node.arrayBounds))

    def _shorten_list(self, node: Node, attribute: str) -> None:
        whole = getattr(node, attribute)
        if type(whole) is tuple and len(whole) > 1 and all(map(_is_literal, whole)):
            self.lists += 1
            self.elements += len(whole)
            if len(whole) > 2:
                self._take_out(node, attribute, whole[:2])

    def _shorten_rows(self, node: Node) -> None:
        rows = node.valuesLists
        if len(rows) < 2:
            return
        kept: list[Any] = []
        last: Any = None
        alike = 0
        for row in rows:
            lists, elements = self.lists, self.elements
            likeness = self._likeness(row)
            alike = alike + 1 if likeness == last else 1
            last = likeness
            if alike < 3:  # what is kept is walked again
                self.lists, self.elements = lists, elements
                kept.append(row)
            if alike > 1:
                self.runs += alike == 2
                self.rows += 2 if alike == 2 else 1
        if len(kept) < len(rows):
            self._take_out(node, _ROWS, tuple(kept))

    def _take_out(self, node: Node, attribute: str, kept: Any) -> None:
        self._taken_out.append((node, attribute, getattr(node, attribute)))
        _set(node, attribute, kept)

    def _likeness(self, part: Any) -> Any:
        """What is equal for parts of the tree that differ in literals, and in places of the text, only."""
        kind = type(part)
        if kind is tuple:
            return tuple(map(self._likeness, part))
        if not isinstance(part, ast.Node):
            return part
        if _is_literal(part):
            return _LITERAL
        if kind is _A_CONST:
            return (part.isnull, _constant(part))
        if kind is _SELECT:
            self.read = True  # the depth of what is handed to the parser depends on the number of these
        if kind is _A_ARRAY or (kind is _A_EXPR and part.kind == _IN):
            whole = part.elements if kind is _A_ARRAY else part.rexpr
            if type(whole) is tuple and len(whole) > 1 and all(map(_is_literal, whole)):
                self.lists += 1
                self.elements += len(whole)
                return (kind, None if kind is _A_ARRAY else (self._likeness(part.lexpr), self._likeness(part.name)))
        getter = _LIKENESS[kind]
        return (kind, *map(self._likeness, getter(part)))


def _guarded(base: Any) -> Any:
    """A class of values that note when they are read; in everything else they are what they stand for."""
    (attribute,) = base.__slots__

    class Guarded(base):  # type: ignore[misc]
        __slots__ = ("_literals", "_value")

        def __init__(self, value: Node, literals: Literals) -> None:
            _set(self, "_value", getattr(value, attribute))
            _set(self, "_literals", literals)

        def __iter__(self) -> Any:
            return iter((attribute,))

    def read(self: Any) -> Any:
        self._literals.read = True
        return self._value

    setattr(Guarded, attribute, property(read))
    Guarded.__name__ = base.__name__  # by which the analyser's rules are found
    return Guarded


def _is_literal(node: Node) -> bool:
    """Whether a node is a literal of the text: neither a keyword, nor one into which the grammar has drawn a sign."""
    if type(node) is not _A_CONST:
        return type(node) is _TYPE_CAST and _is_national(node)
    value = node.val
    kind = type(value)
    if kind is _INTEGER:
        return bool(value.ival >= 0)
    if kind is _FLOAT:
        return not value.fval.startswith(_SIGN)
    return kind in _GUARDED


def _is_national(node: Node) -> bool:
    """Whether a cast may be what the grammar makes of N'…'."""
    name = node.typeName
    plain = not name.typmods and not name.arrayBounds
    return plain and [part.sval for part in name.names] == ["pg_catalog", "bpchar"] and _is_literal(node.arg)


def _constant(node: Node) -> Any:
    """What tells a constant that is no literal from others: a keyword's value, or that it has a sign."""
    return node.val.boolval if type(node.val) is ast.Boolean else node.val is None or _SIGN


def _plan(name: str, none: set[str]) -> _Plan:
    below: list[str] = []
    scalars: list[str] = []
    for attribute, slot in getattr(ast, name).__slots__.items():
        kind = slot.c_type
        if attribute in none or kind in ("bool", "ParseLoc") or hasattr(enums, kind):
            continue
        (below if kind.endswith("*") and kind != "char*" else scalars).append(attribute)
    return _FOLDS.get(name), _getter(below) if below else None, tuple(scalars)


def _getter(names: list[str]) -> Callable[[Node], tuple[Any, ...]]:
    """A function that gives these attributes of a node, one or none of them too."""
    if len(names) == 1:
        (name,) = names
        return lambda node: (getattr(node, name),)
    return attrgetter(*names) if names else lambda _node: ()


class _Getters(dict[Any, Callable[[Node], tuple[Any, ...]]]):
    """Class of nodes → a function that gives all their attributes but places of the text."""

    def __missing__(self, kind: Any) -> Callable[[Node], tuple[Any, ...]]:
        names = [name for name, slot in kind.__slots__.items() if slot.c_type != "ParseLoc"]
        found = self[kind] = _getter(names)
        return found


# What to do first with a node; what is below it, nodes and lists of nodes; attributes whose value may be a literal's.
_Plan = tuple[Callable[[Literals, Node], None] | None, Callable[[Node], tuple[Any, ...]] | None, tuple[str, ...]]
_A_CONST, _A_EXPR, _A_ARRAY = ast.A_Const, ast.A_Expr, ast.A_ArrayExpr
_SELECT, _TYPE_NAME, _TYPE_CAST = ast.SelectStmt, ast.TypeName, ast.TypeCast
_INTEGER, _FLOAT = ast.Integer, ast.Float
_IN = enums.A_Expr_Kind.AEXPR_IN
_LITERAL = "?"
_GUARDED = {base: _guarded(base) for base in (ast.Integer, ast.Float, ast.String, ast.BitString)}
_FOLDS = {
    "A_Expr": Literals._fold_expression,
    "A_ArrayExpr": Literals._fold_array,
    "SelectStmt": Literals._fold_select,
    "TypeName": Literals._guard_bounds,
}
_PLANS = {getattr(ast, name): _plan(name, set(none.split())) for name, none in _NO_LITERAL.items()}
_LIKENESS = _Getters()
