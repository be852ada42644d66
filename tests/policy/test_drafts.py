"""Drafts: refusals that no rule can lift."""

from __future__ import annotations

from hoopfast.policy.drafts import Draft
from hoopfast.policy.facts import Facts
from hoopfast.policy.model import Kind


def test_a_draft_collects_refusals() -> None:
    draft = Draft("SET", Kind.SESSION, Facts())
    assert draft.refuse("no", 3, "do this") is draft
    assert [(finding.what, finding.location, finding.hint) for finding in draft.facts.refusals] == [
        ("no", 3, "do this")
    ]
