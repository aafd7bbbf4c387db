"""How many requests per second one key, or one address without a key, may send."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from openmogr.errors import SlowDown

__all__ = ["RateLimit", "network_of"]

# Of callers that are remembered; those that were not heard of for longest are forgotten, as if they had been idle.
_CALLERS = 65_536
# A network of this length is one household's or one server's.
_IPV6_PREFIX = 64


class RateLimit:
    """Counts requests by caller, each of whom may send a second's worth at once after a pause.

    Args:
        rate: requests per second; 0: any number.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._burst = max(1.0, rate) * self._interval
        self._clock = clock
        # By caller, the time at which everything sent so far would have been sent at the even rate.
        self._even: OrderedDict[str, float] = OrderedDict()

    @property
    def on(self) -> bool:
        """Whether there is a limit."""
        return self._interval > 0

    def count(self, caller: str) -> None:
        """One request of a caller. Raises ``SlowDown``, which does not count."""
        if not self._interval:
            return
        now = self._clock()
        even = max(now, self._even.get(caller, now)) + self._interval
        wait = even - now - self._burst
        if wait > 1e-9:
            raise SlowDown(
                "You are sending requests faster than this server allows.",
                headers={"Retry-After": str(max(1, math.ceil(wait)))},
            )
        self._even[caller] = even
        self._even.move_to_end(caller)
        if len(self._even) > _CALLERS:
            self._even.popitem(last=False)


def network_of(address: str) -> str:
    """What counts as one caller: an IPv4 address, or the network that somebody with IPv6 has."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
    return str(parsed)
