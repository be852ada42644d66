"""The queries that read a catalog, for servers 13 to 18, and the fingerprint that says whether it has changed.

Owns their SQL and nothing else. They are sent by the simple protocol, each on its own, with search_path empty, so that
what the server renders (view definitions, expressions) is qualified; all answers are text. OIDs below 16384 are the
server's own (FirstNormalObjectId, src/include/access/transam.h): of these only what decisions need is read, and in few
rows.
"""

from __future__ import annotations

_OWN = "{0}.oid < 16384"
_IN_CATALOGS = "n.nspname IN ('pg_catalog', 'information_schema')"
_EXTENSION = (
    "(SELECT e.extname FROM pg_catalog.pg_depend x JOIN pg_catalog.pg_extension e ON e.oid = x.refobjid"
    " WHERE x.classid = 'pg_catalog.{0}'::pg_catalog.regclass AND x.objid = {1}.oid AND x.objsubid = 0"
    " AND x.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND x.deptype = 'e')"
)
# Five digits in a row, whatever separates them, or an address.
_LIKE_DATA = "pg_catalog.regexp_replace(d.description, '[^0-9A-Za-z@]', '', 'g') ~ '[0-9]{5}|@'"

QUERIES: dict[str, str] = {
    "server": """
        SELECT pg_catalog.current_setting('server_version_num'), s.system_identifier, d.oid, d.datname,
               pg_catalog.pg_encoding_to_char(d.encoding)
          FROM pg_catalog.pg_control_system() s, pg_catalog.pg_database d
         WHERE d.datname = pg_catalog.current_database()""",
    "schemas": "SELECT oid, nspname FROM pg_catalog.pg_namespace",
    "relations": """
        SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relrowsecurity, c.relhasrules, c.reltype,
               c.relispartition,
               (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname, a.atttypid, a.attgenerated)
                                           ORDER BY a.attnum)
                  FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c', 'S') OR (c.relkind = 't' AND c.oid >= 16384)""",
    "expressions": """
        SELECT d.adrelid, d.adnum, pg_catalog.pg_get_expr(d.adbin, d.adrelid)
          FROM pg_catalog.pg_attrdef d WHERE d.adrelid >= 16384""",
    "types": """
        SELECT t.oid, n.nspname, t.typname, t.typtype, t.typcategory, t.typbasetype, t.typelem, t.typrelid, """
    + _EXTENSION.format("pg_type", "t")
    + """, (SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid)
          FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
         WHERE t.oid >= 16384 OR (t.typrelid = 0 AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_type e WHERE e.oid = t.typelem AND e.typrelid <> 0))""",
    "domains": """
        SELECT c.contypid, pg_catalog.pg_get_constraintdef(c.oid)
          FROM pg_catalog.pg_constraint c WHERE c.contypid <> 0 AND c.oid >= 16384""",
    "casts": """
        SELECT c.castsource, c.casttarget, c.castfunc, c.castcontext, c.castmethod, """
    + _EXTENSION.format("pg_cast", "c")
    + """ FROM pg_catalog.pg_cast c WHERE c.oid >= 16384 AND c.castmethod <> 'b'""",
    "views": """
        SELECT c.oid, pg_catalog.pg_get_viewdef(c.oid), """
    + _EXTENSION.format("pg_class", "c")
    + """ FROM pg_catalog.pg_class c WHERE c.relkind IN ('v', 'm') AND c.oid >= 16384""",
    "view_relations": """
        SELECT r.ev_class, pg_catalog.string_agg(DISTINCT d.refobjid::pg_catalog.text, ' ')
          FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d
            ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class
         WHERE r.oid >= 16384 AND r.ev_type = '1' GROUP BY r.ev_class""",
    "rules": """
        SELECT r.ev_class, r.rulename, r.ev_type, r.is_instead, pg_catalog.pg_get_ruledef(r.oid)
          FROM pg_catalog.pg_rewrite r WHERE r.oid >= 16384 AND r.rulename <> '_RETURN'""",
    "policies": """
        SELECT p.polrelid, p.polname, pg_catalog.pg_get_expr(p.polqual, p.polrelid),
               pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) FROM pg_catalog.pg_policy p""",
    "triggers": """
        SELECT t.tgrelid, t.tgname, t.tgfoid, t.tgtype FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal""",
    "constraints": """
        SELECT c.conrelid, c.contype, c.confrelid, c.confupdtype, c.confdeltype, c.conkey, c.confkey,
               CASE WHEN c.contype = 'c' THEN pg_catalog.pg_get_expr(c.conbin, c.conrelid) END
          FROM pg_catalog.pg_constraint c
         WHERE c.oid >= 16384 AND c.conrelid <> 0 AND c.contype IN ('f', 'c', 'u', 'p')""",
    "indexes": """
        SELECT i.indrelid, pg_catalog.pg_get_expr(i.indexprs, i.indrelid), pg_catalog.pg_get_expr(i.indpred, i.indrelid)
          FROM pg_catalog.pg_index i
         WHERE i.indexrelid >= 16384 AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)""",
    "unique_indexes": """
        SELECT i.indrelid, i.indkey, i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
          FROM pg_catalog.pg_index i WHERE i.indexrelid >= 16384 AND (i.indisunique OR i.indisexclusion)""",
    # Comments are metadata, like all that is written in DDL; but one that looks like data makes all of them data.
    "comments": """
        SELECT EXISTS (SELECT FROM pg_catalog.pg_description d
                        WHERE (d.objoid >= 16384 OR d.objoid = 2200)
                          AND d.classoid <> 'pg_catalog.pg_extension'::pg_catalog.regclass
                          AND """
    + _LIKE_DATA
    + """ AND NOT EXISTS (
                              SELECT FROM pg_catalog.pg_depend x
                               WHERE x.classid = d.classoid AND x.objid = d.objoid AND x.deptype = 'e'))
            OR EXISTS (SELECT FROM pg_catalog.pg_shdescription d WHERE """
    + _LIKE_DATA
    + ")",
    "inheritance": "SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits",
    "functions": """
        SELECT p.oid, n.nspname, p.proname, p.prokind, p.proretset, p.prorettype, l.lanname, p.provolatile,
               p.proargtypes, p.proargnames, p.proargmodes, p.proallargtypes, """
    + _EXTENSION.format("pg_proc", "p")
    + """, CASE WHEN l.lanname IN ('sql', 'plpgsql') THEN p.prosrc END, p.xmin
          FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
          JOIN pg_catalog.pg_language l ON l.oid = p.prolang
         WHERE p.oid >= 16384 OR n.nspname <> 'pg_catalog'""",
    "operators": """
        SELECT o.oid, n.nspname, o.oprname, o.oprcode::pg_catalog.oid, """
    + _EXTENSION.format("pg_operator", "o")
    + """ FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
         WHERE o.oid >= 16384""",
    "builtin_functions": """
        SELECT pg_catalog.string_agg(DISTINCT p.proname, ' ')
          FROM pg_catalog.pg_proc p WHERE p.oid < 16384 AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace""",
    "builtin_outputs": """
        SELECT p.proname, pg_catalog.array_to_string(p.proargnames, ' ', '?'),
               pg_catalog.array_to_string(p.proargmodes, '')
          FROM pg_catalog.pg_proc p WHERE p.oid < 16384 AND p.proretset AND p.proargmodes IS NOT NULL
           AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace""",
    "builtin_operators": """
        SELECT pg_catalog.string_agg(DISTINCT o.oprname, ' ') FROM pg_catalog.pg_operator o WHERE o.oid < 16384""",
    "keywords": """
        SELECT pg_catalog.string_agg(k.word || ':' || k.catcode::pg_catalog.text, ' ')
          FROM pg_catalog.pg_get_keywords() k WHERE k.catcode <> 'U'""",
}

