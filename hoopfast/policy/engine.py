"""The policy of a session: from a statement's text to a decision, from a RowDescription to what is done with cells.

Implements model.Policy. Owns the cache of decisions by exact text, the compiled policies, and the second witness
(docs/design.md §5.2). Calls are synchronous and do no I/O; an exception in the analyser refuses the statement, and
only it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hoopfast.policy.catalog import Catalog
from hoopfast.policy.classify import Classifier
from hoopfast.policy.drafts import Draft
from hoopfast.policy.expressions import Context
from hoopfast.policy.facts import Unanalysable
from hoopfast.policy.judgement import Judge, Outcome, build
from hoopfast.policy.masks import cell_rule
from hoopfast.policy.model import (
    PASS,
    CellRule,
    Command,
    Environment,
    Kind,
    Origin,
    ResultColumn,
    Rows,
    Statement,
    StatementSummary,
    Verdict,
)
from hoopfast.policy.names import Names
from hoopfast.policy.parse import (
    GRAMMAR_VERSION,
    Parsed,
    TooComplex,
    Unparsable,
    non_ascii_token,
    parse,
    strange_to_server,
)
from hoopfast.policy.protection import REDACT, Guard, Protection, weakest
from hoopfast.policy.settings import encoding_kind
from hoopfast.policy.summary import render, render_unparsed, shape
from hoopfast.policy.typenames import Types

if TYPE_CHECKING:
    from hoopfast.config.schema import PolicyConfig

__all__ = ["CatalogSource", "PolicyEngine", "SessionPolicy"]

_MOST_DECISIONS = 20_000
_LONGEST_CACHED = 64 * 1024  # bytes of a text; longer ones are decided anew each time


class CatalogSource(Protocol):
    """Where the catalog of a session's database comes from."""

    def current(self) -> Catalog:
        """The catalog as it is; CatalogNeeded if there is none that is known to be fresh enough."""


class Compiled:
    """One policy in one catalog: what does not change from statement to statement."""

    def __init__(self, name: str, config: PolicyConfig, catalog: Catalog) -> None:
        self.name = name
        self.config = config
        self.catalog = catalog
        self.key = (name, config.version, catalog.version, catalog.identity)
        self.types = Types(catalog, self.listed)
        self.protection = Protection(config, catalog, self.types)
        self.decisions: OrderedDict[Hashable, Statement] = OrderedDict()
        self.closed = ""  # the mask rule because of which this database is closed

    def listed(self, schema: str, name: str) -> bool:
        """Whether the policy lists a function as clean."""
        return any(pattern.matches(schema, name) for pattern in self.config.functions)


class PolicyEngine:
    """The compiled policies of one process, shared by its sessions."""

    def __init__(self) -> None:
        self._compiled: OrderedDict[Hashable, Compiled] = OrderedDict()
        self._matched: dict[Hashable, set[str]] = {}

    def session(self, name: str, config: PolicyConfig, source: CatalogSource) -> SessionPolicy:
        """The policy of one session."""
        return SessionPolicy(name, config, source, self)

    def compiled(self, name: str, config: PolicyConfig, catalog: Catalog) -> Compiled:
        """A policy in a catalog, compiled at its first use."""
        key = (name, config.version, catalog.version, catalog.identity)
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = Compiled(name, config, catalog)
            found.closed = self._closed(found)
            while len(self._compiled) > 32:
                self._compiled.popitem(last=False)
        else:
            self._compiled.move_to_end(key)
        return found

    def _closed(self, compiled: Compiled) -> str:
        """A rule without globs that has matched in this database before, and does not any more (soundness 11)."""
        matched = self._matched.setdefault((compiled.key[0], compiled.key[1], compiled.catalog.identity), set())
        unmatched = set(compiled.protection.unmatched)
        lost = sorted(matched & unmatched)
        patterns = {str(pattern) for rule in compiled.config.mask for pattern in rule.columns if not pattern.is_glob}
        matched |= patterns - unmatched
        return lost[0] if lost else ""


class _Key(NamedTuple):
    """What a decision rests on (model.Statement.basis)."""

    policy: Hashable
    schemas: tuple[str, ...] | None
    role: str | None
    encoding: str
    strings: str
    dirty: bool


