"""A backend for the machine: PostgreSQL's state machine of both protocols, over the texts of machine_statements.py.

It answers what it has received so far, whenever it is told to. `random` decides what is not a matter of the protocol:
rows, errors, notices; a `Temper` says how often. A hostile one also breaks the protocol. (tcop/postgres.c, exec_*;
utils/mmgr/portalmem.c; commands/prepare.c)
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

from hoopfast.session import schemas
from hoopfast.wire import backend, frontend, protocol
from tests.session.machine_faults import Temper, aside, damaged
from tests.session.machine_memory import Failure, Fields, Memory, Portal, Prepared
from tests.session.machine_statements import MIXED, PLAIN, Act, look_up

Message: TypeAlias = tuple[int, bytes]
Answer: TypeAlias = Generator[None, Message, None]

NAMES = {16384: b"ssn", 1: b"a"}
SQLSTATES = (b"22012", b"23505", b"40001", b"P0001", b"XX999", b"57014", b"0A000")
IN_ABORTED = frozenset(("commit", "rollback", "rollback to"))


@dataclass
class FakeBackend:
    """One session of it."""

    random: Random
    temper: Temper
    out: bytearray = field(default_factory=bytearray)
    closed: bool = False
    cancelled: bool = False  # a cancel request is under way
    copying: bool = False

    def __post_init__(self) -> None:
        self._in = bytearray()
        self.memory = Memory(self.random, self._report)
        self._skipping = False
        self._service = self._serve()
        next(self._service)

    # -- from outside

    def receive(self, data: bytes) -> None:
        """Bytes have come."""
        self._in += data

    def names(self) -> tuple[bytes, ...]:
        """Of the statements that are prepared."""
        return tuple(self.memory.prepared)

    @property
    def waiting(self) -> bool:
        """Whether a whole message has come that has not been dealt with."""
        return not self.closed and len(self._in) >= 5 and len(self._in) > int.from_bytes(self._in[1:5], "big")

    def work(self, most: int = 1 << 30) -> None:
        """Deal with so many messages."""
        while most > 0 and self.waiting:
            length = int.from_bytes(self._in[1:5], "big")
            message = self._in[0], bytes(self._in[5 : 1 + length])
            del self._in[: 1 + length]
            self._service.send(message)
            most -= 1

    def hang_up(self) -> None:
        """It closes its link."""
        self.closed = True

    # -- chance

    def _chance(self, percent: int) -> bool:
        return percent > 0 and self.random.randrange(100) < percent

    def _put(self, data: bytes) -> None:
        if self._chance(self.temper.aside):
            self.out += aside(self.random)
        if self._chance(self.temper.hostile):
            data = damaged(self.random, data)
        self.out += data

    def _report(self, data: bytes) -> None:
        self.out += data

    def _misfortune(self) -> None:
        if self.cancelled:
            self.cancelled = False
            raise Failure(b"57014")
        if self._chance(self.temper.fatal):
            raise Failure(b"57P01", fatal=True)
        if self._chance(self.temper.error):
            raise Failure(self.random.choice(SQLSTATES))

    # -- the main loop

    def _serve(self) -> Answer:
        while True:
            kind, body = yield
            if self._skipping and kind not in (protocol.F_SYNC, protocol.F_TERMINATE):
                continue
            try:
                yield from self._message(kind, body)
            except Failure as failure:
                self._fail(failure)
                if kind in (protocol.F_QUERY, protocol.F_SYNC):
                    self._ready()
                else:
                    self._skipping = True

    def _fail(self, failure: Failure) -> None:
        self.copying = False
        severity = b"FATAL" if failure.fatal else b"ERROR"
        fields = {"S": severity, "V": severity, "C": failure.sqlstate, "M": b"key (ssn)=(777-65-9863)"}
        self._put(backend.ErrorResponse(fields).encode())
        if failure.fatal:
            self.closed = True
        if self.memory.status == "I":
            self.memory.end_transaction(commit=False)
        else:
            self.memory.status = "E"

    def _message(self, kind: int, body: bytes) -> Answer:
        match kind:
            case protocol.F_QUERY:
                yield from self._query(frontend.Query.decode(body).text)
            case protocol.F_PARSE:
                self._parse(frontend.Parse.decode(body))
            case protocol.F_BIND:
                self._bind(frontend.Bind.decode(body))
            case protocol.F_DESCRIBE:
                self._describe(frontend.Describe.decode(body))
            case protocol.F_EXECUTE:
                yield from self._execute(frontend.Execute.decode(body))
            case protocol.F_CLOSE:
                self._close(frontend.Close.decode(body))
            case protocol.F_SYNC:
                self._skipping = False
                self._misfortune()
                self._finish()
                self._ready()
            case protocol.F_TERMINATE:
                self.closed = True
            case _:
                assert kind in b"Hdcf", chr(kind)  # Flush; COPY's messages outside of it are ignored

    def _ready(self) -> None:
        if self.closed:
            return
        self._put(backend.ReadyForQuery(self.memory.status.encode()).encode())

    def _finish(self) -> None:
        """The implicit transaction ends, if it is one."""
        if self.memory.status == "I":
            self.memory.end_transaction(commit=True)

    # -- simple query

    def _query(self, text: bytes) -> Answer:
        self.memory.prepared.pop(b"", None)
        self.memory.portals.pop(b"", None)
        self._misfortune()
        acts = self._acts(text)
        if acts == ():
            self._put(backend.EmptyQueryResponse().encode())
        for act in acts:
            self._aborted(acts)
            yield from self._perform(act, Portal(acts), simple=True)
        self._misfortune()
        self._finish()
        self._ready()

    def _aborted(self, acts: tuple[Act, ...]) -> None:
        if self.memory.status == "E" and not (acts and acts[0].kind in IN_ABORTED):
            raise Failure(b"25P02")

    def _acts(self, text: bytes) -> tuple[Act, ...]:
        if text == schemas.QUESTION:
            return (Act("question", "SELECT"),)
        name, entry, _ = look_up(text)
        if entry is None or (name == "strange" and self.random.randrange(4)):
            raise Failure(b"42601")
        return entry.acts

    # -- extended query

    def _parse(self, message: frontend.Parse) -> None:
        if not message.name:
            self.memory.prepared.pop(b"", None)
        self._misfortune()
        acts = self._acts(message.text)
        if len(acts) > 1:
            raise Failure(b"42601")
        self._aborted(acts)
        if message.name in self.memory.prepared:
            raise Failure(b"42P05")
        self.memory.prepared[message.name] = Prepared(acts, int(b"$1" in message.text))
        self._put(backend.ParseComplete().encode())

    def _bind(self, message: frontend.Bind) -> None:
        prepared = self.memory.prepared.get(message.statement)
        if prepared is None:
            raise Failure(b"26000")
        self._misfortune()
        self._aborted(prepared.acts)
        if len(message.parameters) != prepared.parameters:
            raise Failure(b"08P01")
        if message.portal and message.portal in self.memory.portals:
            raise Failure(b"42P03")
        self.memory.portals[message.portal] = Portal(prepared.acts, message.result_formats)
        self._put(backend.BindComplete().encode())

    def _describe(self, message: frontend.Describe) -> None:
        self._misfortune()
        if message.kind == frontend.STATEMENT:
            prepared = self.memory.prepared.get(message.name)
            if prepared is None:
                raise Failure(b"26000")
            self._put(backend.ParameterDescription((25,) * prepared.parameters).encode())
            self._describe_acts(prepared.acts, ())
            return
        portal = self.memory.portals.get(message.name)
        if portal is None:
            raise Failure(b"34000")
        self._describe_acts(portal.acts, portal.formats)

    def _describe_acts(self, acts: tuple[Act, ...], formats: tuple[int, ...]) -> None:
        fields = self.memory.fields(acts[0]) if acts else None
        self._put(backend.NoData().encode() if fields is None else self._description(fields, formats))

    def _description(self, fields: Fields, formats: tuple[int, ...]) -> bytes:
        if self._chance(self.temper.other_columns):
            fields = self.random.choice((PLAIN, MIXED, (*fields, (0, 0)), fields[:1], ()))
        codes = formats if len(formats) == len(fields) else (formats[:1] or (0,)) * len(fields)
        described = [
            backend.Field(NAMES.get(oid, b"?"), oid, number, 25, -1, -1, code)
            for (oid, number), code in zip(fields, codes, strict=True)
        ]
        return backend.RowDescription(tuple(described)).encode()

    def _execute(self, message: frontend.Execute) -> Answer:
        portal = self.memory.portals.get(message.portal)
        if portal is None:
            raise Failure(b"34000")
        if not portal.acts:
            self._put(backend.EmptyQueryResponse().encode())
            return
        self._misfortune()
        self._aborted(portal.acts)
        if portal.done and self.memory.fields(portal.acts[0]) is None:
            raise Failure(b"55000")
        yield from self._perform(portal.acts[0], portal, most=max(message.max_rows, 0))

    def _close(self, message: frontend.Close) -> None:
        self._misfortune()
        (self.memory.prepared if message.kind == frontend.STATEMENT else self.memory.portals).pop(message.name, None)
        self._put(backend.CloseComplete().encode())

    # -- commands

    def _perform(self, act: Act, portal: Portal, *, simple: bool = False, most: int = 0) -> Answer:
        fields = self.memory.fields(act)
        if act.kind == "question":
            schema, role = self.memory.settings.schema, self.memory.settings.role
            self._put(backend.DataRow((f"{{pg_catalog,{schema}}}".encode(), role.encode())).encode())
        elif act.kind == "copy in":
            yield from self._copy_in()
        elif act.kind == "copy out":
            self._copy_out()
        elif fields is not None or act.kind in ("execute", "fetch"):
            if self._return_rows(act, fields, portal, simple=simple, most=most):
                return
        else:
            self.memory.do(act)
        portal.done = True
        if simple:
            self._misfortune()
        self._put(backend.CommandComplete(self._tag(act)).encode())

    def _tag(self, act: Act) -> bytes:
        if act.kind == "commit" and self.memory.rolled_back:
            return b"ROLLBACK"
        if self.random.randrange(300) == 0:
            return self.random.choice((b"", b"T" * 65, "sé".encode(), b'a "tag"', b"\\", b"ROLLBACK", b"\x07"))
        return act.tag.encode() + (b" 1" if act.tag in ("SELECT", "INSERT 0", "FETCH") else b"")

    def _return_rows(self, act: Act, fields: Fields | None, portal: Portal, *, simple: bool, most: int) -> bool:
        """Send rows; whether the portal is suspended."""
        if fields is None:
            raise Failure(b"26000" if act.kind == "execute" else b"34000")
        if simple:
            self._put(self._description(fields, ()))
        if portal.rows is None:
            portal.rows = 0 if portal.done else self.random.choice((0, 1, 1, 2, 3, 5, 30))
        sent = min(portal.rows, most) if most else portal.rows
        for _ in range(sent):
            self._put(self._row(len(fields)))
            if sent < 10:
                self._misfortune()
        portal.rows -= sent
        if most and sent == most:
            self._put(backend.PortalSuspended().encode())
            return True
        return False

    def _row(self, width: int) -> bytes:
        if self.random.randrange(600) < self.temper.other_columns:
            width = max(width + self.random.choice((-1, 1)), 0)
        cells = (b"777-65-9863", b"a", b"", None, "é".encode() * 3, b"\xff\xfe12345", b"z" * 700)
        row = [self.random.choice(cells) for _ in range(width)]
        if width and self.random.randrange(200) == 0:
            row[-1] = b"w" * 80_000
        return backend.DataRow(tuple(row)).encode()

    def _copy_in(self) -> Answer:
        self._put(backend.CopyInResponse(0, (0, 0)).encode())
        self.copying = True
        while True:
            kind, _ = yield
            self._misfortune()
            if kind == protocol.F_COPY_DONE:
                self.copying = False
                return
            if kind == protocol.F_COPY_FAIL:
                raise Failure(b"57014")
            if kind == protocol.F_TERMINATE:
                raise Failure(b"57P01", fatal=True)
            assert kind in b"dHS", chr(kind)

    def _copy_out(self) -> None:
        self._put(backend.CopyOutResponse(0, (0, 0)).encode())
        for _ in range(self.random.randrange(4)):
            self._put(backend.CopyData(b"a\tb\n" * self.random.choice((1, 40))).encode())
            self._misfortune()
        self._put(backend.CopyDone().encode())
