"""Metrics in Prometheus' text format."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from openmogr.observe import Metrics


def _samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_counts_times_and_watched_values_are_told() -> None:
    metrics = Metrics()
    metrics.requests.labels("GET", "object", "200").inc()
    metrics.seconds.labels("object").observe(0.002)
    metrics.watch("openmogr_image_waiting", "Image jobs that wait.", lambda: 7)
    metrics.watch_counts(
        "openmogr_workers_replaced", "Workers.", "reason", lambda: {"crashed": 2, "killed": 1}
    )
    samples = _samples(metrics)
    told = (("method", "GET"), ("operation", "object"), ("status", "200"))
    assert samples["openmogr_requests_total", told] == 1
    assert samples["openmogr_request_seconds_count", (("operation", "object"),)] == 1
    assert samples["openmogr_image_waiting", ()] == 7
    assert samples["openmogr_workers_replaced_total", (("reason", "crashed"),)] == 2


def test_two_servers_in_one_process_do_not_share_numbers() -> None:
    first, second = Metrics(), Metrics()
    first.results.labels("hit").inc()
    assert ("openmogr_results_total", (("outcome", "hit"),)) in _samples(first)
    assert ("openmogr_results_total", (("outcome", "hit"),)) not in _samples(second)
