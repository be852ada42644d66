"""The command line of the benchmarks."""

from __future__ import annotations

import pytest

from bench import options, targets


def test_defaults_measure_everything() -> None:
    given = options.read([])
    assert given.sections == options.SECTIONS
    assert given.clients == (1, 8, 32)
    assert given.tls == (False, True)


def test_quick_is_only_a_default() -> None:
    given = options.read(["--quick", "--rounds", "9", "--clients", "4", "--no-tls"])
    assert given.rounds == 9
    assert given.clients == (4,)
    assert given.tls == (False,)
    assert given.seconds < options.read([]).seconds


@pytest.mark.parametrize("arguments", [["--seconds", "-1"], ["--clients", "0"], ["--section", "nothing"]])
def test_nonsense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.read(arguments)
    assert "error" in capsys.readouterr().err


def test_only_the_last_stage_is_the_gateway_as_everybody_starts_it() -> None:
    for stage in targets.STAGES:
        command = targets.hoopfast_command(targets.ROOT / "x.toml", stage, 1)
        assert ("bench.staged" in command) == (stage != "masking")
