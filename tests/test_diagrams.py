"""docs/states.md is what ci/diagrams.py draws from the tables now."""

from __future__ import annotations

from ci import diagrams
from hoopfast.wire.protocol import FRONTEND_NAMES, FRONTEND_VERDICTS, FrontendPhase, Verdict


def test_the_page_is_up_to_date() -> None:
    written = diagrams.TARGET.read_text(encoding="utf-8")
    assert written == diagrams.render(), "docs/states.md is out of date: run `python -m ci.diagrams`"


def test_an_unlisted_type_is_drawn_as_illegal() -> None:
    drawn = diagrams.matrix(FRONTEND_NAMES, {FrontendPhase.READY: {ord("Q"): Verdict.DELIVER}})
    assert "| Query | `Q` | deliver |" in drawn
    assert "| Parse | `P` | · |" in drawn


def test_every_verdict_is_drawn_in_its_phase() -> None:
    drawn = diagrams.diagram(FRONTEND_NAMES, FRONTEND_VERDICTS)
    assert '"forward: CopyData" as COPY_IN_FORWARD' in drawn
    assert "READY_FORWARD" not in drawn
