"""Types, domains and casts that run code (soundness 14)."""

from __future__ import annotations

import pytest

from hoopfast.policy.catalog import Catalog
from hoopfast.policy.parse import parse
from hoopfast.policy.typenames import Types, operators, qualified
from tests.policy.clinic import Clinic


def types(clinic: Clinic, **results: object) -> Types:
    return Types(Catalog.build({**clinic.catalog._results, **results}), lambda _schema, _name: False)  # type: ignore[dict-item]


def oid(clinic: Clinic, name: str, schema: str = "public") -> int:
    entry = clinic.catalog.type_named(schema, name)
    assert entry is not None
    return entry.oid


@pytest.mark.parametrize(
    ("name", "trusted"),
    [
        ("zip_t", True),
        ("ssn_t", True),
        ("noted", False),
        ("contact_t", True),
        ("mood", True),
        ("patients", True),
        ("_noted", False),
    ],
)
def test_types_of_the_database(clinic: Clinic, name: str, trusted: bool) -> None:
    assert types(clinic).trusted(oid(clinic, name)) is trusted


def test_a_domain_is_trusted_once_its_function_is_listed(clinic: Clinic) -> None:
    listed = Types(clinic.catalog, lambda _schema, name: name == "fn_unread")
    assert listed.trusted(oid(clinic, "noted"))


@pytest.mark.parametrize(
    ("expression", "pure"),
    [
        ("(VALUE ~ '^[0-9]{5}$'::text)", True),
        ("left(full_name, 1)", True),
        ("nextval('audit_log_id_seq'::regclass)", True),
        ("now()", True),
        ("public.fn_unread(1) > 0", False),
        ("public.fn_listed(id)", False),
        ("(SELECT count(*) FROM pg_class) > 0", False),
        ("'x'::public.noted", False),
        ("a OPERATOR(public.#+#) b", False),
        ("((", False),
        ("query_to_xml('x', true, false, '')", False),
    ],
)
def test_expressions_of_the_catalog(clinic: Clinic, expression: str, pure: bool) -> None:
    assert types(clinic).expression_is_pure(expression) is pure


def test_user_defined_casts(clinic: Clinic) -> None:
    function = next(str(entry.oid) for entry in clinic.catalog.functions.values() if entry.name == "fn_unread")
    explicit = types(clinic, casts=[["23", "25", function, "e", "f", None]])
    assert not explicit.trusted(25)
    assert explicit.implicit_sources == frozenset()
    implicit = types(clinic, casts=[["23", "25", function, "i", "f", None]])
    assert implicit.implicit_sources == {23}
    of_citext = types(clinic, casts=[["23", "25", function, "i", "f", "citext"]])
    assert of_citext.trusted(25)


def test_an_implicit_cast_of_a_built_in_type_makes_every_call_doubtful(clinic: Clinic) -> None:
    from hoopfast.policy.engine import PolicyEngine
    from hoopfast.policy.model import Verdict
    from tests.policy.clinic import KNOWN, Fixed, policy

    function = next(str(entry.oid) for entry in clinic.catalog.functions.values() if entry.name == "fn_unread")
    casts = [["23", "25", function, "i", "f", None]]
    catalog = Catalog.build({**clinic.catalog._results, "casts": casts})
    session = PolicyEngine().session("nightly", policy(), Fixed(catalog))
    assert session.decide(b"SELECT upper(name) FROM staff", (), KNOWN).verdict is Verdict.DENY
    assert session.decide(b"SELECT name FROM staff", (), KNOWN).verdict is Verdict.ALLOW


def test_names_of_functions_and_operators() -> None:
    (command,) = parse("SELECT pg_catalog.upper(a), a OPERATOR(s.+) b, a BETWEEN 1 AND 2").commands
    call, plus, between = (target.val for target in command.targetList)
    assert qualified(call.funcname) == ("pg_catalog", "upper")
    assert operators(plus) == [("s", "+")]
    assert operators(between) == [(None, ">="), (None, "<=")]


def test_a_domain_whose_check_names_itself_is_not_trusted(clinic: Clinic) -> None:
    (zip_t,) = clinic.catalog.types_by_name["zip_t"]
    domains = [[str(zip_t.oid), "CHECK ((((VALUE)::public.zip_t)::text <> ''::text))"]]
    catalog = type(clinic.catalog)({**clinic.catalog._results, "domains": domains})
    assert Types(clinic.catalog, lambda _schema, _name: False).trusted(zip_t.oid)
    assert not Types(catalog, lambda _schema, _name: False).trusted(zip_t.oid)
