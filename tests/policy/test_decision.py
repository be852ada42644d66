"""The guards on a text, and what commands can rely on that stand behind others in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hoopfast.policy import decision
from hoopfast.policy.catalog import Catalog
from hoopfast.policy.engine import PolicyEngine
from hoopfast.policy.model import Environment, Verdict
from tests.policy.clinic import KNOWN, PARAMETERS, UNKNOWN, Clinic, Fixed, policy


def encoded(name: str, strings: str = "on") -> Environment:
    parameters = {"client_encoding": name, "standard_conforming_strings": strings}
    return replace(KNOWN, parameters=parameters)


def test_20_encodings_are_an_allow_list(clinic: Clinic) -> None:
    assert clinic.decide("SELECT 1", encoded("SJIS")).sqlstate == "42501"
    assert clinic.decide("SELECT 1", encoded("SJIS")).verdict is Verdict.DENY
    latin = "SELECT 'é' -- ü".encode("latin-1")
    assert clinic.decide(latin, encoded("LATIN1")).verdict is Verdict.ALLOW
    assert clinic.decide('SELECT 1 AS "é"'.encode("latin-1"), encoded("LATIN1")).verdict is Verdict.DENY
    assert clinic.decide('SELECT 1 AS "é"', encoded("UTF8")).verdict is Verdict.ALLOW
    assert clinic.decide('SELECT 1 AS "é"', UNKNOWN).verdict is Verdict.DENY


def test_20_invalid_utf8_and_nul(clinic: Clinic) -> None:
    invalid = clinic.decide(b"SELECT 'x\xff'")
    assert (invalid.verdict, invalid.sqlstate) == (Verdict.DENY, "22021")
    assert clinic.decide(b"SELECT 1\0").verdict is Verdict.PROBE


def test_21_backslashes_need_standard_strings(clinic: Clinic) -> None:
    assert clinic.decide("SELECT 'a\\' || ssn FROM patients --'", encoded("UTF8", "off")).verdict is Verdict.DENY
    assert clinic.decide("SELECT 'a'", encoded("UTF8", "off")).verdict is Verdict.ALLOW
    assert clinic.decide("SET standard_conforming_strings = on", encoded("UTF8", "off")).verdict is Verdict.ALLOW


@pytest.mark.needs_postgres15
def test_18_keywords_that_an_older_server_does_not_have(clinic15: Clinic) -> None:
    statement = clinic15.decide("SELECT system_user FROM patients")
    assert statement.verdict is Verdict.DENY
    assert statement.position == 8
    assert clinic15.decide("SELECT '{}'::json").verdict is Verdict.ALLOW


def test_19_servers_newer_than_the_grammar(clinic: Clinic) -> None:
    server = [["190000", *clinic.catalog._results["server"][0][1:]]]
    newer = Catalog.build({**clinic.catalog._results, "server": server})
    session = PolicyEngine().session("nightly", policy(), Fixed(newer))
    assert session.decide(b"SELECT 1", (), KNOWN).verdict is Verdict.DENY


def test_45_an_exception_in_the_analyser_refuses_the_statement(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_keys: object) -> object:
        raise KeyError("977-13-4281")

    monkeypatch.setattr(decision, "Classifier", broken)
    statement = clinic.decide("SELECT 1")
    assert statement.verdict is Verdict.DENY
    assert "KeyError" in statement.message
    assert "4281" not in statement.message


def test_deep_nesting_is_refused(clinic: Clinic) -> None:
    for sql in (
        "SELECT 1" + " + 1" * 5_000,
        "SELECT " + "(" * 3_000 + "1" + ")" * 3_000,
        "SELECT " + "NOT " * 900 + "true",
    ):
        assert clinic.decide(sql).verdict in (Verdict.DENY, Verdict.ALLOW)
    assert clinic.decide("SELECT 'a'" + " || 'b'" * 300).verdict is Verdict.ALLOW


def test_commands_behind_ddl_know_less(clinic: Clinic) -> None:
    assert clinic.decide("CREATE TABLE x (i int); SELECT name FROM staff", ddl="allow").verdict is Verdict.DENY
    assert clinic.decide("CREATE TABLE x (i int); SELECT 1", ddl="allow").verdict is Verdict.ALLOW


def test_the_rule_that_gave_the_verdict_is_named(clinic: Clinic) -> None:
    assert clinic.decide("DELETE FROM visits", writes="allow").rule == "writes"
    assert clinic.decide("SELECT 1").rule == ""
    assert clinic.decide("SELECT upper(ssn) FROM patients").rule == "lineage"


def test_69_what_the_journal_gets(clinic: Clinic) -> None:
    summary = clinic.decide("SELECT id, ssn FROM patients /* 977 */ WHERE id = 4281").summary
    assert summary.text == "SELECT id, ssn FROM patients WHERE id = ?"
    assert summary.relations == ("public.patients",)
    assert summary.protected == ("public.patients.ssn",)
    assert summary.kinds == ("read",)
    doubtful = clinic.decide('SELECT "977-13-4281" FROM nowhere').summary
    assert "977" not in doubtful.text
    assert "unknown" in doubtful.relations


def test_70_opaque_code_makes_relations_unknown(clinic: Clinic) -> None:
    assert "unknown" in clinic.decide("SELECT fn_unread(1)").summary.relations
    assert "unknown" in clinic.decide("DO 'BEGIN END'").summary.relations


def test_parameters_that_are_not_there_mean_the_defaults(clinic: Clinic) -> None:
    assert clinic.decide("SELECT 1", replace(KNOWN, parameters={})).verdict is Verdict.ALLOW
    assert PARAMETERS["client_encoding"] == "UTF8"
