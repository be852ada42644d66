"""The kind of a command, by its syntax tree (docs/design.md §5.6); what has no entry is DDL, the most restrictive.

Owns queries and data modification, and the commands around a query: PREPARE, EXECUTE, DECLARE, FETCH, EXPLAIN, COPY,
CREATE TABLE AS. Commands without a query are in utility.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hoopfast.policy.drafts import Draft
from hoopfast.policy.expressions import Context
from hoopfast.policy.facts import Finding, Unanalysable
from hoopfast.policy.model import Kind, SessionNames, Statement
from hoopfast.policy.modifications import Modifications
from hoopfast.policy.names import cut
from hoopfast.policy.parse import Node, ast, enums
from hoopfast.policy.scope import CLEAN, Item, Namespace, Output, Scope, relation_item
from hoopfast.policy.settings import encoding_kind
from hoopfast.policy.tags import tag
from hoopfast.policy.typenames import strings

_HOLD = 0x0020  # CURSOR_OPT_HOLD, src/include/nodes/parsenodes.h
_ACCESS_SHARE = 1  # AccessShareLock, src/include/storage/lockdefs.h


class Classifier:
    """Classifies the commands of one text. `new_context` makes a fresh Context for each of them."""

    def __init__(
        self,
        new_context: Callable[[], Context],
        names: SessionNames | None,
        *,
        row_locks: bool,
        parameters: Sequence[int],
    ) -> None:
        self.new_context = new_context
        self.session_names = names
        self.row_locks = row_locks
        self.parameters = parameters

    def classify(self, node: Node) -> Draft:
        """The draft of a command; Unanalysable if there is no rule for a part of it."""
        from hoopfast.policy.utility import UTILITY

        context = self.new_context()
        draft = Draft(tag(node), Kind.DDL, context.facts)
        name = type(node).__name__
        rule = _RULES.get(name)
        if rule is not None:
            rule(self, node, draft, Modifications(context))
        elif name in UTILITY:
            UTILITY[name](self, node, draft, Modifications(context))
        else:
            draft.command["changes_catalog"] = True
        return draft

    # -- queries -------------------------------------------------------------------------------------------------

    def _query(self, node: Node, draft: Draft, analyser: Modifications) -> None:
        self._judge_parameters(analyser)
        output = analyser.query(node, None)
        facts = draft.facts
        if isinstance(node, ast.SelectStmt) and node.intoClause is not None:
            self._new_relation(node.intoClause, output, draft)
        else:
            returns = isinstance(node, ast.SelectStmt) or bool(_returning(node))
            draft.output = output if returns else None
            draft.kind = self._kind_of_query(draft)
        draft.command["changes_settings"] = draft.command.get("changes_settings", False) or facts.settings
        draft.command["notifies"] = tuple(facts.notifies)

    def _kind_of_query(self, draft: Draft) -> Kind:
        facts = draft.facts
        if facts.writing or facts.opaque:
            return Kind.WRITE
        if facts.modifies or (facts.locks and not self.row_locks):
            written = list(facts.writes.values())
            temporary = bool(written) and all(relation.temporary for relation in written)
            return Kind.SESSION if temporary and not facts.hidden else Kind.WRITE
        return Kind.READ

    def _judge_parameters(self, analyser: Modifications) -> None:
        for oid in self.parameters:
            if oid and not analyser.context.types.trusted(oid):
                analyser.facts.opaque.append(Finding("the type of a parameter"))

    def _new_relation(self, into: Node, output: Output, draft: Draft) -> None:
        """CREATE TABLE AS and SELECT INTO: what goes into the new relation."""
        draft.stores = True
        draft.output = output
        temporary = into.rel.relpersistence == "t" or into.rel.schemaname == "pg_temp"
        draft.kind = Kind.SESSION if temporary and self._kind_of_query(draft) is not Kind.WRITE else Kind.DDL
        draft.command.update(changes_catalog=True, changes_settings=temporary)
        if temporary:
            self.refuse_shadow(into.rel, draft)

    def refuse_shadow(self, node: Node, draft: Draft) -> None:
        """A temporary relation that hides one of the server's own (soundness 16)."""
        catalog = self.new_context().catalog
        if any(relation.system for relation in catalog.relations_by_name.get(node.relname, ())):
            draft.refuse(
                f'a temporary relation may not be called "{node.relname}", like one of the server\'s own', node.location
            )

    def _create_table_as(self, node: Node, draft: Draft, analyser: Modifications) -> None:
        if isinstance(node.query, ast.ExecuteStmt):
            draft.refuse(
                "CREATE TABLE … AS EXECUTE is not possible through this gateway", hint="use CREATE TABLE … AS SELECT"
            )
            return
        output = analyser.query(node.query, None)
        self._new_relation(node.into, output, draft)
        if node.objtype == enums.ObjectType.OBJECT_MATVIEW:
            draft.kind = Kind.DDL

    # -- commands that hold or name a query ----------------------------------------------------------------------

    def _prepare(self, node: Node, draft: Draft, analyser: Modifications) -> None:
        for argument in node.argtypes or ():
            analyser.type_name(argument)
        inner = self.classify(node.query)
        draft.inner = [inner]
        draft.kind = Kind.SESSION
        draft.command["prepares"] = cut(node.name)

    def _execute(self, node: Node, draft: Draft, analyser: Modifications) -> None:
        name = cut(node.name)
        for parameter in node.params or ():
            analyser.condition(parameter, Scope())
        found = self.session_names.prepared_statement(name) if self.session_names else None
        self._named(found, draft, f'prepared statement "{name}" does not exist', "26000")
        if draft.facts.writing or draft.facts.opaque:  # in a parameter
            draft.kind = Kind.WRITE
        draft.command["executes"] = name

    def _named(self, found: Statement | None, draft: Draft, message: str, sqlstate: str) -> None:
        if found is None:
            draft.refuse(message)
            draft.command["sqlstate"] = sqlstate
            return
        draft.stands_for = found
        kinds = [command.kind for command in found.commands]
        draft.kind = kinds[-1] if kinds else Kind.READ

    def _declare(self, node: Node, draft: Draft, _analyser: Modifications) -> None:
        inner = self.classify(node.query)
        draft.inner = [inner]
        draft.kind = Kind.SESSION if inner.kind is Kind.READ else inner.kind
        draft.command.update(declares=cut(node.portalname), holdable=bool(node.options & _HOLD))

    def _fetch(self, node: Node, draft: Draft, _analyser: Modifications) -> None:
        name = cut(node.portalname)
        found = self.session_names.cursor(name) if self.session_names else None
        self._named(found, draft, f'cursor "{name}" does not exist', "34000")
        draft.kind = Kind.SESSION
        draft.command["fetches"] = name
        if node.ismove:
            draft.command["moves"] = True

    def _explain(self, node: Node, draft: Draft, _analyser: Modifications) -> None:
        inner = self.classify(node.query)
        draft.inner = [inner]
        analyze = any(option.defname == "analyze" and _is_true(option.arg) for option in node.options or ())
        draft.kind = inner.kind if analyze or (inner.kind is Kind.WRITE and inner.facts.opaque) else Kind.READ
        draft.output = Output.of([("QUERY PLAN", CLEAN)])
        draft.command["explains"] = True
        if analyze:
            draft.facts.writes.update(inner.facts.writes)
            draft.facts.tags += [*inner.facts.tags, inner.tag]

    # -- COPY ----------------------------------------------------------------------------------------------------

    def _copy(self, node: Node, draft: Draft, analyser: Modifications) -> None:
        if node.is_program or node.filename is not None:
            where = "a program" if node.is_program else "a file"
            draft.kind = Kind.WRITE
            draft.refuse(
                f"COPY with {where} on the server is not possible through this gateway",
                hint="use COPY … TO STDOUT or COPY … FROM STDIN (\\copy in psql)",
            )
            return
        self._copy_options(node, draft)
        if node.is_from:
            self._copy_in(node, draft, analyser)
        else:
            self._copy_out(node, draft, analyser)

    def _copy_options(self, node: Node, draft: Draft) -> None:
        for option in node.options or ():
            if option.defname == "encoding" and encoding_kind(getattr(option.arg, "sval", "") or "") != "utf8":
                draft.refuse(
                    "COPY may not change the encoding through this gateway", option.location, "leave ENCODING out"
                )

    def _copy_in(self, node: Node, draft: Draft, analyser: Modifications) -> None:
        target = analyser.target(node.relation, "INSERT")
        names = strings(node.attlist) or [name for name, _origin in target.columns]
        for name in names:
            analyser.assign(target, name, CLEAN, node.relation.location)
        analyser.condition(node.whereClause, Scope(None, Namespace.of(target)))
        draft.facts.tags.append("COPY")
        written = list(draft.facts.writes.values())
        unread = draft.facts.writing or draft.facts.opaque or draft.facts.hidden
        temporary = bool(written) and all(relation.temporary for relation in written)
        draft.kind = Kind.SESSION if temporary and not unread else Kind.WRITE
        draft.command["copy"] = "in"

    def _copy_out(self, node: Node, draft: Draft, analyser: Modifications) -> None:
        if node.query is not None:
            inner = self.classify(node.query)
            draft.facts = inner.facts
            draft.kind = inner.kind
            draft.output = inner.output if inner.output is not None else Output.of([])
        else:
            item = analyser.relation(node.relation, None)
            names = strings(node.attlist)
            draft.output = self._copied(item, names, analyser, node.relation.location)
            draft.kind = Kind.READ
        draft.returned_by_copy = True
        draft.command["copy"] = "out"

    def _copied(self, item: Item, names: list[str], analyser: Modifications, location: int) -> Output:
        if item.relation is None:
            return Output(None, item.whole())
        columns = relation_item(item.relation, None).columns
        if names:
            known = dict(columns)
            analyser.facts.missing += [Finding(name, location) for name in names if name not in known]
            columns = [(name, known[name]) for name in names if name in known]
        else:  # COPY leaves generated columns out (soundness 50)
            columns = [(name, origin) for name, origin in columns if not item.relation.by_name[name].generated]
        analyser.facts.protected |= analyser.context.protection.protected_of(Output.of(columns).rest.sources)
        return Output.of(columns)

    def _lock(self, node: Node, draft: Draft, analyser: Modifications) -> None:
        for relation in node.relations:
            analyser.relation(relation, None)
        if node.mode == _ACCESS_SHARE:
            draft.kind = Kind.READ
        else:
            draft.kind = Kind.WRITE
            draft.facts.writes.update(draft.facts.reads)
        draft.facts.guarded = None  # nothing is read


def _returning(node: Node) -> bool:
    clause = getattr(node, "returningClause", None)
    return clause is not None and bool(clause.exprs)


def _is_true(argument: Node) -> bool:
    if argument is None:
        return True
    value = getattr(argument, "sval", None) or str(getattr(argument, "ival", "") or "")
    if not value and hasattr(argument, "boolval"):
        return bool(argument.boolval)
    return value.lower() not in ("false", "off", "0", "no", "f", "n")


_Rule = Callable[[Classifier, Node, Draft, Modifications], None]
_RULES: dict[str, _Rule] = {
    "SelectStmt": Classifier._query,
    "InsertStmt": Classifier._query,
    "UpdateStmt": Classifier._query,
    "DeleteStmt": Classifier._query,
    "MergeStmt": Classifier._query,
    "CreateTableAsStmt": Classifier._create_table_as,
    "PrepareStmt": Classifier._prepare,
    "ExecuteStmt": Classifier._execute,
    "DeclareCursorStmt": Classifier._declare,
    "FetchStmt": Classifier._fetch,
    "ExplainStmt": Classifier._explain,
    "CopyStmt": Classifier._copy,
    "LockStmt": Classifier._lock,
}
__all__ = ["Classifier", "Unanalysable"]
