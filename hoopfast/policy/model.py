"""The words of a decision: what policy/ answers and session/ acts on.

The only part of policy/ that session/ knows. Plain immutable values: no parser, no catalog, no configuration, no
bytes of the wire. The words are those of docs/design.md §2 and §5.6.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import NamedTuple, Protocol


class Kind(StrEnum):
    """What a command does (docs/design.md §5.6), from least to most restrictive."""

    READ = "read"
    SESSION = "session"
    TRANSACTION = "transaction"
    UTILITY = "utility"
    WRITE = "write"
    DDL = "ddl"


class Verdict(StrEnum):
    """What becomes of a statement.

    PROBE is for a text that pglast rejects or that names unknown relations: it goes to the backend as a Parse alone;
    the backend's error passes, its success is a differential between two parsers (or a stale catalog) and refuses.
    """

    ALLOW = "allow"
    DENY = "deny"
    NEEDS_APPROVAL = "approve"
    PROBE = "probe"


class Rows(Enum):
    """How the rows of a command are treated."""

    NONE = "none"  # it returns none; what comes all the same is masked whole
    CLEAN = "clean"  # proven: no cell derives from a protected column
    BY_ORIGIN = "by origin"  # per column, by `Command.columns` and the RowDescription of this very execution
    NAMED = "named"  # those of the prepared statement or cursor that `executes` / `fetches` names


class ResultColumn(NamedTuple):
    """One column of a RowDescription (PostgreSQL manual, 55.7)."""

    name: str
    table_oid: int  # 0: no plain column of a relation
    attribute_number: int  # 0 also for a whole row
    type_oid: int
    type_size: int
    type_modifier: int
    format: int  # 0 text, 1 binary


class CellAction(Enum):
    """What the row loop does with a cell that is not NULL (NULL stays NULL)."""

    PASS = 0
    NULL = 1
    FIXED = 2  # replaced by `CellRule.fixed`
    KEEP_FIRST = 3  # the first n characters stay, the others become '*'
    KEEP_LAST = 4  # the last n characters stay, the others become '*'
    DATE_YEAR = 5  # January 1st of its year; what does not read as a date becomes `CellRule.fixed`. `n` is its form:
    # 0 a date, 1 a timestamp, 2 a timestamptz as text, 3 a date, 4 a timestamp in binary (wire/dates.pxd)


@dataclass(frozen=True, slots=True)
class CellRule:
    """What to do with the cells of one result column, compiled for its type and format."""

    action: CellAction
    fixed: bytes = b""
    n: int = 0


PASS = CellRule(CellAction.PASS)
NULL = CellRule(CellAction.NULL)


@dataclass(frozen=True, slots=True)
class Origin:
    """The analyser on one output column: the columns its value may derive from, and whether it is exactly one."""

    sources: frozenset[tuple[int, int]]  # (table OID, attribute number)
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One SQL command of a statement's text, as the session needs to know it.

    Names are folded and cut as PostgreSQL does. `columns` is None where the analyser cannot tell the number of columns.
    """

    tag: str  # "SELECT", "UPDATE", "CREATE TABLE": the command tag, without counts
    kind: Kind
    rows: Rows = Rows.NONE
    columns: tuple[Origin, ...] | None = None
    clean: bool = False  # its whole closure is clean: errors and notices pass whole
    copy: str | None = None  # "in", "out": COPY FROM STDIN, COPY TO STDOUT
    transaction: str | None = None  # "begin", "commit", "rollback", "savepoint", "release", "rollback to", "prepare"
    prepares: str | None = None  # PREPARE name
    prepared: Statement | None = None  # … AS this statement
    executes: str | None = None  # EXECUTE name
    deallocates: str | None = None  # DEALLOCATE name; "" is ALL
    declares: str | None = None  # DECLARE name …
    declared: Statement | None = None  # … FOR this statement
    holdable: bool = False  # WITH HOLD: the cursor outlives its transaction
    fetches: str | None = None  # FETCH, MOVE from name
    closes: str | None = None  # CLOSE name; "" is ALL
    discards_all: bool = False  # DISCARD ALL
    changes_settings: bool = False  # effective schemas, role or settings may be others afterwards
    changes_catalog: bool = False  # DDL: other decisions may rest on what it changes
    opaque: bool = False  # runs code that nobody has read: afterwards the session knows no path, names, settings
    notifies: tuple[tuple[str, str], ...] = ()  # (channel, payload) of literal NOTIFY


