"""Traces by OpenTelemetry, where its own environment variables ask for them; else nothing of it is imported."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypeAlias

from openmogr.installation import how_to_add
from openmogr.observe.errors import TracingUnusable

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["Attributes", "Tell", "Tracing", "make_tracing", "untraced"]

Attributes: TypeAlias = Mapping[str, "str | int | float | bool"]
# Adds to a span what is known only later.
Tell: TypeAlias = Callable[[Attributes], None]

_ASKING = (
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)
_EXPORTERS = ("otlp", "console", "none")
_PROTOCOL = "http/protobuf"


class Tracing:
    """Makes spans and sends them off.

    Args:
        exporter: where they go; they are sent in batches by a thread of their own.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        from opentelemetry import propagate, trace
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        named = (
            Resource.create()
            if "OTEL_SERVICE_NAME" in os.environ
            else Resource.create({SERVICE_NAME: "openmogr"})
        )
        self._provider = TracerProvider(resource=named, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("openmogr")
        self._extract = propagate.extract
        self._kinds = trace.SpanKind
        self._bad = trace.Status(trace.StatusCode.ERROR)

    @contextmanager
    def request(self, method: str, path: str, headers: Mapping[str, str]) -> Iterator[Tell]:
        """The span of a request, a child of what its ``traceparent`` names.

        Args:
            method: of HTTP.
            path: without the query, which may hold a signature.
            headers: those that name a parent, by lower-case name.
        """
        with self._tracer.start_as_current_span(
            method,
            context=self._extract(dict(headers)),
            kind=self._kinds.SERVER,
            attributes={"http.request.method": method, "url.path": path},
        ) as span:

            def tell(attributes: Attributes) -> None:
                span.set_attributes(dict(attributes))
                if operation := attributes.get("openmogr.operation"):
                    span.update_name(f"{method} {operation}")
                if int(attributes.get("http.response.status_code", 0)) >= 500:
                    span.set_status(self._bad)

            yield tell

    @contextmanager
    def span(self, name: str) -> Iterator[Tell]:
        """A span within the current one."""
        with self._tracer.start_as_current_span(name) as span:
            yield lambda attributes: span.set_attributes(dict(attributes))

    def close(self) -> None:
        """Send what is left. Blocks."""
        self._provider.shutdown()


def untraced(name: str) -> AbstractContextManager[Tell]:
    """In the place of :meth:`Tracing.span` where nothing is traced."""
    return _UNTRACED


class _Untraced(AbstractContextManager[Tell]):
    def __enter__(self) -> Tell:
        return _ignore

    def __exit__(self, *_: object) -> None:
        pass


def _ignore(attributes: Attributes) -> None:
    pass


_UNTRACED = _Untraced()


def make_tracing(environment: Mapping[str, str] = os.environ) -> Tracing | None:
    """Tracing as ``OTEL_*`` variables ask for it; None where they do not.

    Raises:
        TracingUnusable: they ask for what this server cannot do, or its extra is not installed.
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if not any(environment.get(name) for name in _ASKING):
        return None
    name = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    if name not in _EXPORTERS:
        raise TracingUnusable(f"OTEL_TRACES_EXPORTER={name} is not supported: {', '.join(_EXPORTERS)} are")
    if name == "none":
        return None
    if name == "otlp":
        _check_protocol(environment)
    try:
        return Tracing(_exporter(name))
    except ImportError as error:
        raise TracingUnusable(
            f"OTEL_* variables ask for traces, which need openmogr[otel] ({error});"
            f" unset them, or: {how_to_add('otel')}"
        ) from error


def _check_protocol(environment: Mapping[str, str]) -> None:
    for variable in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if (protocol := environment.get(variable, _PROTOCOL)) != _PROTOCOL:
            raise TracingUnusable(f"{variable}={protocol} is not supported: {_PROTOCOL} is")


def _exporter(name: str) -> SpanExporter:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()