class SessionPolicy:
    """Decisions for one session; implements model.Policy."""

    def __init__(
        self, name: str, config: PolicyConfig, source: CatalogSource, engine: PolicyEngine | None = None
    ) -> None:
        self.name = name
        self.config = config
        self.source = source
        self.engine = engine if engine is not None else PolicyEngine()
        self._last: tuple[Catalog, Compiled] | None = None

    def basis(self, environment: Environment) -> Hashable:
        """What a decision taken now would rest on."""
        return self._key(self._compiled(), environment)

    def decide(self, text: bytes, parameter_types: Sequence[int], environment: Environment) -> Statement:
        """What becomes of a statement's text."""
        compiled = self._compiled()
        basis = self._key(compiled, environment)
        key = (text, tuple(parameter_types), basis)
        known = compiled.decisions.get(key)
        if known is not None:
            compiled.decisions.move_to_end(key)
            return known
        statement, names_used = _Decision(compiled, basis, environment, parameter_types).decide(text)
        if not names_used and len(text) <= _LONGEST_CACHED:
            compiled.decisions[key] = statement
            if len(compiled.decisions) > _MOST_DECISIONS:
                compiled.decisions.popitem(last=False)
        return statement

    def needs_description(self, command: Command) -> bool:
        """Whether a doubt could be cleared by a description of this very execution."""
        if command.rows is not Rows.BY_ORIGIN:
            return False
        return command.columns is None or any(origin.sources and not origin.bare for origin in command.columns)

    def cell_rules(
        self, statement: Statement, command: Command, columns: Sequence[ResultColumn], *, this_execution: bool
    ) -> tuple[CellRule, ...]:
        """What to do with each column of a result: both witnesses asked, and the stricter believed."""
        compiled = self._compiled()
        witness = _Witness(compiled)
        known = command.columns
        if command.rows is Rows.CLEAN and known is None:
            return tuple(witness.clean(column) for column in columns)
        if command.rows not in (Rows.CLEAN, Rows.BY_ORIGIN) or known is None or len(known) != len(columns):
            return tuple(witness.masked(column) for column in columns)
        return tuple(witness.rule(origin, column) for origin, column in zip(known, columns, strict=True))

    def _compiled(self) -> Compiled:
        catalog = self.source.current()
        if self._last is None or self._last[0] is not catalog:
            self._last = (catalog, self.engine.compiled(self.name, self.config, catalog))
        return self._last[1]

    def _key(self, compiled: Compiled, environment: Environment) -> _Key:
        parameters = environment.parameters
        return _Key(
            compiled.key,
            environment.schemas,
            environment.role,
            parameters.get("client_encoding", "UTF8"),
            parameters.get("standard_conforming_strings", "on"),
            environment.catalog_dirty,
        )


class _Witness:
    """What a RowDescription says, beside what the analyser said (soundness 9)."""

    def __init__(self, compiled: Compiled) -> None:
        self.catalog = compiled.catalog
        self.protection = compiled.protection

    def rule(self, origin: Origin, column: ResultColumn) -> CellRule:
        """The rule for a column of which the analyser knows the origin."""
        said = (column.table_oid, column.attribute_number)
        guards = [guard for source in origin.sources if (guard := self.protection.guard(source)) is not None]
        if not column.table_oid:
            if not guards and not origin.bare:
                return PASS
            # A bare column reports its table, unless a join or a set operation made it anew.
            return self._masked(guards, column) if guards else PASS
        if said not in origin.sources:
            return self._masked([*guards, self.protection.guard(said)], column)
        if not guards:
            return PASS if self.protection.guard(said) is None else self._masked([self.protection.guard(said)], column)
        if origin.bare and len(origin.sources) == 1 and self._same_type(said, column):
            return cell_rule(self.catalog, guards[0].own, column.type_oid, column.format)
        return self._masked(guards, column)

    def clean(self, column: ResultColumn) -> CellRule:
        """The rule for a column of a statement that was proven clean as a whole."""
        if not column.table_oid:
            return PASS
        guard = self.protection.guard((column.table_oid, column.attribute_number))
        return PASS if guard is None else self._masked([guard], column)

    def masked(self, column: ResultColumn) -> CellRule:
        """The rule for a column that nobody predicted."""
        return cell_rule(self.catalog, REDACT, column.type_oid, column.format)

    def _masked(self, guards: Sequence[Guard | None], column: ResultColumn) -> CellRule:
        masks = [guard.derived for guard in guards if guard is not None]
        return cell_rule(self.catalog, weakest(masks) if masks else REDACT, column.type_oid, column.format)

    def _same_type(self, source: tuple[int, int], column: ResultColumn) -> bool:
        relation = self.catalog.relations.get(source[0])
        found = relation.by_number.get(source[1]) if relation is not None else None
        if found is None:
            return False
        base = self.catalog.base_type(found.type_oid)  # a domain is described as what it is made of
        return column.type_oid == found.type_oid or (base is not None and base.oid == column.type_oid)


