"""What a conversation asks of the gateway: the other half of session/'s boundary (the first is boundary.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Buffer = bytes | bytearray | memoryview


@dataclass(slots=True)
class Effects:
    """What is to be done after one call into the conversation, in this order.

    Buffers are immutable or handed over: the conversation does not touch them again. A journal record of what
    `to_backend` asks has been appended before; with `durability = "sync"` the gateway waits for it to be on disk first.
    """

    catalog_changed: bool = False  # DDL is about to be forwarded, or its transaction has ended: bump the epoch first
    to_backend: list[Buffer] = field(default_factory=list)
    to_frontend: list[Buffer] = field(default_factory=list)
    catalog_needed: bool = False  # read the catalog, then call resume(); the frontend's next messages wait
    work: Callable[[], None] | None = None  # call it in a thread, then call resume(); the next messages wait
    close: bool = False  # send what stands above, then close both links
