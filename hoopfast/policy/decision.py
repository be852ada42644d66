"""One decision: the guards on a text, its commands one after the other, and the Statement made of them.

Owns what a command can rely on that stands behind others in its text, and that whatever fails here refuses this
statement and no more. What a single command means is in classify.py, and whether it may run in judgement.py.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from hoopfast.policy.classify import Classifier
from hoopfast.policy.compiled import Basis, Compiled
from hoopfast.policy.drafts import Draft
from hoopfast.policy.expressions import Context
from hoopfast.policy.facts import Unanalysable
from hoopfast.policy.judgement import Judge, Outcome, build
from hoopfast.policy.literals import Literals
from hoopfast.policy.model import Command, Environment, Kind, Statement, StatementSummary, Verdict
from hoopfast.policy.names import Names
from hoopfast.policy.parse import (
    GRAMMAR_VERSION,
    Parsed,
    TooComplex,
    Unparsable,
    ast,
    non_ascii_token,
    parse,
    strange_to_server,
)
from hoopfast.policy.settings import encoding_kind
from hoopfast.policy.summary import render, render_folded, render_unparsed, shape

_SHAPED = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)  # docs/design.md §5.3


class Decision:
    """One decision: the text's guards, its commands one after the other, and the Statement made of them."""

    def __init__(self, compiled: Compiled, basis: Basis, environment: Environment, parameters: Sequence[int]) -> None:
        self.compiled = compiled
        self.basis = basis
        self.environment = environment
        self.encoding = encoding_kind(basis.encoding)
        self.parameters = parameters
        self.schemas = environment.schemas
        self.dirty = environment.catalog_dirty
        self.names_used = False
        self.rendered = ""  # the text, for the journal

    def decide(self, text: bytes) -> tuple[Statement, bool]:
        """The decision, and whether it depends on the session's names."""
        try:
            return self._decide(text), self.names_used
        except Exception as error:
            outcome = _unanalysable(f"an internal error ({type(error).__name__})", -1, "")
            return self._refused(outcome, f"(not analysed, {len(text)} bytes)"), self.names_used

    def _decide(self, text: bytes) -> Statement:
        decoded, refusal = self._decoded(text)
        if refusal is not None:
            return self._refused(refusal, render_unparsed(decoded))
        try:
            parsed = parse(decoded)
        except Unparsable as error:
            outcome = Outcome(Verdict.PROBE, "syntax", error.message, location=(error.position or 0) - 1)
            return self._refused(outcome, render_unparsed(decoded))
        except TooComplex:
            outcome = Outcome(Verdict.DENY, "limit", "the statement is nested too deeply", "split it", "54001")
            return self._refused(outcome, "(nested too deeply)")
        strange = self._strange(parsed)
        if strange is not None:
            return self._refused(strange, render(parsed, names=False))
        return self._guarded(parsed)

    # -- the text ------------------------------------------------------------------------------------------------

    def _decoded(self, text: bytes) -> tuple[str, Outcome | None]:
        kind = self.encoding
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
        utf8 = self.encoding == "utf8" and catalog.encoding in ("UTF8", "SQL_ASCII")
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

    def _guarded(self, parsed: Parsed) -> Statement:
        """The decision on a text that could be decided by its shape: with the literals in its tree guarded.

        Where one was read, those that were taken out of the tree could matter as well: then all are put back, and the
        decision is made again.
        """
        self.rendered, folds = render_folded(parsed)
        if not self._has_shape(parsed):
            return self._decided(parsed)
        literals = Literals(parsed.commands[0])
        if folds == literals.folds and not literals.read:  # the text and the tree agree on what may be folded
            statement = self._decided(parsed, literals)
            if not (literals.read and literals.put_back()):
                return statement
        literals.put_back()
        self.schemas, self.dirty, self.names_used = self.environment.schemas, self.environment.catalog_dirty, False
        return self._decided(parsed)

    def _has_shape(self, parsed: Parsed) -> bool:
        """Whether the text could be decided by its shape: what a shape is, is known in one encoding and mode only."""
        if len(parsed.commands) != 1 or self.basis.strings != "on" or self.encoding != "utf8":
            return False
        command = parsed.commands[0]
        return isinstance(command, _SHAPED) and getattr(command, "intoClause", None) is None

    def _decided(self, parsed: Parsed, literals: Literals | None = None) -> Statement:
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
            if outcome.verdict is Verdict.ALLOW:
                worst = outcome if worst.verdict is Verdict.ALLOW and outcome.rule else worst
            elif worst.verdict is not Verdict.NEEDS_APPROVAL:
                worst = outcome
        if self.compiled.closed and not _without_rows(drafts):
            worst = Outcome(
                Verdict.DENY, "mask", f"the mask rule for {self.compiled.closed} matches nothing any more",
                "the owner of the policy corrects it, or says optional = true",
            )  # fmt: skip
        literals_matter = literals is None or literals.read or self.names_used or worst.verdict is not Verdict.ALLOW
        return self._statement(parsed, drafts, worst, commands, literals_matter=literals_matter)

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
        named = [entry.command for entry in (draft, *draft.inner)]
        self.names_used = self.names_used or any("executes" in known or "fetches" in known for known in named)
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
        names = Names(compiled.catalog, self.schemas, moving=self.dirty)

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
        self,
        parsed: Parsed,
        drafts: Sequence[Draft],
        outcome: Outcome,
        commands: Sequence[Command],
        *,
        literals_matter: bool = True,
    ) -> Statement:
        doubtful = outcome.verdict is Verdict.PROBE or outcome.rule == "unanalysable"
        rendered = render(parsed, names=False) if doubtful else self.rendered
        every = [entry for draft in drafts for entry in (draft, *draft.inner)]
        relations = {r.label for entry in every for r in (*entry.facts.reads.values(), *entry.facts.writes.values())}
        if doubtful or any(entry.facts.opaque or entry.facts.hidden or entry.facts.unknown_writes for entry in every):
            relations.add("unknown")
        protected = {self.compiled.protection.label(source) for entry in every for source in entry.facts.protected}
        kinds = tuple(dict.fromkeys(draft.kind.value for draft in drafts))
        summary = StatementSummary(rendered, shape(rendered), kinds, tuple(sorted(relations)), tuple(sorted(protected)))
        return _statement(outcome, tuple(commands), summary, self.basis, literals_matter=literals_matter)


def _statement(
    outcome: Outcome,
    commands: tuple[Command, ...],
    summary: StatementSummary,
    basis: Hashable,
    *,
    literals_matter: bool = True,
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
        literals_matter=literals_matter,
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
