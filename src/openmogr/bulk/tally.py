"""What a run has done so far, for whoever looks: the report, the line on the terminal, Prometheus."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from openmogr.bulk.model import Batch, BatchDone, Outcome, Status
from openmogr.bulk.survey import Survey

__all__ = ["Failure", "Tally", "TallyCollector"]

# The rate is that of so many seconds.
_WINDOW = 60.0


@dataclass(frozen=True, slots=True)
class Failure:
    """An object that has no result.

    Attributes:
        before: an earlier run has found it, and this one has not tried it again.
    """

    key: str
    target: str
    size: int
    reason: str
    message: str
    before: bool = False


@dataclass
class Tally:
    """Counts of one run.

    Attributes:
        survey: what there is; None: nobody knows.
        done: objects with a new result.
        skipped: objects whose result an earlier run made.
        failed: objects without one, by reason.
        known: of those, how many an earlier run has found, which were not tried again.
        before: bytes of the sources that are done.
        after: bytes of their results.
        cpu: seconds of processor time of pictures.
        overhead: of all else: listing, reading, writing, the ledger.
        lost: batches that no worker could end.
        workers: names of processes that worked.
    """

    survey: Survey | None = None
    done: int = 0
    skipped: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    known: int = 0
    before: int = 0
    after: int = 0
    cpu: float = 0.0
    overhead: float = 0.0
    batches: int = 0
    lost: int = 0
    objects_in_flight: int = 0
    bytes_in_flight: int = 0
    workers: set[str] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    _steps: deque[tuple[float, int]] = field(default_factory=deque)
    _process: float = field(default_factory=time.process_time)

    def submitted(self, batch: Batch) -> None:
        """A batch is under way."""
        self.objects_in_flight += len(batch.items)
        self.bytes_in_flight += batch.size

    def returned(self, batch: Batch) -> None:
        """It is not any more."""
        self.objects_in_flight -= len(batch.items)
        self.bytes_in_flight -= batch.size

    def worked(self, done: BatchDone) -> None:
        """What became of one, once the ledger has it."""
        self.batches += 1
        self.overhead += done.overhead
        if done.worker:
            self.workers.add(done.worker)
        self.count(done.outcomes)

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """What became of some objects."""
        for outcome in outcomes:
            self.cpu += outcome.cpu
            if outcome.status is Status.done:
                self.done += 1
                self.before += outcome.item.size
                self.after += outcome.size
            else:
                self.failed[outcome.reason] += 1
        now = time.monotonic()
        self._steps.append((now, self.seen))
        while self._steps[0][0] < now - _WINDOW and len(self._steps) > 2:
            self._steps.popleft()

    @property
    def seen(self) -> int:
        """Objects that this run is done with."""
        return self.done + self.skipped + self.failed.total()

    @property
    def seconds(self) -> float:
        """Since the run began, until it ended."""
        return (self.ended or time.monotonic()) - self.began

    @property
    def rate(self) -> float:
        """Objects a second in the last minute."""
        if len(self._steps) < 2:
            return self.seen / max(self.seconds, 1e-3)
        (first, before), (last, after) = self._steps[0], self._steps[-1]
        return (after - before) / max(last - first, 1e-3)

    @property
    def left(self) -> float | None:
        """Seconds until all is done at that rate; None where it is not known how much there is."""
        if self.survey is None or not self.rate:
            return None
        return max(self.survey.objects - self.seen, 0) / self.rate

    @property
    def cpu_total(self) -> float:
        """Seconds of processor time of the whole run, this process included."""
        return self.cpu + self.overhead + time.process_time() - self._process

    def cost(self, price: float) -> float:
        """Money so far, at a price of an hour of a processor."""
        return self.cpu_total / 3600 * price

    def summary(self, price: float | None = None) -> dict[str, object]:
        """For the report; bytes, seconds."""
        worked = self.done + self.failed.total() - self.known
        told: dict[str, object] = {
            "objects": self.seen,
            "done": self.done,
            "skipped": self.skipped,
            "failed": self.failed.total(),
            "failed_before": self.known,
            "reasons": dict(self.failed),
            "bytes_before": self.before,
            "bytes_after": self.after,
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_total, 3),
            "picture_cpu_seconds": round(self.cpu, 3),
            "cpu_seconds_each": round(self.cpu_total / worked, 6) if worked else None,
            "batches": self.batches,
            "batches_lost": self.lost,
            "workers": len(self.workers),
        }
        if self.survey is not None:
            told["unfinished"] = max(self.survey.objects - self.seen, 0)
        if price is not None:
            told["cost"] = round(self.cost(price), 6)
            told["cost_per_million"] = round(self.cost(price) / worked * 1e6, 6) if worked else None
        return told


class TallyCollector(Collector):
    """The tally as metrics of Prometheus, read when they are asked for. Labels are few: reasons are words of ours."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def describe(self) -> list[Metric]:
        """Nothing is asked of the run to be registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All of it."""
        tally = self._tally
        objects = CounterMetricFamily(
            "openmogr_bulk_objects", "Objects that this run is done with.", labels=["outcome"]
        )
        objects.add_metric(["done"], tally.done)
        objects.add_metric(["skipped"], tally.skipped)
        objects.add_metric(["failed"], tally.failed.total())
        yield objects
        failures = CounterMetricFamily("openmogr_bulk_failures", "Objects that failed.", labels=["reason"])
        for reason, number in tally.failed.items():
            failures.add_metric([reason], number)
        yield failures
        size = CounterMetricFamily(
            "openmogr_bulk_bytes",
            "Bytes of sources that are done and of their results.",
            labels=["direction"],
        )
        size.add_metric(["in"], tally.before)
        size.add_metric(["out"], tally.after)
        yield size
        cpu = CounterMetricFamily("openmogr_bulk_cpu_seconds", "Processor time.", labels=["part"])
        cpu.add_metric(["pictures"], tally.cpu)
        cpu.add_metric(["other"], tally.cpu_total - tally.cpu)
        yield cpu
        yield GaugeMetricFamily(
            "openmogr_bulk_objects_in_flight", "Objects handed over to workers.", tally.objects_in_flight
        )
        yield GaugeMetricFamily(
            "openmogr_bulk_bytes_in_flight", "Bytes of sources handed over to workers.", tally.bytes_in_flight
        )
        if tally.survey is not None:
            yield GaugeMetricFamily(
                "openmogr_bulk_objects_expected", "Objects that there were at first.", tally.survey.objects
            )
