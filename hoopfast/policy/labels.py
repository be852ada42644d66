"""The name that the server gives to an output column (FigureColname, src/backend/parser/parse_target.c).

Owns nothing else. A wrong name here would make an outer query's reference look like another column, so the rules
follow the server's, strength by strength.
"""

from __future__ import annotations

from hoopfast.policy.parse import Node, ast, enums
from hoopfast.policy.typenames import strings

_UNNAMED = "?column?"
_FIXED = {
    "CoalesceExpr": "coalesce",
    "XmlSerialize": "xmlserialize",
    "A_ArrayExpr": "array",
    "RowExpr": "row",
    "GroupingFunc": "grouping",
    "MergeSupportFunc": "merge_action",
    "JsonParseExpr": "json",
    "JsonScalarExpr": "json_scalar",
    "JsonSerializeExpr": "json_serialize",
    "JsonObjectConstructor": "json_object",
    "JsonArrayConstructor": "json_array",
    "JsonArrayQueryConstructor": "json_array",
    "JsonObjectAgg": "json_objectagg",
    "JsonArrayAgg": "json_arrayagg",
}
_XML = {
    enums.XmlExprOp.IS_XMLCONCAT: "xmlconcat",
    enums.XmlExprOp.IS_XMLELEMENT: "xmlelement",
    enums.XmlExprOp.IS_XMLFOREST: "xmlforest",
    enums.XmlExprOp.IS_XMLPARSE: "xmlparse",
    enums.XmlExprOp.IS_XMLPI: "xmlpi",
    enums.XmlExprOp.IS_XMLROOT: "xmlroot",
}
_JSON = ("json_exists", "json_query", "json_value", "json_table")


def label(target: Node) -> str:
    """The name of a ResTarget's column."""
    if target.name is not None:
        return str(target.name)
    return _figure(target.val)[0] or _UNNAMED


def _figure(node: Node) -> tuple[str | None, int]:
    """(name, strength): 2 a real name, 1 a guess from a type, 0 none."""
    kind = type(node).__name__
    if kind == "ColumnRef":
        names = strings(node.fields)
        return (names[-1], 2) if names and not isinstance(node.fields[-1], ast.A_Star) else (None, 0)
    if kind == "A_Indirection":
        names = strings(node.indirection)
        return (names[-1], 2) if names else _figure(node.arg)
    if kind == "FuncCall":
        return strings(node.funcname)[-1], 2
    if kind == "A_Expr" and node.kind == enums.A_Expr_Kind.AEXPR_NULLIF:
        return "nullif", 2
    if kind == "TypeCast":
        return _typed(_figure(node.arg), node.typeName)
    if kind == "CollateClause":
        return _figure(node.arg)
    if kind == "CaseExpr":
        found = _figure(node.defresult) if node.defresult is not None else (None, 0)
        return found if found[1] > 1 else ("case", 1)
    if kind == "SubLink":
        return _sub_select(node)
    if kind == "SQLValueFunction":
        return node.op.name.removeprefix("SVFOP_").removesuffix("_N").lower(), 2
    if kind == "MinMaxExpr":
        return ("greatest" if node.op == enums.MinMaxOp.IS_GREATEST else "least"), 2
    if kind == "XmlExpr" and node.op in _XML:
        return _XML[node.op], 2
    if kind == "JsonFuncExpr":
        return _JSON[int(node.op)], 2
    return (_FIXED[kind], 2) if kind in _FIXED else (None, 0)


def _typed(found: tuple[str | None, int], type_name: Node) -> tuple[str | None, int]:
    if found[1] <= 1 and type_name is not None:
        names = strings(type_name.names)
        if names:
            return names[-1], 1
    return found


def _sub_select(node: Node) -> tuple[str | None, int]:
    if node.subLinkType == enums.SubLinkType.EXISTS_SUBLINK:
        return "exists", 2
    if node.subLinkType == enums.SubLinkType.ARRAY_SUBLINK:
        return "array", 2
    if node.subLinkType == enums.SubLinkType.EXPR_SUBLINK:
        inner = node.subselect
        while isinstance(inner, ast.SelectStmt) and inner.larg is not None:
            inner = inner.larg
        if isinstance(inner, ast.SelectStmt) and inner.valuesLists:
            return "column1", 2
        targets = inner.targetList if isinstance(inner, ast.SelectStmt) else None
        if targets:
            return (targets[0].name, 2) if targets[0].name else _figure(targets[0].val)
    return None, 0
