"""The command line of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import options, targets


def test_defaults_measure_everything() -> None:
    given = options.read([])
    assert given.sections == options.SECTIONS
    assert given.clients == (8,)
    assert given.tls == (False, True)
    assert given.rounds >= 9


def test_quick_is_only_a_default() -> None:
    given = options.read(["--quick", "--rounds", "9", "--clients", "4", "--no-tls"])
    assert given.rounds == 9
    assert given.clients == (4,)
    assert given.tls == (False,)
    assert given.seconds < options.read([]).seconds


@pytest.mark.parametrize(("arguments", "tls"), [([], (False, True)), (["--tls"], (True,)), (["--no-tls"], (False,))])
def test_either_or_both_of_clear_and_tls(arguments: list[str], tls: tuple[bool, ...]) -> None:
    assert options.read(arguments).tls == tls


@pytest.mark.parametrize("arguments", [[], ["--rounds", "15"], ["--clients", "8", "--clients", "32"], ["--no-plot"]])
def test_a_whole_run_writes_the_page(arguments: list[str]) -> None:
    assert options.read([*arguments, "--document-if-whole", "x.md"]).document == Path("x.md")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--quick"],
        ["--section", "bulk"],
        ["--rounds", "3"],
        ["--rows", "1000"],
        ["--shapes", "10"],
        ["--seconds", "0.5"],
        ["--no-tls"],
        ["--clients", "32"],
        ["--from", "x.json"],
    ],
)
def test_a_part_does_not_overwrite_the_page(arguments: list[str]) -> None:
    assert options.read([*arguments, "--document-if-whole", "x.md"]).document is None
    assert options.read([*arguments, "--document", "y.md"]).document == Path("y.md")


def test_the_command_is_kept_as_it_was_given() -> None:
    assert options.read(["--output", "a folder"]).command == "python -m bench --output 'a folder'"


@pytest.mark.parametrize("arguments", [["--seconds", "-1"], ["--clients", "0"], ["--section", "nothing"]])
def test_nonsense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.read(arguments)
    assert "error" in capsys.readouterr().err


def test_only_the_last_stage_is_the_gateway_as_everybody_starts_it() -> None:
    for stage in targets.STAGES:
        command = targets.hoopfast_command(targets.ROOT / "x.toml", stage, 1)
        assert ("bench.staged" in command) == (stage != "masking")
