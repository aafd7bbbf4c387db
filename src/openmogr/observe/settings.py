"""Settings of the log."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["LogFormat", "LogLevel", "LogSettings"]


class LogFormat(StrEnum):
    """How a line looks."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """What is worth a line."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogSettings(BaseModel):
    """What is logged, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: LogFormat = Field(
        default=LogFormat.TEXT, description="One line of text, or one JSON object, an event (text or json)."
    )
    level: LogLevel = Field(
        default=LogLevel.INFO,
        description="Least grave level that is logged (debug, info, warning or error).",
    )
