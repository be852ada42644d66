"""The command tag of a command, as CommandComplete and the manual write it (src/include/tcop/cmdtaglist.h).

Owns the names by which rules and records call commands. Decides nothing.
"""

from __future__ import annotations

import re

from hoopfast.policy.parse import Node, ast, enums

_FIXED = {
    "SelectStmt": "SELECT",
    "InsertStmt": "INSERT",
    "UpdateStmt": "UPDATE",
    "DeleteStmt": "DELETE",
    "MergeStmt": "MERGE",
    "TruncateStmt": "TRUNCATE TABLE",
    "CopyStmt": "COPY",
    "CallStmt": "CALL",
    "DoStmt": "DO",
    "CreateStmt": "CREATE TABLE",
    "IndexStmt": "CREATE INDEX",
    "CreatedbStmt": "CREATE DATABASE",
    "DropdbStmt": "DROP DATABASE",
    "CreateTrigStmt": "CREATE TRIGGER",
    "CreateSeqStmt": "CREATE SEQUENCE",
    "AlterSeqStmt": "ALTER SEQUENCE",
    "CreateEnumStmt": "CREATE TYPE",
    "CreateRangeStmt": "CREATE TYPE",
    "CompositeTypeStmt": "CREATE TYPE",
    "RuleStmt": "CREATE RULE",
    "SecLabelStmt": "SECURITY LABEL",
    "RefreshMatViewStmt": "REFRESH MATERIALIZED VIEW",
    "ReindexStmt": "REINDEX",
    "ClusterStmt": "CLUSTER",
    "CheckPointStmt": "CHECKPOINT",
    "LoadStmt": "LOAD",
    "LockStmt": "LOCK TABLE",
    "CommentStmt": "COMMENT",
    "ConstraintsSetStmt": "SET CONSTRAINTS",
    "AlterRoleSetStmt": "ALTER ROLE",
    "AlterDatabaseSetStmt": "ALTER DATABASE",
    "AlterDatabaseRefreshCollStmt": "ALTER DATABASE",
    "AlterTableMoveAllStmt": "ALTER TABLE",
    "AlterTableSpaceOptionsStmt": "ALTER TABLESPACE",
    "CreateTableSpaceStmt": "CREATE TABLESPACE",
    "DropTableSpaceStmt": "DROP TABLESPACE",
    "ImportForeignSchemaStmt": "IMPORT FOREIGN SCHEMA",
    "ReassignOwnedStmt": "REASSIGN OWNED",
    "DropOwnedStmt": "DROP OWNED",
    "AlterDefaultPrivilegesStmt": "ALTER DEFAULT PRIVILEGES",
    "ExplainStmt": "EXPLAIN",
    "ExecuteStmt": "EXECUTE",
    "PrepareStmt": "PREPARE",
    "DeclareCursorStmt": "DECLARE CURSOR",
    "ListenStmt": "LISTEN",
    "UnlistenStmt": "UNLISTEN",
    "NotifyStmt": "NOTIFY",
    "VariableShowStmt": "SHOW",
    "AlterSystemStmt": "ALTER SYSTEM",
    "ViewStmt": "CREATE VIEW",
    "DeallocateStmt": "DEALLOCATE",
    "CreateStatsStmt": "CREATE STATISTICS",
    "AlterStatsStmt": "ALTER STATISTICS",
    "CreateFdwStmt": "CREATE FOREIGN DATA WRAPPER",
    "AlterFdwStmt": "ALTER FOREIGN DATA WRAPPER",
    "CreateForeignServerStmt": "CREATE SERVER",
    "AlterForeignServerStmt": "ALTER SERVER",
    "CreatePLangStmt": "CREATE LANGUAGE",
    "CreateAmStmt": "CREATE ACCESS METHOD",
    "CreateEventTrigStmt": "CREATE EVENT TRIGGER",
    "AlterEventTrigStmt": "ALTER EVENT TRIGGER",
    "CreateOpClassStmt": "CREATE OPERATOR CLASS",
    "CreateOpFamilyStmt": "CREATE OPERATOR FAMILY",
    "AlterOpFamilyStmt": "ALTER OPERATOR FAMILY",
    "AlterEnumStmt": "ALTER TYPE",
    "AlterTSDictionaryStmt": "ALTER TEXT SEARCH DICTIONARY",
    "AlterTSConfigurationStmt": "ALTER TEXT SEARCH CONFIGURATION",
    "AlterExtensionContentsStmt": "ALTER EXTENSION",
    "ClosePortalStmt": "CLOSE CURSOR",
}
_DISCARDS = {
    enums.DiscardMode.DISCARD_ALL: "DISCARD ALL",
    enums.DiscardMode.DISCARD_PLANS: "DISCARD PLANS",
    enums.DiscardMode.DISCARD_SEQUENCES: "DISCARD SEQUENCES",
    enums.DiscardMode.DISCARD_TEMP: "DISCARD TEMP",
}
_OBJECTS = {
    "MATVIEW": "MATERIALIZED VIEW",
    "FDW": "FOREIGN DATA WRAPPER",
    "TSCONFIGURATION": "TEXT SEARCH CONFIGURATION",
}
_RESETS = frozenset((enums.VariableSetKind.VAR_RESET, enums.VariableSetKind.VAR_RESET_ALL))
_TRANSACTIONS = {
    "BEGIN": "BEGIN",
    "START": "START TRANSACTION",
    "COMMIT": "COMMIT",
    "ROLLBACK": "ROLLBACK",
    "SAVEPOINT": "SAVEPOINT",
    "RELEASE": "RELEASE",
    "ROLLBACK_TO": "ROLLBACK",
    "PREPARE": "PREPARE TRANSACTION",
    "COMMIT_PREPARED": "COMMIT PREPARED",
    "ROLLBACK_PREPARED": "ROLLBACK PREPARED",
}


