"""Session identifiers: UUIDs of version 7 (RFC 9562 §5.7), ordered by the time at which they were made."""

from __future__ import annotations

import os
import time
import uuid


def new_session_id() -> str:
    """A fresh UUIDv7 in its usual form: 48 bits of milliseconds since 1970, then 74 random ones."""
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=number))
