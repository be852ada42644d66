"""A trace of messages in the manner of libpq's PQtrace, one line each, without any value.

A line holds the side, the length field, the message's name, then names, types, formats and the *lengths* of everything
else in brackets: no text of a statement, no parameter, no cell, no error text (SQLSTATEs carry values too), no secret.
Names are those of statements, portals, columns, settings and channels. Tests read it, and people who debug a driver.
Never raises: what cannot be read is called malformed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hoopfast.errors import ProtocolError
from hoopfast.wire import backend, frontend, protocol
from hoopfast.wire.startup import CancelRequest, StartupMessage, decode_startup

_HEADER = 5


def _name(name: bytes) -> str:
    escaped = name.decode("ascii", "backslashreplace").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in escaped) + '"'


def _size(value: bytes | None) -> str:
    return "NULL" if value is None else f"[{len(value)}]"


def _numbers(label: str, values: tuple[int, ...]) -> str:
    return f" {label} " + ",".join(map(str, values)) if values else ""


def _sizes(label: str, values: tuple[bytes | None, ...]) -> str:
    return f" {label} " + " ".join(map(_size, values)) if values else ""


def _parse(body: bytes) -> str:
    message = frontend.Parse.decode(body)
    return f"{_name(message.name)} {_size(message.text)}{_numbers('types', message.parameter_types)}"


def _bind(body: bytes) -> str:
    message = frontend.Bind.decode(body)
    return (
        f"{_name(message.portal)} {_name(message.statement)}{_numbers('formats', message.parameter_formats)}"
        f"{_sizes('values', message.parameters)}{_numbers('results', message.result_formats)}"
    )


def _describe(body: bytes) -> str:
    message = frontend.Describe.decode(body)
    return f"{message.kind.decode('ascii')} {_name(message.name)}"


def _execute(body: bytes) -> str:
    message = frontend.Execute.decode(body)
    return f"{_name(message.portal)} {message.max_rows}"


def _function_call(body: bytes) -> str:
    message = frontend.FunctionCall.decode(body)
    formats = _numbers("formats", message.argument_formats)
    return f"{message.function}{formats}{_sizes('values', message.arguments)} result {message.result_format}"


def _row_description(body: bytes) -> str:
    return "; ".join(
        f"{_name(field.name)} {field.table_oid}.{field.attribute_number} type {field.type_oid} format {field.format}"
        for field in backend.RowDescription.decode(body).fields
    )


def _error(body: bytes) -> str:
    return " ".join(f"{code}{_size(text)}" for code, text in backend.ErrorResponse.decode(body).fields.items())


def _copy(body: bytes) -> str:
    message = backend.CopyInResponse.decode(body)  # CopyOutResponse looks the same
    return f"format {message.format}{_numbers('columns', message.column_formats)}"


def _parameter_status(body: bytes) -> str:
    message = backend.ParameterStatus.decode(body)
    return f"{_name(message.name)} {_size(message.value)}"


def _notification(body: bytes) -> str:
    message = backend.NotificationResponse.decode(body)
    return f"{message.process_id} {_name(message.channel)} {_size(message.payload)}"


def _key(body: bytes) -> str:
    message = backend.BackendKeyData.decode(body)
    return f"{message.process_id} {_size(message.secret)}"


def _authentication(body: bytes) -> str:
    message = backend.Authentication.decode(body)
    return f"{message.code} {_size(message.data)}"


def _negotiate(body: bytes) -> str:
    message = backend.NegotiateProtocolVersion.decode(body)
    names = "".join(f" {_name(option)}" for option in message.options)
    return f"{message.newest_minor >> 16}.{message.newest_minor & 0xFFFF}{names}"


_Describer = Callable[[bytes], str]

# Types without an entry show the length of their body.
_FRONTEND: Final[dict[int, _Describer]] = {
    protocol.F_BIND: _bind,
    protocol.F_CLOSE: _describe,
    protocol.F_DESCRIBE: _describe,
    protocol.F_EXECUTE: _execute,
    protocol.F_FUNCTION_CALL: _function_call,
    protocol.F_PARSE: _parse,
}
_BACKEND: Final[dict[int, _Describer]] = {
    protocol.B_AUTHENTICATION: _authentication,
    protocol.B_BACKEND_KEY_DATA: _key,
    protocol.B_COMMAND_COMPLETE: lambda body: _name(backend.CommandComplete.decode(body).tag),
    protocol.B_COPY_IN_RESPONSE: _copy,
    protocol.B_COPY_OUT_RESPONSE: _copy,
    protocol.B_DATA_ROW: lambda body: " ".join(map(_size, backend.DataRow.decode(body).cells)),
    protocol.B_ERROR_RESPONSE: _error,
    protocol.B_FUNCTION_CALL_RESPONSE: lambda body: _size(backend.FunctionCallResponse.decode(body).result),
    protocol.B_NEGOTIATE_PROTOCOL_VERSION: _negotiate,
    protocol.B_NOTICE_RESPONSE: _error,
    protocol.B_NOTIFICATION_RESPONSE: _notification,
    protocol.B_PARAMETER_DESCRIPTION: lambda body: ",".join(map(str, backend.ParameterDescription.decode(body).types)),
    protocol.B_PARAMETER_STATUS: _parameter_status,
    protocol.B_READY_FOR_QUERY: lambda body: backend.ReadyForQuery.decode(body).status.decode("ascii"),
    protocol.B_ROW_DESCRIPTION: _row_description,
}


def trace_message(kind: int, body: bytes, *, frontend: bool) -> str:
    """The line for one message."""
    describe = (_FRONTEND if frontend else _BACKEND).get(kind)
    try:
        shown = describe(body) if describe is not None else _size(body) if body else ""
    except ProtocolError:
        shown = "malformed"
    name = protocol.message_name(kind, frontend=frontend)
    return f"{'F' if frontend else 'B'} {len(body) + 4} {name} {shown}".rstrip()


def trace(data: bytes, *, frontend: bool) -> list[str]:
    """The lines for a run of messages; a message that is cut off is said to be incomplete."""
    lines = []
    at = 0
    while len(data) - at >= _HEADER:
        length = int.from_bytes(data[at + 1 : at + _HEADER], "big", signed=True)
        if length < _HEADER - 1 or at + 1 + length > len(data):
            break
        lines.append(trace_message(data[at], data[at + _HEADER : at + 1 + length], frontend=frontend))
        at += 1 + length
    if at < len(data):
        lines.append(f"{'F' if frontend else 'B'} incomplete [{len(data) - at}]")
    return lines


def trace_startup(body: bytes) -> str:
    """The line for a message without a type byte."""
    try:
        message = decode_startup(body)
    except ProtocolError:
        return f"F {len(body) + 4} startup malformed"
    shown = ""
    if isinstance(message, CancelRequest):
        shown = f"{message.process_id} {_size(message.secret)}"
    elif isinstance(message, StartupMessage):
        names = "".join(f" {_name(name)} {_size(content)}" for name, content in message.parameters.items())
        shown = f"{message.version >> 16}.{message.version & 0xFFFF}{names}"
    return f"F {len(body) + 4} {type(message).__name__} {shown}".rstrip()
