"""hoopfast/cli/demo.py: the tour as a person runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_tour_ends_well() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hoopfast.cli", "demo", "--once"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every step did what it should" in done.stdout
    assert "✗" not in done.stdout
    for word in ("SELECT", "COPY", "UPDATE", "DROP", "journal", "42501", "*******"):
        assert word in done.stdout
