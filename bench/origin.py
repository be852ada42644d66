"""Where results come from: machine, versions, commit and command, kept beside the figures in the JSON.

Owns the file's form: `write` makes it, `read` gives it back.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.options import Options
from bench.results import Results

ROOT = Path(__file__).resolve().parents[1]


def machine() -> dict[str, str]:
    """What it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _line("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release(),
        "virtual": "yes" if "hypervisor" in _line("/proc/cpuinfo", "flags").split() else "no",
    }


def ours() -> dict[str, str]:
    """What hoopfast was built with and runs on."""
    found = {"Python": platform.python_version()}
    for package in ("hoopfast", "uvloop", "cython"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    if compiler := _said("cc", "--version"):
        found["C compiler"] = compiler.splitlines()[0]
    return found


def commit() -> str:
    """The commit that was measured; with what was changed since, if something was; empty outside of a repository."""
    head = _said("git", "rev-parse", "--short=12", "HEAD")
    if not head:
        return ""
    changed = _said("git", "status", "--porcelain", "--untracked-files=no", "--", "hoopfast", "bench", "setup.py")
    return f"{head}, with changes that are not committed" if changed else head


def of_this_run(options: Options, versions: dict[str, str], results: Results) -> dict[str, Any]:
    """Everything about a run but its figures."""
    said = {name: _plain(value) for name, value in options._asdict().items()}
    return {
        "at": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "commit": commit(),
        "command": options.command,
        "machine": machine(),
        "versions": {**versions, **ours()},
        "options": said,
        "seconds": results.seconds,
    }


def write(path: Path, origin: dict[str, Any], results: Results) -> None:
    """Everything that was measured, rounds included."""
    path.write_text(json.dumps({**origin, "figures": results.as_json()}, indent=1) + "\n")


def read(path: Path, into: Results) -> dict[str, Any]:
    """Add a file's samples to results; returns where they come from."""
    content: dict[str, Any] = json.loads(path.read_text())
    into.take(content.pop("figures"))
    content.setdefault("seconds", {})
    into.seconds |= content["seconds"]
    return content


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _line(file: str, name: str) -> str:
    """What stands behind the colon of the first line of that name."""
    for line in Path(file).read_text().splitlines():
        found, _, value = line.partition(":")
        if found.strip() == name:
            return value.strip()
    return ""


def _said(*command: str) -> str:
    """What a program prints; empty if it fails or is not there."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
