"""pgbench's log, the requests of the raw client, and CPU time from /proc."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.client import READY, SYNC, error_text, execute, message, parse, query
from bench.cpu import cpu_seconds, descendants
from bench.loads import _described, transactions


def test_transactions_are_read_from_the_log(tmp_path: Path) -> None:
    # client, transaction, microseconds, script, seconds and microseconds of the end; the last line is cut short
    (tmp_path / "log.77").write_text("0 1 250 0 1700000000 500000\n0 2 1000 0 1700000001 7\n0 3 12")
    assert transactions(tmp_path) == [(1700000000.5, 250e-6), (1700000001.000007, 1e-3)]


def test_transactions_that_failed_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "log.1").write_text("0 1 failed 0 1700000000 500000\n")
    assert transactions(tmp_path) == []


def test_messages_have_their_lengths() -> None:
    assert query("select 1") == b"Q\x00\x00\x00\x0dselect 1\x00"
    assert parse("s", "x") == b"P\x00\x00\x00\x0as\x00x\x00\x00\x00"
    assert SYNC == b"S\x00\x00\x00\x04"


def test_execute_binds_text_parameters() -> None:
    assert execute("s", ("17",)) == (
        b"B\x00\x00\x00\x13\x00s\x00\x00\x00\x00\x01\x00\x00\x00\x0217\x00\x00"
        + b"E\x00\x00\x00\x09\x00\x00\x00\x00\x00"
    )


def test_describe_goes_between_bind_and_execute() -> None:
    whole = _described(execute("", ("1",)))
    kinds, position = "", 0
    while position < len(whole):
        kinds += chr(whole[position])
        position += 1 + int.from_bytes(whole[position + 1 : position + 5], "big")
    assert kinds == "BDE"


def test_the_error_of_a_reply_is_found() -> None:
    error = message(b"E", b"SERROR\0C42501\0Mnot you\0\0")
    assert error_text(message(b"T", b"\0\0") + error + READY) == "not you"
    assert error_text(message(b"C", b"SELECT 1\0") + READY) == ""


def test_cpu_time_is_that_of_the_process_and_its_children() -> None:
    # A shell that waits, with a child that works for a while.
    work = "end = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    code = f"import time\n{work}\nprint('done', flush=True)\ninput()"
    command = ["/bin/sh", "-c", f'"{sys.executable}" -c "{code}"; true']
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        pids = descendants(process.pid)
        used = cpu_seconds(pids)
        alone = cpu_seconds([process.pid])
        process.communicate("\n")
    assert len(pids) == 2
    assert 0.19 < used < 2.0
    assert alone < 0.15


def test_a_process_that_is_gone_costs_nothing() -> None:
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    assert cpu_seconds([process.pid]) == 0.0
    assert descendants(os.getpid())[0] == os.getpid()


@pytest.mark.parametrize("pause", [0.05])
def test_sleeping_costs_no_cpu_time(pause: float) -> None:
    before = cpu_seconds([os.getpid()])
    time.sleep(pause)
    assert cpu_seconds([os.getpid()]) - before < pause
