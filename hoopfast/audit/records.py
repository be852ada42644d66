"""The records of the audit journal: what each says, field by field.

Owns the words and the shape of a record. Knows no bytes (encoding.py), no disk (journal.py), no session. No field may
hold a row value, a token, a password, or a literal or parameter in clear: values stand as keyed digests (digest.py),
and text is the re-rendered shape (docs/design.md §7, soundness 68 to 70).

`time` is microseconds since 1970-01-01 00:00 UTC by the gateway's clock; it may step back. What orders the records of
one stream is their place in it, and nothing else. A record's `version` counts up when its fields change; records of
older versions stay readable.
"""

from __future__ import annotations

import time as _time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"


def now() -> int:
    """The gateway's clock as records carry it: microseconds since 1970-01-01 00:00 UTC."""
    return _time.time_ns() // 1000


class Ending(StrEnum):
    """The one way in which a recorded execution ends."""

    COMPLETED = "completed"
    ERROR = "error"
    SKIPPED = "skipped"  # after an error the server skipped to Sync
    REFUSED = "refused"
    UNKNOWN = "unknown"  # the link was lost, or the session died, before the reply


class TransactionOutcome(StrEnum):
    """How a transaction ended."""

    COMMITTED = "committed"
    ROLLED_BACK = "rolled back"
    PREPARED = "prepared"
    UNKNOWN = "unknown"


@dataclass(slots=True, kw_only=True)
class Caller:
    """Who signed in: what the token said, as far as an access rule or the configuration pins it."""

    issuer: str  # the issuer's URL
    subject: str  # claim "sub"
    claims: dict[str, JsonValue] = field(default_factory=dict)  # repository, ref, sha, workflow, run_id, actor …
    token: str = ""  # claim "jti": the token's number, not the token
    expires: int = 0  # claim "exp", seconds since 1970; 0: not known


@dataclass(slots=True, kw_only=True)
class Record:
    """What every record has. `kind` and `version` stand in its encoding, not among its fields."""

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1

    time: int = field(default_factory=now)


@dataclass(slots=True, kw_only=True)
class Torn:
    """Bytes at the end of a segment that are no record: an append that a power loss or a dead disk cut short."""

    segment: int
    offset: int  # of the first such byte in the segment's file
    length: int  # up to the last byte that is not zero
    sha256: str  # of these bytes, in hexadecimal


@dataclass(slots=True, kw_only=True)
class StreamOpened(Record):
    """A process began (or, after a failure, began again) to write a stream. Always the first record of its segment.

    Executions and sessions of the stream that had no end before this record have none: their outcome is unknown, unless
    `reason` says that the same process went on.
    """

    kind: ClassVar[str] = "stream_opened"

    stream: str
    reason: str  # "start", or "recovered: " and what had failed
    process_id: int
    software: str = ""  # the gateway's version
    previous_segment: int = 0  # 0: none
    previous_records: int = 0  # records of the stream before this one
    unproven_from: int = 0  # records from this number on may not have reached the disk, as syncing failed; 0: none
    torn: tuple[Torn, ...] = ()


@dataclass(slots=True, kw_only=True)
class StreamClosed(Record):
    """The process stopped writing the stream in good order. Always the last record of its segment."""

    kind: ClassVar[str] = "stream_closed"

    stream: str
    records: int  # of the stream, this one included


@dataclass(slots=True, kw_only=True)
class ConfigurationChanged(Record):
    """A configuration was loaded, or refused."""

    kind: ClassVar[str] = "configuration_changed"

    cause: str  # "start", "SIGHUP", "api: " and by whom
    sha256: str  # of the configuration file, in hexadecimal
    accepted: bool = True
    policies: tuple[str, ...] = ()  # name@version of each policy in force afterwards
    changes: tuple[str, ...] = ()  # dotted keys that differ; never their values
    message: str = ""  # why it was refused


@dataclass(slots=True, kw_only=True)
class SignInRefused(Record):
    """A connection that did not become a session."""

    kind: ClassVar[str] = "sign_in_refused"

    session: str  # UUIDv7 of the attempt
    reason: str  # never the token or a part of it
    sqlstate: str
    caller: Caller | None = None  # None: nobody that a verified token names
    client_address: str = ""  # address:port, [address]:port
    tls: str = ""  # as in SessionStart
    application_name: str = ""
    user: str = ""  # what the client sent; nothing that was verified
    database: str = ""


