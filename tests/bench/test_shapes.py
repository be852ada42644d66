"""Many shapes: distinct, and the same for pgbench as for whoever warms a target up."""

from __future__ import annotations

import re

from bench import shapes
from hoopfast.wire.lexer import Lexer


def test_no_two_are_alike() -> None:
    lexer = Lexer()
    assert len({lexer.hash(text.encode()) for text in shapes.every(10_000)}) == 10_000


def test_literals_do_not_make_a_shape() -> None:
    lexer = Lexer()
    for shape in range(1, len(shapes.FORMS) + 1):
        assert lexer.hash(shapes.text(shape, 1).encode()) == lexer.hash(shapes.text(shape, 99_999).encode())


def statements(script: str) -> list[str]:
    return [line.removesuffix(";") for line in script.splitlines() if not line.startswith("\\")]


def test_pgbench_sends_what_was_warmed_up() -> None:
    script = shapes.script(10_000)
    for number, statement in enumerate(statements(script)):
        # What pgbench does in the simple protocol: a colon and a name become the variable's value.
        variables = {"shape": str(number), "aid": "7"}
        sent = "".join(variables.get(part[1:], part) for part in re.split(r"(:\w+)", statement))
        assert sent == shapes.text(number, 7)
    assert "random_zipfian(1, 10000, 1.1)" in script


def test_one_shape_costs_pgbench_the_same() -> None:
    many, one = shapes.script(500), shapes.script(500, only=shapes.ONLY)
    assert [line for line in one.splitlines() if line not in many.splitlines()] == [f"\\set shape {shapes.ONLY}"]
