"""Tests of hoopfast/gateway/limits.py: a bounded count."""

from __future__ import annotations

import subprocess
import sys

from hoopfast.gateway.limits import Counter


def test_a_counter_stops_at_its_bound() -> None:
    counter = Counter(2)
    assert [counter.enter(), counter.enter(), counter.enter()] == [True, True, False]
    assert counter.count == 2
    counter.leave()
    assert counter.enter()


def test_the_soft_limit_on_open_files_is_raised() -> None:
    program = (
        "import resource; from hoopfast.gateway.limits import allow_descriptors, DESCRIPTORS;"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1];"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard)); allow_descriptors();"
        "soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0];"
        "assert soft == (DESCRIPTORS if hard < 0 else min(DESCRIPTORS, hard)), (soft, hard)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
