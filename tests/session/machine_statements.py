"""What the sessions of the machine talk about: texts, what a policy says of each, and what a backend does with it.

Every property that a decision may rest on has a text whose decision differs by it: a literal, the declared types, the
effective schemas, the role, the encoding, the catalog's version, DDL in the transaction. A conversation that takes one
decision for another therefore shows it, in bytes or in the records.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

from hoopfast.policy.model import (
    NULL,
    PASS,
    CatalogNeeded,
    CellAction,
    CellRule,
    Command,
    DecisionNeeded,
    Environment,
    Kind,
    Origin,
    ResultColumn,
    Rows,
    Statement,
    Verdict,
)
from tests.session.scripted import allow, summary

TABLE, PROTECTED_TABLE = 1, 16384
PLAIN: tuple[tuple[int, int], ...] = ((TABLE, 1), (TABLE, 2))
MIXED = ((PROTECTED_TABLE, 4), (TABLE, 1))
SOURCES = (Origin(frozenset(((PROTECTED_TABLE, 4),)), bare=True), Origin(frozenset()))


@dataclass(frozen=True)
class Act:
    """What the backend does for one command: `fields` are the origins of its result's columns, None if it has none."""

    kind: str  # "rows", or what else happens: see machine_backend.py
    tag: str
    fields: tuple[tuple[int, int], ...] | None = None
    argument: str = ""


@dataclass(frozen=True)
class Situation:
    """What a decision is taken on."""

    version: int
    literal: str
    types: tuple[int, ...]
    environment: Environment


Decide = Callable[[Situation], Statement]


@dataclass(frozen=True)
class Entry:
    """A text, or all texts of a pattern: the decision on it, and what the backend does."""

    decide: Decide
    acts: tuple[Act, ...]


def _by_origin(*, bare: bool = False, clean: bool = False, tag: str = "SELECT", kind: Kind = Kind.READ) -> Command:
    return Command(tag, kind, Rows.BY_ORIGIN, columns=SOURCES if bare else None, clean=clean)


def _clean(tag: str = "SELECT", kind: Kind = Kind.READ, rows: Rows = Rows.CLEAN, *, clean: bool = True) -> Command:
    return Command(tag, kind, rows, clean=clean)


def _always(name: str, *commands: Command, literals_matter: bool = True) -> Decide:
    statement = replace(allow(name, *commands), literals_matter=literals_matter)
    return lambda _: statement


def _deny(name: str, sqlstate: str = "42501") -> Statement:
    return Statement(Verdict.DENY, (), summary(name), message=f"no {name}", sqlstate=sqlstate, position=2)


def _one_of(name: str, which: Callable[[Situation], int], *, literals_matter: bool = True) -> Decide:
    """Clean, by origin, by origin and bare, denied: `which` says it by a number."""
    choices = [
        replace(allow(f"{name} clean", _clean()), literals_matter=literals_matter),
        replace(allow(f"{name} by origin", _by_origin()), literals_matter=literals_matter),
        replace(allow(f"{name} bare", _by_origin(bare=True)), literals_matter=literals_matter),
        replace(_deny(name), literals_matter=literals_matter),
    ]
    return lambda situation: choices[which(situation) % 4]


def _session(tag: str, **effects: object) -> Command:
    return replace(Command(tag, Kind.SESSION, clean=True), **effects)  # type: ignore[arg-type]


def _transaction(what: str, tag: str) -> Command:
    return Command(tag, Kind.TRANSACTION, transaction=what, clean=True)


READ = _clean()
SECRET = _by_origin()
INSERT = _clean("INSERT", Kind.WRITE, Rows.NONE)
SET = _session("SET", changes_settings=True)
DDL = Command("CREATE TABLE", Kind.DDL, changes_catalog=True, clean=True)
COMMIT, ROLLBACK = _transaction("commit", "COMMIT"), _transaction("rollback", "ROLLBACK")
BEGIN = _transaction("begin", "BEGIN")
COPY_IN = Command("COPY", Kind.WRITE, copy="in", clean=True)

ROWS, MASKED = Act("rows", "SELECT", PLAIN), Act("rows", "SELECT", MIXED)
INSERTS = Act("nothing", "INSERT 0 1")
BEGINS, COMMITS, ROLLS_BACK = Act("begin", "BEGIN"), Act("commit", "COMMIT"), Act("rollback", "ROLLBACK")
COPIES_IN = Act("copy in", "COPY")
SECRET_STATEMENT = allow("cursor's query", SECRET)
READ_STATEMENT = allow("clean query", READ)

