"""The kinds of the commands that hold no query: transactions, settings, names, temporary objects, maintenance, DDL.

Owns what each of them does to the session's state, as attributes of model.Command. A command that is not here, nor in
classify.py, is DDL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hoopfast.policy.drafts import Draft
from hoopfast.policy.model import Kind
from hoopfast.policy.modifications import Modifications
from hoopfast.policy.names import cut
from hoopfast.policy.parse import Node, ast, enums
from hoopfast.policy.scope import CLEAN, Item, Namespace, Output, Scope
from hoopfast.policy.settings import reset_allowed, setting_allowed
from hoopfast.policy.typenames import qualified

if TYPE_CHECKING:
    from hoopfast.policy.classify import Classifier

_TRANSACTIONS = {
    "BEGIN": "begin",
    "START": "begin",
    "COMMIT": "commit",
    "ROLLBACK": "rollback",
    "SAVEPOINT": "savepoint",
    "RELEASE": "release",
    "ROLLBACK_TO": "rollback to",
    "PREPARE": "prepare",
}
_TWO_PHASE = ("PREPARE", "COMMIT_PREPARED", "ROLLBACK_PREPARED")
_LEXING = frozenset(("client_encoding", "standard_conforming_strings", "backslash_quote"))
_MULTI = frozenset(("TRANSACTION", "SESSION CHARACTERISTICS", "TRANSACTION SNAPSHOT"))
_DROPPABLE_TEMP = frozenset(
    getattr(enums.ObjectType, f"OBJECT_{name}") for name in ("TABLE", "VIEW", "SEQUENCE", "INDEX")
)
_SERIAL = frozenset((None, name) for name in "serial serial2 serial4 serial8 bigserial smallserial".split())
_NOT_HERE = "is not possible through this gateway"


def _transaction(_self: Classifier, node: Node, draft: Draft, _analyser: Modifications) -> None:
    name = node.kind.name.removeprefix("TRANS_STMT_")
    draft.kind = Kind.WRITE if name in _TWO_PHASE else Kind.TRANSACTION
    if name in _TWO_PHASE:
        draft.facts.unknown_writes = True
    draft.command["transaction"] = _TRANSACTIONS.get(name)


# -- settings ------------------------------------------------------------------------------------------------------


def _set(_self: Classifier, node: Node, draft: Draft, _analyser: Modifications) -> None:
    draft.kind = Kind.SESSION
    kind = enums.VariableSetKind
    if node.kind == kind.VAR_SET_MULTI:
        if node.name not in _MULTI:
            draft.refuse(f"this form of SET {_NOT_HERE}")
        return
    if node.kind == kind.VAR_RESET_ALL:
        draft.command["changes_settings"] = True
        draft.not_alone = True
        return
    name = node.name.lower()
    if name in ("search_path", "role", "session_authorization"):
        draft.command["changes_settings"] = True
    if name in _LEXING:
        draft.not_alone = True
    value = None if node.kind in (kind.VAR_SET_DEFAULT, kind.VAR_RESET) else setting_value(node)
    if value is None and node.kind != kind.VAR_SET_VALUE:
        allowed = reset_allowed(name) if name not in ("role", "session_authorization") else True
    else:
        allowed = setting_allowed(name, value)
    if not allowed:
        draft.refuse(
            f'the setting "{name}" may not be changed, or not to this value, through this gateway',
            hint="leave it out: only settings that cannot change what a statement means or shows may be changed",
        )


def setting_value(node: Node) -> str | None:
    """The value of a SET as one string; None where it is not made of literals."""
    words = []
    for argument in node.args or ():
        inner = argument.arg if isinstance(argument, ast.TypeCast) else argument
        if not isinstance(inner, ast.A_Const) or inner.isnull:
            return None
        value = inner.val
        words.append(str(next((getattr(value, name) for name in ("sval", "fval") if hasattr(value, name)), None)
                         or getattr(value, "ival", None) or 0))  # fmt: skip
    return ", ".join(words)


def _show(_self: Classifier, _node: Node, draft: Draft, _analyser: Modifications) -> None:
    draft.kind = Kind.READ
    draft.output = Output(None, CLEAN)


def _stored_setting(_self: Classifier, node: Node, draft: Draft, _analyser: Modifications) -> None:
    """ALTER ROLE, DATABASE … SET, ALTER SYSTEM SET: the same allow-list (soundness 49)."""
    setting = node.setstmt
    name = (setting.name or "").lower()
    if setting.kind == enums.VariableSetKind.VAR_SET_VALUE and not setting_allowed(name, setting_value(setting)):
        draft.refuse(f'the setting "{name}" may not be stored through this gateway')
    draft.command.update(changes_catalog=True, changes_settings=True)


def _discard(_self: Classifier, node: Node, draft: Draft, _analyser: Modifications) -> None:
    draft.kind = Kind.SESSION
    everything = node.target == enums.DiscardMode.DISCARD_ALL
    temporary = everything or node.target == enums.DiscardMode.DISCARD_TEMP
    draft.command.update(discards_all=everything, changes_settings=everything)
    draft.not_alone = everything
    if temporary:
        schemas = draft_schemas(_analyser)
        draft.command["changes_catalog"] = schemas is None or any(name.startswith("pg_temp_") for name in schemas)


def draft_schemas(analyser: Modifications) -> tuple[str, ...] | None:
    """The effective schemas under which the command is decided."""
    return analyser.context.names.schemas


# -- names of the session ------------------------------------------------------------------------------------------


def _deallocate(_self: Classifier, node: Node, draft: Draft, _analyser: Modifications) -> None:
    draft.kind = Kind.SESSION
    draft.command["deallocates"] = cut(node.name) if node.name else ""
    if not node.name:
        draft.tag = "DEALLOCATE ALL"


def _close(_self: Classifier, node: Node, draft: Draft, _analyser: Modifications) -> None:
    draft.kind = Kind.SESSION
    draft.command["closes"] = cut(node.portalname) if node.portalname else ""


def _session(_self: Classifier, _node: Node, draft: Draft, _analyser: Modifications) -> None:
    draft.kind = Kind.SESSION


def _notify(_self: Classifier, node: Node, draft: Draft, _analyser: Modifications) -> None:
    draft.kind = Kind.SESSION
    draft.command["notifies"] = ((node.conditionname, node.payload or ""),)


# -- writes, maintenance and code ----------------------------------------------------------------------------------


def _truncate(_self: Classifier, node: Node, draft: Draft, analyser: Modifications) -> None:
    draft.facts.tags.append("TRUNCATE")
    for relation in node.relations:
        analyser.target(relation, "TRUNCATE")
    catalog = analyser.context.catalog
    if node.behavior == enums.DropBehavior.DROP_CASCADE:
        waiting = list(draft.facts.writes)
        while waiting:
            for key in catalog.foreign_keys.get(waiting.pop(), ()):
                if key.referencing not in draft.facts.writes and key.referencing in catalog.relations:
                    draft.facts.writes[key.referencing] = catalog.relations[key.referencing]
                    waiting.append(key.referencing)
    draft.facts.guarded = None
    written = draft.facts.writes.values()
    draft.kind = Kind.SESSION if written and all(relation.temporary for relation in written) else Kind.WRITE


def _call(_self: Classifier, node: Node, draft: Draft, analyser: Modifications) -> None:
    draft.kind = Kind.WRITE
    draft.facts.unknown_writes = True
    origin = analyser.value(node.funccall, Scope())
    draft.output = Output(None, origin)


def _do(_self: Classifier, _node: Node, draft: Draft, analyser: Modifications) -> None:
    draft.kind = Kind.WRITE
    draft.facts.unknown_writes = True
    analyser.unread("the code of DO", -1)


def _vacuum(_self: Classifier, node: Node, draft: Draft, analyser: Modifications) -> None:
    draft.kind = Kind.UTILITY
    for entry in node.rels or ():
        analyser.relation(entry.relation, None)
    draft.facts.guarded = None
    read = draft.facts.reads.values()
    if not node.is_vacuumcmd and read and all(relation.temporary for relation in read):
        draft.kind = Kind.SESSION


def _utility(_self: Classifier, _node: Node, draft: Draft, _analyser: Modifications) -> None:
    draft.kind = Kind.UTILITY


def _load(_self: Classifier, _node: Node, draft: Draft, _analyser: Modifications) -> None:
    draft.refuse(f"LOAD {_NOT_HERE}")


# -- definitions ---------------------------------------------------------------------------------------------------


def _create_table(self: Classifier, node: Node, draft: Draft, analyser: Modifications) -> None:
    draft.command["changes_catalog"] = True
    temporary = node.relation.relpersistence == "t" or node.relation.schemaname == "pg_temp"
    if not temporary:
        return
    self.refuse_shadow(node.relation, draft)
    draft.command["changes_settings"] = True
    if node.inhRelations or node.partbound or node.ofTypename:
        return
    _judge_columns(node, draft, analyser)
    draft.kind = Kind.DDL if draft.facts.writing else Kind.SESSION


def _judge_columns(node: Node, draft: Draft, analyser: Modifications) -> None:
    """What a new table computes when rows are stored: its defaults, checks, generated columns, keys and exclusions."""
    elements = [element for element in node.tableElts or () if isinstance(element, ast.ColumnDef)]
    constraints = [element for element in node.tableElts or () if isinstance(element, ast.Constraint)]
    copied = len(elements) + len(constraints) < len(node.tableElts or ())  # LIKE: columns whose names are not looked up
    item = Item(
        node.relation.relname, [(element.colname, CLEAN) for element in elements], rest=CLEAN if copied else None
    )
    scope = Scope(None, Namespace.of(item))
    for element in elements:
        if qualified(element.typeName.names) not in _SERIAL:
            analyser.type_name(element.typeName)
        analyser.value(element.raw_default, scope)
        constraints += element.constraints or ()
    for constraint in constraints:
        analyser.value(constraint.raw_expr, scope)
        analyser.value(constraint.where_clause, scope)
        for element, operator in constraint.exclusions or ():
            analyser.operator(*qualified(operator), -1)
            _judge_key(element, scope, analyser)
    for element in node.partspec.partParams if node.partspec is not None else ():
        _judge_key(element, scope, analyser)
    if draft.facts.opaque:
        first = draft.facts.opaque[0]
        draft.refuse(f"a temporary table may not run code that nobody has read: {first.what}", first.location)


def _judge_key(element: Node, scope: Scope, analyser: Modifications) -> None:
    analyser.value(element.expr, scope)
    if element.opclass:
        analyser.unread("an operator class", -1)


def _create_sequence(self: Classifier, node: Node, draft: Draft, _analyser: Modifications) -> None:
    draft.command["changes_catalog"] = True
    if node.sequence.relpersistence == "t":
        self.refuse_shadow(node.sequence, draft)
        draft.kind = Kind.SESSION
        draft.command["changes_settings"] = True


def _create_view(self: Classifier, node: Node, draft: Draft, analyser: Modifications) -> None:
    draft.command["changes_catalog"] = True
    if node.view.relpersistence != "t" and node.view.schemaname != "pg_temp":
        return
    self.refuse_shadow(node.view, draft)
    draft.command["changes_settings"] = True
    output = analyser.query(node.query, None)
    if analyser.tainted(output.rest) or draft.facts.guarded is not None:
        draft.refuse("a temporary view may not be made of protected relations", getattr(node.view, "location", -1))
    draft.kind = Kind.SESSION if not draft.facts.opaque else Kind.DDL


def _drop(_self: Classifier, node: Node, draft: Draft, analyser: Modifications) -> None:
    draft.command["changes_catalog"] = True
    if node.removeType not in _DROPPABLE_TEMP:
        return
    for entry in node.objects:
        schema, name = qualified(entry if isinstance(entry, tuple) else (entry,))
        found = analyser.context.names.relations(schema, name)
        if schema != "pg_temp" and not (found and all(relation.temporary for relation in found)):
            return
    draft.kind = Kind.SESSION


def _index(_self: Classifier, node: Node, draft: Draft, analyser: Modifications) -> None:
    draft.command["changes_catalog"] = True
    found = analyser.context.names.relations(node.relation.schemaname, node.relation.relname)
    plain = node.whereClause is None and all(not element.expr and not element.opclass for element in node.indexParams)
    if plain and found and all(relation.temporary for relation in found):
        draft.kind = Kind.SESSION


def _alter(_self: Classifier, node: Node, draft: Draft, analyser: Modifications) -> None:
    """Renaming, moving or altering a protected relation would take it from under the rules that name it."""
    draft.command["changes_catalog"] = True
    relation = getattr(node, "relation", None)
    if relation is None:
        return
    for found in analyser.context.names.relations(relation.schemaname, relation.relname):
        if analyser.context.protection.holds_protected(found):
            draft.refuse(
                f"{found.label} holds protected columns: it may not be altered through this gateway",
                relation.location,
                "alter it over a direct connection, and look at the policy's mask rules",
            )
        draft.facts.writes[found.oid] = found


def _strange(_self: Classifier, _node: Node, draft: Draft, _analyser: Modifications) -> None:
    draft.command.update(changes_catalog=True, changes_settings=True)


_Rule = Callable[["Classifier", Node, Draft, Modifications], None]
UTILITY: dict[str, _Rule] = {
    "TransactionStmt": _transaction,
    "VariableSetStmt": _set,
    "VariableShowStmt": _show,
    "AlterRoleSetStmt": _stored_setting,
    "AlterDatabaseSetStmt": _stored_setting,
    "AlterSystemStmt": _stored_setting,
    "DiscardStmt": _discard,
    "DeallocateStmt": _deallocate,
    "ClosePortalStmt": _close,
    "ListenStmt": _session,
    "UnlistenStmt": _session,
    "NotifyStmt": _notify,
    "ConstraintsSetStmt": _session,
    "TruncateStmt": _truncate,
    "CallStmt": _call,
    "DoStmt": _do,
    "VacuumStmt": _vacuum,
    "ClusterStmt": _utility,
    "ReindexStmt": _utility,
    "CheckPointStmt": _utility,
    "LoadStmt": _load,
    "CreateStmt": _create_table,
    "CreateSeqStmt": _create_sequence,
    "ViewStmt": _create_view,
    "DropStmt": _drop,
    "IndexStmt": _index,
    "RenameStmt": _alter,
    "AlterObjectSchemaStmt": _alter,
    "AlterTableStmt": _alter,
    "AlterRoleStmt": _strange,
    "GrantRoleStmt": _strange,
}
