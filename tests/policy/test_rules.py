"""[[rule]] entries, `writes` and `ddl`."""

from __future__ import annotations

from typing import Any

import pytest

from hoopfast.policy.model import Verdict
from hoopfast.policy.rules import judge, tags_of
from tests.policy.clinic import Clinic, policy

UNBOUNDED = {
    "name": "no-unbounded",
    "statement": ["UPDATE", "DELETE"],
    "where": False,
    "action": "deny",
    "message": "WHERE!",
}
STAGING = {
    "name": "ours",
    "statement": ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "COPY"],
    "relations": ["public.visits", "public.audit_log"],
    "action": "allow",
}


def verdict(clinic: Clinic, sql: str, *rules: dict[str, Any], **keys: Any) -> tuple[Verdict, str]:
    statement = clinic.decide(sql, rule=list(rules), **keys)
    return statement.verdict, statement.rule


def test_the_first_rule_that_matches_decides(clinic: Clinic) -> None:
    assert verdict(clinic, "DELETE FROM visits", UNBOUNDED, STAGING) == (Verdict.DENY, "no-unbounded")
    assert verdict(clinic, "DELETE FROM visits", STAGING, UNBOUNDED) == (Verdict.ALLOW, "ours")
    assert verdict(clinic, "DELETE FROM visits WHERE id = 1", UNBOUNDED, STAGING) == (Verdict.ALLOW, "ours")
    assert verdict(clinic, "DELETE FROM staff WHERE id = 1", UNBOUNDED, STAGING)[0] is Verdict.DENY


def test_the_message_is_the_rules(clinic: Clinic) -> None:
    statement = clinic.decide("DELETE FROM visits", rule=[UNBOUNDED], writes="allow")
    assert statement.message == 'WHERE! (rule "no-unbounded")'


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM staff WHERE id = 1",  # on delete set null: staff itself, and visits refer to it
        "DELETE FROM patients WHERE id = 1",  # cascades to billing
        "WITH x AS (DELETE FROM billing WHERE id = 1) DELETE FROM visits WHERE id = 1",
        "INSERT INTO people SELECT id, dept FROM staff",
        "SELECT fn_unread(1)",
        "UPDATE v_pub SET mrn = 'x' WHERE id = 1",
    ],
)
def test_to_allow_every_relation_written_must_match(clinic: Clinic, sql: str) -> None:
    assert verdict(clinic, sql, STAGING)[0] is Verdict.DENY


def test_to_deny_one_relation_is_enough(clinic: Clinic) -> None:
    rule = {"name": "not-billing", "relations": ["public.billing"], "action": "deny"}
    assert verdict(clinic, "DELETE FROM patients WHERE id = 1", rule, writes="allow") == (Verdict.DENY, "not-billing")
    assert verdict(clinic, "DELETE FROM visits WHERE id = 1", rule, writes="allow")[0] is Verdict.ALLOW
    assert verdict(clinic, "SELECT id FROM billing", rule) == (Verdict.DENY, "not-billing")


def test_rules_by_function(clinic: Clinic) -> None:
    rule = {"name": "no-sleep", "function": ["pg_catalog.pg_sleep"], "action": "deny"}
    assert verdict(clinic, "SELECT pg_sleep(1)", rule) == (Verdict.DENY, "no-sleep")
    assert verdict(clinic, "SELECT pg_catalog.pg_sleep(1)", rule) == (Verdict.DENY, "no-sleep")
    assert verdict(clinic, "SELECT now()", rule)[0] is Verdict.ALLOW


def test_approval_is_refused_with_a_message_that_says_so(clinic: Clinic) -> None:
    statement = clinic.decide("DELETE FROM visits", writes="approve")
    assert (statement.verdict, statement.rule) == (Verdict.NEEDS_APPROVAL, "writes")
    assert "approval" in statement.message
    assert "not available in this version" in statement.hint
    rule = {"name": "ask", "statement": ["DELETE"], "action": "approve"}
    assert verdict(clinic, "DELETE FROM visits", rule, writes="allow") == (Verdict.NEEDS_APPROVAL, "ask")


def test_an_allowing_rule_lifts_no_mask(clinic: Clinic) -> None:
    rule = {"name": "all", "statement": ["SELECT", "INSERT"], "action": "allow"}
    assert verdict(clinic, "SELECT upper(ssn) FROM patients", rule)[0] is Verdict.DENY
    assert verdict(clinic, "INSERT INTO audit_log (what) SELECT ssn FROM patients", rule)[0] is Verdict.DENY


def test_tags_and_prefixes(clinic: Clinic) -> None:
    rule = {"name": "no-drops", "statement": ["DROP"], "action": "deny"}
    assert verdict(clinic, "DROP TABLE visits", rule, ddl="allow") == (Verdict.DENY, "no-drops")
    rule = {"name": "no-tables", "statement": ["DROP TABLE"], "action": "deny"}
    assert verdict(clinic, "DROP VIEW v_pub", rule, ddl="allow")[0] is Verdict.ALLOW
    draft = clinic.draft("WITH x AS (DELETE FROM visits RETURNING id) SELECT 1")
    assert tags_of(draft) == ["DELETE"]


def test_where_true_means_present(clinic: Clinic) -> None:
    config = policy(rule=[{"name": "bounded", "statement": ["DELETE"], "where": True, "action": "allow"}])

    def ruled(sql: str) -> Verdict:
        return judge(config, "nightly", clinic.draft(sql), clinic.catalog).verdict

    assert ruled("DELETE FROM visits WHERE id = 1") is Verdict.ALLOW
    assert ruled("DELETE FROM visits") is Verdict.DENY
