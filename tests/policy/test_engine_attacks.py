"""Attacks on decisions: statements that got a protected value, or a write, past an earlier form of the rules."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from hoopfast.policy.catalog import QUERIES, Catalog
from hoopfast.policy.engine import PolicyEngine
from hoopfast.policy.model import Kind, ResultColumn, Verdict
from tests.policy.clinic import KNOWN, Clinic, Fixed, Named, policy, read_catalog, rows

# A function called like a field: value.f is f(value) (soundness 17), also where the value is no row.
ATTRIBUTES = [
    "SELECT ('/etc/passwd'::text).pg_read_file",
    "SELECT g.pg_read_file FROM concat('/etc/passwd') g",
    "SELECT g.fn_unread FROM generate_series(1, 1) g",
    "SELECT (id).fn_unread FROM staff",
    "SELECT (SELECT 1).fn_unread",
    "SELECT (ARRAY[1])[1].fn_unread",
    "SELECT ('audit_log_id_seq'::regclass).nextval",
    "SELECT g.nextval FROM unnest(ARRAY['audit_log_id_seq'::regclass]) g",
    "SELECT ('x'::text).noted",
    "SELECT (s.t).noted FROM (SELECT 'x'::text AS t) s",
]
# A condition, or an error, that depends on a protected value in a statement whose outputs are all plain columns.
INFERENCES = [
    "SELECT id FROM patients p, generate_series(1, 1) g WHERE p::text LIKE '%977%'",
    "SELECT id FROM patients p WHERE (SELECT p FROM generate_series(1, 1) g)::text LIKE '%977%'",
    "SELECT q.id FROM (SELECT id, generate_series(1, ascii(ssn)) FROM patients) q",
    "SELECT q.id FROM (SELECT id, unnest(string_to_array(ssn, '7')) FROM patients) q",
    "SELECT q.id FROM (SELECT id, 1 / (ascii(ssn) - 57) + random() AS x FROM patients) q",
    "WITH t AS MATERIALIZED (SELECT id, ssn::int FROM patients) SELECT id FROM t",
    "SELECT id FROM staff WHERE EXISTS (SELECT ssn::int FROM patients)",
    "SELECT s.id FROM staff s, (VALUES ((SELECT ssn::int FROM patients))) v (x)",
    "WITH RECURSIVE t AS (SELECT id, ssn FROM patients UNION ALL SELECT 1, '977-13-4281' FROM t)"
    " CYCLE ssn SET c USING p SELECT s.id FROM staff s CROSS JOIN t",
]
SETTINGS = [
    "SELECT set_config('session_replication_role.x'::varchar(24), 'replica', false)",
    "SELECT (SELECT 1 FROM pg_settings WHERE name = 'work_mem'), set_config(name, 'replica', false)"
    " FROM (VALUES ('session_replication_role')) v (name)",
]


@pytest.mark.parametrize("sql", ATTRIBUTES)
def test_a_function_called_like_a_field_is_a_function(clinic: Clinic, sql: str) -> None:
    assert clinic.decide(sql, writes="allow", functions=["public.label"]).verdict is (
        Verdict.ALLOW if "nextval" in sql else Verdict.DENY
    )
    assert clinic.decide(sql, writes="deny").verdict is Verdict.DENY


def test_fields_of_composites_are_no_functions(clinic: Clinic) -> None:
    assert clinic.decide("SELECT (who).email FROM patients").verdict is Verdict.DENY  # protected, and no plain column
    allowed = [
        "SELECT (s).name FROM staff s",
        "SELECT e.key, e.value FROM json_each('{}') e",
        "SELECT a.grantee FROM pg_class c, aclexplode(c.relacl) a",
        "SELECT g.name FROM generate_series(1, 2) g (name)",
    ]
    for sql in allowed:
        assert clinic.decide(sql).verdict is Verdict.ALLOW, sql


@pytest.mark.parametrize("sql", INFERENCES)
def test_no_row_and_no_error_depends_on_a_protected_value(clinic: Clinic, sql: str) -> None:
    statement = clinic.decide(sql)
    assert statement.verdict is Verdict.DENY
    assert statement.rule == "lineage"


def test_whether_there_is_a_row_may_be_asked(clinic: Clinic) -> None:
    assert clinic.decide("SELECT EXISTS (SELECT 1 FROM patients WHERE id = 3)").verdict is Verdict.ALLOW
    assert clinic.decide("SELECT EXISTS (SELECT 1 FROM patients WHERE ssn = '1')").verdict is Verdict.DENY


@pytest.mark.parametrize("sql", SETTINGS)
def test_a_setting_is_what_the_server_takes_it_for(clinic: Clinic, sql: str) -> None:
    assert clinic.decide(sql).verdict is Verdict.DENY


# A temporary table may be made under writes = "deny" and ddl = "deny": what it computes must not be more than that.
TEMPORARY = [
    "CREATE TEMP TABLE t (id int, x text DEFAULT query_to_xml('SELECT ssn FROM patients', true, true, '')::text)",
    "CREATE TEMP TABLE t (id int DEFAULT nextval('audit_log_id_seq'))",
    "CREATE TEMP TABLE t (id int CHECK (fn_unread(id) > 0))",
    "CREATE TEMP TABLE t (id int, CHECK (fn_unread(id) > 0))",
    "CREATE TEMP TABLE t (id int, x int GENERATED ALWAYS AS (fn_unread(id)) STORED)",
    "CREATE TEMP TABLE t (id int, x text DEFAULT ('/etc/passwd'::text).pg_read_file)",
    "CREATE TEMP TABLE t (id int) PARTITION BY RANGE (fn_unread(id))",
    "CREATE TEMP TABLE t (id text, EXCLUDE USING btree ((id #+# 'x') WITH =))",
]


@pytest.mark.parametrize("sql", TEMPORARY)
def test_a_temporary_table_runs_no_unread_code(clinic: Clinic, sql: str) -> None:
    assert clinic.decide(sql).verdict is Verdict.DENY
    assert clinic.decide(sql, unknown="redact").verdict is Verdict.DENY


def test_ordinary_temporary_tables_are_the_sessions(clinic: Clinic) -> None:
    for sql in [
        "CREATE TEMP TABLE t (id serial PRIMARY KEY, d date DEFAULT now(), x text DEFAULT upper('a'), CHECK (id > 0))",
        "CREATE TEMP TABLE t (LIKE staff INCLUDING ALL, CHECK (boss > 0))",
        "CREATE TEMP TABLE t (id int, x int GENERATED ALWAYS AS (id * 2) STORED) ON COMMIT DROP",
        "CREATE TEMP TABLE t (a int, b int, UNIQUE (a, b)) PARTITION BY LIST (a)",
    ]:
        statement = clinic.decide(sql)
        assert statement.verdict is Verdict.ALLOW, statement.message
        assert statement.commands[0].kind is Kind.SESSION


def test_a_write_in_the_parameter_of_execute_is_a_write(clinic: Clinic) -> None:
    prepared = clinic.decide("PREPARE s (int) AS SELECT $1").commands[0].prepared
    assert prepared is not None
    names = replace(KNOWN, names=Named({"s": prepared}))
    assert clinic.decide("EXECUTE s (1)", names).verdict is Verdict.ALLOW
    assert clinic.decide("EXECUTE s (nextval('audit_log_id_seq'))", names).verdict is Verdict.DENY
    redact = clinic.decide("EXECUTE s (fn_unread(1))", names, unknown="redact")
    assert redact.verdict is Verdict.DENY


def test_a_prepared_write_that_a_rule_allows_can_be_executed(clinic: Clinic) -> None:
    rules = [{"name": "log", "statement": ["INSERT"], "relations": ["public.audit_log"], "action": "allow"}]
    prepared = clinic.decide("PREPARE s AS INSERT INTO audit_log (what) VALUES ('x')", rule=rules).commands[0].prepared
    assert prepared is not None
    assert prepared.verdict is Verdict.ALLOW
    executed = clinic.decide("EXECUTE s", replace(KNOWN, names=Named({"s": prepared})), rule=rules)
    assert executed.verdict is Verdict.ALLOW
    assert executed.commands[0].kind is Kind.WRITE


def test_explain_of_execute_depends_on_the_sessions_names(clinic: Clinic) -> None:
    session = clinic.session()
    assert session.decide(b"EXPLAIN EXECUTE s", (), KNOWN).verdict is Verdict.DENY
    prepared = clinic.decide("SELECT 1")
    assert (
        session.decide(b"EXPLAIN EXECUTE s", (), replace(KNOWN, names=Named({"s": prepared}))).verdict is Verdict.ALLOW
    )


@pytest.fixture
def with_temporary_table(clinic: Clinic) -> object:
    """A catalog in which a session has a temporary table called like a protected one, and its schemas."""
    with psycopg.connect(clinic.dsn, autocommit=True) as owner:
        owner.execute("CREATE TEMP TABLE patients (id int, ssn text)")
        owner.execute("CREATE TEMP TABLE own (id int)")
        row = owner.execute("SELECT current_schemas(true)").fetchone()
        assert row is not None
        yield read_catalog(clinic.dsn), tuple(row[0])


def test_a_temporary_table_that_is_dropped_uncovers_the_protected_one(
    with_temporary_table: tuple[Catalog, tuple[str, ...]],
) -> None:
    catalog, schemas = with_temporary_table
    session = PolicyEngine().session("nightly", policy(), Fixed(catalog))
    known = replace(KNOWN, schemas=schemas)
    copy = b"CREATE TEMP TABLE x AS SELECT id, ssn FROM patients"
    assert session.decide(copy, (), known).verdict is Verdict.ALLOW  # the temporary one
    dropped = replace(known, in_transaction=True, catalog_dirty=True)
    assert session.decide(copy, (), dropped).verdict is Verdict.DENY
    assert session.decide(b"DROP TABLE pg_temp.patients; " + copy, (), known).verdict is Verdict.DENY
    assert session.decide(b"CREATE TEMP TABLE y AS SELECT id, name FROM staff", (), dropped).verdict is Verdict.ALLOW


def test_copy_from_with_a_condition_that_writes(with_temporary_table: tuple[Catalog, tuple[str, ...]]) -> None:
    catalog, schemas = with_temporary_table
    session = PolicyEngine().session("nightly", policy(writes="deny"), Fixed(catalog))
    known = replace(KNOWN, schemas=schemas)
    assert session.decide(b"COPY own FROM STDIN WHERE id > 0", (), known).verdict is Verdict.ALLOW
    writes = b"COPY own FROM STDIN WHERE nextval('audit_log_id_seq') > 0"
    assert session.decide(writes, (), known).verdict is Verdict.DENY


def test_nothing_is_copied_from_a_view_that_the_transaction_has_replaced(clinic: Clinic) -> None:
    dirty = replace(KNOWN, in_transaction=True, catalog_dirty=True)
    assert clinic.decide("CREATE TEMP TABLE x AS SELECT mrn FROM v_pub", dirty, ddl="allow").verdict is Verdict.DENY


GUESSES = [
    ("INSERT INTO guessed VALUES (2, '977-13-4281', 'x')", True),  # a unique index without a constraint
    ("INSERT INTO guessed VALUES (2, NULL, '977-13-4281')", True),  # … over an expression
    ("UPDATE guessed SET secret = '977-13-4281'", True),
    ("INSERT INTO referring VALUES (2, '977-13-4281')", True),  # a foreign key to a protected column
    ("INSERT INTO guessed (id) VALUES (2)", False),
]


@pytest.fixture(scope="module")
def guessing(clinic18: Clinic) -> Clinic:
    """The clinic with keys over protected columns that are not constraints, or elsewhere."""
    with psycopg.connect(clinic18.dsn, autocommit=True) as owner:
        owner.execute("CREATE TABLE guessed (id int, secret text, other text)")
        owner.execute("CREATE UNIQUE INDEX ON guessed (secret); CREATE UNIQUE INDEX ON guessed (lower(other))")
        owner.execute("CREATE TABLE referring (id int, which text REFERENCES patients (ssn))")
        catalog = read_catalog(clinic18.dsn)
        owner.execute("DROP TABLE guessed, referring")
    return Clinic(catalog, clinic18.dsn)


@pytest.mark.parametrize(("sql", "guess"), GUESSES)
def test_no_key_answers_a_guess(guessing: Clinic, sql: str, guess: bool) -> None:
    masks = [{"columns": ["public.guessed.secret", "public.guessed.other", "public.patients.ssn"], "with": "redact"}]
    statement = guessing.decide(sql, writes="allow", mask=masks)
    assert statement.verdict is (Verdict.NEEDS_APPROVAL if guess else Verdict.ALLOW)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_input_is_valid('x', 'public.noted')",
        "SELECT jsonb_populate_record(n, '{}') FROM noting n",
        "SELECT json_populate_record(NULL::noting, '{}')",
    ],
)
def test_a_domain_check_behind_a_function_is_unread_code(clinic: Clinic, sql: str) -> None:
    with psycopg.connect(clinic.dsn, autocommit=True) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS noting (id int, x noted)")
        again = Clinic(read_catalog(clinic.dsn), clinic.dsn)
        owner.execute("DROP TABLE noting")
    assert again.decide(sql).verdict is Verdict.DENY


def test_ordinary_rows_can_be_made_of_json(clinic: Clinic) -> None:
    for sql in (
        "SELECT * FROM json_populate_recordset(NULL::staff, $1)",
        "SELECT jsonb_populate_record(s, '{}') FROM staff s",
        "SELECT r.name FROM jsonb_populate_record(NULL::visits, '{}') r (id, staff_id, at, cost, name)",
    ):
        assert clinic.decide(sql).verdict is Verdict.ALLOW, sql


def test_comments_are_data_if_one_looks_like_it(clinic: Clinic) -> None:
    asked = [
        "SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c",
        "SELECT a.attname, pg_catalog.col_description(a.attrelid, a.attnum) FROM pg_attribute a",
        "SELECT objoid, description FROM pg_description",
    ]
    with psycopg.connect(clinic.dsn, autocommit=True) as owner:
        for comment, rule in (("of the clinic, since 2019", "PASS"), ("like 977-13-4281", "NULL")):
            owner.execute(f"COMMENT ON TABLE staff IS '{comment}'")
            session = PolicyEngine().session("nightly", policy(), Fixed(read_catalog(clinic.dsn)))
            for sql in asked:
                statement = session.decide(sql.encode(), (), KNOWN)
                assert statement.verdict is Verdict.ALLOW, statement.message
                described = clinic.described(sql)
                rules = session.cell_rules(statement, statement.commands[0], described, this_execution=True)
                assert [cell.action.name for cell in rules] == ["PASS", rule]
        sql = "SELECT relname FROM pg_class WHERE obj_description(oid) LIKE '%977%'"
        assert session.decide(sql.encode(), (), KNOWN).verdict is Verdict.DENY
        owner.execute("COMMENT ON TABLE staff IS NULL")


def test_what_the_server_only_looks_up_when_it_runs_is_said_here(clinic: Clinic) -> None:
    statement = clinic.decide("COPY nope TO STDOUT")
    assert (statement.verdict, statement.sqlstate) == (Verdict.DENY, "42P01")
    assert statement.message == 'relation "nope" does not exist'
    assert clinic.decide("SELECT * FROM nope").verdict is Verdict.PROBE
    assert clinic.decide("COPY (SELECT nope FROM staff) TO STDOUT").verdict is Verdict.PROBE


def test_views_without_protected_columns_are_explained(clinic: Clinic) -> None:
    assert clinic.decide("EXPLAIN SELECT * FROM v_totals").verdict is Verdict.ALLOW
    assert clinic.decide("EXPLAIN SELECT id FROM v_patients").verdict is Verdict.DENY


TELLING_VIEWS = [
    ("SELECT s.id, EXISTS (SELECT 1 FROM patients p WHERE p.ssn = s.ssn) AS x FROM staff s", True),
    ("SELECT s.id, (SELECT count(*) FROM patients p WHERE p.ssn = s.ssn) AS x FROM staff s", True),
    ("SELECT s.id, count(*) AS x FROM staff s JOIN patients p ON p.ssn LIKE s.ssn GROUP BY s.id", True),
    ("SELECT s.id, EXISTS (SELECT 1 FROM patients p WHERE p.id = s.id) AS x FROM staff s", False),
    ("SELECT p.id, upper(p.mrn) AS x, left(p.ssn, 3) FROM patients p", False),
]


@pytest.mark.parametrize(("definition", "tells"), TELLING_VIEWS)
def test_a_view_that_compares_protected_values_does_not_tell(clinic: Clinic, definition: str, tells: bool) -> None:
    with psycopg.connect(clinic.dsn, autocommit=True) as owner:
        owner.execute(f"CREATE VIEW telling AS {definition}")
        try:
            again = Clinic(read_catalog(clinic.dsn), clinic.dsn)
            session = again.session()
            statement = session.decide(b"SELECT id, x FROM telling", (), KNOWN)
            described = again.described("SELECT id, x FROM telling")
            rules = session.cell_rules(statement, statement.commands[0], described, this_execution=True)
        finally:
            owner.execute("DROP VIEW telling")
    assert [cell.action.name == "PASS" for cell in rules] == [True, not tells]


def test_a_protected_column_stays_protected_under_another_name(clinic: Clinic) -> None:
    engine, before, after = PolicyEngine(), Fixed(clinic.catalog), None
    config = policy()
    decided = engine.session("nightly", config, before).decide(b"SELECT mrn FROM patients", (), KNOWN)
    assert decided.verdict is Verdict.ALLOW
    with psycopg.connect(clinic.dsn) as owner:  # rolled back
        for old, new in (("mrn", "tmp"), ("ssn", "mrn"), ("tmp", "ssn")):
            owner.execute(f"ALTER TABLE patients RENAME {old} TO {new}")
        owner.execute("SET LOCAL search_path = ''")
        after = Fixed(Catalog.build({name: rows(owner, sql) for name, sql in QUERIES.items()}))
        owner.rollback()
    session = engine.session("nightly", config, after)
    statement = session.decide(b"SELECT mrn, ssn FROM patients", (), KNOWN)
    patients = after.catalog.relation_named("public", "patients")
    assert patients is not None
    columns = [ResultColumn(c.name, patients.oid, c.number, 25, -1, -1, 0) for c in patients.columns[:4]]
    described = [next(c for c in columns if c.name == name) for name in ("mrn", "ssn")]
    rules = session.cell_rules(statement, statement.commands[0], described, this_execution=True)
    assert [cell.action.name for cell in rules] == ["KEEP_LAST", "KEEP_LAST"]
