"""What one session of the machine's backend remembers: its names, its settings, its transaction.

And what commands do to that. (commands/prepare.c, utils/mmgr/portalmem.c)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from hoopfast.wire import backend
from tests.session.machine_statements import ENTRIES, MIXED, Act

Fields = tuple[tuple[int, int], ...]


class Failure(Exception):  # noqa: N818 - a word of this backend's, not of Python's
    """A command has failed; `fatal`: and the backend ends."""

    def __init__(self, sqlstate: bytes, *, fatal: bool = False) -> None:
        super().__init__()
        self.sqlstate = sqlstate
        self.fatal = fatal


@dataclass
class Prepared:
    """A prepared statement."""

    acts: tuple[Act, ...]
    parameters: int = 0


@dataclass(eq=False)
class Portal:
    """A portal; `rows` is what it has not sent yet."""

    acts: tuple[Act, ...]
    formats: tuple[int, ...] = ()
    rows: int | None = None
    done: bool = False
    holdable: bool = False


@dataclass
class Settings:
    """What transactions undo."""

    schema: str = "public"
    role: str = "app"
    encoding: str = "UTF8"


@dataclass
class Memory:
    """All of it. `report` sends what the frontend is told of by itself."""

    random: Random
    report: Callable[[bytes], None]
    prepared: dict[bytes, Prepared] = field(default_factory=dict)
    portals: dict[bytes, Portal] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    committed: Settings = field(default_factory=Settings)
    status: str = "I"
    rolled_back: bool = False  # the last COMMIT was of a failed transaction
    columns: int = 0  # counts up when the tables change: results have other columns then

    def end_transaction(self, *, commit: bool) -> None:
        """The transaction is over."""
        if commit:
            self.committed = Settings(**vars(self.settings))
        else:
            undone = self.settings.encoding != self.committed.encoding
            self.settings = Settings(**vars(self.committed))
            if undone:
                self._report_encoding()
        self.status = "I"
        self.portals = {name: portal for name, portal in self.portals.items() if portal.holdable and commit}

    def _report_encoding(self) -> None:
        self.report(backend.ParameterStatus(b"client_encoding", self.settings.encoding.encode()).encode())

    def fields(self, act: Act, depth: int = 0) -> Fields | None:
        """The origins of an act's columns, as the tables are now. Names may stand for themselves: EXECUTE p as "p"."""
        if act.kind in ("execute", "fetch"):
            named = self.prepared.get(b"p") if act.kind == "execute" else self.portals.get(b"c")
            return self.fields(named.acts[0], depth + 1) if named and named.acts and depth < 4 else None
        if act.fields is None or self.columns % 4 == 0:
            return act.fields
        return (act.fields[1], act.fields[0]) if self.columns % 4 == 1 else (*act.fields, MIXED[self.columns % 2])

    def do(self, act: Act) -> None:
        """What a command does that returns no rows."""
        argument = act.argument
        match act.kind:
            case "begin":
                self.status = "T" if self.status == "I" else self.status
            case "commit" | "rollback":
                self.rolled_back = self.status == "E"
                self.end_transaction(commit=act.kind == "commit" and self.status != "E")
            case "rollback to":
                if self.status == "I":
                    raise Failure(b"25P01")
                self.status = "T"
            case "savepoint" | "release":
                if self.status == "I":
                    raise Failure(b"25P01")
            case "set":
                self.settings.schema = argument
            case "role":
                self.settings.role = "other" if self.settings.role == "app" else "app"
            case "encoding":
                self.settings.encoding = "LATIN1" if self.settings.encoding == "UTF8" else "UTF8"
                self._report_encoding()
            case "ddl":
                self.columns += self.random.randrange(2)
            case _:
                self._do_with_names(act)

    def _do_with_names(self, act: Act) -> None:
        match act.kind:
            case "prepare":
                if b"p" in self.prepared:
                    raise Failure(b"42P05")
                self.prepared[b"p"] = Prepared(ENTRIES[act.argument].acts)
            case "deallocate":
                if self.prepared.pop(b"p", None) is None:
                    raise Failure(b"26000")
            case "deallocate all" | "discard":
                self.prepared = {name: prepared for name, prepared in self.prepared.items() if not name}
                if act.kind == "discard":
                    self.portals.clear()
                    self.settings = Settings()
            case "declare" | "declare hold":
                if b"c" in self.portals:
                    raise Failure(b"42P03")
                self.portals[b"c"] = Portal(ENTRIES[act.argument].acts, holdable=act.kind == "declare hold")
            case "close":
                if self.portals.pop(b"c", None) is None:
                    raise Failure(b"34000")
            case "close all":
                self.portals.clear()
            case _:
                assert act.kind == "nothing", act
