"""pgjdbc (Debian's libpostgresql-jdbc-java) through the gateway; the program is java/Protected.java."""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from hoopfast.sandbox.sandbox import Sandbox
from tests.support import canaries
from tests.support.protocol import target
from tests.support.sandboxes import MASKED_SSN

pytestmark = [pytest.mark.slow, pytest.mark.needs_java]

DRIVER = Path("/usr/share/java/postgresql.jar")
SOURCE = Path(__file__).parent / "java" / "Protected.java"


@pytest.fixture(scope="module")
def classpath(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The compiled program and the driver."""
    if shutil.which("javac") is None or not DRIVER.exists():
        pytest.skip("skipped for want of a JDK and libpostgresql-jdbc-java (make system-packages)")
    folder = tmp_path_factory.mktemp("java")
    subprocess.run(["javac", "-d", folder, SOURCE], check=True, timeout=100)
    # The driver authenticates by SCRAM with libraries that lie beside it.
    return f"{folder}:{DRIVER}:/usr/share/java/*"


def test_protected_column(sandbox: Sandbox, classpath: str) -> None:
    to = target(sandbox.gateway_dsn())
    arguments = [to.host, str(to.port), to.dbname, to.user, to.password, to.root_certificate or "-"]
    done = subprocess.run(
        ["java", "-cp", classpath, "Protected", *arguments], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    canaries.assert_none(done.stdout)
    seen = defaultdict(list)
    for line in done.stdout.splitlines():
        label, _, rest = line.partition("|")
        seen[label].append(rest)
    for mode in ("simple", "extended", "extendedForPrepared", "extendedCacheEverything"):
        assert seen[mode] == [f"1|{MASKED_SSN}|Oakham"] * 7
    assert len(seen["binary"]) == 2
    assert seen["binary"][0] == seen["binary"][1]
    assert "Oakham" in seen["binary"][0]
    assert MASKED_SSN in seen["binary"][0]
    assert seen["fetched"][0].startswith(f"1|{MASKED_SSN}|2|*******7715|3|null")
    assert "staff" in seen["tables"][0]
    assert seen["refusal"][0].startswith("42501|")
    assert seen["after"] == ["1|one|1.250|2|two|-2.500"]
    assert (seen["batch"], seen["deleted"]) == (["10"], ["10"])
