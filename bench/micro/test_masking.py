"""The figures of masking: what is in them. How large they are depends on the machine, and is not tested."""

from __future__ import annotations

import pytest

from bench.micro import masking
from bench.micro.stages import STAGES


def test_figures_are_of_framing_and_of_what_masking_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = {"frame": 10.0, "mask-in-place": 25.0, "mask": 50.0}
    monkeypatch.setattr(masking, "best_ns", lambda stages, passes: {stage: measured[stage] for stage in stages})
    what = {stage: STAGES[stage].what for stage in measured}
    assert masking.masking_ns() == {what["frame"]: 10.0, what["mask-in-place"]: 15.0, what["mask"]: 40.0}


def test_every_stage_takes_some_time() -> None:
    assert all(0 < ns < 1e6 for ns in masking.best_ns(("frame", "mask"), 1).values())


def test_it_prints_a_line_for_each(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "best_ns", lambda stages, passes: dict.fromkeys(stages, 12.5))
    assert masking.main() == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["12.5", "+0.0", "+0.0"]
