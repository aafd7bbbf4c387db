"""Run the server: uvicorn with the connection protocol of :mod:`openmogr.wire`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import cast

import uvicorn
from uvicorn.server import ServerState

from openmogr.api.settings import ServerSettings
from openmogr.app import App
from openmogr.wire import REFUSED_IN_WORDS, CosProtocol

__all__ = ["fit_connections", "make_server"]

_log = logging.getLogger("openmogr.server")

# A connection takes its socket and the file that it reads or writes.
_PER_CONNECTION = 2
# The index, the event loop, libraries, and connections that are being refused.
_OWN = 192 + REFUSED_IN_WORDS
_OPERATE_CONNECTIONS = 32
# Objects that may be part of cycles, between two looks for such; requests leave hardly any behind.
_COLLECT_AFTER = 10_000
# Seconds between two looks at whether to stop, for those who set ``should_exit``; a signal is heeded at once.
_LOOK_AGAIN = 1.0


class _Server(uvicorn.Server):
    """A server that outlives the terminal or session it was started from, and says early that it stops.

    Pages of operation may have an address of their own, which is there from before the start to after the end.
    """

    def __init__(
        self, config: uvicorn.Config, app: App, settings: ServerSettings, operate: socket.socket | None
    ) -> None:
        super().__init__(config)
        self._cos = app
        self._operate_socket = operate
        self._settings = settings
        self._operate: asyncio.Server | None = None
        self._delay_until: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGHUP"):
            with super().capture_signals():
                yield
            return
        # There is nothing to read again: settings hold until the end, and logs go to the standard error.
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with super().capture_signals():
                yield
        finally:
            signal.signal(signal.SIGHUP, before)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._cos.stop_being_ready()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._woken.set)
        if not self.started or not self._settings.shutdown_delay or self._delay_until is not None:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)
        self._delay_until = time.monotonic() + self._settings.shutdown_delay

    async def main_loop(self) -> None:
        # uvicorn looks ten times a second, which costs a server that rests more than its requests do.
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        while not self.should_exit:
            patience = _LOOK_AGAIN
            if self._delay_until is not None:
                patience = min(patience, max(0.0, self._delay_until - time.monotonic()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._woken.wait()
            self._woken.clear()
            if self._delay_until is not None and time.monotonic() >= self._delay_until:
                self.should_exit = True

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            if self._settings.operate_address:
                self._operate = await self._listen_for_operators()
            # What was imported stays; the collector need not look through it again and again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
            await super().serve(sockets)
        finally:
            if self._operate is not None:
                self._operate.close()

    async def _listen_for_operators(self) -> asyncio.Server:
        listener = self._operate_socket or socket.create_server(self._settings.operate_place)
        config = uvicorn.Config(self._cos.operate, lifespan="off", log_config=None)
        config.load()
        # Apart from the main address's connections, whose limit must not keep a probe away.
        state = ServerState()
        limits = replace(self._settings.wire_limits, connections=_OPERATE_CONNECTIONS)
        return await asyncio.get_running_loop().create_server(
            lambda: CosProtocol(config, state, {}, limits=limits), sock=listener
        )


def fit_connections(wanted: int) -> int:
    """How many connections the process's descriptors allow; the soft limit is raised as far as needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _PER_CONNECTION * wanted + _OWN
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    limit = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if limit > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (OSError, ValueError):  # as macOS does above a limit of its own
            limit = soft
    fitting = max(1, (limit - min(_OWN, limit // 2)) // _PER_CONNECTION)
    if fitting >= wanted:
        return wanted
    _log.warning(
        "at most %d connections instead of max_connections = %d: the limit of open files is %d, and %d are needed;"
        " raise it (ulimit -Hn, LimitNOFILE=, --ulimit nofile=)",
        fitting,
        wanted,
        limit,
        needed,
    )
    return fitting


def make_server(app: App, settings: ServerSettings, operate: socket.socket | None = None) -> uvicorn.Server:
    """A server that is ready to run; its ``run`` blocks until a signal ends it.

    Args:
        app: what it serves.
        settings: where, and what a connection may cost.
        operate: listens already on the address for pages of operation, if they have one; None: the server does.
    """
    limits = replace(settings.wire_limits, connections=fit_connections(settings.max_connections))
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=cast("type[CosProtocol]", partial(CosProtocol, limits=limits)),
        ws="none",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        headers=[("Server", settings.server_header)],
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=settings.shutdown_timeout,
    )
    return _Server(config, app, settings, operate)