# The steady state's own: their decisions hold for every literal, or for none but their own.
SHAPED: dict[str, Entry] = {
    "SELECT a, b FROM t WHERE id = ?": Entry(_always("clean", READ, literals_matter=False), (ROWS,)),
    "SELECT a, b FROM t WHERE id IN (?)": Entry(_always("list", READ, literals_matter=False), (ROWS,)),
    "SELECT a, b FROM t WHERE id = $1": Entry(_always("parameter", READ, literals_matter=False), (ROWS,)),
    "SELECT ssn, a FROM p WHERE id = ?": Entry(_always("masked", SECRET, literals_matter=False), (MASKED,)),
    "SELECT ssn, a FROM p WHERE id = $1": Entry(_always("masked parameter", SECRET, literals_matter=False), (MASKED,)),
    "SELECT ssn, a FROM q WHERE id = ?": Entry(
        _always("bare", _by_origin(bare=True), literals_matter=False), (MASKED,)
    ),
    "SELECT ssn, a FROM q WHERE id = $1": Entry(
        _always("bare parameter", _by_origin(bare=True), literals_matter=False), (MASKED,)
    ),
    "SELECT f(?)": Entry(_one_of("literal", lambda s: int(s.literal)), (MASKED,)),
    "SELECT g(?)": Entry(_one_of("version", lambda s: s.version, literals_matter=False), (MASKED,)),
    "SELECT a FROM typed WHERE id = $1": Entry(_one_of("types", lambda s: sum(s.types)), (MASKED,)),
    "SELECT a FROM placed": Entry(
        _one_of("schemas", lambda s: 0 if "public" in (s.environment.schemas or ()) else 1, literals_matter=False),
        (MASKED,),
    ),
    "SELECT a FROM owned": Entry(
        _one_of("role", lambda s: 0 if s.environment.role == "app" else 2, literals_matter=False), (MASKED,)
    ),
    "SELECT a FROM encoded": Entry(
        _one_of("encoding", lambda s: s.environment.parameters.get("client_encoding") == "LATIN1"), (MASKED,)
    ),
    "SELECT a FROM dirty": Entry(
        _one_of("dirty", lambda s: int(s.environment.catalog_dirty), literals_matter=False), (MASKED,)
    ),
    "INSERT INTO t VALUES (?)": Entry(_always("insert", INSERT, literals_matter=False), (INSERTS,)),
    "INSERT INTO t VALUES ($1)": Entry(_always("insert parameter", INSERT, literals_matter=False), (INSERTS,)),
    "INSERT INTO t VALUES (?) RETURNING a": Entry(
        _always("returning", _clean("INSERT", Kind.WRITE), literals_matter=False), (Act("rows", "INSERT 0", PLAIN),)
    ),
    "UPDATE p SET a = ?": Entry(
        _always("update", _clean("UPDATE", Kind.WRITE, Rows.NONE, clean=False), literals_matter=False),
        (Act("nothing", "UPDATE 3"),),
    ),
    "SELECT count(ssn) FROM p": Entry(_always("unclean", _clean(clean=False), literals_matter=False), (ROWS,)),
    "SELECT h(?)": Entry(_always("denied", _clean()), (MASKED,)),  # replaced below: refused, whatever the literal
}
SHAPED["SELECT h(?)"] = Entry(lambda _: replace(_deny("h"), literals_matter=False), (MASKED,))

TRANSACTIONS: dict[str, Entry] = {
    "begin": Entry(_always("begin", BEGIN, literals_matter=False), (BEGINS,)),
    "commit": Entry(_always("commit", COMMIT, literals_matter=False), (COMMITS,)),
    "rollback": Entry(_always("rollback", ROLLBACK, literals_matter=False), (ROLLS_BACK,)),
    "savepoint": Entry(
        _always("savepoint", _transaction("savepoint", "SAVEPOINT"), literals_matter=False),
        (Act("savepoint", "SAVEPOINT"),),
    ),
    "release": Entry(
        _always("release", _transaction("release", "RELEASE"), literals_matter=False), (Act("release", "RELEASE"),)
    ),
    "rollback to": Entry(
        _always("rollback to", _transaction("rollback to", "ROLLBACK"), literals_matter=False),
        (Act("rollback to", "ROLLBACK"),),
    ),
}

