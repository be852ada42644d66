"""Draws docs/states.md from the verdict tables of hoopfast/wire/protocol.py.

`python -m ci.diagrams` writes the file; `tests/test_diagrams.py` fails when it is out of date. Adds nothing of its own
to what the tables say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hoopfast.wire.protocol import (
    BACKEND_NAMES,
    BACKEND_VERDICTS,
    FRONTEND_NAMES,
    FRONTEND_VERDICTS,
    Verdict,
)

TARGET = Path(__file__).resolve().parents[1] / "docs" / "states.md"

HEAD = """\
# States and verdicts

Drawn by `ci/diagrams.py` from the tables in `hoopfast/wire/protocol.py`, from which the framer's C tables are compiled
too. Do not edit.

What becomes of a message depends on the side it comes from, the phase that side is in, and its type byte:

- **deliver**: held whole and handed to the conversation, which decides;
- **forward**: passed on as it comes, without being held;
- **row**: a DataRow; goes by the mask plan, and not at all without one;
- **withhold**: dropped as it comes;
- **·**: illegal; the session ends with a protocol violation. So does every type byte that is not in the table.
"""

Tables = Mapping[Any, Mapping[int, Verdict]]  # by phase, then type byte; the phase enumerations differ by side


def matrix(names: Mapping[int, str], tables: Tables) -> str:
    """The whole truth as a table: message types down, phases across."""
    lines = [
        "| message | type | " + " | ".join(phase.name for phase in tables) + " |",
        "|---|---|" + "---|" * len(tables),
    ]
    for kind, name in sorted(names.items(), key=lambda item: item[1]):
        verdicts = (tables[phase].get(kind, Verdict.ILLEGAL) for phase in tables)
        cells = ("·" if verdict is Verdict.ILLEGAL else verdict.name.lower() for verdict in verdicts)
        lines.append(f"| {name} | `{chr(kind)}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def diagram(names: Mapping[int, str], tables: Tables) -> str:
    """One box per phase with what passes through it without being held, and how many types are delivered."""
    lines = ["```mermaid", "stateDiagram-v2"]
    for phase, verdicts in tables.items():
        lines.append(f"    state {phase.name} {{")
        for verdict in Verdict:
            found = sorted(names[kind] for kind, given in verdicts.items() if given is verdict)
            if found:
                key = f"{phase.name}_{verdict.name}"
                lines.append(f'        state "{verdict.name.lower()}: {", ".join(found)}" as {key}')
        lines.append("    }")
    lines.append("```")
    return "\n".join(lines)


def render() -> str:
    """The text of docs/states.md."""
    parts = [HEAD]
    for title, names, tables in (
        ("What a frontend may send", FRONTEND_NAMES, FRONTEND_VERDICTS),
        ("What a backend may send", BACKEND_NAMES, BACKEND_VERDICTS),
    ):
        parts.append(f"## {title}\n\n{matrix(names, tables)}\n\n{diagram(names, tables)}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
