"""What a type name means, and whether a value of that type can run code that nobody has read (soundness 14).

Owns the judgement on types, domains with checks, user-defined casts, and expressions kept in the catalog.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from hoopfast.policy.functions import TRUSTED_EXTENSIONS, Trust, function_trust, operator_trust, type_is_trusted
from hoopfast.policy.names import Names
from hoopfast.policy.parse import Node, TooComplex, Unparsable, ast, children, enums, parse

if TYPE_CHECKING:
    from hoopfast.policy.catalog import Catalog, Type

_IMPLIED = {
    enums.A_Expr_Kind.AEXPR_BETWEEN: (">=", "<="),
    enums.A_Expr_Kind.AEXPR_NOT_BETWEEN: ("<", ">"),
    enums.A_Expr_Kind.AEXPR_BETWEEN_SYM: (">=", "<="),
    enums.A_Expr_Kind.AEXPR_NOT_BETWEEN_SYM: ("<", ">"),
}


def strings(nodes: tuple[Node, ...] | None) -> list[str]:
    """The texts of a list of String nodes, a name for instance."""
    return [node.sval for node in nodes or () if isinstance(node, ast.String)]


def qualified(nodes: tuple[Node, ...] | None) -> tuple[str | None, str]:
    """(schema, name) of a list of String nodes."""
    parts = strings(nodes)
    return (parts[-2] if len(parts) > 1 else None, parts[-1] if parts else "")


def operators(node: Node) -> list[tuple[str | None, str]]:
    """(schema, name) of the operators that an A_Expr stands for."""
    implied = _IMPLIED.get(node.kind)
    if implied is not None:
        return [(None, name) for name in implied]
    return [qualified(node.name)]


class Types:
    """Judgements on types for one catalog and one policy's list of functions."""

    def __init__(self, catalog: Catalog, listed: Callable[[str, str], bool]) -> None:
        self.catalog = catalog
        self.listed = listed
        self._trusted: dict[int, bool] = {}

    def resolve(self, node: Node, names: Names) -> list[Type]:
        """The types that a TypeName may mean; an array's are those of its elements."""
        schema, name = qualified(node.names)
        return names.types(schema, name)

    def trusted(self, oid: int) -> bool:
        """Whether values of a type run no unread code: its own, its domains' checks, casts to it."""
        return self._known(oid, frozenset())

    def _known(self, oid: int, around: frozenset[int]) -> bool:
        """As `trusted`; `around` are the types that are being judged, for a type that contains itself."""
        known = self._trusted.get(oid)
        if known is None:
            known = oid not in around and self._judge(oid, around | {oid})
            if oid not in around:  # nothing half-way is kept: another thread may ask
                self._trusted[oid] = known
        return known

    def _judge(self, oid: int, around: frozenset[int]) -> bool:
        if not type_is_trusted(self.catalog, oid) or oid in self._cast_targets:
            return False
        entry = self.catalog.types.get(oid)
        if entry is None:
            return False
        if entry.kind == "d":
            checks = self.catalog.domain_checks.get(oid, [])
            pure = all(self._text_is_pure(_check_of(text), around) for text in checks)
            return pure and self._known(entry.base, around)
        if entry.kind == "c":
            relation = self.catalog.relations.get(entry.relation)
            return relation is None or all(self._known(column.type_oid, around) for column in relation.columns)
        if entry.kind == "r":
            return self._known(entry.subtype, around)
        if entry.element and entry.category == "A":
            return self._known(entry.element, around)
        return True

    @cached_property
    def _cast_targets(self) -> frozenset[int]:
        return frozenset(target for _source, target in self._unread_casts(implicit=False))

    @cached_property
    def implicit_sources(self) -> frozenset[int]:
        """Types that the server may cast to another by unread code without being asked."""
        return frozenset(source for source, _target in self._unread_casts(implicit=True))

    def _unread_casts(self, *, implicit: bool) -> list[tuple[int, int]]:
        found = []
        for source, target, oid, context, extension in self.catalog.user_casts:
            function = self.catalog.functions.get(oid)
            listed = function is not None and self.listed(function.schema, function.name)
            if extension not in TRUSTED_EXTENSIONS and not listed and (not implicit or context != "e"):
                found.append((source, target))
        return found

    def expression_is_pure(self, text: str) -> bool:
        """Whether an expression of the catalog (default, check …) calls reviewed code only, and reads no table."""
        return self._text_is_pure(text, frozenset())

    def _text_is_pure(self, text: str, around: frozenset[int]) -> bool:
        try:
            (command,) = parse(f"SELECT {text}").commands
        except (Unparsable, TooComplex, ValueError):
            return False
        return self._pure(command, around)

    def _pure(self, node: Node, around: frozenset[int]) -> bool:
        waiting = [node]
        names = Names(self.catalog, ("pg_catalog",))
        while waiting:
            current = waiting.pop()
            if isinstance(current, ast.FuncCall):
                schema, name = qualified(current.funcname)
                # Rendered with an empty search_path: what is not qualified is in pg_catalog.
                if function_trust(self.catalog, schema or "pg_catalog", name, self.listed) > Trust.WRITE:
                    return False
            elif isinstance(current, ast.A_Expr):
                for schema, name in operators(current):
                    if operator_trust(self.catalog, schema or "pg_catalog", name, self.listed) is not Trust.PURE:
                        return False
            elif isinstance(current, ast.TypeName):
                types = self.resolve(current, names)
                if not types or not all(self._known(entry.oid, around) for entry in types):
                    return False
            elif isinstance(current, ast.SubLink | ast.RangeVar):
                return False
            waiting += children(current)
        return True


def _check_of(definition: str) -> str:
    """The expression of `CHECK (…)`, as pg_get_constraintdef writes it."""
    text = definition.removeprefix("CHECK ").removesuffix(" NOT VALID")
    return text if definition.startswith("CHECK ") else "TRUE"
