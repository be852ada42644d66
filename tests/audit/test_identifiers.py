"""Session identifiers: version, variant, order."""

from __future__ import annotations

import time
import uuid

from hoopfast.audit.identifiers import new_session_id


def test_version_and_variant() -> None:
    for _ in range(100):
        made = uuid.UUID(new_session_id())
        assert made.version == 7
        assert made.variant == uuid.RFC_4122


def test_they_carry_the_time_and_differ() -> None:
    before = time.time_ns() // 1_000_000
    made = [new_session_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert len(set(made)) == len(made)
    assert all(before <= uuid.UUID(item).int >> 80 <= after for item in made)


def test_later_ones_sort_behind() -> None:
    first = new_session_id()
    time.sleep(0.002)
    assert first < new_session_id()
