"""A whole run, small: what is not installed is left out, what was measured is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import __main__, database, neighbours, rounds
from bench.client import BenchError
from bench.loads import Sample
from bench.options import Options, read
from bench.results import Load


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "program_path", lambda name: None)
    monkeypatch.setattr(neighbours, "compiler", lambda: None)
    assert [sentence.split()[0] for sentence in neighbours.missing()] == ["pgbouncer", "haproxy", "the"]
    assert all("left out" in sentence for sentence in neighbours.missing())


def test_a_section_that_breaks_off_does_not_take_the_others_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    options: Options = read(["--section", "noise", "--section", "rows", "--rounds", "1"])
    run = rounds.Rounds(None, Path("/nowhere"), options, said.append)  # type: ignore[arg-type]

    def breaks() -> None:
        raise BenchError("the server is gone")

    monkeypatch.setattr(run, "_noise", breaks)
    results = run.run()
    assert run.broken == ["noise"]
    assert "noise broke off: the server is gone" in said
    assert {load.section for load in results.samples} == {"rows"}
    assert set(results.seconds) == {"noise", "rows"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_small_run_from_beginning_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sections = ["latency", "pgbench", "bulk", "shapes", "stages"]
    chosen = [word for name in sections for word in ("--section", name)]
    small = ["--quick", "--rounds", "1", "--rows", "2000", "--shapes", "40", "--no-tls", "--blocks", "1"]
    written = ["--output", str(tmp_path), "--document", str(tmp_path / "page.md")]
    assert __main__.main([*chosen, *small, *written]) == 0
    (kept,) = tmp_path.glob("*.json")
    found = json.loads(kept.read_text())
    hoopfast = {
        (entry["section"], entry["name"]): Sample(**entry["rounds"]["0"])
        for entry in found["figures"]
        if entry["target"] == "hoopfast" and not entry["refused"]
    }
    for load in (Load("latency", False, "prepared", 1), Load("pgbench", False, "extended", 8)):
        assert hoopfast[load.section, load.name].cpu
    assert hoopfast["shapes", "40 shapes"].rate
    assert hoopfast["bulk", "select"].rate
    assert found["commit"]
    assert "40 shapes" in (tmp_path / "page.md").read_text()
    assert "Limits" in capsys.readouterr().out
