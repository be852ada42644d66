"""From the drafts of a text's commands to a Statement: which refusal comes first, and how rows are treated.

Owns the order of judgement and the wording of refusals about lineage. Rules are in rules.py; caching and what a
session asks are in engine.py. No path here ends in "allowed" without having asked for everything that may forbid it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from hoopfast.policy.catalog import Catalog
from hoopfast.policy.drafts import Draft
from hoopfast.policy.model import Command, Kind, Origin, Rows, Verdict
from hoopfast.policy.protection import Protection
from hoopfast.policy.rules import Ruling, judge
from hoopfast.policy.scope import OPAQUE, Output

if TYPE_CHECKING:
    from hoopfast.config.schema import PolicyConfig

_RANK = {Verdict.ALLOW: 0, Verdict.PROBE: 1, Verdict.NEEDS_APPROVAL: 2, Verdict.DENY: 3}
_NOT_PARSED = frozenset(("COPY", "LOCK TABLE", "TRUNCATE TABLE", "VACUUM", "ANALYZE"))
_LIST_FUNCTION = "if it is harmless, the owner of the policy lists it in `functions`"
_PLAIN_ONLY = "select the columns as they are, and compute in the client"


class Outcome(NamedTuple):
    """The judgement on one command: a verdict with its reasons."""

    verdict: Verdict
    rule: str = ""
    message: str = ""
    hint: str = ""
    sqlstate: str = "42501"
    location: int = -1


@dataclass(slots=True)
class Judge:
    """Judges drafts for one policy and one state of a session."""

    name: str
    config: PolicyConfig
    catalog: Catalog
    protection: Protection
    dirty: bool  # the catalog may not be what is known of it

    def judge(self, draft: Draft) -> Outcome:
        """The verdict on a command, the commands inside it included."""
        outcomes = [self._inner(inner, draft) for inner in draft.inner]
        outcomes.append(self._judge(draft))
        return max(outcomes, key=lambda outcome: _RANK[outcome.verdict])

    def _inner(self, inner: Draft, outer: Draft) -> Outcome:
        outcome = self.judge(inner)
        explained = outcome.verdict is Verdict.ALLOW and outer.command.get("explains")
        clean = is_clean(inner, self.protection)
        unseen = inner.stands_for is not None or inner.facts.opaque or self._behind_a_protected_view(inner)
        if explained and not clean and unseen:
            return Outcome(
                Verdict.DENY,
                "explain",
                "EXPLAIN shows what protected views are made of, so it is refused here",
                "explain it over a direct connection",
            )
        return outcome

    def _behind_a_protected_view(self, draft: Draft) -> bool:
        views = [relation for relation in draft.facts.reads.values() if relation.kind in "vmf" and not relation.system]
        return any(self.protection.holds_protected(view) for view in views)

    def _judge(self, draft: Draft) -> Outcome:
        facts = draft.facts
        if facts.refusals and not (facts.opaque and self.config.unknown == "refuse"):
            first = facts.refusals[0]
            sqlstate = draft.command.get("sqlstate", "42501")
            return Outcome(Verdict.DENY, "lineage", first.what, first.hint, sqlstate, first.location)
        if draft.stands_for is not None and draft.stands_for.verdict is not Verdict.ALLOW:
            found = draft.stands_for
            return Outcome(found.verdict, found.rule, found.message, found.hint, found.sqlstate)
        if draft.stands_for is not None and not facts.writing and not facts.opaque:
            ruling = Ruling(Verdict.ALLOW, draft.stands_for.rule)  # judged when the name was given
        else:
            ruling = judge(self.config, self.name, draft, self.catalog)
        if ruling.verdict is Verdict.DENY:  # before anything is said about names: a write is refused, known or not
            return _of_ruling(ruling)
        if facts.missing and not self._creates_in_this_transaction(draft):
            first = facts.missing[0]
            if first.hint and draft.tag in _NOT_PARSED:  # the server would not say so at Parse
                return Outcome(Verdict.DENY, "unknown name", first.hint, sqlstate="42P01")
            return Outcome(Verdict.PROBE, "unknown name", f"unknown name: {first.what}")
        refusal = self._lineage_refuses(draft)
        if refusal is not None:
            return refusal
        if facts.refusals:
            return Outcome(Verdict.DENY, "lineage", facts.refusals[0].what, facts.refusals[0].hint)
        if ruling.verdict is Verdict.ALLOW and facts.unique_writes:
            first = facts.unique_writes[0]
            return Outcome(
                Verdict.NEEDS_APPROVAL,
                "predicates",
                f"storing values in {first.what} needs approval: its key tells which values are there",
                'approval is not available in this version; or the owner of the policy sets predicates = "allow"',
                location=first.location,
            )
        return _of_ruling(ruling)

    def _creates_in_this_transaction(self, draft: Draft) -> bool:
        """Whether what is missing can only be the target of a write, made by DDL that is not visible yet."""
        return self.dirty and draft.output is None and draft.kind is Kind.WRITE and not draft.facts.assigns_column

    def _lineage_refuses(self, draft: Draft) -> Outcome | None:
        facts = draft.facts
        if facts.opaque and self.config.unknown == "refuse":
            first = facts.opaque[0]
            message = f"{first.what} may run code that nobody has read, so its result cannot be proven clean"
            return Outcome(Verdict.DENY, "unknown", message, first.hint or _LIST_FUNCTION, location=first.location)
        if self.dirty:
            refusal = self._dirty_refuses(draft)
            if refusal is not None:
                return refusal
        output = draft.output
        if output is None:
            return None
        tainted = self.protection.tainted(output.rest.sources)
        if draft.stores and (tainted or facts.opaque):
            return Outcome(Verdict.DENY, "lineage", "a protected column may not be copied into a new table")
        if draft.returned_by_copy and (tainted or facts.opaque or _behind_a_view(draft)):
            return Outcome(
                Verdict.DENY,
                "lineage",
                "COPY of protected columns is not possible in this version",
                "name the columns that are not protected, or use SELECT",
            )
        return self._plain_only(draft, output)

    def _plain_only(self, draft: Draft, output: Output) -> Outcome | None:
        guarded = draft.facts.guarded
        if guarded is None or draft.facts.opaque:
            return None
        if output.columns is not None and all(origin.bare for _name, origin in output.columns):
            return None
        return Outcome(
            Verdict.DENY,
            "lineage",
            f"every output column must be a plain column in a statement that reads {guarded.what}",
            _PLAIN_ONLY,
            location=guarded.location,
        )

    def _dirty_refuses(self, draft: Draft) -> Outcome | None:
        relations = [relation for relation in draft.facts.reads.values() if not relation.system]
        stored = draft.stores and not self._changes_lasting_schema()
        if (draft.output is not None and relations and not stored) or draft.facts.assigns_column:
            return Outcome(
                Verdict.DENY,
                "catalog",
                "rows cannot be read in a transaction that has changed the schema: their origin is not known yet",
                "read them after COMMIT",
            )
        return None

    def _changes_lasting_schema(self) -> bool:
        """Whether this policy lets through DDL on more than temporary relations."""
        return self.config.ddl == "allow" or any(rule.action == "allow" for rule in self.config.rule)


def build(draft: Draft, judge: Judge) -> Command:
    """The Command of an allowed draft."""
    known = {
        name: value
        for name, value in draft.command.items()
        if name not in ("explains", "moves", "sqlstate") and value is not None
    }
    rows, columns = _rows(draft, judge)
    unread = bool(draft.facts.opaque or draft.facts.hidden)
    return Command(
        tag=draft.tag,
        kind=draft.kind,
        rows=rows,
        columns=columns,
        clean=is_clean(draft, judge.protection) and not judge.dirty,
        opaque=unread,
        **known,
    )


def _rows(draft: Draft, judge: Judge) -> tuple[Rows, tuple[Origin, ...] | None]:
    if draft.stands_for is not None:
        return (Rows.NONE if draft.command.get("moves") else Rows.NAMED), None
    output = draft.output
    if output is None or draft.stores:
        return Rows.NONE, None
    columns = tuple(origin for _name, origin in output.columns) if output.columns is not None else None
    if draft.facts.opaque:
        width = len(columns) if columns is not None else 0
        return Rows.BY_ORIGIN, (OPAQUE,) * width if columns is not None else None
    tainted = judge.protection.tainted(output.rest.sources)
    if not tainted and (draft.facts.guarded is None or draft.returned_by_copy):
        return Rows.CLEAN, columns
    return Rows.BY_ORIGIN, columns


def is_clean(draft: Draft, protection: Protection) -> bool:
    """Whether the whole closure of a command is clean, so that its errors and notices may pass whole."""
    facts = draft.facts
    if facts.opaque or facts.hidden or facts.guarded is not None or facts.protected or facts.missing:
        return False
    if draft.output is not None and protection.tainted(draft.output.rest.sources):
        return False
    if any(protection.guarded(relation) for relation in facts.writes.values()) or facts.unknown_writes:
        return False
    inner = all(is_clean(entry, protection) for entry in draft.inner)
    return inner and (draft.stands_for is None or draft.stands_for.clean)


def _behind_a_view(draft: Draft) -> bool:
    return any(relation.kind in "vmf" and not relation.system for relation in draft.facts.reads.values())


def _of_ruling(ruling: Ruling) -> Outcome:
    return Outcome(ruling.verdict, ruling.rule, ruling.message, ruling.hint)
