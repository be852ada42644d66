"""The one direction of imports, checked on the sources: docs/design.md §3 as a test.

Reads every module of hoopfast/ (Cython ones too) as text, imports nothing. Besides the layers it checks what only one
place may import, that modules stay small, and that no file names a place that a reader does not have.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "hoopfast"

# What a folder may import of hoopfast, itself apart. A folder that is not listed fails the test: decide, then list it.
# Finer than a folder: "policy.model" allows that one module.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "recording": set(),
    "wire": {"errors", "recording"},
    "session": {"errors", "wire", "policy.model"},
    "config": {"errors"},
    "policy": {"errors", "config"},
    "auth": {"errors", "config"},
    "audit": {"errors", "recording", "config", "policy.model"},
    "approvals": {"errors", "config", "policy.model"},
    "store": {"errors", "config"},
    "control": {"errors", "config", "policy", "auth", "audit", "approvals", "store"},
    "gateway": {"errors", "wire", "session", "policy", "auth", "audit", "approvals", "config"},
    "sandbox": {"errors", "wire", "session", "policy", "auth", "audit", "config", "gateway", "cli"},
    "cli": {"errors", "wire", "session", "policy", "auth", "audit", "config", "gateway", "sandbox"},
}

# Modules of others that only some folders may import: I/O stays in gateway/ (and in what starts it).
EVENT_LOOP = {"asyncio", "uvloop", "ssl", "anyio", "selectors"}
MAY_DO_IO = {"gateway", "control", "sandbox", "cli"}
SINGLE_PLACE = {"pglast": "policy/parse.py"}  # its licence is GPL-3.0-or-later: docs/decisions/0001

LINES = {".py": 400, ".pyx": 600, ".pxd": 400, ".pyi": 400}

CIMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import\s+([\w, ]+)|c?import\s+([\w.]+))", re.MULTILINE)


def sources(*suffixes: str) -> list[Path]:
    """All source files of hoopfast/ with these suffixes."""
    return sorted(path for path in PACKAGE.rglob("*") if path.suffix in suffixes)


def name_of(path: Path) -> str:
    """The folder (or top-level module) of hoopfast that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py").removesuffix(".pxd")


def absolute(path: Path, module: str | None, level: int) -> str:
    """A relative import's absolute name."""
    if level == 0:
        return module or ""
    package = ("hoopfast", *path.relative_to(PACKAGE).parts[:-1])
    return ".".join((*package[: len(package) - level + 1], *([module] if module else [])))


def imports_of(path: Path) -> Iterator[str]:
    """Every dotted name that a module imports, anywhere in it; `from a import b` gives `a.b`."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        for found in CIMPORT.finditer(text):
            if found[3]:
                yield found[3]
            else:
                yield from (f"{found[1]}.{name.strip()}" for name in found[2].split(","))
        return
    for node in ast.walk(ast.parse(text, str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{absolute(path, node.module, node.level)}.{alias.name}" for alias in node.names)


def allowed(target: str, permitted: set[str]) -> bool:
    """Whether hoopfast.`target` is one of the permitted folders or modules, or lies in one."""
    return any(target == name or target.startswith(f"{name}.") for name in permitted)


@pytest.mark.parametrize("path", sources(".py", ".pyx", ".pxd"), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    layer = name_of(path)
    if layer in {"__init__", "__main__"}:
        return
    assert layer in MAY_IMPORT, f"hoopfast/{layer} is in no layer: decide what it may import, in tests/test_layering.py"
    for name in imports_of(path):
        top, _, target = name.partition(".")
        if top != "hoopfast" or not target:
            continue
        if target == "__version__" or target.split(".")[0] == layer:
            continue
        assert allowed(target, MAY_IMPORT[layer]), f"{path.relative_to(ROOT)} imports hoopfast.{target}"


@pytest.mark.parametrize("path", sources(".py", ".pyx", ".pxd"), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_only_some_may_import(path: Path) -> None:
    inside = str(path.relative_to(PACKAGE))
    for name in imports_of(path):
        top = name.split(".")[0]
        if top in EVENT_LOOP:
            assert name_of(path) in MAY_DO_IO, f"{inside} imports {top}: the event loop lives in gateway/"
        if top in SINGLE_PLACE:
            assert inside == SINGLE_PLACE[top], f"{inside} imports {top}: only {SINGLE_PLACE[top]} may"


@pytest.mark.parametrize("path", sources(*LINES), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_small(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LINES[path.suffix], f"{path.relative_to(ROOT)} has {lines} lines: look for its second noun"


@pytest.mark.parametrize("path", sources(".py", ".pyx"), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if text.strip():
        assert re.match(r'\A(?:#.*\n)*\s*(?:r|u)?"""\S', text), (
            f"{path.relative_to(ROOT)} does not begin with a docstring"
        )


def tracked() -> list[Path]:
    """Every file that git knows, or, in a source archive, every source file."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        return [*sources(".py", ".pyx", ".pxd", ".pyi"), *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_nothing_outside_the_repository_is_named() -> None:
    # Put together here, so that this file does not hold what it looks for.
    places = [
        "../" + "shared",
        "/wo" + "rk/",
        ".lib" + "rary",
        "pypi" + ".org",
        "registry." + "npmjs",
        "deb." + "debian.org",
    ]
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a binary file
        found += [f"{path.relative_to(ROOT)}: {place}" for place in places if place in text]
    assert not found
