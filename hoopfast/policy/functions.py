"""What a function, an operator or a type may do: pure, harmless, writing, or opaque, by name.

Owns the reviewed table (data/functions.txt) and the list of trusted extensions. A name is judged by all its candidates
in any schema, unless it is qualified (soundness 12): which overload the server picks is not known here. Knows no
syntax tree.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import cache
from importlib import resources

from hoopfast.policy.catalog import SYSTEM_SCHEMAS, Catalog

__all__ = ["TRUSTED_EXTENSIONS", "Trust", "function_trust", "operator_trust"]

# Their functions compute from their arguments only; what does not is listed in _UNTRUSTED_MEMBERS. Not here: dblink,
# tablefunc and xml2 (run the query in an argument), pageinspect, pgstattuple, pgrowlocks, pg_visibility, pg_walinspect,
# pg_buffercache (rows' bytes), file_fdw, postgres_fdw, adminpack (files), pg_stat_statements (texts), lo (large
# objects).
TRUSTED_EXTENSIONS = frozenset(
    "citext hstore pg_trgm pgcrypto uuid-ossp unaccent intarray ltree cube earthdistance btree_gin btree_gist"
    " fuzzystrmatch isn seg tsm_system_rows tsm_system_time bloom dict_int dict_xsyn vector".split()
)
_UNTRUSTED_MEMBERS = frozenset(("set_limit",))  # pg_trgm: changes a setting of the session
COMMENTING = frozenset(("obj_description", "col_description", "shobj_description"))  # they read pg_description
# They make a row of the type of an argument, and so run the checks of the domains in it.
POPULATING = frozenset(
    "json_populate_record json_populate_recordset jsonb_populate_record jsonb_populate_recordset"
    " jsonb_populate_record_valid populate_record".split()
)


class Trust(IntEnum):
    """What calling a function may do, from best to worst."""

    PURE = 0
    HARMLESS = 1
    WRITE = 2
    OPAQUE = 3
    UNKNOWN = 4  # no candidate of that name: the server will say so


@cache
def reviewed() -> dict[str, Trust]:
    """The reviewed table: name in pg_catalog (or information_schema.name) → trust."""
    table: dict[str, Trust] = {}
    section: Trust | None = None
    text = resources.files(__package__).joinpath("data/functions.txt").read_text(encoding="ascii")
    for line in text.splitlines():
        if line.startswith("[") and line.endswith("]"):
            section = Trust[line[1:-1].upper()]
        elif line and not line.startswith("#"):
            if section is None:
                raise ValueError("a name stands before the first section of functions.txt")
            table.update(dict.fromkeys(line.split(), section))
    return table


def function_trust(catalog: Catalog, schema: str | None, name: str, listed: Callable[[str, str], bool]) -> Trust:
    """The worst of all candidates of a function's name; `listed` says which ones the policy lists as clean."""
    worst = Trust.UNKNOWN
    if schema in (None, "pg_catalog") and name in catalog.builtin_functions:
        worst = reviewed().get(name, Trust.OPAQUE)
    for candidate in catalog.functions_by_name.get(name, ()):
        if schema is not None and candidate.schema != schema:
            continue
        if schema is None and candidate.schema == "information_schema":
            continue  # nobody has it in the search path; with `SET search_path` it is not allowed
        if listed(candidate.schema, candidate.name):
            trust = Trust.PURE
        elif candidate.schema == "information_schema":
            trust = reviewed().get(f"information_schema.{name}", Trust.OPAQUE)
        elif candidate.extension in TRUSTED_EXTENSIONS and name not in _UNTRUSTED_MEMBERS:
            trust = Trust.PURE
        else:
            trust = Trust.OPAQUE
        worst = trust if worst is Trust.UNKNOWN else max(worst, trust)
    return worst


def operator_trust(catalog: Catalog, schema: str | None, name: str, listed: Callable[[str, str], bool]) -> Trust:
    """As `function_trust`, for an operator's name. All operators of pg_catalog that are the server's own are pure."""
    worst = Trust.UNKNOWN
    if schema in (None, "pg_catalog") and name in catalog.builtin_operators:
        worst = Trust.PURE
    for candidate in catalog.operators_by_name.get(name, ()):
        if schema is not None and candidate.schema != schema:
            continue
        function = catalog.functions.get(candidate.function)
        if candidate.extension in TRUSTED_EXTENSIONS:
            trust = Trust.PURE
        elif function is None:  # a new operator over one of the server's own functions, whose name is not known here
            trust = Trust.OPAQUE
        elif listed(function.schema, function.name):
            trust = Trust.PURE
        else:
            trust = Trust.OPAQUE
        worst = trust if worst is Trust.UNKNOWN else max(worst, trust)
    return worst


def type_is_trusted(catalog: Catalog, oid: int) -> bool:
    """Whether input, output and casts of a type run nobody's code (a domain's checks are judged elsewhere)."""
    entry = catalog.types.get(oid)
    for _ in range(64):
        if entry is None:
            return False
        if entry.kind == "d":
            entry = catalog.types.get(entry.base)
        elif entry.element and entry.category == "A":
            entry = catalog.types.get(entry.element)
        else:
            break
    if entry is None:
        return False
    if entry.kind in ("c", "e", "r", "m", "p"):
        return True
    return (entry.oid < 16384 and entry.schema in SYSTEM_SCHEMAS) or entry.extension in TRUSTED_EXTENSIONS
