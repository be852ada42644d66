"""The steady state of a conversation, from buffer to buffer: see steady.pyx; steady.pxd has the same for C."""

from typing import Final

from typing_extensions import Buffer

from hoopfast.wire.answering import Answering

DONE: Final = 0
WAKE: Final = 1
FAILED: Final = 2

class Steady(Answering):
    """One session's steady state; SteadyState says how it is handed over."""

    def feed_frontend(self, data: Buffer) -> int:
        """Take in bytes of the frontend: DONE, WAKE or FAILED. What is to be sent then is `take_output()`."""

    def feed_backend(self, data: Buffer) -> int:
        """Take in bytes of the backend, as `feed_frontend`; may write into what is writable."""

    def take_output(self) -> bytes:
        """What is to be sent to the other peer after the last call."""
