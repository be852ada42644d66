"""psql through the gateway: \\d, \\copy, Ctrl-C, and a protected column."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from hoopfast.sandbox.process import plain_environment
from hoopfast.sandbox.sandbox import Sandbox
from tests.support import canaries
from tests.support.sandboxes import MASKED_SSN, direct_as_role


def _psql(box: Sandbox, dsn: str, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [box.postgres.bin_directory / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *arguments, dsn],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=plain_environment(),
    )


def _both(box: Sandbox, *arguments: str) -> tuple[str, str]:
    """The output through the gateway and directly; both must succeed."""
    outputs = []
    for dsn in (box.gateway_dsn(), direct_as_role(box)):
        done = _psql(box, dsn, *arguments)
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout + done.stderr)
    return outputs[0], outputs[1]


def test_describe_is_the_servers(sandbox: Sandbox) -> None:
    for command in ("\\d", "\\d patients", "\\d+ children", "\\dt shadow.*", "\\dn", "\\df", "\\du hoop_app"):
        gateway, direct = _both(sandbox, "-c", command)
        assert gateway == direct, command
        assert direct


def test_protected_columns_are_masked(sandbox: Sandbox) -> None:
    done = _psql(sandbox, sandbox.gateway_dsn(), "-A", "-t", "-c", "SELECT * FROM patients ORDER BY id")
    assert done.returncode == 0, done.stderr
    canaries.assert_none(done.stdout)
    first, _, third = done.stdout.splitlines()
    assert first.split("|")[0] == "1"
    assert first.split("|")[2] == MASKED_SSN
    assert first.split("|")[6] == "Oakham"
    assert third.split("|")[2] == ""


def test_copy_out_and_in(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "plain.csv"
    script = f"""
        CREATE TABLE copied (LIKE plain);
        \\copy plain TO '{file}' CSV
        \\copy copied FROM '{file}' CSV
        SELECT count(*) FROM copied;
        DROP TABLE copied;
    """
    done = _psql(sandbox, sandbox.gateway_dsn(), "-A", "-t", stdin=script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "2"
    direct = _psql(sandbox, direct_as_role(sandbox), "-c", "COPY plain TO STDOUT CSV")
    assert file.read_text() == direct.stdout


def test_control_c_cancels(sandbox: Sandbox) -> None:
    program = subprocess.Popen(
        [sandbox.postgres.bin_directory / "psql", "-X", "-c", "SELECT pg_sleep(60)", sandbox.gateway_dsn()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=plain_environment(),
        start_new_session=True,
    )
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    until = time.monotonic() + 10
    while sandbox.postgres.psql(running).strip() != "1":
        assert time.monotonic() < until, "the statement never reached the server"
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=10)
    assert "canceling statement due to user request" in errors
    assert sandbox.postgres.psql(running).strip() == "0"


def test_refusal_names_the_rule(sandbox: Sandbox) -> None:
    done = _psql(sandbox, sandbox.gateway_dsn(), "-v", "VERBOSITY=verbose", "-c", "TRUNCATE plain")
    assert done.returncode != 0
    assert "42501" in done.stderr
    assert "TRUNCATE is not for jobs" in done.stderr
    assert "nobody-truncates" in done.stderr
    assert sandbox.postgres.psql("SELECT count(*) FROM plain", "system").strip() == "2"
