"""What a session may not do yet: effects that wait, in order, for the journal or for a cancel request.

With durability = "sync" nothing is forwarded before its record is on disk; and while a cancel request is on its way to
the server nothing new is, or the cancel would hit that. What follows such effects waits too. Carries nothing out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from hoopfast.audit.recorder import SessionRecorder
from hoopfast.errors import JournalUnavailable
from hoopfast.gateway.journals import WorkerJournal
from hoopfast.session.effects import Buffer, Effects


class Held:
    """The effects of one session that wait; false if there are none."""

    def __init__(
        self,
        journal: WorkerJournal,
        recorder: SessionRecorder,
        on_synced: Callable[[JournalUnavailable | None], None],
    ) -> None:
        """`on_synced` is called when the first of what waits for the journal may go on, or never will."""
        self.cancelling = 0  # cancel requests that the server has not taken note of
        self._journal = journal
        self._recorder = recorder
        self._on_synced = on_synced
        self._effects: deque[tuple[Effects, int]] = deque()  # … with the journal position that they need
        self._awaited = 0

    def __bool__(self) -> bool:
        return bool(self._effects)

    @property
    def nothing_waits(self) -> bool:
        """Whether what is forwarded next need not wait, whatever it is."""
        return not self._effects and not self.cancelling and not self._journal.sync_first

    def take(self, effects: Effects) -> bool:
        """Keep effects that have to wait; False: they need not, and are not kept."""
        if not self._effects and (not effects.to_backend or self.nothing_waits):
            return False
        position = self._recorder.position
        if not self._effects and not self._must_wait(effects, position):
            return False
        self._effects.append((effects, position))
        journal = self._journal
        if journal.sync_first and position > self._awaited and not journal.synced(position):
            self._awaited = position
            journal.when_synced(position, self._on_synced)
        return True

    def released(self) -> Iterator[Effects]:
        """What need not wait any more, one after the other, as long as `clear` is not called."""
        while self._effects and not self._must_wait(*self._effects[0]):
            yield self._effects.popleft()[0]

    def given_up(self) -> Iterator[list[Buffer]]:
        """What the frontend would have got: its part of everything that waits, so that messages are whole."""
        while self._effects:
            effects, _ = self._effects.popleft()
            if effects.to_frontend:
                yield effects.to_frontend

    def clear(self) -> None:
        """Forget everything."""
        self._effects.clear()

    def _must_wait(self, effects: Effects, position: int) -> bool:
        if not effects.to_backend:
            return False
        return bool(self.cancelling) or (self._journal.sync_first and not self._journal.synced(position))
