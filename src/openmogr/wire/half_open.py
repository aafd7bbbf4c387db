"""Whether a client that closed its end has left altogether, or waits for its answer with half a connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["HalfOpen", "Waiting"]

# Seconds that an answer has to begin in before its client is asked for a sign of life.
_UNASKED = 0.02
# Between two looks, at first and at most; and how long a sign of life is waited for.
_FIRST_LOOK, _LAST_LOOK, _PATIENCE = 0.003, 0.1, 1.0
# A client that is there is asked again after so long.
_AGAIN = 1.0
# Where none can be asked for: how long an answer may take to begin.
_BLIND = 0.1

_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)
# Of Linux's struct tcp_info: the state, and how many segments were not acknowledged.
_INFO = struct.Struct("=B23xI")
_CLOSE_WAIT = 8


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer that has not begun.

    Attributes:
        goes_on: whether that is so still, and somebody may wait for it.
        ask: sends what a client has to ignore, and what a system refuses whose program is gone; False where
            nothing may be sent now.
        give_up: called once, when nobody is there any more.
    """

    goes_on: Callable[[], bool]
    ask: Callable[[], bool]
    give_up: Callable[[], None]


class HalfOpen:
    """Watches a connection whose client has sent an end of stream.

    An end looks the same whether the client only has nothing more to send or has left. A system answers what it gets
    for a program that has left with a reset, and acknowledges it for one that still listens.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket | None, waiting: Waiting) -> None:
        self._loop = loop
        self._sock = sock
        self._waiting = waiting
        self._asked_at = 0.0
        self._pause = _FIRST_LOOK
        loop.call_later(_UNASKED, self._ask)

    def _state(self) -> tuple[bool, bool] | None:
        """Whether the connection is half open still, and all that was sent acknowledged; None if nobody can tell."""
        if _TCP_INFO is None or self._sock is None:
            return None
        try:
            state, unacknowledged = _INFO.unpack(
                self._sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _INFO.size)
            )
        except (OSError, struct.error):
            return None
        return state == _CLOSE_WAIT, not unacknowledged

    def _ask(self) -> None:
        if not self._waiting.goes_on():
            return
        if self._state() is None or not self._waiting.ask():
            self._loop.call_later(_BLIND - _UNASKED, self._end)
            return
        self._asked_at = self._loop.time()
        self._pause = _FIRST_LOOK
        self._loop.call_later(self._pause, self._look)

    def _look(self) -> None:
        if not self._waiting.goes_on():
            return
        is_open, acknowledged = self._state() or (False, False)
        waited = self._loop.time() - self._asked_at
        if not is_open or (not acknowledged and waited > _PATIENCE):
            self._end()
        elif waited > _AGAIN:
            self._ask()
        else:
            self._pause = min(2 * self._pause, _LAST_LOOK)
            self._loop.call_later(self._pause, self._look)

    def _end(self) -> None:
        if self._waiting.goes_on():
            self._waiting.give_up()
