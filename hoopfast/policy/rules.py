"""`writes`, `ddl` and the [[rule]] entries: what a policy says about a command whose kind is known.

Owns the order (the first rule that matches, then the kind's own key) and what matching means. Knows no lineage:
protected columns and unread code are judged in engine.py, before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from hoopfast.policy.catalog import Catalog, Relation
from hoopfast.policy.drafts import Draft
from hoopfast.policy.functions import Trust, function_trust
from hoopfast.policy.model import Kind, Verdict

if TYPE_CHECKING:
    from hoopfast.config.schema import PolicyConfig, StatementRule

_BY_WRITES = frozenset((Kind.WRITE,))
_BY_DDL = frozenset((Kind.DDL, Kind.UTILITY))
_FREE = frozenset((Kind.SESSION, Kind.TRANSACTION))
_READING = frozenset(("SELECT", "EXPLAIN", "COPY", "EXECUTE", "DECLARE CURSOR"))
_WHERE_TAGS = frozenset(("UPDATE", "DELETE"))


class Ruling(NamedTuple):
    """What the policy's rules say: a verdict, the rule's name, and for a refusal message and hint."""

    verdict: Verdict
    rule: str = ""
    message: str = ""
    hint: str = ""


_ALLOWED = Ruling(Verdict.ALLOW)


def judge(config: PolicyConfig, policy: str, draft: Draft, catalog: Catalog) -> Ruling:
    """What the rules say about a command."""
    for rule in config.rule:
        if _concerns(rule, draft) and matches(rule, draft, catalog, config):
            return _by_rule(rule, draft)
    if draft.kind in _BY_WRITES:
        return _by_key("writes", config.writes, policy, draft, _why_a_write(draft))
    if draft.kind in _BY_DDL:
        reason = "it changes the schema" if draft.kind is Kind.DDL else "it is maintenance"
        return _by_key("ddl", config.ddl, policy, draft, reason)
    return _ALLOWED


def _concerns(rule: StatementRule, draft: Draft) -> bool:
    """Sessions may do as they like with what is theirs, but not copy from relations that a rule keeps them from."""
    return draft.kind not in _FREE or (rule.action != "allow" and bool(rule.relations or rule.function))


def matches(rule: StatementRule, draft: Draft, catalog: Catalog, config: PolicyConfig) -> bool:
    """Whether all of a rule's conditions hold. To allow, all that is written must match; to refuse, anything."""
    whole = rule.action == "allow"
    if whole and not _covers(rule, draft, catalog, config):
        return False
    if rule.statement and not _tags_match(rule.statement, tags_of(draft), whole=whole):
        return False
    if rule.relations and not _relations_match(rule, draft, whole=whole):
        return False
    if rule.where is not None and not _where_matches(rule.where, draft):
        return False
    return not rule.function or _functions_match(rule, draft, catalog)


def _covers(rule: StatementRule, draft: Draft, catalog: Catalog, config: PolicyConfig) -> bool:
    """Whether what makes a command a write is what the rule speaks of: stored rows, or functions called."""
    facts = draft.facts
    if rule.function:
        if (facts.modifies or facts.locks) and not rule.statement and not rule.relations:
            return False
        return all(
            _function_matches(rule, schema, name, catalog)
            for schema, name in facts.functions
            if function_trust(catalog, schema or None, name, _listed(config)) > Trust.HARMLESS
        )
    return bool(facts.modifies or draft.tag not in _READING) or not (facts.writing or facts.opaque)


def _listed(config: PolicyConfig) -> Callable[[str, str], bool]:
    return lambda schema, name: any(pattern.matches(schema, name) for pattern in config.functions)


def tags_of(draft: Draft) -> list[str]:
    """The tags by which rules may call a command: its own, and those of what it modifies inside."""
    own = [draft.tag] if draft.kind not in _BY_WRITES or not draft.facts.tags else []
    return list(dict.fromkeys([*own, *draft.facts.tags]))


def _tags_match(wanted: Iterable[str], tags: list[str], *, whole: bool) -> bool:
    hits = [
        any(tag == name or tag.startswith(name + " ") or name.startswith(tag + " ") for name in wanted) for tag in tags
    ]
    return all(hits) if whole else any(hits)


def _relations_match(rule: StatementRule, draft: Draft, *, whole: bool) -> bool:
    facts = draft.facts
    touched: list[Relation] = list((facts.writes or facts.reads).values())
    if not whole and not rule.statement:
        touched += facts.reads.values()
    if draft.kind in _FREE:
        touched = [relation for relation in touched if not relation.temporary]
    hits = [any(pattern.matches(relation.schema, relation.name) for pattern in rule.relations) for relation in touched]
    if whole:
        known = not (facts.unknown_writes or facts.opaque or facts.hidden or facts.writing)
        return known and bool(hits) and all(hits)
    return any(hits) or facts.unknown_writes


def _where_matches(wanted: bool, draft: Draft) -> bool:
    present = [tag for tag in draft.facts.tags if tag in _WHERE_TAGS]
    if not present:
        return False
    return not draft.facts.unconditional if wanted else bool(draft.facts.unconditional)


def _why_a_write(draft: Draft) -> str:
    facts = draft.facts
    if facts.modifies or draft.tag not in ("SELECT", "EXPLAIN", "COPY"):
        return "it changes, or may change, stored data"
    if facts.opaque:
        return f"{facts.opaque[0].what} may run code that nobody has read, which may change stored data"
    if facts.writing:
        return f"{facts.writing[0].what} changes stored data"
    if facts.locks:
        return f"it locks rows of {facts.locks[0].what}"
    return "it changes stored data"


def _functions_match(rule: StatementRule, draft: Draft, catalog: Catalog) -> bool:
    return any(_function_matches(rule, schema, name, catalog) for schema, name in draft.facts.functions)


def _function_matches(rule: StatementRule, schema: str, name: str, catalog: Catalog) -> bool:
    """Whether a function's name may mean one of the rule's; to allow, nothing else."""
    schemas = {schema} if schema else {entry.schema for entry in catalog.functions_by_name.get(name, ())}
    if not schema and name in catalog.builtin_functions:
        schemas.add("pg_catalog")
    hits = [any(pattern.matches(place, name) for pattern in rule.function) for place in schemas]
    return bool(hits) and (all(hits) if rule.action == "allow" else any(hits))


def _by_rule(rule: StatementRule, draft: Draft) -> Ruling:
    if rule.action == "allow":
        return Ruling(Verdict.ALLOW, rule.name)
    if rule.action == "deny":
        message = rule.message or f"{draft.tag} is refused by this rule"
        return Ruling(Verdict.DENY, rule.name, f'{message} (rule "{rule.name}")', "ask the owner of the policy")
    message = rule.message or f"{draft.tag} needs approval"
    return Ruling(Verdict.NEEDS_APPROVAL, rule.name, f'{message} (rule "{rule.name}")', NO_APPROVAL)


NO_APPROVAL = "approval is not available in this version: ask the owner of the policy to allow it, or run it elsewhere"


def _by_key(key: str, value: str, policy: str, draft: Draft, reason: str) -> Ruling:
    if value == "allow":
        return Ruling(Verdict.ALLOW, key)
    if value == "approve":
        message = f'{draft.tag} needs approval: {reason}, and policy "{policy}" says {key} = "approve"'
        return Ruling(Verdict.NEEDS_APPROVAL, key, message, NO_APPROVAL)
    message = f'{draft.tag} is refused: {reason}, and policy "{policy}" says {key} = "deny"'
    return Ruling(Verdict.DENY, key, message, "a [[rule]] of the policy can allow it for certain relations")
