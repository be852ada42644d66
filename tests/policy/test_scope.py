"""Scopes: what a name means at one place of a statement."""

from __future__ import annotations

from hoopfast.policy.model import Origin
from hoopfast.policy.scope import CLEAN, OPAQUE, Item, Namespace, Output, Scope, relation_item, renamed, union
from tests.policy.clinic import Clinic

A, B = Origin(frozenset(((1, 1),)), bare=True), Origin(frozenset(((2, 1),)), bare=True)


def test_a_union_is_never_bare() -> None:
    assert union([A]) == Origin(A.sources)
    assert union([A, B]).sources == A.sources | B.sources
    assert union([]) == CLEAN


def test_the_innermost_level_that_has_a_column_wins() -> None:
    outer = Scope(None, Namespace.of(Item("o", [("x", A), ("y", A)])))
    inner = Scope(outer, Namespace.of(Item("i", [("x", B)])))
    assert inner.column("x") == B
    assert inner.column("y") == A
    assert inner.column("z") is None
    assert outer.column("x") == A


def test_two_columns_of_a_name_are_both_meant() -> None:
    namespace = Namespace.of(Item("a", [("x", A)]))
    namespace.extend(Namespace.of(Item("b", [("x", B)])))
    assert Scope(None, namespace).column("x") == union([A, B])


def test_an_item_of_unknown_columns_may_have_any() -> None:
    outer = Scope(None, Namespace.of(Item("o", [("x", A)])))
    inner = Scope(outer, Namespace.of(Item("f", [], rest=OPAQUE)))
    found = inner.column("x")
    assert found is not None
    assert found.sources == A.sources | OPAQUE.sources
    assert not found.bare


def test_qualifiers_need_their_schema() -> None:
    scope = Scope(None, Namespace.of(Item("t", [("x", A)], schema="s")))
    assert scope.item("t") is scope.item("t", "s")
    assert scope.item("t", "other") is None


def test_relations_have_system_columns_and_a_whole_row(clinic: Clinic) -> None:
    relation = clinic.relation("staff")
    item = relation_item(relation, "s")
    assert item.find("ctid") == Origin(frozenset(((relation.oid, -1),)), bare=True)
    assert (relation.oid, 0) in item.whole().sources
    assert item.schema is None
    assert relation_item(relation, None).schema == "public"
    assert Scope(None, Namespace.of(item)).column("tableoid") == item.find("tableoid")


def test_aliases_rename_from_the_left() -> None:
    assert renamed([("a", A), ("b", B)], ["x"]) == [("x", A), ("b", B)]


def test_outputs_know_their_union() -> None:
    assert Output.of([("a", A), ("b", B)]).rest == union([A, B])


def test_the_nearest_with_is_meant() -> None:
    outer, cte = Scope(), Output.of([("a", A)])
    outer.ctes["t"] = cte
    inner = Scope(outer)
    assert inner.cte("t") is cte
    inner.ctes["t"] = Output.of([])
    assert inner.cte("t") is not cte