@dataclass(slots=True, kw_only=True)
class SessionStart(Record):
    """Somebody signed in. The first record of a session."""

    kind: ClassVar[str] = "session_start"

    session: str  # UUIDv7
    caller: Caller
    database: str  # the gateway's name for it
    policy: str
    policy_version: str
    client_address: str = ""  # address:port, [address]:port
    tls: str = ""  # "TLSv1.3", "TLSv1.2"; empty: none
    application_name: str = ""
    driver: str = ""  # a guess from the start-up parameters (driver.py)
    user: str = ""  # what the client sent; nothing that was verified
    protocol: str = ""  # "3.0", "3.2"
    upstream_user: str = ""  # the role on the database's side
    backend_process_id: int = 0  # of BackendKeyData: the %p of the server's own log; 0: not known when this was written


@dataclass(slots=True, kw_only=True)
class Execution(Record):
    """A statement, or an execution of a prepared one, is about to be forwarded, or refused."""

    kind: ClassVar[str] = "execution"

    session: str
    sequence: int  # 1, 2, 3 … within the session, without gaps
    protocol: str  # "simple", "extended"
    shape: str  # identifier of the shape, 16 hexadecimal digits
    text: str  # the re-rendered shape: no comment, no literal, no unknown name
    decision: str  # "allow", "deny", "approve", "probe"
    rule: str = ""  # the rule that gave it
    kinds: tuple[str, ...] = ()  # read, session, transaction, utility, write, ddl: of each command
    relations: tuple[str, ...] = ()  # schema.relation; ("unknown",) where opaque code takes part
    protected: tuple[str, ...] = ()  # schema.table.column, protected, that it may read
    parameters: tuple[str | None, ...] = ()  # keyed digests of the bound values; None: NULL
    literals: tuple[str | None, ...] = ()  # keyed digests of the text's literals, in their order


@dataclass(slots=True, kw_only=True)
class ExecutionEnded(Record):
    """How an execution ended: exactly one for each Execution."""

    kind: ClassVar[str] = "execution_ended"

    session: str
    sequence: int
    ending: Ending
    tag: str = ""  # the CommandComplete tag(s), joined by "; "
    sqlstate: str = ""
    rows: int = 0  # handed on to the frontend
    received_bytes: int = 0  # of rows, from the backend
    delivered_bytes: int = 0  # of rows, to the frontend
    masked_cells: int = 0
    masked_columns: tuple[str, ...] = ()  # names of result columns
    database_microseconds: int = 0  # from forwarding to the reply
    gateway_microseconds: int = 0  # what the gateway added


@dataclass(slots=True, kw_only=True)
class TransactionEnded(Record):
    """How the transaction of the executions `first` to `last` ended."""

    kind: ClassVar[str] = "transaction_ended"

    session: str
    first: int
    last: int
    outcome: TransactionOutcome


@dataclass(slots=True, kw_only=True)
class Totals:
    """What a session's executions came to: received = completed + error + skipped + refused + unknown."""

    received: int = 0
    completed: int = 0
    error: int = 0
    skipped: int = 0
    refused: int = 0
    unknown: int = 0
    rows: int = 0
    received_bytes: int = 0
    delivered_bytes: int = 0
    masked_cells: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every execution that was received has its one end."""
        return self.received == self.completed + self.error + self.skipped + self.refused + self.unknown


@dataclass(slots=True, kw_only=True)
class SessionEnd(Record):
    """A session is over. Its last record."""

    kind: ClassVar[str] = "session_end"

    session: str
    reason: str  # "terminated by the frontend", "idle", "frontend lost", "backend lost", "drained" …
    totals: Totals
    sqlstate: str = ""  # of the FATAL error that ended it


KINDS: dict[str, type[Record]] = {
    record.kind: record
    for record in (
        StreamOpened,
        StreamClosed,
        ConfigurationChanged,
        SignInRefused,
        SessionStart,
        Execution,
        ExecutionEnded,
        TransactionEnded,
        SessionEnd,
    )
}
