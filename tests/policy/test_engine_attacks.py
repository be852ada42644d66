"""Attacks on decisions: statements that got a protected value, or a write, past an earlier form of the rules."""

from __future__ import annotations

import pytest

from hoopfast.policy.model import Verdict
from tests.policy.clinic import Clinic

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
