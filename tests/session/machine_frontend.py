"""A frontend for the machine: runs of messages as drivers send them, loose ones, and what no driver would send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from hoopfast.wire import frontend
from tests.session.machine_statements import DEADLY, OTHERS, SHAPED, TRANSACTIONS
from tests.session.machine_strange import STRANGE

SYNC, FLUSH = frontend.Sync().encode(), frontend.Flush().encode()
NAMES = (b"", b"", b"s", b"t", b"u", b"p", b"n" * 63)
STRANGE_NAMES = (b"n" * 64, "é".encode(), b"\xff", b"hoopfast refusal", b"hoopfast question", b"hoopfast probe", b"c")
PORTALS = (b"", b"", b"", b"o", b"c", b"m" * 63)
FORMATS: tuple[tuple[int, ...], ...] = ((), (), (0,), (1,), (1, 0), (0, 1), (0, 1, 0), (2,))
VALUES = (b"7", None, b"", b"\0\0\0\7", b"v" * 300)
TYPES: tuple[tuple[int, ...], ...] = ((), (), (20,), (23,), (25,), (26,), (0,), (23, 25))
LITERALS = ("0", "1", "2", "3", "17", "'x'", "'a''b'", "'777-65-9863'")


def executed(portal: bytes, most: int = 0) -> bytes:
    """An Execute."""
    return frontend.Execute(portal, most).encode()


@dataclass
class Frontend:
    """What one session's frontend says; `steady`: of statements that leave the session as it was."""

    random: Random
    steady: bool = False
    hostile: int = 0  # of a hundred
    names: Callable[[], Sequence[bytes]] = tuple  # of the statements that the backend has prepared
    parsed: dict[bytes, bytes] = field(default_factory=dict)  # names and texts, as far as it remembers

    def __post_init__(self) -> None:
        # What it says again and again.
        self._favourites = tuple(self.random.choice(tuple(SHAPED)) for _ in range(3))
        self._flows: tuple[Callable[[], bytes], ...] = (
            self._simple,
            self._simple,
            self._simple,
            self._unnamed,
            self._unnamed,
            self._prepare,
            self._again,
            self._again,
            self._again,
            self._pipeline,
            self._suspended,
            self._block,
            self._closing,
            self._loose,
            self._loose,
            self._queries,
            self._many,
            self._copy,
        )

    def flow(self) -> bytes:
        """What it says next: some messages."""
        if self.hostile and self.random.randrange(100) < self.hostile:
            return self._strange()
        return self.random.choice(self._flows)()

    def copy(self) -> bytes:
        """What it says in copy-in."""
        data = frontend.CopyData(self.random.choice((b"1\n", b"", b"x" * 500))).encode()
        return self.random.choice(
            (
                data,
                data,
                frontend.CopyDone().encode(),
                data + frontend.CopyDone().encode() + SYNC,
                frontend.CopyFail(b"no").encode(),
                SYNC,
                FLUSH + data,
            )
        )

    def story(self) -> list[bytes]:
        """Several things that belong together; where one is empty, something happens to the catalog."""
        return self.random.choice((self._changes, self._portals, self._statements, self._cursors, self._late))()

    # -- stories

    def _query(self, *texts: bytes) -> bytes:
        return frontend.Query(self.random.choice(texts)).encode()

    def _changes(self) -> list[bytes]:
        """What a decision rests on changes, in a transaction or not, which may be rolled back."""
        change, seen = self.random.choice(
            (
                ((b"set other", b"set public"), b"SELECT a FROM placed"),
                ((b"set role",), b"SELECT a FROM owned"),
                ((b"set encoding",), b"SELECT a FROM encoded"),
                ((b"ddl",), b"SELECT a FROM dirty"),
                ((b"opaque",), b"SELECT a FROM placed"),
            )
        )
        looks = [self._query(seen)] * self.random.randrange(1, 4)
        block = self.random.randrange(4)
        parts = [*looks, self._query(b"begin"), self._query(*change), *looks, self._simple()]
        if block == 0:
            parts.remove(self._query(b"begin"))
        return [*parts, self._query(b"commit", b"rollback", b"rollback to", b"SELECT 'open"), *looks]

    def _late(self) -> list[bytes]:
        """A portal is made, or described, and executed when another catalog has come; once before all is known."""
        name, execute = b"s", executed(b"") + SYNC
        text = self._filled(self.random.choice((*SHAPED, *TRANSACTIONS)))
        parse = frontend.Parse(name, text.encode(), ()).encode()
        bind = frontend.Bind(b"", name, (), (b"7",) if "$1" in text else (), ()).encode()
        closing = frontend.Close(b"S", name).encode() + SYNC
        first = [closing, parse + self._maybe(self._describe(b"S", name)) + SYNC, bind + execute, bind + execute]
        return [*first, bind + FLUSH, b"", self._maybe(self._describe(b"P", b"") + FLUSH), execute]

    def _portals(self) -> list[bytes]:
        """Portals in a block, made and used in different segments."""
        name, portal = self._known_name(), self.random.choice((b"o", b"c", b""))
        uses = (
            executed(portal, 1),
            executed(portal),
            self._describe(b"P", portal),
            frontend.Close(b"P", portal).encode(),
            self._bind(portal, name),
            self._simple(),
            self._parse(b"") + self._bind(portal, b""),
            self._query(b"commit", b"rollback"),
            self._query(b"opaque", b"close all", b"declare"),
        )
        parts = [self.random.choice(uses) + self.random.choice((SYNC, SYNC, FLUSH)) for _ in range(6)]
        return [self._query(b"begin"), self._bind(portal, name) + executed(portal, 1) + SYNC, *parts, SYNC]

    def _statements(self) -> list[bytes]:
        """One name for statements of PREPARE and of Parse."""
        uses = (
            self._query(b"prepare", b"prepare read"),
            self._query(b"execute"),
            self._query(b"deallocate", b"deallocate all", b"discard", b"opaque"),
            self._parse(b"p") + SYNC,
            frontend.Close(b"S", b"p").encode() + SYNC,
            self._describe(b"S", b"p") + SYNC,
            self._bind(b"", b"p") + executed(b"") + SYNC,
            self._simple(),
        )
        return [self.random.choice(uses) for _ in range(8)]

    def _cursors(self) -> list[bytes]:
        """One name for portals of DECLARE and of Bind."""
        uses = (
            self._query(b"declare", b"declare hold"),
            self._query(b"fetch", b"fetch", b"close"),
            self._bind(b"c", self._known_name()) + executed(b"c", 1) + SYNC,
            executed(b"c") + SYNC,
            self._describe(b"P", b"c") + SYNC,
            frontend.Close(b"P", b"c").encode() + SYNC,
            self._simple(),
            self._query(b"commit", b"rollback", b"begin"),
        )
        return [
            self._query(b"begin"),
            self._query(b"declare", b"declare hold"),
            *(self.random.choice(uses) for _ in range(7)),
        ]

    # -- parts

    def text(self) -> bytes:
        """A statement."""
        choice = self.random.randrange(100)
        if choice < 45:
            name = self.random.choice(self._favourites)
        elif choice < 62:
            name = self.random.choice(tuple(SHAPED))
        elif choice < 72:
            name = self.random.choice(tuple(TRANSACTIONS))
        elif self.steady:
            name = "SELECT a, b FROM t WHERE id = ?"
        elif choice < 98:
            name = self.random.choice(tuple(OTHERS))
        else:
            name = self.random.choice((*DEADLY, "SELEC", "SELECT 'open", "SELECT \x01"))
        return self._filled(name).encode()

    def _filled(self, name: str) -> str:
        """With literals in the places of the question marks, and sometimes written another way."""
        if "(?)" in name and "IN" in name:
            name = name.replace("(?)", f"({', '.join('?' * self.random.randrange(1, 5))})")
        literals = LITERALS[:5] if "SELECT f(" in name else LITERALS
        while "?" in name:
            name = name.replace("?", self.random.choice(literals), 1)
        if name in SHAPED and self.random.randrange(8) == 0:
            name = self.random.choice((f" {name}", f"{name} ", f"/* 8 */{name}", name.replace(" ", "\n", 1)))
        return name

    def _name(self) -> bytes:
        strange = not self.steady and self.random.randrange(40) == 0
        return self.random.choice(STRANGE_NAMES if strange else NAMES)

    def _parse(self, name: bytes) -> bytes:
        text = self.text()
        self.parsed[name] = text
        types = self.random.choice(TYPES) if b"typed" in text or self.random.randrange(10) == 0 else ()
        return frontend.Parse(name, text, types).encode()

    def _bind(self, portal: bytes, statement: bytes) -> bytes:
        count = int(b"$1" in self.parsed.get(statement, b""))
        if self.random.randrange(40) == 0:
            count = 2
        values = tuple(self.random.choice(VALUES) for _ in range(count))
        formats = self.random.choice(((), (), (0,), (1,))) if count else ()
        return frontend.Bind(portal, statement, formats, values, self.random.choice(FORMATS)).encode()

    def _maybe(self, message: bytes, of: int = 2) -> bytes:
        return message if self.random.randrange(of) == 0 else b""

    def _describe(self, kind: bytes, name: bytes) -> bytes:
        return frontend.Describe(kind, name).encode()

    def _known_name(self) -> bytes:
        names = self.names() if self.random.randrange(20) else tuple(self.parsed)
        return self.random.choice(names) if names else b""

    # -- flows

    def _simple(self) -> bytes:
        return frontend.Query(self.text()).encode()

    def _queries(self) -> bytes:
        return self._simple() + self._simple()

    def _copy(self) -> bytes:
        if self.steady or self.random.randrange(3):
            return self._simple()
        text = self.random.choice((b"copy in", b"copy in", b"copy out", b"read; copy in; read"))
        return frontend.Query(text).encode() + self._maybe(frontend.CopyData(b"1").encode() + SYNC, 4)

    def _many(self) -> bytes:
        """More names than the steady state expects in one segment, once in a while."""
        count = self.random.choice((3, 3, 5, 20))
        if self.random.randrange(2):
            names = [b"many %d" % number for number in range(count)]
            return (
                b"".join(self._maybe(frontend.Close(b"S", name).encode()) + self._parse(name) for name in names) + SYNC
            )
        portals = [b"many %d" % number for number in range(count)]
        name = self._known_name()
        return b"".join(self._bind(portal, name) + self._maybe(executed(portal)) for portal in portals) + SYNC

    def _unnamed(self) -> bytes:
        parts = self._parse(b"") + self._maybe(self._describe(b"S", b"")) + self._bind(b"", b"")
        return parts + self._maybe(self._describe(b"P", b"")) + executed(b"") + SYNC

    def _prepare(self) -> bytes:
        name = self._name()
        closing = self._maybe(frontend.Close(b"S", name).encode())
        return closing + self._parse(name) + self._maybe(self._describe(b"S", name)) + SYNC

    def _execution(self) -> bytes:
        if not self.names() and self.random.randrange(8):
            return self._prepare()
        name = self._known_name()
        execute = frontend.Execute(b"", self.random.choice((0, 0, 0, 1, -1))).encode()
        return self._bind(b"", name) + self._maybe(self._describe(b"P", b""), 3) + execute

    def _again(self) -> bytes:
        return self._execution() + SYNC

    def _pipeline(self) -> bytes:
        parts = [self._execution() + self._maybe(SYNC, 3) for _ in range(self.random.randrange(2, 6))]
        return b"".join(parts) + SYNC

    def _suspended(self) -> bytes:
        portal = self.random.choice(PORTALS)
        executes = [
            frontend.Execute(portal, self.random.choice((1, 1, 2, 0))).encode() + self._maybe(FLUSH, 4)
            for _ in range(self.random.randrange(1, 4))
        ]
        return self._bind(portal, self._known_name()) + b"".join(executes) + self._maybe(SYNC, 1)

    def _block(self) -> bytes:
        portal = self.random.choice(PORTALS)
        parts = [
            frontend.Query(b"begin").encode(),
            self._bind(portal, self._known_name()) + executed(portal, 1) + SYNC,
            executed(portal, 1) + SYNC,
            self._maybe(self._simple()),
            frontend.Query(self.random.choice((b"commit", b"rollback"))).encode(),
        ]
        return b"".join(parts)

    def _closing(self) -> bytes:
        name = self._known_name()
        return self.random.choice(
            (
                frontend.Close(b"S", name).encode() + SYNC,
                frontend.Close(b"P", self.random.choice(PORTALS)).encode() + SYNC,
                frontend.Close(b"S", name).encode() + self._parse(name) + self._execution() + SYNC,
            )
        )

    def _loose(self) -> bytes:
        name, portal = self._name(), self.random.choice(PORTALS)
        return self.random.choice(
            (
                self._parse(name),
                self._bind(portal, name),
                self._bind(portal, self._known_name()),
                self._describe(b"S", name),
                self._describe(b"P", portal),
                frontend.Execute(portal, self.random.choice((0, 1, 2))).encode(),
                frontend.Close(b"S", name).encode(),
                frontend.Close(b"P", portal).encode(),
                SYNC,
                SYNC,
                FLUSH,
                frontend.CopyData(b"stray").encode(),
                frontend.CopyDone().encode(),
            )
        )

    def _strange(self) -> bytes:
        flow = self.random.choice(self._flows)()
        match self.random.randrange(6):
            case 0:
                return flow + frontend.Terminate().encode()
            case 1:
                place = self.random.randrange(len(flow))
                return flow[:place] + bytes((self.random.randrange(256),)) + flow[place + 1 :]
            case 2:
                return flow[: self.random.randrange(len(flow))] + flow
            case _:
                return self._maybe(flow) + self.random.choice(STRANGE) + self._maybe(SYNC)
