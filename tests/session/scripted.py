"""A policy that answers from a table, a recorder that keeps what it is told, and the runner of transcripts.

A transcript is lines of `F`/`B` (the frontend, the backend sends), `>`/`<` (what reaches the backend, the frontend)
with a message of wire/frontend.py or wire/backend.py; `same` stands for the last message sent, `refusal` for the
message that replaces a refused one, `drop` for nothing. `! resume` calls resume(). Every transcript runs at every
split point of every message.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

from hoopfast.policy.model import (
    NULL,
    PASS,
    CatalogNeeded,
    CellAction,
    CellRule,
    Command,
    Environment,
    Kind,
    ResultColumn,
    Rows,
    Statement,
    StatementSummary,
    Verdict,
)
from hoopfast.session import refusal
from hoopfast.session.boundary import Ending, Outcome
from hoopfast.session.conversation import Conversation
from hoopfast.session.effects import Effects
from hoopfast.session.steady import Shapes, SteadyPorts
from hoopfast.wire import backend, frontend
from hoopfast.wire.freshness import Freshness

PROTECTED = (16384, 4)  # the one protected column
REDACT = CellRule(CellAction.FIXED, b"x")


def summary(text: str) -> StatementSummary:
    """A summary whose shape is the text itself, so that tests can tell statements apart."""
    return StatementSummary(text=text, shape=text)


def allow(text: str, *commands: Command) -> Statement:
    """A statement that may pass."""
    return Statement(Verdict.ALLOW, commands, summary(text))


def read(rows: Rows = Rows.CLEAN, *, clean: bool = True) -> Command:
    """A SELECT."""
    return Command("SELECT", Kind.READ, rows, clean=clean)


READ = allow("read", read())
SECRET = allow("secret", read(Rows.BY_ORIGIN, clean=False))
STATEMENTS: dict[str, Statement] = {
    "read": READ,
    "other": allow("other", read()),
    "secret": SECRET,
    "both": allow("both", read(), read(Rows.BY_ORIGIN, clean=False)),
    "begin": allow("begin", Command("BEGIN", Kind.TRANSACTION, transaction="begin", clean=True)),
    "commit": allow("commit", Command("COMMIT", Kind.TRANSACTION, transaction="commit", clean=True)),
    "write": allow("write", Command("INSERT", Kind.WRITE, clean=True)),
    "set": allow("set", Command("SET", Kind.SESSION, changes_settings=True, clean=True)),
    "ddl": allow("ddl", Command("CREATE TABLE", Kind.DDL, changes_catalog=True, clean=True)),
    "copy in": allow("copy in", Command("COPY", Kind.WRITE, copy="in", clean=True)),
    "copy out": allow("copy out", Command("COPY", Kind.READ, Rows.CLEAN, copy="out", clean=True)),
    "copy secret": allow("copy secret", Command("COPY", Kind.READ, Rows.BY_ORIGIN, copy="out")),
    "prepare": allow("prepare", Command("PREPARE", Kind.SESSION, prepares="p", prepared=SECRET, clean=True)),
    "deallocate": allow("deallocate", Command("DEALLOCATE", Kind.SESSION, deallocates="p", clean=True)),
    "execute": allow("execute", Command("SELECT", Kind.READ, Rows.NAMED, executes="p")),
    "declare": allow("declare", Command("DECLARE CURSOR", Kind.SESSION, declares="c", declared=SECRET, clean=True)),
    "fetch": allow("fetch", Command("FETCH", Kind.READ, Rows.NAMED, fetches="c")),
    "opaque": allow("opaque", Command("DO", Kind.WRITE, opaque=True)),
    "notify": allow("notify", Command("NOTIFY", Kind.SESSION, notifies=(("ch", "hello"),), clean=True)),
    "": allow(""),
    "drop": Statement(Verdict.DENY, (), summary("drop"), rule="ddl", message="no DDL here", position=3),
    "hold": Statement(Verdict.NEEDS_APPROVAL, (), summary("hold"), rule="writes", message="needs approval"),
    "strange": Statement(Verdict.PROBE, (), summary("strange"), message="cannot be analysed"),
}


@dataclass
class ScriptedPolicy:
    """Answers from STATEMENTS; `version` is the catalog's, None if there is none."""

    version: int | None = 1
    statements: dict[str, Statement] = field(default_factory=lambda: dict(STATEMENTS))
    asked: list[tuple[str, tuple[str, ...] | None]] = field(default_factory=list)
    dirty: list[bool] = field(default_factory=list)  # what each of them was told of DDL in its transaction

    def basis(self, environment: Environment) -> Hashable:
        """Catalog version and effective schemas."""
        if self.version is None:
            raise CatalogNeeded
        return (self.version, environment.schemas, environment.role)

    def decide(self, text: bytes, parameter_types: Sequence[int], environment: Environment) -> Statement:
        """Look the text up; a name that EXECUTE or FETCH does not find refuses."""
        basis = self.basis(environment)
        self.asked.append((text.decode(), environment.schemas))
        self.dirty.append(environment.catalog_dirty)
        statement = self.statements[text.decode()]
        for command in statement.commands:
            names = environment.names
            assert names is not None
            if command.executes and names.prepared_statement(command.executes) is None:
                return Statement(Verdict.DENY, (), summary("unknown name"), sqlstate="26000")
            if command.fetches and names.cursor(command.fetches) is None:
                return Statement(Verdict.DENY, (), summary("unknown name"), sqlstate="34000")
        return replace(statement, basis=basis)

    def cell_rules(
        self, statement: Statement, command: Command, columns: Sequence[ResultColumn], *, this_execution: bool
    ) -> tuple[CellRule, ...]:
        """By origin: the protected column is masked, the others pass only if the description is of this execution."""
        if self.version is None:
            raise CatalogNeeded
        if command.rows is Rows.CLEAN:
            return (PASS,) * len(columns)
        clear = PASS if this_execution else NULL
        return tuple(REDACT if (c.table_oid, c.attribute_number) == PROTECTED else clear for c in columns)

    def needs_description(self, command: Command) -> bool:
        """What is not clean needs one."""
        return command.rows is not Rows.CLEAN