# xmin changes with every change of a row; vacuum, analyze and statistics write in place and leave it.
_CHANGES = (
    "(SELECT pg_catalog.concat(pg_catalog.count(*), '.',"
    " pg_catalog.sum(t.xmin::pg_catalog.text::pg_catalog.int8 * 3 + {0})) FROM {1})"
)
_TABLES = (
    ("t.oid::pg_catalog.int8", "pg_catalog.pg_class t WHERE t.oid >= 16384"),
    (
        "t.attnum",
        "pg_catalog.pg_attribute t JOIN pg_catalog.pg_class c ON c.oid = t.attrelid"
        " WHERE t.attrelid >= 16384 AND c.relkind <> 'i'",
    ),
    ("t.oid::pg_catalog.int8", "pg_catalog.pg_rewrite t WHERE t.oid >= 16384"),
    ("t.oid::pg_catalog.int8", "pg_catalog.pg_proc t WHERE t.oid >= 16384"),
    (
        "t.oid::pg_catalog.int8",
        "pg_catalog.pg_type t WHERE t.oid >= 16384",
    ),
    ("t.inhseqno", "pg_catalog.pg_inherits t"),
    ("t.oid::pg_catalog.int8", "pg_catalog.pg_operator t WHERE t.oid >= 16384"),
    ("t.oid::pg_catalog.int8", "pg_catalog.pg_cast t WHERE t.oid >= 16384"),
    ("t.oid::pg_catalog.int8", "pg_catalog.pg_constraint t WHERE t.oid >= 16384"),
    ("t.oid::pg_catalog.int8", "pg_catalog.pg_trigger t"),
    ("t.oid::pg_catalog.int8", "pg_catalog.pg_policy t"),
    ("t.oid::pg_catalog.int8", "pg_catalog.pg_attrdef t"),
    ("t.objoid::pg_catalog.int8", "pg_catalog.pg_description t WHERE t.objoid >= 16384 OR t.objoid = 2200"),
    ("t.objoid::pg_catalog.int8", "pg_catalog.pg_shdescription t"),
    ("t.oid::pg_catalog.int8", "pg_catalog.pg_namespace t"),
    ("t.oid::pg_catalog.int8", "pg_catalog.pg_extension t"),
)
FINGERPRINT = "SELECT " + " || ' ' || ".join(_CHANGES.format(value, table) for value, table in _TABLES)
