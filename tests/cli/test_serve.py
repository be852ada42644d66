"""Tests of hoopfast/cli/serve.py: starting the gateway from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.gateway.running import Place

COMMAND = [sys.executable, "-m", "hoopfast.cli", "serve"]


def test_it_says_where_it_listens_and_ends_in_good_order(tmp_path: Path) -> None:
    place = Place(tmp_path, None)
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, "--config", str(place.write()), "--ready-fd", str(writing)],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as line:
            ready = json.loads(line.readline())
        assert ready["host"] == "127.0.0.1"
        assert ready["port"] > 0
        assert ready["pids"][0] == process.pid
        assert len(ready["pids"]) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_what_is_wrong_is_said_in_a_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--config", str(tmp_path / "missing.toml")], capture_output=True, check=False, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "missing.toml" in done.stderr
    assert "Traceback" not in done.stderr
