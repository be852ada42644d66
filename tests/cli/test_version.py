"""`hoopfast version`: the version, fast."""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib

import hoopfast as package
from hoopfast.cli.version import version
from tests.cli.run import ROOT, hoopfast


def test_it_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert package.__version__ == project["version"]
    for argument in ("version", "--version"):
        assert hoopfast(argument).stdout.startswith(f"hoopfast {project['version']} (Python 3.")
    assert version.__doc__


def test_it_imports_next_to_nothing() -> None:
    code = (
        "import sys; from hoopfast.cli.app import main\ntry: main(['version'])\nexcept SystemExit: print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=30
    )
    modules = done.stdout.splitlines()[1].split()
    for slow in ("typer", "rich", "pydantic", "cryptography", "asyncio", "inspect"):
        assert slow not in modules


def test_under_150_milliseconds() -> None:
    # The best of five: the machine may be busy, the program must not be.
    times = []
    for _ in range(5):
        start = time.perf_counter()
        hoopfast("version")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.15, times