def tag(node: Node) -> str:
    """The command tag of a statement's tree."""
    name = type(node).__name__
    special = _special(node)
    if special is not None:
        return special
    if name in _FIXED:
        return _FIXED[name]
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*", name.removesuffix("Stmt"))).upper()


def _special(node: Node) -> str | None:
    if isinstance(node, ast.SelectStmt):
        return "SELECT INTO" if node.intoClause is not None else None
    if isinstance(node, ast.TransactionStmt):
        return _TRANSACTIONS[node.kind.name.removeprefix("TRANS_STMT_")]
    if isinstance(node, ast.CreateTableAsStmt):
        matview = node.objtype == enums.ObjectType.OBJECT_MATVIEW
        return "CREATE MATERIALIZED VIEW" if matview else "CREATE TABLE AS"
    if isinstance(node, ast.VariableSetStmt):
        return "RESET" if node.kind in _RESETS else "SET"
    if isinstance(node, ast.DiscardStmt):
        return _DISCARDS[node.target]
    if isinstance(node, ast.FetchStmt):
        return "MOVE" if node.ismove else "FETCH"
    if isinstance(node, ast.VacuumStmt):
        return "VACUUM" if node.is_vacuumcmd else "ANALYZE"
    if isinstance(node, ast.GrantStmt | ast.GrantRoleStmt):
        suffix = " ROLE" if isinstance(node, ast.GrantRoleStmt) else ""
        return ("GRANT" if node.is_grant else "REVOKE") + suffix
    return _of_object(node)


def _of_object(node: Node) -> str | None:
    if isinstance(node, ast.DropStmt):
        return f"DROP {_object(node.removeType)}"
    if isinstance(node, ast.RenameStmt):
        inner = node.relationType if node.renameType == enums.ObjectType.OBJECT_COLUMN else node.renameType
        return f"ALTER {_object(inner)}"
    if isinstance(node, ast.AlterTableStmt):
        return f"ALTER {_object(node.objtype)}"
    if isinstance(node, ast.AlterObjectSchemaStmt | ast.AlterOwnerStmt | ast.AlterObjectDependsStmt):
        return f"ALTER {_object(node.objectType)}"
    if isinstance(node, ast.DefineStmt):
        return f"CREATE {_object(node.kind)}"
    if isinstance(node, ast.CreateFunctionStmt):
        return "CREATE PROCEDURE" if node.is_procedure else "CREATE FUNCTION"
    return None


def _object(kind: enums.ObjectType) -> str:
    name = kind.name.removeprefix("OBJECT_")
    return _OBJECTS.get(name, name.replace("_", " "))
