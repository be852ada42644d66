"""What is known of one command before it is decided about: its kind, what it gives, what it does to the session.

Plain records between classification (classify.py, utility.py) and decision (engine.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hoopfast.policy.facts import Facts, Finding
from hoopfast.policy.model import Kind, Statement
from hoopfast.policy.scope import Output


@dataclass(slots=True)
class Draft:
    """One command, classified. `output` is None where it returns no rows."""

    tag: str
    kind: Kind
    facts: Facts
    output: Output | None = None
    stands_for: Statement | None = None  # what EXECUTE or FETCH runs
    inner: list[Draft] = field(default_factory=list)  # PREPARE, DECLARE, EXPLAIN: the command inside, decided with it
    not_alone: bool = False  # must be the last command of its text: the server reads what follows otherwise
    stores: bool = False  # its output goes into a new relation, not to the frontend
    returned_by_copy: bool = False
    command: dict[str, Any] = field(default_factory=dict)  # further attributes of model.Command

    def refuse(self, what: str, location: int = -1, hint: str = "") -> Draft:
        """Add a refusal that no rule can lift."""
        self.facts.refusals.append(Finding(what, location, hint))
        return self
