"""Names as PostgreSQL makes and resolves them: folding, the 63-byte cut, and the search path.

Owns the rule for what an unqualified name means while the effective schemas are known, and what it may mean while they
are not (soundness 15). Knows no policy; what a candidate is worth is decided by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence

from hoopfast.policy.catalog import Catalog, Relation, Type

LONGEST_NAME = 63  # NAMEDATALEN - 1, src/include/pg_config_manual.h


def cut(name: str) -> str:
    """A name as the server keeps it: at most 63 bytes, cut at a character's boundary (src/backend/parser/scansup.c)."""
    encoded = name.encode()
    if len(encoded) <= LONGEST_NAME:
        return name
    return encoded[:LONGEST_NAME].decode(errors="ignore")


class Names:
    """Resolution of names in one state of a session. `schemas` are current_schemas(true), or None if not known.

    `moving`: the transaction has changed the schema, and the catalog does not show how: what comes first in the path
    may be gone, so that a name may mean any of those in the path.
    """

    def __init__(self, catalog: Catalog, schemas: Sequence[str] | None, *, moving: bool = False) -> None:
        self.catalog = catalog
        self.moving = moving
        self.schemas = tuple(schemas) if schemas is not None else None

    def relations(self, schema: str | None, name: str) -> list[Relation]:
        """The relations that a name may mean: one or none if that is known, else all candidates."""
        candidates = [entry for entry in self.catalog.relations_by_name.get(name, ()) if entry.kind not in "ct"]
        if schema is not None:
            return [entry for entry in candidates if self._in_schema(entry.schema, schema)]
        if self.schemas is None:
            return candidates
        by_schema = {entry.schema: entry for entry in candidates}
        found = [by_schema[place] for place in self.schemas if place in by_schema]
        return found if self.moving else found[:1]

    def types(self, schema: str | None, name: str) -> list[Type]:
        """The types that a name may mean. Temporary schemas come first for types also (soundness 14)."""
        candidates = self.catalog.types_by_name.get(name, [])
        if schema is not None:
            return [entry for entry in candidates if self._in_schema(entry.schema, schema)]
        if self.schemas is None:
            return candidates
        by_schema = {entry.schema: entry for entry in candidates}
        found = [by_schema[place] for place in self.schemas if place in by_schema]
        return found if self.moving else found[:1]

    def _in_schema(self, actual: str, written: str) -> bool:
        if written != "pg_temp":
            return actual == written
        if self.schemas is None:
            return actual.startswith("pg_temp_")
        return actual.startswith("pg_temp_") and actual in self.schemas
