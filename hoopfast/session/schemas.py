"""The effective schemas of a session: the gateway's own question, and when it may be asked (soundness 15).

Names resolve as PostgreSQL does only while the gateway has read `current_schemas(true)` itself since the last thing
that may have changed them. Asks only when the backend owes nothing and nothing is unsynced, because a Query in between
would end the frontend's implicit transaction.
"""

from __future__ import annotations

from hoopfast.errors import BackendProtocolError
from hoopfast.policy.model import CatalogNeeded, Environment
from hoopfast.session.replies import Expected, Reply
from hoopfast.session.state import ConversationState, Wait
from hoopfast.wire import backend, frontend
from hoopfast.wire.masking import MaskPlan

QUESTION = b"SELECT pg_catalog.current_schemas(true), CURRENT_USER"
NAME = b"hoopfast question"  # a Query, or unnamed ones, would end the frontend's unnamed statement and portal
_MESSAGES = b"".join(
    (
        frontend.Close(frontend.STATEMENT, NAME).encode(),  # left over if the last question failed
        frontend.Parse(NAME, QUESTION, ()).encode(),
        frontend.Bind(NAME, NAME, (), (), ()).encode(),
        frontend.Execute(NAME, 0).encode(),
        frontend.Close(frontend.PORTAL, NAME).encode(),
        frontend.Close(frontend.STATEMENT, NAME).encode(),
        frontend.Sync().encode(),
    )
)
_LONGEST_ANSWER = 1 << 20
_BLANK = Environment(schemas=None, role=None)


def forget_if_catalog_moved(state: ConversationState) -> None:
    """Forget the effective schemas if the catalog is another one; Wait if there is none that is fresh enough."""
    try:
        basis = state.policy.basis(_BLANK)
    except CatalogNeeded:
        raise state.need_catalog() from None
    if basis != state.basis_seen:
        state.basis_seen = basis
        state.schemas = None


def moved(state: ConversationState) -> bool:
    """Whether the catalog is another one than that under which the schemas were learnt; raises CatalogNeeded."""
    return bool(state.policy.basis(_BLANK) != state.basis_seen)


def learn(state: ConversationState) -> None:
    """Ask the backend for the effective schemas if they are not known and may be asked for; Wait until they are."""
    if state.schemas is not None or state.unsynced or state.schemas_unavailable:
        return
    if not state.drained:
        raise Wait(lambda: state.drained)
    if state.status == b"E":
        return
    state.push(Reply.OWN_QUERY)
    state.to_backend(_MESSAGES)
    raise Wait(lambda: state.drained)


def collect(entry: Expected, span: bytes) -> None:
    """A part of the answer has come."""
    entry.collected += span
    if len(entry.collected) > _LONGEST_ANSWER:
        raise BackendProtocolError("the backend did not answer the gateway's question for the effective schemas")


def answered(state: ConversationState, entry: Expected) -> None:
    """ReadyForQuery has come for our own question: take the answer."""
    if entry.failed:
        state.schemas_unavailable = True
        return
    row = bytes(entry.collected)
    if row[:1] != b"D" or len(row) != 1 + int.from_bytes(row[1:5], "big"):
        raise BackendProtocolError("the backend did not answer the gateway's question for the effective schemas")
    schemas, role = backend.DataRow.decode(row[5:]).cells
    if schemas is None or role is None:
        raise BackendProtocolError("the backend did not answer the gateway's question for the effective schemas")
    state.schemas = array_of_names(schemas.decode("utf-8", "replace"))
    state.role = role.decode("utf-8", "replace")


def array_of_names(text: str) -> tuple[str, ...]:
    """The elements of a one-dimensional array in PostgreSQL's text form (manual, 8.15.6); names are never NULL."""
    names: list[str] = []
    current: list[str] = []
    quoted = escaped = started = False
    for character in text[1:-1]:
        if escaped:
            current.append(character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
            started = True
        elif character == "," and not quoted:
            names.append("".join(current))
            current.clear()
            started = False
        else:
            current.append(character)
    if current or started or names:
        names.append("".join(current))
    return tuple(names)


OWN_PLAN = MaskPlan.clean(2)
