"""Runs the command line as a user does: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def hoopfast(
    *arguments: str, cwd: Path | None = None, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """`hoopfast ARGUMENTS`, with this environment added; fails after half a minute."""
    return subprocess.run(
        [sys.executable, "-m", "hoopfast.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd or ROOT,
        input=stdin,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **environment},
    )