OTHERS: dict[str, Entry] = {
    "": Entry(_always(""), ()),
    "read": Entry(_always("read", READ), (ROWS,)),
    "secret": Entry(_always("secret", SECRET), (MASKED,)),
    "unpredicted": Entry(_always("unpredicted", INSERT), (MASKED,)),
    "set public": Entry(_always("set public", SET), (Act("set", "SET", argument="public"),)),
    "set other": Entry(_always("set other", SET), (Act("set", "SET", argument="other"),)),
    "set role": Entry(_always("set role", replace(SET, tag="SET ROLE")), (Act("role", "SET"),)),
    "set encoding": Entry(_always("set encoding", SET), (Act("encoding", "SET"),)),
    "ddl": Entry(_always("ddl", DDL), (Act("ddl", "CREATE TABLE"),)),
    "opaque": Entry(_always("opaque", Command("DO", Kind.WRITE, opaque=True)), (Act("nothing", "DO"),)),
    "opaque read": Entry(_always("opaque read", replace(READ, opaque=True, clean=False)), (ROWS,)),
    "prepare": Entry(
        _always("prepare", _session("PREPARE", prepares="p", prepared=SECRET_STATEMENT)),
        (Act("prepare", "PREPARE", argument="secret"),),
    ),
    "prepare read": Entry(
        _always("prepare read", _session("PREPARE", prepares="p", prepared=READ_STATEMENT)),
        (Act("prepare", "PREPARE", argument="read"),),
    ),
    "execute": Entry(
        _always("execute", Command("SELECT", Kind.READ, Rows.NAMED, executes="p")), (Act("execute", "SELECT"),)
    ),
    "deallocate": Entry(
        _always("deallocate", _session("DEALLOCATE", deallocates="p")), (Act("deallocate", "DEALLOCATE"),)
    ),
    "deallocate all": Entry(
        _always("deallocate all", _session("DEALLOCATE ALL", deallocates="")),
        (Act("deallocate all", "DEALLOCATE ALL"),),
    ),
    "discard": Entry(_always("discard", _session("DISCARD ALL", discards_all=True)), (Act("discard", "DISCARD ALL"),)),
    "declare": Entry(
        _always("declare", _session("DECLARE CURSOR", declares="c", declared=SECRET_STATEMENT)),
        (Act("declare", "DECLARE CURSOR", argument="secret"),),
    ),
    "declare hold": Entry(
        _always("declare hold", _session("DECLARE CURSOR", declares="c", declared=READ_STATEMENT, holdable=True)),
        (Act("declare hold", "DECLARE CURSOR", argument="read"),),
    ),
    "fetch": Entry(_always("fetch", Command("FETCH", Kind.READ, Rows.NAMED, fetches="c")), (Act("fetch", "FETCH"),)),
    "close": Entry(_always("close", _session("CLOSE CURSOR", closes="c")), (Act("close", "CLOSE CURSOR"),)),
    "close all": Entry(
        _always("close all", _session("CLOSE CURSOR ALL", closes="")), (Act("close all", "CLOSE CURSOR ALL"),)
    ),
    "copy in": Entry(_always("copy in", COPY_IN), (COPIES_IN,)),
    "copy out": Entry(
        _always("copy out", Command("COPY", Kind.READ, Rows.CLEAN, copy="out", clean=True)),
        (Act("copy out", "COPY 2"),),
    ),
    "notify": Entry(_always("notify", _session("NOTIFY", notifies=(("ch", "hello"),))), (Act("nothing", "NOTIFY"),)),
    "drop": Entry(lambda _: _deny("drop"), (Act("ddl", "DROP TABLE"),)),
    "hold": Entry(
        lambda _: Statement(Verdict.NEEDS_APPROVAL, (), summary("hold"), message="needs approval"), (INSERTS,)
    ),
    "strange": Entry(lambda _: Statement(Verdict.PROBE, (), summary("strange"), message="strange"), (ROWS,)),
    "read; secret": Entry(_always("read; secret", READ, SECRET), (ROWS, MASKED)),
    "begin; write": Entry(_always("begin; write", BEGIN, INSERT), (BEGINS, INSERTS)),
    "write; commit; read": Entry(_always("write; commit; read", INSERT, COMMIT, READ), (INSERTS, COMMITS, ROWS)),
    "read; copy in; read": Entry(_always("read; copy in; read", READ, COPY_IN, READ), (ROWS, COPIES_IN, ROWS)),
    "set; secret": Entry(_always("set; secret", SET, SECRET), (Act("set", "SET", argument="other"), MASKED)),
}
# What would close the session at once: seldom wanted.
DEADLY: dict[str, Entry] = {
    "copy secret": Entry(
        _always("copy secret", Command("COPY", Kind.READ, Rows.BY_ORIGIN, copy="out")), (Act("copy out", "COPY 2"),)
    ),
}
ENTRIES = SHAPED | TRANSACTIONS | OTHERS | DEADLY

