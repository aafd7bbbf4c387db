"""The server seen from outside: log lines and metrics. Nothing here knows HTTP or images."""

from typing import TYPE_CHECKING

from openmogr.lazily import names_of

if TYPE_CHECKING:
    from openmogr.observe.errors import TracingUnusable
    from openmogr.observe.logs import REQUEST_ID, configure_logging
    from openmogr.observe.metrics import Metrics
    from openmogr.observe.settings import LogFormat, LogLevel, LogSettings
    from openmogr.observe.tracing import Tell, Tracing, make_tracing, untraced
else:
    __getattr__ = names_of(
        __name__,
        {
            "errors": "TracingUnusable",
            "logs": "REQUEST_ID configure_logging",
            "metrics": "Metrics",
            "settings": "LogFormat LogLevel LogSettings",
            "tracing": "Tell Tracing make_tracing untraced",
        },
    )

__all__ = [
    "REQUEST_ID",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "Metrics",
    "Tell",
    "Tracing",
    "TracingUnusable",
    "configure_logging",
    "make_tracing",
    "untraced",
]
