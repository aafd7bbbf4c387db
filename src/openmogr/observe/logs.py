"""One form for every line, whoever logs: structlog renders what the standard library's loggers are told.

A line that belongs to a request carries its id, which a context variable holds while the request is answered; tasks
that the request starts inherit it.
"""

from __future__ import annotations

import contextvars
import logging
import sys
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from openmogr.observe.settings import LogFormat, LogSettings

__all__ = ["REQUEST_ID", "configure_logging"]

REQUEST_ID: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)


def _add_request_id(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    request_id = REQUEST_ID.get()
    if request_id is not None:
        event["request_id"] = request_id
    return event


def _drop_foreign_fields(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """uvicorn sends its messages a second time, for terminals; Ray adds a time of its own to all records."""
    event.pop("color_message", None)
    event.pop("_ray_timestamp_ns", None)
    return event


def _one_line(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """A client's key may hold line ends and a terminal's commands; only tracebacks have several lines."""
    if not str(event.get("logger", "")).startswith(
        "uvicorn"
    ):  # which logs tracebacks as text, and nothing of clients
        for field, value in event.items():
            if isinstance(value, str) and not value.isprintable():
                event[field] = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in value)
    return event


def configure_logging(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send all logging of the process to ``stream`` (standard error), as the settings say.

    What a logging call gives in ``extra`` becomes fields of the line.
    """
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _drop_foreign_fields,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
    ]
    if settings.format is LogFormat.JSON:
        final: list[Processor] = [
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        final = [
            _one_line,
            structlog.dev.ConsoleRenderer(
                colors=False,
                pad_event_to=0,
                pad_level=False,
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    # Per request it says what our own access line says better.
    logging.getLogger("uvicorn.access").disabled = True
