"""What happens on the machine's stage: sessions whose frontends talk, whose backends answer, and whose catalog changes.

`random` decides everything: hypothesis's, or one of a seed. Every event goes through the stage, which compares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from hoopfast.wire import protocol
from tests.session.machine import Event, Pair, Stage
from tests.session.machine_backend import FakeBackend
from tests.session.machine_faults import Temper
from tests.session.machine_frontend import Frontend

CALM = Temper(error=1, aside=1, other_columns=1)
TEMPERS = (CALM, CALM, Temper(error=0, aside=0, other_columns=0), Temper(error=6, aside=6, other_columns=4))
WORST = (Temper(error=0, hostile=1), Temper(error=1, hostile=4), Temper(fatal=1))


@dataclass
class Session:
    """One session: what is on its way, and who sends it."""

    number: int
    frontend: Frontend
    backend: FakeBackend
    sent: bytearray = field(default_factory=bytearray)  # by the frontend, not yet received
    parked: bool = False  # it waits for the catalog, or for work
    gone: bool = False  # the frontend has said that it leaves


class Machine:
    """At most two sessions at a time, one after the other as they end."""

    def __init__(self, random: Random, stage: Stage) -> None:
        self.random = random
        self.stage = stage
        self.sessions: list[Session] = []
        self._opened = 0
        self.actions: dict[str, Callable[[], None]] = {
            "talk": self.talk,
            "talk and settle": self.talk_and_settle,
            "traffic": self.traffic,
            "story": self.story,
            "send": self.send,
            "work": self.work,
            "answer": self.answer,
            "settle": self.settle,
            "catalog": self.catalog,
            "rare": self.rare,
        }
        if random.randrange(4) == 0:
            stage.apply(Event("few"))
        self._open()

    # -- what hypothesis, or a seed, chooses from

    def talk(self) -> None:
        """The frontend says something."""
        session = self._some()
        self._talk(session)
        if self.random.randrange(2):
            self._send(session, whole=True)

    def talk_and_settle(self) -> None:
        """The frontend says something and waits for all answers, as most drivers do."""
        session = self._some()
        self._talk(session)
        self._settle(session, whole=self.random.randrange(3) > 0)

    def traffic(self) -> None:
        """As `talk_and_settle`, several times, everything arriving whole."""
        session = self._some()
        for _ in range(self.random.randrange(2, 6)):
            if session in self.sessions:
                self._talk(session)
                self._settle(session, whole=True)

    def story(self) -> None:
        """The frontend says several things that belong together, and waits each time; other things happen meanwhile."""
        session = self._some()
        for part in session.frontend.story():
            if session not in self.sessions or session.gone:
                return
            session.sent += part
            self._settle(session, whole=True)
            if not part or self.random.randrange(12) == 0:
                self.catalog()

    def send(self) -> None:
        """A part of what the frontend has said arrives."""
        self._send(self._some(), whole=False)

    def work(self) -> None:
        """The backend deals with some messages."""
        self._some().backend.work(self.random.randrange(1, 5))

    def answer(self) -> None:
        """A part of what the backend has answered arrives."""
        self._answer(self._some(), whole=False)

    def settle(self) -> None:
        """Everything arrives and is answered."""
        self._settle(self._some(), whole=self.random.randrange(2) > 0)

    def catalog(self) -> None:
        """Something happens to the catalog, or to the tables behind it."""
        choice = self.random.randrange(16)
        if choice < 3:
            self.stage.apply(Event("catalog", number=self.random.randrange(1, 8)))
        elif choice < 5:
            self.stage.apply(Event("gone"))
        elif choice < 6:
            self.stage.apply(Event("look"))
        elif choice < 10:
            self._some().backend.memory.columns += 1

    def rare(self) -> None:
        """What ends a session, a cancel, or a second session; most often nothing."""
        session = self._some()
        choice = self.random.randrange(48)
        if choice < 6:
            if self._pair(session).plain.conversation.cancellable:
                session.backend.cancelled = True
        elif choice < 10:
            if len(self.sessions) < 2:
                self._open()
        elif choice == 10:
            session.gone = True
            self._apply(session, Event("F eof", session.number))
        elif choice == 11:
            session.backend.hang_up()
            self._apply(session, Event("B eof", session.number))
        elif choice == 12:
            self._apply(session, Event("terminate", session.number))
        elif choice == 13:
            self._apply(session, Event("break", session.number, number=self.random.randrange(1, 9)))

    # -- how it is done

    def _open(self) -> None:
        self._opened += 1
        kind = self.random.randrange(12)
        temper = self.random.choice(WORST if kind in (0, 1) else TEMPERS)
        frontend = Frontend(self.random, steady=kind % 2 == 1, hostile=6 if kind == 2 else 0)
        session = Session(self._opened, frontend, FakeBackend(self.random, temper))
        frontend.names = session.backend.names
        number = self.random.randrange(6) if kind in (0, 2, 4) else 0
        self.stage.apply(Event("open", session.number, number=number))
        self.sessions.append(session)

    def _some(self) -> Session:
        return self.sessions[0] if len(self.sessions) == 1 else self.random.choice(self.sessions)

    def _pair(self, session: Session) -> Pair:
        return self.stage.pairs[session.number]

    def _talk(self, session: Session) -> None:
        if session.gone or len(session.sent) > 100_000:
            return
        in_copy = self._pair(session).plain.conversation._state.frontend.phase == protocol.FrontendPhase.COPY_IN
        session.sent += session.frontend.copy() if in_copy else session.frontend.flow()

    def _cut(self, data: bytearray, *, whole: bool) -> bytes:
        most = len(data)
        if not whole:
            most = self.random.choice((most, 1, 3, 5, 6, 12, self.random.randrange(1, most + 1)))
        part = bytes(data[:most])
        del data[:most]
        return part

    def _send(self, session: Session, *, whole: bool) -> bool:
        if not session.sent or session not in self.sessions or session.gone:
            return False
        if not self._pair(session).plain.conversation.reads_frontend and self.random.randrange(4):
            return False
        self._apply(session, Event("F", session.number, self._cut(session.sent, whole=whole)))
        return True

    def _answer(self, session: Session, *, whole: bool) -> bool:
        backend = session.backend
        if session not in self.sessions:
            return False
        if backend.out:
            self._apply(session, Event("B", session.number, self._cut(backend.out, whole=whole)))
            return True
        if backend.closed:
            self._apply(session, Event("B eof", session.number))
            return True
        return False

    def _settle(self, session: Session, *, whole: bool) -> None:
        for _ in range(200):
            moved = self._send(session, whole=whole)
            if self.random.randrange(60) == 0:
                self.catalog()
            session.backend.work()
            moved = self._answer(session, whole=whole) or moved
            if session in self.sessions and session.parked and not moved:
                self._resume(session)
                moved = True
            if not moved:
                return

    def _resume(self, session: Session) -> None:
        """The catalog that a session has asked for is read."""
        choice = self.random.randrange(6)
        if choice < 4:
            self.stage.apply(Event("look"))
        elif choice < 5:
            self.stage.apply(Event("catalog", number=self.random.randrange(1, 8)))
        self._apply(session, Event("resume", session.number))

    def _apply(self, session: Session, event: Event) -> None:
        if event.what == "resume":
            session.parked = False
        found = self.stage.apply(event)
        assert found is not None
        session.backend.receive(found.to_backend)
        session.parked = session.parked or found.catalog_needed or found.work
        if found.close:
            self.sessions.remove(session)
            if not self.sessions:
                self._open()
        elif found.catalog_changed and self.random.randrange(3) == 0:
            self.stage.apply(Event("gone"))
