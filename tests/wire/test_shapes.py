"""The shape table: what is found under which texts, what goes when there is no room, and what stays valid."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopfast.wire.masking import MaskPlan
from hoopfast.wire.shapes import KnownStatement, ShapeTable
from tests.wire.compiled import compiled
from tests.wire.naive_shapes import NaiveTable

DRIVER = Path(__file__).with_name("shapes_driver.pyx")
INT4, TEXT = b"\0\0\0\x17", b"\0\0\0\x19"
# shapes.pyx: an entry, a key without its bytes, a decision. A key has the text or its shape, the types, their length.
ENTRY, KEY, DECISION = 48, 72, 2048


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return compiled(DRIVER, tmp_path_factory.mktemp("driver"))


def known(name: object = "s", *, literals_matter: bool = False, template: object = None) -> KnownStatement:
    return KnownStatement(
        name, clean=True, returns_rows=True, rows_clean=True, describe_always=False, planned=False, transaction=0,
        template=template, literals_matter=literals_matter,
    )  # fmt: skip


def name_of(table: ShapeTable, text: bytes, types: bytes = b"") -> object:
    found = table.find_known(text, types)
    return None if found is None else found.statement


# --- What is found --------------------------------------------------------------------------------------------------


def test_a_shape_is_found_again() -> None:
    table = ShapeTable()
    statement = known()
    table.learn(b"SELECT a FROM t WHERE b = 1", b"", statement)
    assert table.find_known(b"SELECT a FROM t WHERE b = 2", b"") is statement
    assert table.find_known(b" SELECT a /* trace 7 */ FROM t\nWHERE b=3 ;", b"") is statement
    for other in (
        b"SELECT a FROM t WHERE b = '1'",
        b"SELECT a FROM t WHERE c = 1",
        b"select a FROM t WHERE b = 1",
        b"",
    ):
        assert table.find_known(other, b"") is None
    assert (table.hits, table.misses, len(table)) == (2, 4, 1)


def test_types_are_part_of_the_key() -> None:
    table = ShapeTable()
    table.learn(b"SELECT $1", INT4, known("int4"))
    table.learn(b"SELECT $1", TEXT, known("text"))
    table.learn(b"SELECT $1, $2", INT4 + TEXT, known("both"))
    assert name_of(table, b"SELECT $1", INT4) == "int4"
    assert name_of(table, b"SELECT $1", TEXT) == "text"
    assert name_of(table, b"SELECT $1") is None
    assert name_of(table, b"SELECT $1, $2", INT4 + TEXT) == "both"
    assert name_of(table, b"SELECT $1, $2", TEXT + INT4) is None


@pytest.mark.parametrize("before", [b"DO 'x'", b"SELECT 1", b"SELECT a"])
def test_types_are_not_taken_for_text(before: bytes) -> None:
    # Whatever bytes types are: no text without them has the same key.
    table = ShapeTable()
    table.learn(before, TEXT, known("typed"))
    for length in (b"\0\0\0\4", b"\4\0\0\0", b"", b"\0\0\0\0"):
        for types in (b"", TEXT):
            assert name_of(table, before + TEXT + length, types) is None
    assert name_of(table, before, TEXT) == "typed"


def test_lists_of_every_length_are_one_entry() -> None:
    table = ShapeTable()
    statement = known()
    table.learn(b"SELECT a FROM t WHERE b IN (1, 2)", b"", statement)
    for length in range(2, 1500, 7):
        text = b"SELECT a FROM t WHERE b IN (%s)" % b", ".join(b"%d" % number for number in range(length))
        assert table.find_known(text, b"") is statement
    assert len(table) == 1
    rows = b"INSERT INTO t VALUES " + b", ".join(b"(%d, 'x')" % number for number in range(300))
    table.learn(rows[: rows.index(b"), (9")] + b")", b"", known("insert"))
    assert name_of(table, rows) == "insert"


@pytest.mark.parametrize("text", [b"BEGIN", b"SET a = 'x'", b"SELECT 1; SELECT 2", b"SELECT 'a", b"\xff\0", b"", b";"])
@pytest.mark.parametrize("literals_matter", [False, True])
def test_what_has_no_shape_stands_under_its_text(text: bytes, literals_matter: bool) -> None:
    table = ShapeTable()
    table.learn(text, b"", known(literals_matter=literals_matter))
    assert len(table) == 1
    assert name_of(table, text) == "s"
    assert name_of(table, text + b" ") is None


def test_long_texts_are_not_remembered() -> None:
    table = ShapeTable()
    longest = b"SELECT '%s'" % (b"x" * (65536 - 9))
    assert len(longest) == 65536
    table.learn(longest, b"", known())
    assert name_of(table, longest) == "s"
    for text, types in ((longest + b" ", b""), (longest, INT4), (b"", b"\0" * 65540)):
        table.learn(text, types, known("long"))
        assert name_of(table, text, types) is None
    assert len(table) == 1


def test_the_last_one_learnt_counts() -> None:
    table = ShapeTable()
    for text in (b"SELECT a", b"SELECT 1", b"BEGIN"):
        table.learn(text, b"", known("first"))
        size = table.size
        table.learn(text, b"", known("second"))
        assert name_of(table, text) == "second"
        assert table.size == size
    assert len(table) == 3


# --- Where literals matter ------------------------------------------------------------------------------------------


def test_where_literals_matter_only_the_exact_text_is_found() -> None:
    table = ShapeTable()
    table.learn(b"SELECT f('a')", b"", known("a", literals_matter=True))
    table.learn(b"SELECT f('b')", b"", known("b", literals_matter=True))
    assert [name_of(table, b"SELECT f('%c')" % letter) for letter in b"abc"] == ["a", "b", None]
    assert name_of(table, b"SELECT f( 'a')") is None
    assert len(table) == 3


def test_the_stricter_wins_when_it_comes_later() -> None:
    table = ShapeTable()
    table.learn(b"SELECT f('a')", b"", known("any"))
    assert name_of(table, b"SELECT f('c')") == "any"
    table.learn(b"SELECT f('b')", b"", known("b", literals_matter=True))
    assert [name_of(table, b"SELECT f('%c')" % letter) for letter in b"abc"] == [None, "b", None]


def test_the_stricter_wins_when_it_came_before() -> None:
    table = ShapeTable()
    table.learn(b"SELECT f('a')", b"", known("a", literals_matter=True))
    table.learn(b"SELECT f('b')", b"", known("b"))
    assert [name_of(table, b"SELECT f('%c')" % letter) for letter in b"abc"] == ["a", "b", None]
    assert name_of(table, b"SELECT f('b') ") is None


def test_a_text_without_literals_does_not_outlive_its_shapes_mark() -> None:
    # It stands under its exact text too, so that it is found without being lexed.
    table = ShapeTable()
    table.learn(b"SELECT f(a)", b"", known("any"))
    table.learn(b"SELECT f(a) -- exact", b"", known("exact", literals_matter=True))
    assert name_of(table, b"SELECT f(a)") is None
    assert name_of(table, b"SELECT f(a) -- exact") == "exact"


def test_marks_hold_for_their_types_only() -> None:
    table = ShapeTable()
    table.learn(b"SELECT f('a', $1)", INT4, known("int4", literals_matter=True))
    table.learn(b"SELECT f('a', $1)", TEXT, known("text"))
    assert name_of(table, b"SELECT f('b', $1)", INT4) is None
    assert name_of(table, b"SELECT f('b', $1)", TEXT) == "text"


# --- The twin -------------------------------------------------------------------------------------------------------

POOL = [
    b"SELECT 1", b"SELECT 2 ", b"SELECT 'a'", b"SELECT a", b"SELECT  a", b"SELECT a -- x", b"BEGIN", b"BEGIN ", b"'",
    b"SELECT a IN (1, 2)", b"SELECT a IN (1, 2, 3)", b"SELECT a IN (1)", b"VALUES (1), (2)", b"VALUES (1), (2), (3)",
]  # fmt: skip
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["learn", "learn", "strict", "find", "find", "hold", "release"]),
        st.integers(0, len(POOL) - 1),
        st.sampled_from([b"", INT4]),
    ),
    max_size=60,
)


def expected_size(table: NaiveTable) -> int:
    names = {entry.name for entry in table.queue if entry.name is not None}
    keys = [len(key[1]) + len(key[2]) + 4 + (key[0] == "exact") for entry in table.queue for key in entry.keys]
    return len(table.queue) * ENTRY + len(keys) * KEY + sum(keys) + len(names) * DECISION


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, most=st.integers(2, 12))
def test_it_does_what_its_twin_does(driver: Any, steps: list[tuple[str, int, bytes]], most: int) -> None:
    table, twin = ShapeTable(most_entries=most), NaiveTable(most)
    holder, held = driver.Holder(table), list[str | None]()
    for number, (step, place, types) in enumerate(steps):
        text = POOL[place]
        if step in {"learn", "strict"}:
            table.learn(text, types, known(str(number), literals_matter=step == "strict"))
            twin.learn(text, types, str(number), step == "strict")
        elif step == "hold" and len(held) < 64:
            expected = twin.find(text, types)
            assert holder.hold(text, types) == (expected is not None)
            held += [expected] if expected is not None else []
        elif step == "release" and held:
            holder.release(0)
            held[0] = held[-1]
            held.pop()
        else:
            assert name_of(table, text, types) == twin.find(text, types)
        assert holder.statements() == held
        assert len(table) == len(twin.queue) <= most
        assert table.size == expected_size(twin)
    for text in POOL:
        assert name_of(table, text) == twin.find(text, b"")
        assert name_of(table, text, INT4) == twin.find(text, INT4)
    assert table.hits + table.misses > 0


# --- Room -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [512, 16384])
def test_shapes_that_come_once_do_not_evict_those_that_come_again(most: int) -> None:
    table = ShapeTable(most_entries=most)
    hot = [b"SELECT hot%d FROM t WHERE a = 1" % number for number in range(100)]
    for text in hot:
        table.learn(text, b"", known(text))
    lost = 0
    for number in range(100_000):
        table.learn(b"SELECT c%d FROM t WHERE a = 'x'" % number, b"", known())
        text = hot[number % 100]
        if name_of(table, text) != text:
            lost += 1
        assert len(table) <= most
    assert lost == 0
    assert len(table) == most
    assert table.size < 64 * 1024 * 1024


def test_bytes_are_bounded_as_entries_are() -> None:
    most = 300_000
    table = ShapeTable(most_bytes=most)
    for number in range(500):
        text = b"SELECT c%d%s" % (number, b", d" * (number * 37 % 9000))
        table.learn(text, b"", known(literals_matter=number % 3 == 0))
        assert table.size <= most
        assert name_of(table, text) == "s"
    for number in range(300):
        table.learn(b"SELECT c%d" % number, b"", known())
    assert most - 3000 < table.size <= most
    before = len(table)
    table.learn(b"BEGIN" + b" " * 60_000, b"", known())
    assert before - 40 < len(table) < before - 20
    small = ShapeTable(most_bytes=1000)
    small.learn(b"BEGIN", b"", known())
    assert (len(small), small.size) == (0, 0)


def test_size_is_what_is_allocated() -> None:
    tracemalloc.start()
    try:
        table = ShapeTable(most_entries=2000)
        table.learn(b"BEGIN", b"", known())
        gc.collect()
        before, size = tracemalloc.get_traced_memory()[0], table.size
        for number in range(1500):
            statement = known()
            statement.add_plan(b"x" * 1000, MaskPlan.clean(1))
            table.learn(b"SELECT c%d%s" % (number, b", d" * 300), b"", statement)
        grown = tracemalloc.get_traced_memory()[0] - before
        # The allowance for decisions, which are nothing here, and for slots apart.
        assert table.size - size - 1500 * DECISION < grown < table.size - size
    finally:
        tracemalloc.stop()


def test_what_a_statement_learns_later_counts_too() -> None:
    table = ShapeTable(most_bytes=200_000)
    statements = [known(number) for number in range(8)]
    for number, statement in enumerate(statements):
        table.learn(b"SELECT c%d" % number, b"", statement)
    size = table.size
    assert statements[0].add_description(b"x" * 10_000)
    assert table.size > size + 10_000
    assert statements[0].add_description(b"x" * 10_000)
    assert table.size < size + 11_000
    for statement in statements:
        for number in range(7):
            assert statement.add_description(b"%d" % number + b"x" * 10_000)
            assert table.size <= 200_000
    found = [name_of(table, b"SELECT c%d" % number) for number in range(8)]
    assert 0 < found.count(None) < 8


def test_bounds_that_allow_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="two entries"):
        ShapeTable(most_entries=1)
    table = ShapeTable(most_entries=2)
    table.learn(b"SELECT f('a')", b"", known("a", literals_matter=True))
    table.learn(b"SELECT f('b')", b"", known("b"))
    assert [name_of(table, b"SELECT f('%c')" % letter) for letter in b"abc"] == [None, "b", None]


# --- Lifetimes ------------------------------------------------------------------------------------------------------


class Witness:
    """A decision that says when it goes."""

    alive = 0

    def __init__(self) -> None:
        Witness.alive += 1

    def __del__(self) -> None:
        Witness.alive -= 1


def test_a_statement_in_use_outlives_its_eviction(driver: Any) -> None:
    table = ShapeTable(most_entries=4)
    holder = driver.Holder(table)
    table.learn(b"SELECT 0", b"", known(Witness()))
    assert holder.hold(b"SELECT 0", b"")
    for number in range(300):
        table.learn(b"SELECT c%d" % number, b"", known(Witness()))
        # Those in the table, the one in use, and the last that was evicted.
        assert Witness.alive <= 6
    assert name_of(table, b"SELECT 0") is None
    assert isinstance(holder.statements()[0], Witness)
    assert holder.belongs_to(0, table)
    holder.release(0)
    table.learn(b"BEGIN", b"", known())
    table.learn(b"BEGIN", b"", known())
    assert Witness.alive <= 4
    del table, holder
    assert Witness.alive == 0


def test_many_retired_statements_are_dropped_bit_by_bit(driver: Any) -> None:
    table = ShapeTable(most_entries=64)
    holder = driver.Holder(table)
    for number in range(64):
        table.learn(b"SELECT c%d" % number, b"", known(Witness()))
        assert holder.hold(b"SELECT c%d" % number, b"")
    for number in range(1000):
        table.learn(b"SELECT d%d" % number, b"", known())
    assert Witness.alive == 64
    while holder.statements():
        holder.release(0)
    for number in range(3):
        table.learn(b"SELECT e%d" % number, b"", known())
    assert Witness.alive == 0


def test_a_statement_in_use_outlives_its_table(driver: Any) -> None:
    table = ShapeTable()
    holder = driver.Holder(table)
    for text in (b"SELECT 0", b"SELECT a"):
        table.learn(text, b"", known(Witness()))
    assert holder.hold(b"SELECT 0", b"")
    holder.forget_table()
    del table
    gc.collect()
    assert Witness.alive == 1
    assert isinstance(holder.statements()[0], Witness)
    # Another table may stand where the first one was.
    assert holder.belongs_to(0, None)
    del holder
    ShapeTable()
    assert Witness.alive == 0


def test_a_statement_may_stand_under_several_keys() -> None:
    table = ShapeTable(most_entries=3)
    statement = known(Witness())
    table.learn(b"SELECT 1", b"", statement)
    one = table.size
    table.learn(b"SELECT 'a'", b"", statement)
    assert table.size - one == one - DECISION
    del statement
    for number in range(2):
        table.learn(b"SELECT c%d" % number, b"", known())
        assert Witness.alive == 1
    assert name_of(table, b"SELECT 1") is None
    assert isinstance(name_of(table, b"SELECT 'a'"), Witness)
    for number in range(8):
        table.learn(b"SELECT d%d" % number, b"", known())
    assert Witness.alive == 0
    other = known()
    table.learn(b"SELECT 1", b"", other)
    with pytest.raises(ValueError, match="another table"):
        ShapeTable().learn(b"SELECT 1", b"", other)


def test_finding_makes_nothing(driver: Any) -> None:
    table = ShapeTable()
    holder = driver.Holder(table)
    texts = [
        b"SELECT abalance FROM t WHERE aid = 7;",
        b"SELECT $1",
        b"BEGIN",
        b"SELECT unknown",
        b"'",
        b"SELECT f('b')",
    ]
    texts.append(b"INSERT INTO t VALUES " + b", ".join(b"(%d, 'x')" % number for number in range(30)))
    for text in (*texts[:3], texts[-1]):
        table.learn(text, INT4, known())
    table.learn(b"SELECT f('a')", INT4, known(literals_matter=True))
    assert holder.find_often(texts, INT4, 1) == 4
    tracemalloc.start()
    try:
        blocks = sys.getallocatedblocks()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        found = holder.find_often(texts, INT4, 2500)
        after, peak = tracemalloc.get_traced_memory()
        blocks = sys.getallocatedblocks() - blocks
    finally:
        tracemalloc.stop()
    assert found == 10_000
    # Numbers and tuples of this test are all that was made.
    assert after - before <= 200
    assert peak - before <= 200
    assert blocks <= 10


# --- What is known --------------------------------------------------------------------------------------------------


def test_what_c_reads(driver: Any) -> None:
    decision, capsule = object(), driver.template_capsule()
    for field in ("clean", "returns_rows", "rows_clean", "describe_always", "planned"):
        flags = dict.fromkeys(("clean", "returns_rows", "rows_clean", "describe_always", "planned"), False)
        statement = KnownStatement(
            decision, **{**flags, field: True}, transaction=2, template=capsule, literals_matter=False
        )
        assert statement.statement is decision
        assert driver.facts(statement) == {
            **flags, field: True, "transaction": 2, "uses": 0, "template": True, "statement": decision,
            "owner": statement, "table": False,
        }  # fmt: skip
    assert not driver.facts(known())["template"]


def test_what_is_no_statement_is_refused(driver: Any) -> None:
    for wrong in (driver.template_capsule(b"other"), object()):
        with pytest.raises(ValueError, match="PyCapsule"):
            known(template=wrong)
    for step in (-1, 3):
        with pytest.raises(ValueError, match="TransactionStep"):
            KnownStatement(
                "s", clean=True, returns_rows=True, rows_clean=True, describe_always=False, planned=False,
                transaction=step, template=None, literals_matter=False,
            )  # fmt: skip


def test_a_template_is_kept_alive(driver: Any) -> None:
    capsule = driver.template_capsule()
    before = sys.getrefcount(capsule)
    statement = known(template=capsule)
    assert sys.getrefcount(capsule) == before + 1
    del statement
    assert sys.getrefcount(capsule) == before


def test_descriptions_and_plans(driver: Any) -> None:
    statement = known()
    assert driver.described(statement, b"one") is None
    assert statement.add_description(b"one")
    assert statement.add_plan(b"two", MaskPlan.clean(2))
    assert statement.add_plan(b"", MaskPlan.clean(9))
    assert statement.add_format_plan(b"one", b"\0\0", MaskPlan.clean(3))
    assert statement.add_format_plan(b"one", b"", MaskPlan.clean(4))
    first = driver.described(statement, b"one")
    assert first[1] is None
    assert driver.described(statement, b"two")[1] == 2
    assert driver.described(statement, b"")[1] == 9
    assert driver.described(statement, b"one", b"\0\0") == (first[0], 3)
    assert driver.described(statement, b"one", b"") == (first[0], 4)
    assert driver.described(statement, b"one", b"\0\1") == (first[0], None)
    assert driver.described(statement, b"two", b"")[1] is None
    assert driver.described(statement, b"on") is None
    # Another plan takes the place of the one before, and the description stays where it is.
    assert statement.add_plan(b"one", MaskPlan.clean(5))
    assert statement.add_format_plan(b"one", b"", MaskPlan.clean(6))
    assert driver.described(statement, b"one") == (first[0], 5)
    assert driver.described(statement, b"one", b"") == (first[0], 6)


def test_descriptions_are_bounded(driver: Any) -> None:
    statement = known()
    added = [statement.add_description(b"%d" % number) for number in range(10)]
    assert added == [True] * 8 + [False] * 2
    assert not statement.add_plan(b"9", MaskPlan.clean(1))
    assert not statement.add_format_plan(b"9", b"", MaskPlan.clean(1))
    added = [statement.add_format_plan(b"0", b"%d" % number, MaskPlan.clean(number)) for number in range(10)]
    assert added == [True] * 8 + [False] * 2
    assert statement.add_plan(b"7", MaskPlan.clean(7))
    assert driver.described(statement, b"9") is None
    assert driver.described(statement, b"0", b"9")[1] is None
    large = known()
    assert large.add_description(b"x" * 200_000)
    assert not large.add_description(b"y" * 100_000)
    assert not large.add_format_plan(b"x" * 200_000, b"y" * 100_000, MaskPlan.clean(1))
    assert driver.described(large, b"x" * 200_000, b"y" * 100_000)[1] is None


def test_too_many_plans_are_no_plan(driver: Any) -> None:
    # All that were handed out are kept, so that their number has to end; the last one is not used in place of another.
    statement = known()
    added = [statement.add_plan(b"d", MaskPlan.clean(number)) for number in range(130)]
    assert added == [True] * 128 + [False] * 2
    assert driver.described(statement, b"d")[1] is None
    same = known()
    plan = MaskPlan.clean(3)
    assert all(same.add_plan(b"d", plan) for _ in range(1000))


def test_a_plan_lives_as_long_as_its_statement(driver: Any) -> None:
    statement = known()
    plan = MaskPlan.clean(3)
    before = sys.getrefcount(plan)
    statement.add_plan(b"d", plan)
    statement.add_plan(b"d", MaskPlan.clean(4))
    assert sys.getrefcount(plan) == before + 1
    del statement
    assert sys.getrefcount(plan) == before
