"""node-postgres through the gateway; the program is node/protected.mjs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from hoopfast.sandbox.sandbox import Sandbox
from tests.support import canaries
from tests.support.sandboxes import MASKED_SSN

pytestmark = [pytest.mark.slow, pytest.mark.needs_node]

HERE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program and the driver in it, installed from wherever npm is told to look."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("skipped for want of node and npm (make system-packages)")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "protected.mjs"):
        shutil.copy(HERE / name, folder)
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    if done.returncode != 0:
        pytest.skip(f"skipped for want of the npm package pg: {done.stderr.strip()[-300:]}")
    return folder


def test_protected_column(sandbox: Sandbox, installed: Path) -> None:
    done = subprocess.run(
        ["node", "protected.mjs", sandbox.gateway_dsn()],
        cwd=installed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    canaries.assert_none(done.stdout)
    seen = json.loads(done.stdout)
    expected = {"id": 1, "ssn": MASKED_SSN, "city": "Oakham"}
    assert seen["simple"] == seen["extended"] == [expected]
    assert seen["named"] == [[expected]] * 3
    assert seen["binary"] == [[{"ssn": MASKED_SSN}]] * 2
    assert [row["city"] for row in seen["all"]] == ["Oakham", "Linden", "Pinewood"]
    assert [row["id"] for row in seen["cursor"]] == [1, 2, 3]
    assert seen["unprotected"] == [
        {"id": 1, "label": "one", "amount": "1.250", "tags": ["a", "b"]},
        {"id": 2, "label": "two", "amount": "-2.500", "tags": None},
    ]
    assert seen["refusal"][0] == "42501"
    assert "TRUNCATE is not for jobs" in seen["refusal"][1]
    assert seen["after"] == [{"one": 1}]
