"""Whether a catalog may be relied upon at this moment. See freshness.pyx; session/ in C asks it too."""

from typing import Self, final

@final
class Freshness:
    """Of one catalog. Times are nanoseconds of CLOCK_MONOTONIC, as time.monotonic_ns() gives them.

    `cells`: the epoch's, one 64-bit integer for each process that may raise it; they are read anew at every question.
    """

    generation: int  # counts up whenever another catalog takes the place of the one before
    alive: bool  # there is a catalog, and the connection that read it
    asked_at: int  # when somebody last asked
    valid_until: int
    just_looked: bool  # for somebody who is about to ask
    cheap: int  # a look that takes longer is not worth it after a rest

    def __new__(cls, cells: bytearray | memoryview | None = None) -> Self: ...
    @staticmethod
    def always() -> Freshness:
        """Of what does not grow old by itself: fresh until `renew`, and again at once."""

    @property
    def epoch(self) -> int:
        """The epoch now, to be read before a look and given to `looked`."""

    def renew(self) -> None:
        """Another catalog takes the place of the one before, or none does: nothing is fresh until `looked`."""

    def doubt(self) -> None:
        """The connection that has read the catalog is gone, and with it what makes it trustworthy."""

    def looked(self, epoch: int, *, took: int, valid_until: int) -> None:
        """It has been compared, or read, for somebody who is about to ask."""

    def touch(self, now: int) -> None:
        """Somebody will ask soon."""

    def ask(self, now: int) -> bool:
        """Whether a statement may be decided by it. False: look first, then ask again."""

    def answer(self, now: int, *, refreshed: bool = False) -> bool:
        """Whether rows may be passed on by it; `refreshed`: it has just been, and that will do."""
