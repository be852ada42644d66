"""What a rule may not be made to allow, or kept from refusing, by writing a statement in another way."""

from __future__ import annotations

from typing import Any

import pytest

from hoopfast.policy.model import Verdict
from tests.policy.clinic import Clinic

_ALLOW: dict[str, Any] = {"name": "ours", "action": "allow"}
_DENY: dict[str, Any] = {"name": "keep out", "action": "deny"}


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("DELETE FROM staff WHERE nextval('audit_log_id_seq') > 0", {"function": ["pg_catalog.nextval"]}),
        ("SELECT nextval('audit_log_id_seq'), lo_unlink(1)", {"function": ["pg_catalog.nextval"]}),
        ("SELECT nextval('audit_log_id_seq')", {"statement": ["SELECT"]}),
        ("COPY (SELECT nextval('audit_log_id_seq')) TO STDOUT", {"statement": ["COPY"]}),
        ("INSERT INTO triggered VALUES (1, 'x')", {"statement": ["INSERT"], "relations": ["public.triggered"]}),
        ("DELETE FROM staff USING visits WHERE true", {"relations": ["public.visits"]}),  # which is read only
        ("WITH d AS (DELETE FROM visits) INSERT INTO audit_log VALUES (1)", {"relations": ["public.audit_log"]}),
    ],
)
def test_allowing_one_thing_allows_no_other(clinic: Clinic, sql: str, rule: dict[str, Any]) -> None:
    assert clinic.decide(sql, writes="deny", rule=[{**_ALLOW, **rule}]).verdict is Verdict.DENY


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("SELECT nextval('audit_log_id_seq')", {"function": ["pg_catalog.nextval"]}),
        ("INSERT INTO audit_log (what) SELECT upper(name) FROM staff", {"relations": ["public.audit_log"]}),
        ("INSERT INTO audit_log VALUES (nextval('audit_log_id_seq'), 'x')", {"statement": ["INSERT"]}),
        ("SELECT id FROM staff FOR UPDATE", {"statement": ["SELECT"], "relations": ["public.staff"]}),
    ],
)
def test_what_is_named_is_allowed(clinic: Clinic, sql: str, rule: dict[str, Any]) -> None:
    statement = clinic.decide(sql, writes="deny", rule=[{**_ALLOW, **rule}])
    assert statement.verdict is Verdict.ALLOW, statement.message


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM staff",
        "COPY staff TO STDOUT",
        "INSERT INTO audit_log (what) SELECT name FROM staff",
        "CREATE TEMP TABLE x AS SELECT name FROM staff",
        "DECLARE c CURSOR FOR SELECT name FROM staff",
        "PREPARE p AS SELECT name FROM staff",
        "EXPLAIN ANALYZE SELECT name FROM staff",
        "SELECT n FROM (SELECT count(*) AS n FROM staff) q",
    ],
)
def test_a_relation_that_is_kept_is_kept_from_everything(clinic: Clinic, sql: str) -> None:
    rule = {**_DENY, "relations": ["public.staff"]}
    statement = clinic.decide(sql, writes="allow", rule=[rule])
    assert statement.verdict is Verdict.DENY
    assert statement.rule == "keep out"


def test_temporary_relations_are_nobodys_business(clinic: Clinic) -> None:
    rule = {**_DENY, "statement": ["INSERT", "DELETE"], "where": False}
    assert clinic.decide("CREATE TEMP TABLE x (id int)", rule=[rule]).verdict is Verdict.ALLOW
