"""The comparison of instruction counts: what is within bounds, and what is said about the rest."""

from __future__ import annotations

import pytest

from bench.micro.counts import NOT_COUNTED, Baseline, main, verdict

HERE = {"python": "3.11.7"}
BASELINE: Baseline = {"environment": HERE, "counts": {"mask": 1000.0}}


@pytest.mark.parametrize(
    ("counted", "here", "within"),
    [
        (1000.0, HERE, True),
        (1029.0, HERE, True),
        (1031.0, HERE, False),
        (969.0, HERE, False),
        (1031.0, {"python": "3.13.0"}, True),
        (1251.0, {"python": "3.13.0"}, False),
    ],
)
def test_bounds(counted: float, here: dict[str, str], within: bool) -> None:
    lines, actual = verdict({"mask": counted}, BASELINE, here)
    assert actual is within
    assert len(lines) == 1
    assert ("MORE" in lines[0] or "LESS" in lines[0]) is not within


def test_a_stage_without_a_baseline_is_not_passed_over() -> None:
    lines, within = verdict({"frame": 1.0}, BASELINE, HERE)
    assert not within
    assert "--update" in lines[0]


def test_it_says_that_valgrind_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main([]) == NOT_COUNTED
    assert "valgrind is not installed" in capsys.readouterr().out