@dataclass
class ListRecorder:
    """Keeps what the session records; raises `broken` if that is set."""

    executions: list[str] = field(default_factory=list)
    endings: dict[int, Outcome] = field(default_factory=dict)
    transactions: list[tuple[int, int, str]] = field(default_factory=list)
    broken: Exception | None = None

    def execution(self, statement: Statement, *, protocol: str, parameters: tuple[bytes | None, ...] = ()) -> int:
        """Number it from one."""
        if self.broken:
            raise self.broken
        self.executions.append(statement.summary.text)
        return len(self.executions)

    def ended(self, sequence: int, outcome: Outcome) -> None:
        """Once only."""
        assert sequence not in self.endings, "an execution ended twice"
        self.endings[sequence] = outcome

    def transaction(self, first: int, last: int, outcome: str) -> None:
        """In order."""
        self.transactions.append((first, last, outcome))

    def story(self) -> list[tuple[str, str]]:
        """Each execution with its ending, as text."""
        return [
            (text, str(self.endings[number].ending) if number in self.endings else "open")
            for number, text in enumerate(self.executions, 1)
        ]


OWN_NAME = b"hoopfast question"
OWN_QUESTION = b"".join(
    (
        frontend.Close(b"S", OWN_NAME).encode(),
        frontend.Parse(OWN_NAME, b"SELECT pg_catalog.current_schemas(true), CURRENT_USER", ()).encode(),
        frontend.Bind(OWN_NAME, OWN_NAME, (), (), ()).encode(),
        frontend.Execute(OWN_NAME, 0).encode(),
        frontend.Close(b"P", OWN_NAME).encode(),
        frontend.Close(b"S", OWN_NAME).encode(),
        frontend.Sync().encode(),
    )
)
OWN_ANSWER = b"".join(
    (
        backend.CloseComplete().encode(),
        backend.ParseComplete().encode(),
        backend.BindComplete().encode(),
        backend.DataRow((b"{pg_catalog,public}", b"app")).encode(),
        backend.CommandComplete(b"SELECT 1").encode(),
        backend.CloseComplete().encode(),
        backend.CloseComplete().encode(),
        backend.ReadyForQuery(b"I").encode(),
    )
)


def text_columns(*origins: tuple[int, int]) -> bytes:
    """A RowDescription of text columns with these origins."""
    return backend.RowDescription(
        tuple(backend.Field(b"c", oid, number, 25, -1, -1, 0) for oid, number in origins)
    ).encode()


def error(sqlstate: bytes, message: bytes, severity: bytes = b"ERROR") -> bytes:
    """An ErrorResponse."""
    return backend.ErrorResponse({"S": severity, "V": severity, "C": sqlstate, "M": message}).encode()


def withheld(sqlstate: bytes, message: bytes) -> bytes:
    """An ErrorResponse as it passes where its details may not."""
    return backend.ErrorResponse(refusal.withhold({"V": b"ERROR", "C": sqlstate, "M": message})).encode()


def ours(sqlstate: str, message: str, position: int | None = None) -> bytes:
    """An ErrorResponse of the gateway's own."""
    fields = {"S": b"ERROR", "V": b"ERROR", "C": sqlstate.encode(), "M": message.encode()}
    if position is not None:
        fields["P"] = str(position).encode()
    return backend.ErrorResponse(fields).encode()


