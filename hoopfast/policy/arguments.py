"""Functions whose arguments decide what a call does, and what an argument is: a literal, and where it stands.

Owns the rules for set_config and pg_notify (soundness 22): a parameter or an expression where the decision needs a
literal is refused. Knows no catalog and no scope.
"""

from __future__ import annotations

from hoopfast.policy.facts import Facts, Finding
from hoopfast.policy.parse import Node, ast
from hoopfast.policy.settings import setting_allowed
from hoopfast.policy.typenames import strings


def judge_set_config(arguments: list[Node], fixed_setting: Node, facts: Facts, location: int) -> None:
    """set_config: the setting's name must be known; `fixed_setting` is what the column `name` holds, if one value."""
    name = literal(arguments[0]) if arguments else None
    if arguments and isinstance(arguments[0], ast.ColumnRef) and strings(arguments[0].fields) == ["name"]:
        name = literal(fixed_setting)
    value = literal(arguments[1]) if len(arguments) > 1 else None
    if name is None:
        what = "set_config needs the setting's name as a literal"
    elif not setting_allowed(name, value):
        what = "this setting may not be changed through this gateway"
    else:
        facts.settings = True
        return
    facts.refusals.append(Finding(what, location, "only settings without effect on what a text means may be changed"))


def note_notify(arguments: list[Node], facts: Facts) -> None:
    """pg_notify: a literal channel and payload are remembered, so that the notification may pass."""
    texts = [literal(argument) for argument in arguments]
    if len(texts) == 2 and texts[0] is not None and texts[1] is not None:
        facts.notifies.append((texts[0], texts[1]))


def literal(node: Node) -> str | None:
    """The text of a string literal, casts to text looked through; None for anything else."""
    while isinstance(node, ast.TypeCast) and _keeps_text(node.typeName):
        node = node.arg
    if isinstance(node, ast.A_Const) and not node.isnull and isinstance(node.val, ast.String):
        return str(node.val.sval)
    return None


def _keeps_text(type_name: Node) -> bool:
    """Whether a cast to this type leaves a text as it is: varchar(n) cuts it."""
    return (
        strings(type_name.names)[-1:] in (["text"], ["varchar"]) and not type_name.typmods and not type_name.arrayBounds
    )


def location_of(node: Node) -> int:
    """Where an expression begins, as well as can be said."""
    if isinstance(node, tuple):
        return location_of(node[0]) if node else -1
    if isinstance(node, ast.A_Expr) and node.lexpr is not None and not isinstance(node.lexpr, tuple):
        return location_of(node.lexpr)
    if isinstance(node, ast.BoolExpr):
        return location_of(node.args)
    if isinstance(node, ast.SortBy):
        return location_of(node.node)
    if isinstance(node, ast.NullTest | ast.BooleanTest | ast.CollateClause | ast.TypeCast):
        return location_of(node.arg)
    location = getattr(node, "location", -1)
    return location if isinstance(location, int) else -1
