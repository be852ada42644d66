"""Two runs side by side: what counts as worse, what as noise, and the exit status that follows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import __main__, compare, origin
from bench.arithmetic import Spread
from bench.loads import Sample
from bench.results import ADDED, Load, Results
from tests.bench.made import ORIGIN, SIMPLE, everything, made


def change(then: tuple[float, float, float], now: tuple[float, float, float], *, more: bool = False) -> compare.Change:
    return compare.Change(SIMPLE, "hoopfast", "CPU × relay", Spread(*then, 9), Spread(*now, 9), more)


@pytest.mark.parametrize(
    ("then", "now", "worse", "beyond_threshold"),
    [
        ((1.0, 0.9, 1.1), (1.0, 0.9, 1.1), False, False),
        ((1.0, 0.9, 1.1), (1.2, 1.05, 1.3), False, False),  # the intervals meet: noise
        ((1.0, 0.99, 1.01), (1.04, 1.03, 1.05), True, False),  # certain, and little
        ((1.0, 0.9, 1.1), (1.2, 1.11, 1.3), True, True),
        ((1.2, 1.1, 1.3), (1.0, 0.9, 1.05), False, False),  # better
    ],
)
def test_worse_means_more_than_the_noise(
    then: tuple[float, float, float], now: tuple[float, float, float], worse: bool, beyond_threshold: bool
) -> None:
    found = change(then, now)
    assert found.worse() == worse
    assert found.worse(0.05) == beyond_threshold


def test_a_rate_is_worse_when_it_falls() -> None:
    found = change((1.0, 0.99, 1.01), (0.8, 0.79, 0.81), more=True)
    assert found.growth == pytest.approx(0.25)
    assert found.worse(0.05)
    assert not change((0.8, 0.79, 0.81), (1.0, 0.99, 1.01), more=True).worse()


def test_ratios_of_ours_are_compared_where_both_runs_have_them() -> None:
    found = compare.changes(everything(1.3), everything(1.6))
    assert {one.target for one in found} == {"hoopfast"}
    simple = {one.what: one for one in found if one.load == SIMPLE}
    assert set(simple) == {"CPU × pgbouncer", "CPU × relay", f"{ADDED} × pgbouncer"}
    assert simple["CPU × relay"].growth == pytest.approx(1.6 / 1.3 - 1)
    assert simple[f"{ADDED} × pgbouncer"].growth == pytest.approx(0)
    bulk = [one.what for one in found if one.load == Load("bulk", False, "select", 1)]
    assert bulk == ["MB/s × direct", "CPU × pgbouncer", "CPU × relay"]
    assert [one.what for one in found if one.load.section == "shapes"] == ["rate × one shape"]
    assert compare.changes(made(), Results()) == []


def test_what_is_added_is_left_out_where_it_is_nothing() -> None:
    then, now = made(), made()
    for number in range(3):
        now.add(SIMPLE, "pgbouncer", number, Sample(90e-6, 200e-6, 1e4, 40e-6))  # faster than direct: noise
    assert f"{ADDED} × pgbouncer" not in {one.what for one in compare.changes(then, now)}


def keep(path: Path, results: Results) -> str:
    origin.write(path, ORIGIN, results)
    assert json.loads(path.read_text())["commit"] == ORIGIN["commit"]
    return str(path)


@pytest.mark.parametrize(
    ("ours", "threshold", "status", "said"),
    [
        (1.3, "0.05", 0, ""),
        (1.6, "0.05", 1, "WORSE"),
        (1.6, "0.5", 0, "worse"),
        (1.0, "0.05", 0, "better"),
    ],
)
def test_the_exit_status_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ours: float, threshold: str, status: int, said: str
) -> None:
    then, now = keep(tmp_path / "then.json", everything(1.3)), keep(tmp_path / "now.json", everything(ours))
    assert __main__.main(["--from", now, "--compare", then, "--threshold", threshold]) == status
    compared = capsys.readouterr().out.partition("Against the baseline")[2]
    assert "CPU × relay" in compared
    assert said in compared


def test_a_baseline_with_nothing_in_common_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    then, now = keep(tmp_path / "then.json", Results()), keep(tmp_path / "now.json", made())
    assert __main__.main(["--from", now, "--compare", then]) == 1
    assert "nothing in common" in capsys.readouterr().out
