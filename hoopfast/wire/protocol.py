"""The message types of the PostgreSQL protocol 3, and the tables that say what becomes of each in each phase.

Everything that decides whether bytes are passed, held or refused by their type stands here: the framer's C tables are
compiled from these, and the diagrams in docs/ are drawn from them. A (phase, type) that is not listed is ILLEGAL. Names
are those of the manual, 55.7 "Message Formats"; F_ is what a frontend sends, B_ what a backend sends. Knows no layout
of any body.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

F_BIND: Final = ord("B")
F_CLOSE: Final = ord("C")
F_COPY_DATA: Final = ord("d")
F_COPY_DONE: Final = ord("c")
F_COPY_FAIL: Final = ord("f")
F_DESCRIBE: Final = ord("D")
F_EXECUTE: Final = ord("E")
F_FLUSH: Final = ord("H")
F_FUNCTION_CALL: Final = ord("F")
F_PARSE: Final = ord("P")
F_PASSWORD_MESSAGE: Final = ord("p")  # also SASLInitialResponse, SASLResponse, GSSResponse
F_QUERY: Final = ord("Q")
F_SYNC: Final = ord("S")
F_TERMINATE: Final = ord("X")

B_AUTHENTICATION: Final = ord("R")
B_BACKEND_KEY_DATA: Final = ord("K")
B_BIND_COMPLETE: Final = ord("2")
B_CLOSE_COMPLETE: Final = ord("3")
B_COMMAND_COMPLETE: Final = ord("C")
B_COPY_BOTH_RESPONSE: Final = ord("W")
B_COPY_DATA: Final = ord("d")
B_COPY_DONE: Final = ord("c")
B_COPY_IN_RESPONSE: Final = ord("G")
B_COPY_OUT_RESPONSE: Final = ord("H")
B_DATA_ROW: Final = ord("D")
B_EMPTY_QUERY_RESPONSE: Final = ord("I")
B_ERROR_RESPONSE: Final = ord("E")
B_FUNCTION_CALL_RESPONSE: Final = ord("V")
B_NEGOTIATE_PROTOCOL_VERSION: Final = ord("v")
B_NO_DATA: Final = ord("n")
B_NOTICE_RESPONSE: Final = ord("N")
B_NOTIFICATION_RESPONSE: Final = ord("A")
B_PARAMETER_DESCRIPTION: Final = ord("t")
B_PARAMETER_STATUS: Final = ord("S")
B_PARSE_COMPLETE: Final = ord("1")
B_PORTAL_SUSPENDED: Final = ord("s")
B_READY_FOR_QUERY: Final = ord("Z")
B_ROW_DESCRIPTION: Final = ord("T")

FRONTEND_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        F_BIND: "Bind",
        F_CLOSE: "Close",
        F_COPY_DATA: "CopyData",
        F_COPY_DONE: "CopyDone",
        F_COPY_FAIL: "CopyFail",
        F_DESCRIBE: "Describe",
        F_EXECUTE: "Execute",
        F_FLUSH: "Flush",
        F_FUNCTION_CALL: "FunctionCall",
        F_PARSE: "Parse",
        F_PASSWORD_MESSAGE: "PasswordMessage",
        F_QUERY: "Query",
        F_SYNC: "Sync",
        F_TERMINATE: "Terminate",
    }
)
BACKEND_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        B_AUTHENTICATION: "Authentication",
        B_BACKEND_KEY_DATA: "BackendKeyData",
        B_BIND_COMPLETE: "BindComplete",
        B_CLOSE_COMPLETE: "CloseComplete",
        B_COMMAND_COMPLETE: "CommandComplete",
        B_COPY_BOTH_RESPONSE: "CopyBothResponse",
        B_COPY_DATA: "CopyData",
        B_COPY_DONE: "CopyDone",
        B_COPY_IN_RESPONSE: "CopyInResponse",
        B_COPY_OUT_RESPONSE: "CopyOutResponse",
        B_DATA_ROW: "DataRow",
        B_EMPTY_QUERY_RESPONSE: "EmptyQueryResponse",
        B_ERROR_RESPONSE: "ErrorResponse",
        B_FUNCTION_CALL_RESPONSE: "FunctionCallResponse",
        B_NEGOTIATE_PROTOCOL_VERSION: "NegotiateProtocolVersion",
        B_NO_DATA: "NoData",
        B_NOTICE_RESPONSE: "NoticeResponse",
        B_NOTIFICATION_RESPONSE: "NotificationResponse",
        B_PARAMETER_DESCRIPTION: "ParameterDescription",
        B_PARAMETER_STATUS: "ParameterStatus",
        B_PARSE_COMPLETE: "ParseComplete",
        B_PORTAL_SUSPENDED: "PortalSuspended",
        B_READY_FOR_QUERY: "ReadyForQuery",
        B_ROW_DESCRIPTION: "RowDescription",
    }
)

# The largest value of a length field (it counts itself, not the type byte) of a message that is streamed through.
# Frontend: PQ_LARGE_MESSAGE_LIMIT = MaxAllocSize - 1 (src/include/libpq/libpq.h); the server closes the connection
# above it. Backend: a StringInfo holds at most MaxAllocSize - 1 bytes with its end (src/common/stringinfo.c), and
# 4 more are for the length field itself.
MAX_ALLOC_SIZE: Final = 0x3FFFFFFF  # src/include/utils/memutils.h
LARGEST_FRONTEND_MESSAGE: Final = MAX_ALLOC_SIZE - 1
LARGEST_BACKEND_MESSAGE: Final = MAX_ALLOC_SIZE - 1 + 4

# Messages that are held whole and may be as large as [gateway] max_message; all others that are held are small by
# nature and capped at the control limit. An error or notice carries what RAISE was given, a function call its
# arguments.
LARGE_FRONTEND: Final = frozenset({F_QUERY, F_PARSE, F_BIND, F_FUNCTION_CALL})
LARGE_BACKEND: Final = frozenset({B_ERROR_RESPONSE, B_NOTICE_RESPONSE, B_FUNCTION_CALL_RESPONSE})


class Verdict(IntEnum):
    """What the framer does with a message of one type in one phase."""

    ILLEGAL = 0  # the protocol does not allow it here: the session ends
    FORWARD = 1  # passed on as it comes, without being held
    WITHHOLD = 2  # dropped as it comes, without being held
    DELIVER = 3  # held whole, then handed to the conversation
    ROW = 4  # a DataRow: goes by the mask plan, and not at all without one


class FrontendPhase(IntEnum):
    """Where the frontend's side of a session stands, as far as the legality of its messages goes."""

    AUTHENTICATION = 0
    READY = 1
    COPY_IN = 2


