"""What one connection may cost."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WireLimits"]


@dataclass(frozen=True, slots=True)
class WireLimits:
    """Bounds of a connection; times are seconds.

    Attributes:
        head_bytes: request line and headers together.
        head_timeout: from the first byte of a request to the end of its head.
        body_timeout: between two pieces of a body before the request fails with ``RequestTimeout``.
        min_body_rate: least bytes per second of a body, averaged over ``body_timeout`` of waiting for it; 0: any.
        body_deadline: of waiting for a body, in all. Time in which the server does not wait counts for neither.
        write_timeout: for a client to take in what is buffered for it, before the connection is dropped.
        keep_alive_timeout: between two requests.
        linger_timeout: for the rest of a body that nobody wants, after the answer was sent.
        connections: open at the same time; further ones are answered ``SlowDown``.
    """

    head_bytes: int = 65_536
    head_timeout: float = 30.0
    body_timeout: float = 60.0
    min_body_rate: int = 500
    body_deadline: float = 21_600.0
    write_timeout: float = 60.0
    keep_alive_timeout: float = 60.0
    linger_timeout: float = 30.0
    connections: int = 4096
