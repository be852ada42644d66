"""Problems: their place as a key, and all of them on one screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from hoopfast.config.problems import ConfigFileError, Problem, dotted, nearest


def test_dotted() -> None:
    assert dotted(("database", 0, "port")) == "database[0].port"
    assert dotted(("policy", "nightly", "mask", 1, "columns", 2)) == "policy.nightly.mask[1].columns[2]"
    assert dotted(()) == ""


def test_nearest() -> None:
    assert nearest("lsten", ["listen", "workers"]) == ', did you mean "listen"?'
    assert nearest("zzz", ["listen"]) == ""


def test_sorted_by_line_and_counted() -> None:
    error = ConfigFileError(Path("a.toml"), [Problem(("b",), "late", 9), Problem(("a",), "early", 2)])
    assert str(error) == "a.toml: 2 problems\n  line 2: a: early\n  line 9: b: late"
    assert [problem.line for problem in error.problems] == [2, 9]


@pytest.mark.parametrize("count", [1, 15, 16, 500])
def test_one_screen_however_many(count: int) -> None:
    error = ConfigFileError(Path("a.toml"), [Problem(("k", index), "wrong") for index in range(count)])
    lines = str(error).splitlines()
    assert len(lines) <= 24
    assert len(error.problems) == count
    assert ("more; mend these first" in lines[-1]) is (count > 15)
