"""A process of its own that appends to a journal and says so, until it is killed: run by test_journal.py.

Arguments: directory, size of a segment, "python" or "steady" (who records: C, as long as there is room). Prints the
number of each record after it has been appended.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hoopfast.audit.journal import Journal
from hoopfast.audit.recorder import SessionRecorder
from hoopfast.policy.model import Statement, StatementSummary, Verdict
from tests.audit.examples import SESSION, execution
from tests.audit.steady import Steady, Template


def python(journal: Journal) -> None:
    sequence = 0
    while True:
        sequence += 1
        number = journal.append(execution(sequence, text="x" * (sequence % 977)))
        os.write(1, b"%d %d\n" % (number, sequence))


def steady(journal: Journal) -> None:
    recorder = SessionRecorder(journal, SESSION, bytes(32))
    functions = Steady(recorder)
    statements = [Statement(Verdict.ALLOW, (), StatementSummary("x" * (length * 97), "")) for length in range(10)]
    templates = [Template(statement) for statement in statements]
    while True:
        sequence = functions.execution(templates[recorder.position % 10])
        if not sequence:
            sequence = recorder.execution(statements[0], protocol="simple")
        os.write(1, b"%d %d\n" % (recorder.position, sequence))


def main() -> None:
    directory, segment_size, who = sys.argv[1:]
    journal = Journal.open(Path(directory), "worker-0", segment_size=int(segment_size))
    {"python": python, "steady": steady}[who](journal)


if __name__ == "__main__":
    main()
