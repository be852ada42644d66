"""The page: written from results alone, complete, the same every time, without sections that nothing is known of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench import __main__, document, origin
from bench.options import SECTIONS
from bench.results import Results
from tests.bench.made import ORIGIN, everything, made


def written(folder: Path, results: Results) -> str:
    document.write(folder / "benchmarks.md", [ORIGIN], results)
    return (folder / "benchmarks.md").read_text()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a page with everything in it, and with plots of an earlier version before."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "images").mkdir()
    (folder / "images" / "bench-former.svg").write_text("of an earlier version")
    (folder / "images" / "logo.svg").write_text("of somebody else")
    written(folder, everything())
    return folder


def test_every_section_stands_in_the_page(whole: Path) -> None:
    text = (whole / "benchmarks.md").read_text()
    assert "{{" not in text
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert len(headings) == len(set(headings)) == len(SECTIONS) + 5
    assert "CPU per query, simple, × relay | 1.30 (1.30 to 1.30) | ≤ 1.35 | ≤ 1.15 | met |" in text
    assert "| **missed** |" in text
    assert "2024-02-29" in text
    assert "0123456789ab" in text
    assert "`python -m bench --document docs/benchmarks.md`" in text
    assert "a \\| b" in text  # a bar within a cell would end it
    assert "That took 3 minutes here." in text


def test_its_plots_are_there_and_no_others(whole: Path) -> None:
    named = set(re.findall(r"\]\(images/([^)]*)\)", (whole / "benchmarks.md").read_text()))
    assert "bench-latency-cpu.svg" in named
    assert {path.name for path in (whole / "images").iterdir()} == {*named, "logo.svg"}
    for name in named:
        assert (whole / "images" / name).read_text().lstrip().startswith("<?xml")


def test_the_same_results_give_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    written(tmp_path, everything())
    one, two = ({p.name: p.read_bytes() for p in folder.rglob("b*.*")} for folder in (whole, tmp_path))
    assert len(one) > 5
    assert one == two


def test_what_was_not_measured_is_left_out(tmp_path: Path) -> None:
    text = written(tmp_path, made())
    assert "## One client" in text
    assert "## Bulk" not in text
    assert "## Refused" not in text
    assert "28 of" not in text
    assert "not measured" in text


def test_every_mark_of_the_template_is_known() -> None:
    marks = document.marks([ORIGIN], Results(), {})
    assert set(document.MARK.findall(document.PAGE.read_text())) == set(marks)


def test_a_section_without_marks_stays() -> None:
    assert document.page("top\n## a\n{{x}}\n## b\n{{y}}\n## c\n", {"x": "", "y": "1"}) == "top\n## b\n1\n## c\n"


def test_the_command_writes_it_from_several_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = everything()
    for name, sections in (("a", {"latency", "noise"}), ("b", {"bulk"})):
        part = Results()
        part.samples = {load: found for load, found in whole.samples.items() if load.section in sections}
        origin.write(tmp_path / f"{name}.json", {**ORIGIN, "at": f"run {name}"}, part)
    page = tmp_path / "page.md"
    arguments = ["--from", str(tmp_path / "a.json"), "--from", str(tmp_path / "b.json"), "--document", str(page)]
    assert __main__.main(arguments) == 0
    text = page.read_text()
    assert "run a" in text
    assert "run b" in text
    assert "## One client" in text
    assert "## Bulk" in text
    assert "Limits" in capsys.readouterr().out
