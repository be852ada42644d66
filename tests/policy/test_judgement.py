"""The order of judgement, and when errors may pass whole."""

from __future__ import annotations

import pytest

from hoopfast.policy.judgement import Judge, build, is_clean
from hoopfast.policy.model import Rows, Verdict
from tests.policy.clinic import Clinic


def judge_of(clinic: Clinic, *, dirty: bool = False, **keys: str) -> Judge:
    compiled = clinic.compiled(**keys)
    return Judge(compiled.name, compiled.config, compiled.catalog, compiled.protection, dirty)


@pytest.mark.parametrize(
    ("sql", "clean"),
    [
        ("SELECT 1 / 0", True),
        ("SELECT name FROM staff", True),
        ("INSERT INTO visits (id) VALUES (1)", True),
        ("SELECT id FROM patients", False),
        ("SELECT n FROM v_totals", False),
        ("UPDATE patients SET weight = 1", False),
        ("INSERT INTO triggered VALUES (1)", False),
        ("SELECT fn_unread(1)", False),
        ("SELECT attmissingval FROM pg_attribute", False),
        ("DO 'BEGIN END'", False),
        ("SELECT * FROM no_such", False),
    ],
)
def test_47_errors_pass_only_where_the_closure_is_clean(clinic: Clinic, sql: str, clean: bool) -> None:
    draft = clinic.draft(sql)
    assert is_clean(draft, judge_of(clinic).protection) is clean


def test_nothing_is_clean_while_the_catalog_moves(clinic: Clinic) -> None:
    draft = clinic.draft("SELECT 1")
    assert build(draft, judge_of(clinic)).clean
    assert not build(draft, judge_of(clinic, dirty=True)).clean


def test_refused_writes_are_refused_whether_their_names_exist_or_not(clinic: Clinic) -> None:
    judge = judge_of(clinic)
    assert judge.judge(clinic.draft("DELETE FROM no_such")).verdict is Verdict.DENY
    assert judge.judge(clinic.draft("SELECT * FROM no_such")).verdict is Verdict.PROBE


def test_rows_that_go_nowhere(clinic: Clinic) -> None:
    judge = judge_of(clinic, writes="allow", ddl="allow")
    assert build(clinic.draft("CREATE TABLE x AS SELECT name FROM staff"), judge).rows is Rows.NONE
    assert build(clinic.draft("DELETE FROM visits"), judge).rows is Rows.NONE
    assert build(clinic.draft("COPY staff TO STDOUT"), judge).rows is Rows.CLEAN


def test_every_refusal_says_what_to_do(clinic: Clinic) -> None:
    judge = judge_of(clinic)
    for sql in (
        "SELECT upper(ssn) FROM patients",
        "SELECT fn_unread(1)",
        "DELETE FROM staff",
        "COPY patients TO STDOUT",
    ):
        outcome = judge.judge(clinic.draft(sql))
        assert outcome.verdict is Verdict.DENY
        assert outcome.message
        assert outcome.hint
        assert outcome.rule
