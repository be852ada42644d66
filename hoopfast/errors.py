"""Every error that can end a statement or a session, with its SQLSTATE: who is to blame, and what to answer.

Owns the mapping from a cause to the PostgreSQL error fields that the frontend is told. Knows no bytes, no policy, no
sockets. No message built here may hold a row value, a token, a password or a protected literal: what stands in an error
ends up in logs. SQLSTATEs are those of the PostgreSQL manual, appendix A; which one goes with which cause is the
table in docs/design.md §5.7.
"""

from __future__ import annotations


class HoopfastError(Exception):
    """Something that the frontend is told in an ErrorResponse.

    `sqlstate` is the five-character code, `hint` and `detail` go into the fields of these names, `position` is the
    1-based character index in the statement's text (ErrorResponse field 'P').
    """

    sqlstate = "XX000"

    def __init__(
        self,
        message: str,
        *,
        detail: str | None = None,
        hint: str | None = None,
        position: int | None = None,
        sqlstate: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.hint = hint
        self.position = position
        if sqlstate is not None:
            self.sqlstate = sqlstate


class ProtocolError(HoopfastError):
    """A peer sent bytes that the protocol does not allow here; the session cannot go on."""


class FrontendProtocolError(ProtocolError):
    """The frontend broke the protocol (08P01, protocol_violation)."""

    sqlstate = "08P01"


class BackendProtocolError(ProtocolError):
    """The backend broke the protocol, or is out of step with us (08006, connection_failure)."""

    sqlstate = "08006"


class BackendUnavailable(HoopfastError):
    """The backend cannot be reached, or its link was lost (08006, connection_failure)."""

    sqlstate = "08006"


class PolicyDenied(HoopfastError):
    """The policy refuses the statement (42501, insufficient_privilege)."""

    sqlstate = "42501"


class AuthenticationFailed(HoopfastError):
    """Token, identity or access refused (28000, invalid_authorization_specification)."""

    sqlstate = "28000"


class NoSuchDatabase(HoopfastError):
    """No database of that name for this caller (3D000, invalid_catalog_name)."""

    sqlstate = "3D000"


class TooManySessions(HoopfastError):
    """A limit on the number of sessions is reached (53300, too_many_connections)."""

    sqlstate = "53300"


class LimitExceeded(HoopfastError):
    """A message or a value is over a size limit (54000, program_limit_exceeded)."""

    sqlstate = "54000"


class QueryCanceled(HoopfastError):
    """The statement was cancelled while the gateway held it (57014, query_canceled)."""

    sqlstate = "57014"


class IdleTimeout(HoopfastError):
    """The session was idle for too long (57P05, idle_session_timeout)."""

    sqlstate = "57P05"


class ShuttingDown(HoopfastError):
    """The gateway drains or stops, or the session's time is up (57P01, admin_shutdown)."""

    sqlstate = "57P01"


class JournalUnavailable(HoopfastError):
    """The audit journal cannot be written, so nothing is forwarded (58030, io_error)."""

    sqlstate = "58030"


class ConfigError(HoopfastError):
    """The configuration is wrong; the message names file, key and, where there is one, the nearest known key."""

    sqlstate = "F0000"
