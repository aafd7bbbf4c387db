"""What ``/-/metrics`` tells, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["Metrics"]

_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Metrics:
    """The server's metrics, in a registry of their own.

    Labels have few values by construction: methods, statuses and operations of the API, never what a client writes.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.requests = Counter(
            "openmogr_requests",
            "Requests answered.",
            ["method", "operation", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "openmogr_request_seconds",
            "Time from a request's head to the end of its answer.",
            ["operation"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.encode_seconds = Histogram(
            "openmogr_image_seconds",
            "Time of one image job in its worker, by the result's format.",
            ["format"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.image_bytes = Counter(
            "openmogr_image_bytes",
            "Bytes of sources that were processed and of results that were made.",
            ["direction", "format"],
            registry=self.registry,
        )
        self.source_bytes = Counter(
            "openmogr_image_source_bytes",
            "Bytes of sources, once for each result made of them, by the result's format.",
            ["format"],
            registry=self.registry,
        )
        self.results = Counter(
            "openmogr_results",
            "Results wanted, by whether they were remembered.",
            ["outcome"],
            registry=self.registry,
        )
        self.refused = Counter(
            "openmogr_refused", "Image jobs that were not admitted.", ["reason"], registry=self.registry
        )

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge that is read when metrics are asked for."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def watch_counts(self, name: str, text: str, label: str, values: Callable[[], dict[str, float]]) -> None:
        """A counter per value of ``label`` that somebody else keeps."""
        self.registry.register(_Counts(name, text, label, values))

    def text(self) -> bytes:
        """All of them, in the text format 0.0.4."""
        return generate_latest(self.registry)


class _Counts(Collector):
    def __init__(self, name: str, text: str, label: str, values: Callable[[], dict[str, float]]) -> None:
        self._name, self._text, self._label, self._values = name, text, label, values

    def describe(self) -> list[Metric]:
        return [CounterMetricFamily(self._name, self._text, labels=[self._label])]

    def collect(self) -> list[Metric]:
        family = CounterMetricFamily(self._name, self._text, labels=[self._label])
        for name, value in self._values().items():
            family.add_metric([name], value)
        return [family]