SLOW = frozenset(("SELECT g(?)", "SELECT a, b FROM t WHERE id IN (?)", "secret"))  # their decisions take long

_LITERAL = re.compile(r"(?<![$\w])\d+|'(?:[^']|'')*'")
_LIST = re.compile(r"IN \(\?(?:, \?)*\)")
_BLANK = re.compile(r"/\*.*?\*/|\s+")


def look_up(text: bytes) -> tuple[str, Entry | None, str]:
    """The entry of a text, its name, and the text's first literal; None for what the backend cannot parse."""
    given = text.decode("utf-8", "replace")
    if given in ENTRIES:
        return given, ENTRIES[given], "0"
    words = " ".join(_BLANK.sub(" ", given).split())
    literal = _LITERAL.search(words)
    name = _LIST.sub("IN (?)", _LITERAL.sub("?", words))
    return name, ENTRIES.get(name), literal.group().strip("'") if literal else "0"


UNPARSABLE = _deny("such text", "42601")


@dataclass
class World:
    """What both conversations' policies look at: the catalog's version, and whether it may be relied upon just now."""

    version: int = 1
    fresh: bool = True

    def protected(self, column: ResultColumn) -> bool:
        """Whether a column is protected, as of this version."""
        origins = {(PROTECTED_TABLE, 4)} if self.version % 3 else {(PROTECTED_TABLE, 5)}
        return (column.table_oid, column.attribute_number) in origins


@dataclass
class TablePolicy:
    """Answers from ENTRIES."""

    world: World
    statements: dict[Hashable, Statement] = field(default_factory=dict)  # the same one for the same question
    thought: set[Hashable] = field(default_factory=set)  # questions that have been thought about in a thread

    def basis(self, environment: Environment) -> Hashable:
        """As the real one: the catalog, and all of the environment that a decision may depend on."""
        if not self.world.fresh:
            raise CatalogNeeded
        encoding = environment.parameters.get("client_encoding", "UTF8")
        return (self.world.version, environment.schemas, environment.role, encoding, environment.catalog_dirty)

    def decide(self, text: bytes, parameter_types: Sequence[int], environment: Environment) -> Statement:
        """Look the text up; a name that EXECUTE or FETCH does not find refuses."""
        basis = self.basis(environment)
        types = tuple(parameter_types)
        name, entry, literal = look_up(text)
        if entry is None:
            return replace(UNPARSABLE, basis=basis)
        if environment.threaded and name in SLOW and (name, types, basis) not in self.thought:
            raise DecisionNeeded(lambda: self.thought.add((name, types, basis)))
        statement = entry.decide(Situation(self.world.version, literal, types, environment))
        names = environment.names
        for command in statement.commands:
            assert names is not None
            if command.executes and names.prepared_statement(command.executes) is None:
                return replace(_deny("unknown name", "26000"), basis=basis)
            if command.fetches and names.cursor(command.fetches) is None:
                return replace(_deny("unknown name", "34000"), basis=basis)
        return self.statements.setdefault((text, types, basis), replace(statement, basis=basis))

    def cell_rules(
        self, statement: Statement, command: Command, columns: Sequence[ResultColumn], *, this_execution: bool
    ) -> tuple[CellRule, ...]:
        """Protected ones by their format; others pass, of what is not clean only by a description of this execution."""
        if not self.world.fresh:
            raise CatalogNeeded
        return tuple(self._rule(command, number, column, this_execution) for number, column in enumerate(columns))

    def _rule(self, command: Command, number: int, column: ResultColumn, this_execution: bool) -> CellRule:
        if self.world.protected(column):
            if column.format:
                return CellRule(CellAction.FIXED, b"\0\1")
            return CellRule(CellAction.KEEP_LAST, n=4) if column.name == "ssn" else CellRule(CellAction.FIXED, b"x")
        known = command.columns is not None and number < len(command.columns) and not command.columns[number].sources
        return PASS if this_execution or known or command.rows is Rows.CLEAN else NULL

    def needs_description(self, command: Command) -> bool:
        """What is not clean needs one, unless its columns are known."""
        return command.rows is Rows.BY_ORIGIN and command.columns is None
