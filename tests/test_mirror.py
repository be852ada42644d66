"""The mirror: every hoopfast/x/y.py or .pyx has its tests/x/test_y.py.

The exemptions are listed with their reason, and the list only shrinks: an entry whose test exists, or whose module is
gone, fails.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

EXEMPT: dict[str, str] = {
    "hoopfast/policy/model.py": "plain values without behaviour; every test of policy/ and session/ uses them",
    "hoopfast/session/boundary.py": "protocols and plain values without behaviour",
    "hoopfast/session/effects.py": "plain values without behaviour",
    "hoopfast/errors.py": "plain exceptions without behaviour",
}


def modules() -> list[str]:
    """Every module of hoopfast/, as a path from the project's root."""
    found = (path for suffix in ("py", "pyx") for path in (ROOT / "hoopfast").rglob(f"*.{suffix}"))
    return sorted(str(path.relative_to(ROOT)) for path in found if path.stem not in {"__init__", "__main__"})


def mirror(module: str) -> Path:
    """Where the tests of a module belong."""
    inside = Path(module).relative_to("hoopfast")
    return ROOT / "tests" / inside.parent / f"test_{inside.stem}.py"


@pytest.mark.parametrize("module", modules())
def test_every_module_has_its_tests(module: str) -> None:
    if module not in EXEMPT:
        assert mirror(module).is_file(), f"{module} has no {mirror(module).relative_to(ROOT)}"


@pytest.mark.parametrize("module", sorted(EXEMPT))
def test_the_exemptions_only_shrink(module: str) -> None:
    assert (ROOT / module).is_file(), f"{module} is gone: take it off the list"
    assert not mirror(module).exists(), f"{module} has tests now: take it off the list"


def test_no_tests_without_a_module() -> None:
    # What mirrors nothing tests something that has moved; the folders below are about more than one module.
    elsewhere = {"system", "support", "bench", "fuzz"}
    known = {mirror(module) for module in modules()}
    strays = []
    for path in (ROOT / "tests").rglob("test_*.py"):
        inside = path.relative_to(ROOT / "tests")
        if len(inside.parts) == 1 or inside.parts[0] in elsewhere:
            continue
        # test_x_more.py is a second file on x.
        if not any(path.parent == other.parent and path.stem.startswith(other.stem) for other in known):
            strays.append(str(inside))
    assert not strays