@dataclass(frozen=True, slots=True)
class StatementSummary:
    """What the journal holds of a statement's text: no comment, no literal, no unknown name."""

    text: str  # the re-rendered shape, literals as placeholders
    shape: str  # stable identifier of the shape, 16 hex digits
    kinds: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()  # schema-qualified; ("unknown",) where opaque code takes part
    protected: tuple[str, ...] = ()  # protected columns that it may read, schema.table.column


@dataclass(frozen=True, slots=True)
class Statement:
    """A decision: what becomes of one statement text (which may hold several commands), and by which rule.

    `basis` identifies what the decision rests on: policy version, catalog version, effective schemas, role. A decision
    is valid as long as `Policy.basis()` still answers the same.
    """

    verdict: Verdict
    commands: tuple[Command, ...]
    summary: StatementSummary
    basis: Hashable = None
    rule: str = ""  # the name of the rule that gave the verdict
    message: str = ""  # for a refusal: what is wrong
    hint: str = ""  # … and what to do
    sqlstate: str = "42501"
    position: int | None = None  # 1-based character index in the text
    # Whether another value of a literal could have led to another decision. False is a proof: then the decision holds
    # for every text of the same shape (docs/design.md §5.3).
    literals_matter: bool = True

    @property
    def clean(self) -> bool:
        """Whether errors and notices of this statement may pass whole."""
        return all(command.clean for command in self.commands)


class SessionNames(Protocol):
    """The names of one session: what EXECUTE, FETCH and MOVE stand for."""

    def prepared_statement(self, name: str) -> Statement | None:
        """The statement that PREPARE or Parse gave this name; None if the gateway has seen neither."""

    def cursor(self, name: str) -> Statement | None:
        """The statement behind a cursor or portal of this name; None if the gateway has not seen it opened."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a decision may depend on besides the text."""

    schemas: tuple[str, ...] | None  # current_schemas(true), pg_temp_N included; None: not known just now
    role: str | None  # current_user; None: not known just now
    parameters: dict[str, str] = field(default_factory=dict)  # the last ParameterStatus of each name
    in_transaction: bool = False  # in a transaction block, failed ones included
    catalog_dirty: bool = False  # this transaction has run DDL: no catalog proof until it ends
    names: SessionNames | None = None
    threaded: bool = False  # DecisionNeeded may be raised


class CatalogNeeded(Exception):  # noqa: N818 - not an error: an answer that has to wait
    """No decision can be taken before the catalog has been read again; ask again afterwards."""


class DecisionNeeded(Exception):  # noqa: N818 - not an error: an answer that has to wait
    """The decision takes too long to be taken between two others: call `work` in a thread, then ask again.

    `work` raises nothing, and asking again for the same does not lead here again.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self.work = work


class Policy(Protocol):
    """Decisions for one session (one identity, one access rule, one database). Calls are synchronous and do no I/O."""

    def basis(self, environment: Environment) -> Hashable:
        """What a decision taken now would rest on; CatalogNeeded if there is no catalog that is fresh enough."""

    def decide(self, text: bytes, parameter_types: Sequence[int], environment: Environment) -> Statement:
        """What becomes of a statement's text (in the session's client_encoding).

        CatalogNeeded as for `basis`; DecisionNeeded if `environment.threaded`.
        """

    def cell_rules(
        self, statement: Statement, command: Command, columns: Sequence[ResultColumn], *, this_execution: bool
    ) -> tuple[CellRule, ...]:
        """What to do with each column of a result.

        `columns` carry the formats that the rows will have. `this_execution`: the description was made for this very
        execution, so that its origins may clear a doubt; otherwise they may only add one.
        """

    def needs_description(self, command: Command) -> bool:
        """Whether a description of this very execution is needed before rows may be forwarded."""