class _Decision:
    """One decision: the text's guards, its commands one after the other, and the Statement made of them."""

    def __init__(self, compiled: Compiled, basis: _Key, environment: Environment, parameters: Sequence[int]) -> None:
        self.compiled = compiled
        self.basis = basis
        self.environment = environment
        self.parameters = parameters
        self.schemas = environment.schemas
        self.dirty = environment.catalog_dirty
        self.names_used = False

    def decide(self, text: bytes) -> tuple[Statement, bool]:
        """The decision, and whether it depends on the session's names."""
        decoded, refusal = self._decoded(text)
        if refusal is not None:
            return self._refused(refusal, render_unparsed(decoded)), False
        try:
            parsed = parse(decoded)
        except Unparsable as error:
            outcome = Outcome(Verdict.PROBE, "syntax", error.message, location=(error.position or 0) - 1)
            return self._refused(outcome, render_unparsed(decoded)), False
        except TooComplex:
            outcome = Outcome(Verdict.DENY, "limit", "the statement is nested too deeply", "split it", "54001")
            return self._refused(outcome, "(nested too deeply)"), False
        strange = self._strange(parsed)
        if strange is not None:
            return self._refused(strange, render(parsed, names=False)), False
        return self._decided(parsed), self.names_used

    # -- the text ------------------------------------------------------------------------------------------------

    def _decoded(self, text: bytes) -> tuple[str, Outcome | None]:
        kind = encoding_kind(self.basis.encoding)
        if kind is None:
            return text.decode("latin-1"), Outcome(
                Verdict.DENY, "encoding", f"client_encoding {self.basis.encoding} is not possible through this gateway",
                "use UTF8",
            )  # fmt: skip
        if self.basis.strings != "on" and b"\\" in text:
            return text.decode("latin-1"), Outcome(
                Verdict.DENY, "encoding", "a statement with a backslash needs standard_conforming_strings = on",
                "SET standard_conforming_strings = on",
            )  # fmt: skip
        try:
            return text.decode("utf-8" if kind == "utf8" else "latin-1"), None
        except UnicodeDecodeError:
            return text.decode("latin-1"), Outcome(
                Verdict.DENY, "encoding", 'invalid byte sequence for encoding "UTF8"', sqlstate="22021"
            )

    def _strange(self, parsed: Parsed) -> Outcome | None:
        catalog = self.compiled.catalog
        if catalog.server_version // 10000 > GRAMMAR_VERSION:
            return Outcome(
                Verdict.DENY, "version", f"servers newer than PostgreSQL {GRAMMAR_VERSION} are not known here"
            )
        token = strange_to_server(parsed, catalog.keywords, catalog.server_version)
        if token is not None:
            word = parsed.text[token.start : token.end + 1]
            return Outcome(
                Verdict.DENY, "version", f'this server may read "{word}" otherwise than the gateway does',
                "quote it if it is a name; call functions with their schema", location=token.start,
            )  # fmt: skip
        utf8 = encoding_kind(self.basis.encoding) == "utf8" and catalog.encoding in ("UTF8", "SQL_ASCII")
        if utf8 and self.schemas is not None:
            return None
        token = non_ascii_token(parsed)
        if token is None:
            return None
        return Outcome(
            Verdict.DENY, "encoding", "in this encoding names must be ASCII: how the server reads them is not known",
            "use client_encoding UTF8 and a UTF8 database for such names", location=token.start,
        )  # fmt: skip

    # -- the commands --------------------------------------------------------------------------------------------

    def _decided(self, parsed: Parsed) -> Statement:
        worst = Outcome(Verdict.ALLOW)
        drafts: list[Draft] = []
        commands: list[Command] = []
        for i, node in enumerate(parsed.commands):
            draft, outcome, command = self._one(parsed, node, last=i + 1 == len(parsed.commands))
            if draft is not None:
                drafts.append(draft)
            if command is not None:
                commands.append(command)
            if outcome.verdict is Verdict.DENY:
                worst = outcome
                break
            if outcome.verdict is not Verdict.ALLOW and worst.verdict is not Verdict.NEEDS_APPROVAL:
                worst = outcome
        if self.compiled.closed and not _without_rows(drafts):
            worst = Outcome(
                Verdict.DENY, "mask", f"the mask rule for {self.compiled.closed} matches nothing any more",
                "the owner of the policy corrects it, or says optional = true",
            )  # fmt: skip
        return self._statement(parsed, drafts, worst, commands)

    def _one(self, parsed: Parsed, node: object, *, last: bool) -> tuple[Draft | None, Outcome, Command | None]:
        try:
            draft = self._classifier().classify(node)
            judge = self._judge()
            if draft.not_alone and not last:
                draft.refuse(f"{draft.tag} must be the last command of its string", hint="send it on its own")
            outcome = judge.judge(draft)
            command = self._command(parsed, node, draft, judge, outcome)
        except Unanalysable as error:
            return None, _unanalysable(error.message, error.location, error.hint), None
        except RecursionError:
            return None, Outcome(Verdict.DENY, "limit", "the statement is nested too deeply", "split it", "54001"), None
        except Exception as error:
            return None, _unanalysable(f"an internal error ({type(error).__name__})", -1, ""), None
        self.names_used = self.names_used or any(entry.stands_for is not None for entry in (draft, *draft.inner))
        self.names_used = self.names_used or "executes" in draft.command or "fetches" in draft.command
        self._after(draft)
        return draft, outcome, command

    def _command(self, parsed: Parsed, node: object, draft: Draft, judge: Judge, outcome: Outcome) -> Command:
        for attribute, names in (("prepares", "prepared"), ("declares", "declared")):
            if attribute in draft.command:
                draft.command[names] = self._statement(
                    parsed, draft.inner, outcome, [build(entry, judge) for entry in draft.inner]
                )
        return build(draft, judge)

    def _after(self, draft: Draft) -> None:
        """What the commands behind this one, in the same text, can rely on."""
        if draft.command.get("changes_settings") or draft.facts.opaque or draft.facts.hidden:
            self.schemas = None
        if draft.command.get("transaction") in ("rollback", "rollback to", "commit"):
            self.schemas = None if self.schemas != self.environment.schemas else self.schemas
        if draft.command.get("changes_catalog"):
            self.dirty = True
            self.schemas = None

    def _classifier(self) -> Classifier:
        compiled = self.compiled
        names = Names(compiled.catalog, self.schemas)

        def new_context() -> Context:
            return Context(compiled.catalog, names, compiled.protection, compiled.types, compiled.listed)

        return Classifier(
            new_context,
            self.environment.names,
            row_locks=compiled.config.row_locks == "allow",
            parameters=self.parameters,
        )

    def _judge(self) -> Judge:
        compiled = self.compiled
        return Judge(compiled.name, compiled.config, compiled.catalog, compiled.protection, self.dirty)

    # -- the statement -------------------------------------------------------------------------------------------

    def _refused(self, outcome: Outcome, rendered: str) -> Statement:
        return _statement(outcome, (), StatementSummary(rendered, shape(rendered), relations=("unknown",)), self.basis)

    def _statement(
        self, parsed: Parsed, drafts: Sequence[Draft], outcome: Outcome, commands: Sequence[Command]
    ) -> Statement:
        doubtful = outcome.verdict is Verdict.PROBE or outcome.rule == "unanalysable"
        rendered = render(parsed, names=not doubtful)
        every = [entry for draft in drafts for entry in (draft, *draft.inner)]
        relations = {r.label for entry in every for r in (*entry.facts.reads.values(), *entry.facts.writes.values())}
        if doubtful or any(entry.facts.opaque or entry.facts.hidden or entry.facts.unknown_writes for entry in every):
            relations.add("unknown")
        protected = {self.compiled.protection.label(source) for entry in every for source in entry.facts.protected}
        kinds = tuple(dict.fromkeys(draft.kind.value for draft in drafts))
        summary = StatementSummary(rendered, shape(rendered), kinds, tuple(sorted(relations)), tuple(sorted(protected)))
        return _statement(outcome, tuple(commands), summary, self.basis)


def _statement(
    outcome: Outcome, commands: tuple[Command, ...], summary: StatementSummary, basis: Hashable
) -> Statement:
    return Statement(
        verdict=outcome.verdict,
        commands=commands,
        summary=summary,
        basis=basis,
        rule=outcome.rule,
        message=outcome.message,
        hint=outcome.hint,
        sqlstate=outcome.sqlstate,
        position=outcome.location + 1 if outcome.location >= 0 else None,
    )


def _unanalysable(message: str, location: int, hint: str) -> Outcome:
    return Outcome(
        Verdict.DENY,
        "unanalysable",
        f"the statement cannot be analysed: {message}",
        hint or "write it in a simpler form",
        location=location,
    )


def _without_rows(drafts: Sequence[Draft]) -> bool:
    return all(draft.kind in (Kind.TRANSACTION, Kind.SESSION) and draft.output is None for draft in drafts)
