"""Logging of the gateway: structlog, JSON lines on standard error, readable on a terminal.

No event carries a token, a password, a statement's text or a value: callers pass names, codes and counts only. Owns the
format; knows no events.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, cast

import structlog


def configure(*, worker: int | None = None) -> None:
    """Set up logging for this process; called once, before anything is logged."""
    terminal = sys.stderr.isatty()
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    processors.append(structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer())
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Libraries()])
    if worker is not None:
        structlog.contextvars.bind_contextvars(worker=worker)


def silence() -> None:
    """Log nothing: for commands that show what they find themselves."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


class _Libraries(logging.Handler):
    """What the libraries log, in the same form; their templates only: the values in them could be anything."""

    def emit(self, record: logging.LogRecord) -> None:
        log = logger(record.name)
        (log.error if record.levelno >= logging.ERROR else log.warning)(str(record.msg))


def logger(part: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of one part of the gateway."""
    return cast(structlog.typing.FilteringBoundLogger, structlog.get_logger(part=part))


def where(error: BaseException) -> str:
    """Kind and place of an exception, without its text: that could hold what must not be logged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
    return type(error).__name__ + place
