"""A process of its own that appends to a journal and says so, until it is killed: run by test_journal.py.

Arguments: directory, size of a segment. Prints the number of each record after `append` has returned.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hoopfast.audit.journal import Journal
from tests.audit.examples import execution


def main() -> None:
    directory, segment_size = sys.argv[1:]
    journal = Journal.open(Path(directory), "worker-0", segment_size=int(segment_size))
    sequence = 0
    while True:
        sequence += 1
        number = journal.append(execution(sequence, text="x" * (sequence % 977)))
        os.write(1, b"%d %d\n" % (number, sequence))


if __name__ == "__main__":
    main()
