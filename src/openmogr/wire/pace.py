"""How fast the body of a request arrives."""

from __future__ import annotations

from openmogr.wire.errors import RequestTimeout
from openmogr.wire.limits import WireLimits

__all__ = ["BodyPace"]


class BodyPace:
    """Adds up the time that a server waits for a body; what it does in between costs the client nothing."""

    def __init__(self, limits: WireLimits) -> None:
        self._limits = limits
        self._left = limits.body_deadline
        self._waited = 0.0
        self._received = 0

    @property
    def patience(self) -> float:
        """How long to wait for the next piece, in seconds."""
        return max(0.0, min(self._limits.body_timeout, self._left))

    def received(self, size: int) -> None:
        """Bytes of the body arrived."""
        self._received += size

    def waited(self, seconds: float) -> None:
        """A wait ended with a piece. Raises ``RequestTimeout`` where the pieces are too small."""
        self._left -= seconds
        self._waited += seconds
        if self._left <= 0:
            raise RequestTimeout()
        if self._waited >= self._limits.body_timeout:
            if self._received < self._limits.min_body_rate * self._waited:
                raise RequestTimeout(
                    f"The body of the request arrived at less than {self._limits.min_body_rate} bytes per second."
                )
            self._waited, self._received = 0.0, 0
