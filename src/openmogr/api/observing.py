"""What is counted and logged of requests, in one place."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from openmogr.api.settings import ServerSettings
from openmogr.observe import Metrics
from openmogr.results import StoreStatistics

__all__ = ["Observer", "Seen"]

_access = logging.getLogger("openmogr.access")

_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"})
_FORWARDED = b"x-forwarded-for"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that was answered.

    Attributes:
        operation: the name of what answered it.
        seconds: from its head to the end of the answer.
        sent: bytes of the answer's body.
    """

    method: str
    path: str
    operation: str
    status: int
    seconds: float
    sent: int
    client: str


class Observer:
    """Counts into metrics, and writes the access log."""

    def __init__(self, metrics: Metrics, settings: ServerSettings) -> None:
        self.metrics = metrics
        self._logs = settings.access_log
        self._trusted = [ipaddress.ip_network(text, strict=False) for text in settings.trusted_proxies]
        self._is_trusted = lru_cache(maxsize=1024)(self._in_trusted_network)
        self._kept: StoreStatistics | None = None
        # Their values are few by construction, and looking them up again each time costs more than counting.
        self._counter = lru_cache(maxsize=1024)(metrics.requests.labels)
        self._timer = lru_cache(maxsize=256)(metrics.seconds.labels)
        self._outcome = lru_cache(maxsize=16)(metrics.results.labels)
        self._bytes = lru_cache(maxsize=64)(metrics.image_bytes.labels)
        self._source_bytes = lru_cache(maxsize=64)(metrics.source_bytes.labels)
        self._job_timer = lru_cache(maxsize=64)(metrics.encode_seconds.labels)
        metrics.watch(
            "openmogr_results_kept", "Results that are remembered.", lambda: self._of_kept("entries")
        )
        metrics.watch(
            "openmogr_results_kept_bytes", "Bytes of remembered results.", lambda: self._of_kept("bytes")
        )

    def answered(self, seen: Seen) -> None:
        """A request ended."""
        method = seen.method if seen.method in _METHODS else "other"
        self._counter(method, seen.operation, str(seen.status)).inc()
        self._timer(seen.operation).observe(seen.seconds)
        if self._logs:
            fields = {
                "method": seen.method,
                "path": seen.path,
                "status": seen.status,
                "milliseconds": round(seen.seconds * 1000, 1),
                "bytes": seen.sent,
                "operation": seen.operation,
                "client": seen.client,
            }
            _access.info("request", extra=fields)

    def looked_up(self, outcome: str) -> None:
        """A result was wanted: ``hit``, ``miss`` or ``joined``."""
        self._outcome(outcome).inc()

    def made(self, source_bytes: int, results: Sequence[tuple[str, int]], seconds: float) -> None:
        """Image work ended well.

        Args:
            source_bytes: of the source.
            results: format and bytes of each.
            seconds: that it took.
        """
        self._bytes("in", "any").inc(source_bytes)
        for name, size in results:
            self._bytes("out", name.lower()).inc(size)
            self._source_bytes(name.lower()).inc(source_bytes)
        formats = {name.lower() for name, _ in results}
        name = formats.pop() if len(formats) == 1 else "several" if formats else "info"
        self._job_timer(name).observe(seconds)

    def refused(self, reason: str) -> None:
        """Image work was not admitted."""
        self.metrics.refused.labels(reason).inc()

    def text(self, kept: StoreStatistics | None) -> bytes:
        """All metrics as Prometheus reads them.

        Args:
            kept: what the result store holds now.
        """
        self._kept = kept
        return self.metrics.text()

    def _of_kept(self, name: str) -> float:
        return 0 if self._kept is None else float(getattr(self._kept, name))

    def client(self, peer: str, headers: Mapping[bytes, bytes]) -> str:
        """Who sent a request: the peer, or, if that is a trusted proxy, whom it names."""
        if not self._trusted or not self._is_trusted(peer):
            return peer
        for text in reversed(headers.get(_FORWARDED, b"").decode("latin-1").split(",")):
            name = text.strip()
            if not _is_address(name):
                break
            peer = name
            if not self._is_trusted(name):
                break
        return peer

    def _in_trusted_network(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return any((mapped or address) in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
