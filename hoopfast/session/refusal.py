"""How a refusal looks on the wire, and what of an error or a notice may pass.

The only code that builds an ErrorResponse for the frontend. A refusal is made by PostgreSQL (docs/design.md §5.7): the
refused message is replaced by a text that cannot parse, and the backend's ErrorResponse by ours; so the order of
replies, the skipping to Sync, the rollback and the status byte are the server's own.
"""

from __future__ import annotations

from hoopfast.errors import HoopfastError
from hoopfast.session.sqlstates import condition
from hoopfast.wire import backend, frontend

SUBSTITUTE_NAME = b"hoopfast refusal"  # named, so that the unnamed statement survives
PROBE_NAME = b"hoopfast probe"
_CANNOT_PARSE = b"hoopfast refused this statement"

WITHHELD_HINT = (
    b"The details are withheld: the statement touches protected columns, or could not be proven not to. "
    b"Whoever may read the database's own log finds the full message there."
)


def substitute_parse() -> bytes:
    """The Parse that stands for a refused message of the extended protocol."""
    return frontend.Parse(SUBSTITUTE_NAME, _CANNOT_PARSE, ()).encode()


def substitute_query() -> bytes:
    """The Query that stands for a refused Query."""
    return frontend.Query(_CANNOT_PARSE).encode()


def error_response(error: HoopfastError, severity: bytes = b"ERROR") -> bytes:
    """The ErrorResponse that tells the frontend of `error`."""
    fields = {
        "S": severity,
        "V": severity,
        "C": error.sqlstate.encode("ascii"),
        "M": error.message.encode("utf-8"),
    }
    if error.detail:
        fields["D"] = error.detail.encode("utf-8")
    if error.hint:
        fields["H"] = error.hint.encode("utf-8")
    if error.position is not None:
        fields["P"] = str(error.position).encode("ascii")
    return backend.ErrorResponse(fields).encode()


def fatal_response(error: HoopfastError) -> bytes:
    """The ErrorResponse with which a session ends."""
    return error_response(error, b"FATAL")


def withhold(fields: dict[str, bytes]) -> dict[str, bytes]:
    """What may pass of an error or a notice whose text may carry a protected value.

    Severity, a SQLSTATE that PostgreSQL itself uses, and a fixed text for it; primary messages carry unquoted values,
    and every other field carries something (soundness 46).
    """
    sqlstate, text = condition(fields.get("C", b"").decode("ascii", "replace"))
    severity = fields.get("V", b"ERROR")
    if severity not in _SEVERITIES:
        severity = b"ERROR"
    passed = {"S": severity, "V": severity, "C": sqlstate.encode("ascii"), "M": text.encode("ascii")}
    if severity in _ERRORS:
        passed["H"] = WITHHELD_HINT
    return passed


_ERRORS = frozenset((b"ERROR", b"FATAL", b"PANIC"))
_SEVERITIES = _ERRORS | frozenset((b"WARNING", b"NOTICE", b"DEBUG", b"INFO", b"LOG"))
