"""What passes by the relay while everything is known. See pump.pyx."""

from typing import final

from hoopfast.gateway.links import Link, Taker
from hoopfast.gateway.relay import Relay
from hoopfast.session.conversation import MOST_OWED as MOST_OWED
from hoopfast.wire.freshness import Freshness
from hoopfast.wire.steady import Steady

@final
class Pump(Taker):
    """Takes what the two links of a session hear, and leaves to the relay what needs Python."""

    direct: bool  # nothing waits, and what is put out may be sent at once

    def __init__(
        self, relay: Relay, frontend: Link, backend: Link, core: Steady | None, freshness: Freshness
    ) -> None: ...
    def start(self) -> None:
        """Listen to the links; what is not taken here goes to their receivers."""

    def stop(self) -> None:
        """Hear nothing more, and let go of the relay."""

    @property
    def active_at(self) -> float:
        """When one of the peers last sent something, in seconds of the monotonic clock."""