class BackendPhase(IntEnum):
    """Where the backend's side of a session stands, as far as the legality of its messages goes."""

    STARTUP = 0
    READY = 1
    COPY_IN = 2
    COPY_OUT = 3


def _deliver(types: str) -> dict[int, Verdict]:
    return {ord(character): Verdict.DELIVER for character in types}


# Outside copy-in the server drops stray copy messages (src/backend/tcop/postgres.c, PostgresMain: "probably got here
# because a COPY failed, and the frontend is still sending data"), and so do we. During copy-in it ignores Flush and
# Sync (src/backend/commands/copyfromparse.c, CopyGetData), so they are legal; the conversation drops them.
FRONTEND_VERDICTS: Final[Mapping[FrontendPhase, Mapping[int, Verdict]]] = MappingProxyType(
    {
        FrontendPhase.AUTHENTICATION: _deliver("p"),
        FrontendPhase.READY: _deliver("QPBDECSHFX")
        | {
            F_COPY_DATA: Verdict.WITHHOLD,
            F_COPY_DONE: Verdict.WITHHOLD,
            F_COPY_FAIL: Verdict.WITHHOLD,
        },
        FrontendPhase.COPY_IN: _deliver("cfXHS") | {F_COPY_DATA: Verdict.FORWARD},
    }
)

# CopyBothResponse belongs to replication mode, which is refused at startup.
_BACKEND_CONTROL: Final = "123ntTCIsZENASVGH"
BACKEND_VERDICTS: Final[Mapping[BackendPhase, Mapping[int, Verdict]]] = MappingProxyType(
    {
        BackendPhase.STARTUP: _deliver("RSKvENZ"),
        BackendPhase.READY: _deliver(_BACKEND_CONTROL) | {B_DATA_ROW: Verdict.ROW},
        BackendPhase.COPY_IN: _deliver(_BACKEND_CONTROL),
        BackendPhase.COPY_OUT: _deliver("cENAS") | {B_COPY_DATA: Verdict.FORWARD},
    }
)


def message_name(kind: int, *, frontend: bool) -> str:
    """The manual's name of a message type, or its byte in hexadecimal where the manual has none."""
    names = FRONTEND_NAMES if frontend else BACKEND_NAMES
    return names.get(kind) or f"type 0x{kind:02x}"
