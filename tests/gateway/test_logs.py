"""Tests of hoopfast/gateway/logs.py: what an event may hold."""

from __future__ import annotations

import json
import subprocess
import sys

from hoopfast.gateway.logs import where

LOGS = """
from hoopfast.gateway import logs
logs.configure(worker=3)
logs.logger("part").info("event", count=2)
logs.logger("part").debug("left out")
"""


def test_an_exception_is_named_by_its_place_only() -> None:
    try:
        raise ValueError("a protected value: 778-83-4281")
    except ValueError as error:
        text = where(error)
    assert text.startswith("ValueError at test_logs.py:")
    assert "4281" not in text


def test_one_without_a_place() -> None:
    assert where(KeyError("secret")) == "KeyError"


def test_what_libraries_log_is_json_too_and_without_values() -> None:
    program = LOGS + 'import logging; logging.getLogger("asyncio").warning("slow: %s", "hunter2")\n'
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    event = json.loads(done.stderr.splitlines()[-1])
    assert (event["event"], event["part"], event["level"]) == ("slow: %s", "asyncio", "warning")
    assert "hunter2" not in done.stderr


def test_silence() -> None:
    program = 'from hoopfast.gateway import logs; logs.silence(); logs.logger("part").error("event")'
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout + done.stderr == ""


def test_lines_are_json_on_standard_error() -> None:
    done = subprocess.run([sys.executable, "-c", LOGS], capture_output=True, check=True, text=True)
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    event = json.loads(line)
    assert (event["event"], event["part"], event["worker"], event["count"]) == ("event", "part", 3, 2)
