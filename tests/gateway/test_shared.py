"""Tests of hoopfast/gateway/shared.py: epochs that several processes share."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hoopfast.gateway import shared

BUMPS = """
import sys
from hoopfast.gateway.shared import Epochs
epochs = Epochs(int(sys.argv[1]), int(sys.argv[2]), 4)
for _ in range(20000):
    epochs.bump(5)
"""


def test_no_increment_is_lost_between_processes() -> None:
    memory = shared.create()
    try:
        epochs = shared.Epochs(memory, 0, 4)
        assert epochs.read(5) == 0
        others = [
            subprocess.Popen([sys.executable, "-c", BUMPS, str(memory), str(worker)], pass_fds=[memory])
            for worker in (1, 2, 3)
        ]
        for _ in range(1000):
            epochs.bump(5)
        assert [other.wait(30) for other in others] == [0, 0, 0]
        assert epochs.read(5) == 61000
        assert epochs.read(6) == 0
        epochs.close()
    finally:
        os.close(memory)


def test_a_restarted_worker_goes_on_counting() -> None:
    memory = shared.create()
    try:
        first = shared.Epochs(memory, 1, 2)
        first.bump(0)
        first.close()
        again = shared.Epochs(memory, 1, 2)
        again.bump(0)
        assert again.read(0) == 2
        again.close()
    finally:
        os.close(memory)


def test_slots_do_not_depend_on_the_process() -> None:
    # hash() of a string does, PYTHONHASHSEED being random.
    code = "from hoopfast.gateway.shared import Epochs; print(Epochs.slot(('host', 5432, 'db')))"
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert int(elsewhere) == shared.Epochs.slot(("host", 5432, "db"))


@pytest.mark.parametrize(("worker", "workers"), [(-1, 1), (1, 1), (0, shared.MAX_WORKERS + 1)])
def test_bounds(worker: int, workers: int) -> None:
    memory = shared.create()
    try:
        with pytest.raises(ValueError, match="at most"):
            shared.Epochs(memory, worker, workers)
    finally:
        os.close(memory)


def test_a_notification_of_one_worker_passes_in_all() -> None:
    memory = shared.create()
    try:
        one, other = shared.SharedNotifications(memory), shared.SharedNotifications(memory)
        one.forwarded("channel", "payload")
        assert other.may_pass(b"channel", b"payload")
        assert not other.may_pass(b"channel", b"another")
        assert not other.may_pass(b"another", b"payload")
        assert other.may_pass(b"channel", b"")
        for number in range(100_000):
            one.forwarded("channel", str(number))
        passing = sum(other.may_pass(b"channel", str(number).encode()) for number in range(100_000))
        assert 10_000 < passing <= 1 << 14  # bounded: what is displaced is forgotten
        one.close()
        other.close()
    finally:
        os.close(memory)


def test_the_memory_holds_no_payload() -> None:
    memory = shared.create()
    try:
        notifications = shared.SharedNotifications(memory)
        notifications.forwarded("channel", "778-83-4281")
        assert b"778-83" not in os.pread(memory, 1 << 30, 0)
        notifications.close()
    finally:
        os.close(memory)
