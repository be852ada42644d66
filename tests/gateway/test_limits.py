"""Tests of hoopfast/gateway/limits.py: a bounded count."""

from __future__ import annotations

from hoopfast.gateway.limits import Counter


def test_a_counter_stops_at_its_bound() -> None:
    counter = Counter(2)
    assert [counter.enter(), counter.enter(), counter.enter()] == [True, True, False]
    assert counter.count == 2
    counter.leave()
    assert counter.enter()
