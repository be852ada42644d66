"""A pytest plugin that says in a few lines what was skipped and why: `pytest -p ci.skips -rfE`.

Without Debian's packages hundreds of tests are skipped for the same few reasons; one line each is what a reader wants.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest


def reasons(reports: Iterable[pytest.TestReport | pytest.CollectReport]) -> Counter[str]:
    """How many tests were skipped for each reason."""
    found: Counter[str] = Counter()
    for report in reports:
        # A skip's longrepr is (file, line, "Skipped: reason").
        place = report.longrepr
        text = str(place[2]) if isinstance(place, tuple) else "no reason given"
        found[text.removeprefix("Skipped: ")] += 1
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one line per reason."""
    for reason, count in reasons(terminalreporter.stats.get("skipped", [])).most_common():
        terminalreporter.write_line(f"skipped {count}: {reason.removeprefix('skipped ')}", yellow=True)
