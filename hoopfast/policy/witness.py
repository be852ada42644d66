"""The second witness: what a RowDescription says, beside what the analyser said (docs/design.md §5.2, soundness 9).

Owns the rule that the stricter of the two is believed. Knows no syntax and no statement: origins and columns only.
"""

from __future__ import annotations

from collections.abc import Sequence

from hoopfast.policy.compiled import Compiled
from hoopfast.policy.masks import cell_rule
from hoopfast.policy.model import PASS, CellRule, Origin, ResultColumn
from hoopfast.policy.protection import REDACT, Guard, weakest


class Witness:
    """What a RowDescription says, beside what the analyser said (soundness 9)."""

    def __init__(self, compiled: Compiled) -> None:
        self.catalog = compiled.catalog
        self.protection = compiled.protection

    def rule(self, origin: Origin, column: ResultColumn) -> CellRule:
        """The rule for a column of which the analyser knows the origin."""
        said = (column.table_oid, column.attribute_number)
        guards = [guard for source in origin.sources if (guard := self.protection.guard(source)) is not None]
        if not column.table_oid:
            if not guards and not origin.bare:
                return PASS
            # A bare column reports its table, unless a join or a set operation made it anew.
            return self._masked(guards, column) if guards else PASS
        if said not in origin.sources:
            return self._masked([*guards, self.protection.guard(said)], column)
        if not guards:
            return PASS if self.protection.guard(said) is None else self._masked([self.protection.guard(said)], column)
        if origin.bare and len(origin.sources) == 1 and self._same_type(said, column):
            return cell_rule(self.catalog, guards[0].own, column.type_oid, column.format)
        return self._masked(guards, column)

    def clean(self, column: ResultColumn) -> CellRule:
        """The rule for a column of a statement that was proven clean as a whole."""
        if not column.table_oid:
            return PASS
        guard = self.protection.guard((column.table_oid, column.attribute_number))
        return PASS if guard is None else self._masked([guard], column)

    def masked(self, column: ResultColumn) -> CellRule:
        """The rule for a column that nobody predicted."""
        return cell_rule(self.catalog, REDACT, column.type_oid, column.format)

    def _masked(self, guards: Sequence[Guard | None], column: ResultColumn) -> CellRule:
        masks = [guard.derived for guard in guards if guard is not None]
        return cell_rule(self.catalog, weakest(masks) if masks else REDACT, column.type_oid, column.format)

    def _same_type(self, source: tuple[int, int], column: ResultColumn) -> bool:
        relation = self.catalog.relations.get(source[0])
        found = relation.by_number.get(source[1]) if relation is not None else None
        if found is None:
            return False
        base = self.catalog.base_type(found.type_oid)  # a domain is described as what it is made of
        return column.type_oid == found.type_oid or (base is not None and base.oid == column.type_oid)
