"""SHA-256 and HMAC over it in C: for the chain of records and the digests of values. See sha256.pyx."""

from collections.abc import Mapping
from typing import final

__pyx_capi__: Mapping[str, object]  # what sha256.pxd offers to C

@final
class HmacKey:
    """A key of HMAC-SHA-256 (RFC 2104)."""

    def __new__(cls, key: bytes) -> HmacKey: ...
    def digest(self, value: bytes) -> bytes:
        """The 32 bytes for one value."""

def sha256(data: bytes) -> bytes:
    """The 32 bytes of SHA-256 (FIPS 180-4)."""

def implementations() -> tuple[str, ...]:
    """Which implementations this machine can run, the fastest first: that one runs unless another is selected."""

def select(implementation: str) -> None:
    """Run this implementation from now on, in the whole process; ValueError if the machine cannot."""
