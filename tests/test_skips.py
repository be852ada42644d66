"""Skipped tests are summed up by their reason."""

from __future__ import annotations

import pytest

from ci.skips import reasons

pytest_plugins = ["pytester"]


def report(reason: str) -> pytest.TestReport:
    place = ("test_x.py", 3, reason)
    return pytest.TestReport("test_x.py::test_x", ("test_x.py", 3, "test_x"), {}, "skipped", place, "setup")


def test_reasons_are_counted() -> None:
    found = reasons([report("Skipped: no server"), report("Skipped: no server"), report("Skipped: other")])
    assert found == {"no server": 2, "other": 1}


def test_the_summary_is_printed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import pytest\n@pytest.mark.parametrize('n', [1, 2])\ndef test_it(n): pytest.skip('no server')"
    )
    result = pytester.runpytest_inprocess("-p", "ci.skips", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["skipped 2: no server"])
    result.assert_outcomes(skipped=2)