NAMESPACE = {
    "text_columns": text_columns,
    "error": error,
    "withheld": withheld,
    "ours": ours,
    "P": PROTECTED,
    "drop": b"",
}


class Player:
    """Plays one transcript against one conversation, each message cut in two at `cut`."""

    steady = False  # whether known statements run in C; conftest.py tries both

    def __init__(self, cut: int, *, learn: bool = True) -> None:
        self.policy = ScriptedPolicy()
        self.recorder = ListRecorder()
        self.freshness = Freshness()
        self.freshness.cheap = 0  # no looks after rests, which would be a matter of time
        self._version: int | None = None  # the catalog's, as `freshness` has been told
        self._follow()
        ports = SteadyPorts(self.freshness, Shapes(), self.recorder) if self.steady else None
        self.conversation = Conversation(self.policy, self.recorder, steady=ports)
        self.cut = cut
        self.to_backend = b""
        self.to_frontend = b""
        self.closed = False
        self.catalog_asked = 0
        if learn:
            self._learn()

    def _learn(self) -> None:
        """Let the conversation ask for the effective schemas, as it does before its first statement."""
        query = frontend.Query(b"read").encode()
        self._take(self.conversation.frontend_data(query))
        self._take(self.conversation.backend_data(OWN_ANSWER))
        answer = backend.CommandComplete(b"SELECT 0").encode() + backend.ReadyForQuery(b"I").encode()
        self._take(self.conversation.backend_data(answer))
        assert self.to_backend == OWN_QUESTION + query
        self.to_backend = self.to_frontend = b""
        self.recorder.executions.clear()
        self.recorder.endings.clear()
        self.recorder.transactions.clear()

    def _follow(self) -> None:
        """Tell `freshness` of what has happened to the catalog."""
        if self.policy.version is None:
            self.freshness.doubt()
            return
        if self.policy.version != self._version:
            self.freshness.renew()
            self._version = self.policy.version
        self.freshness.looked(0, took=1, valid_until=1 << 62)

    def _take(self, effects: Effects) -> None:
        self.to_backend += b"".join(effects.to_backend)
        self.to_frontend += b"".join(effects.to_frontend)
        self.closed = self.closed or effects.close
        self.catalog_asked += effects.catalog_needed

    def _feed(self, side: str, data: bytes) -> None:
        self._follow()
        feed = self.conversation.frontend_data if side == "F" else self.conversation.backend_data
        if 0 < self.cut < len(data):
            self._take(feed(data[: self.cut]))
            self._take(feed(data[self.cut :]))
        else:
            self._take(feed(data))

    def play(self, transcript: str) -> None:
        """Send what F and B say and check what > and < say."""
        sent = b""
        for line in filter(str.strip, transcript.splitlines()):
            side, text = line.strip().split(" ", 1)
            if side == "!":
                self._follow()
                self._take(self.conversation.resume())
                continue
            if text == "own answer":
                data = OWN_ANSWER
            elif text == "same":
                data = sent
            elif text == "own question":
                data = OWN_QUESTION
            elif text == "refusal":
                data = self._refusal()
            else:
                data = _message(side, text)
            if side in "FB":
                sent = data
                self._feed(side, data)
            elif side == ">":
                assert self.to_backend[: len(data)] == data, f"{line}: to the backend went {self.to_backend!r}"
                self.to_backend = self.to_backend[len(data) :] if data else self._nothing(self.to_backend, line)
            else:
                assert self.to_frontend[: len(data)] == data, f"{line}: to the frontend went {self.to_frontend!r}"
                self.to_frontend = self.to_frontend[len(data) :] if data else self._nothing(self.to_frontend, line)
        assert not self.to_backend, f"more went to the backend: {self.to_backend!r}"
        assert not self.to_frontend, f"more went to the frontend: {self.to_frontend!r}"

    @staticmethod
    def _nothing(data: bytes, line: str) -> bytes:
        assert not data, f"{line}: but {data!r}"
        return b""

    def _refusal(self) -> bytes:
        query = refusal.substitute_query()
        return query if self.to_backend.startswith(query) else refusal.substitute_parse()


def _message(side: str, text: str) -> bytes:
    module = frontend if side in "F>" else backend
    value = eval(text, {**vars(module), **NAMESPACE})
    return value if isinstance(value, bytes) else value.encode()


def play(transcript: str, *, learn: bool = True) -> Player:
    """Play a transcript at every cut; returns the player of the last."""
    longest = 160
    player = Player(0, learn=learn)
    player.play(transcript)
    story = player.recorder.story()
    for cut in range(1, longest):
        again = Player(cut, learn=learn)
        again.play(transcript)
        assert again.recorder.story() == story
        player = again
    return player


__all__ = ["Ending", "ListRecorder", "Player", "ScriptedPolicy", "play"]
