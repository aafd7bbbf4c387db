"""A connection: bytes in from the socket, requests to the application, answers out in order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from email.utils import formatdate
from functools import lru_cache
from typing import cast

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from openmogr.asgi import ASGIApp, Scope
from openmogr.errors import CosError, SlowDown
from openmogr.wire.errors import InvalidRequest, MalformedBody, MethodNotAllowed, RequestIds
from openmogr.wire.exchange import CONTINUE, Exchange, error_response
from openmogr.wire.half_open import HalfOpen, Waiting
from openmogr.wire.headers import write_head
from openmogr.wire.limits import WireLimits
from openmogr.wire.target import escape_line, split_target

__all__ = ["REFUSED_IN_WORDS", "CosProtocol"]

_log = logging.getLogger("openmogr.wire")
_ids = RequestIds()

_STATUS = {400: b"HTTP/1.1 400 Bad Request\r\n", 405: b"HTTP/1.1 405 Method Not Allowed\r\n"}
_STATUS[503] = b"HTTP/1.1 503 Service Unavailable\r\n"
# Connections past the limit that still get an answer before they are closed; each takes a descriptor meanwhile.
REFUSED_IN_WORDS = 64


@lru_cache(maxsize=4)
def _date(second: int) -> tuple[bytes, bytes]:
    return b"date", formatdate(second, usegmt=True).encode("ascii")


class CosProtocol(asyncio.Protocol):
    """The protocol class that uvicorn instantiates for every connection (``Config(http=...)``)."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: WireLimits | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self.loop = _loop or asyncio.get_running_loop()
        self.limits = limits or WireLimits()
        self.ids = _ids
        self._app = cast(ASGIApp, config.loaded_app)
        self._app_state = app_state
        self._config_headers = config.encoded_headers
        self._server_state = server_state
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._client: tuple[str, int] | None = None
        self._server: tuple[str, int] | None = None
        self._scheme = "http"
        self._timer: asyncio.TimerHandle | None = None
        self._reading = True
        self._writable: asyncio.Future[None] | None = None
        # The exchange being answered, the one being received (often the same), and those that wait.
        self._current: Exchange | None = None
        self._incoming: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._in_head = False
        self._head_bytes = 0
        self._framing_bytes = 0  # of a body, received without a byte of its content
        self._content = False  # whether the last piece received held content
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._expects_continue = False
        self._closing = False  # whatever still arrives is thrown away

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # it has the shutdown() that is needed
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self._client = (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None
        self._server = (str(own[0]), int(own[1])) if isinstance(own, tuple) else None
        self._scheme = "https" if transport.get_extra_info("sslcontext") else "http"
        if len(self._server_state.connections) > self.limits.connections + REFUSED_IN_WORDS:
            self.abort()
        elif len(self._server_state.connections) > self.limits.connections:
            self._refuse(SlowDown("Too many connections."))
        else:
            self._set_timer(self.limits.head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server_state.connections.discard(self)
        self._set_timer(None)
        self._closing = True
        for exchange in {self._current, self._incoming, *self._waiting}:
            if exchange is not None:
                exchange.leave()
        self.resume_writing()

    def eof_received(self) -> bool:
        """Half a connection is enough to answer on, as long as somebody listens at its other end."""
        exchange = self._incoming
        if self._closing or exchange is None or not exchange.received or exchange.complete:
            return False
        exchange.keep_alive = False

        def waits() -> bool:
            return not exchange.started and not self._closing

        def ask() -> bool:
            # Who speaks HTTP/1.1 passes over this one wherever it comes (RFC 9110 section 15.2), but not within an
            # answer to an earlier request.
            if self._current is not exchange or exchange.scope["http_version"] != "1.1":
                return False
            self.write(CONTINUE)
            return True

        HalfOpen(self.loop, self._transport.get_extra_info("socket"), Waiting(waits, ask, self.abort))
        return True

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            if not self._writable.done():
                self._writable.set_result(None)
            self._writable = None

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if not self._in_head and (self._incoming is None or self._incoming.received):
            data = escape_line(data)
        self._content = False
        while data:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                # An offer to change the protocol is not taken up; what follows it is HTTP/1 still.
                data = data[int(upgrade.args[0]) :]
            except httptools.HttpParserInvalidMethodError:
                self._protocol_error(MethodNotAllowed())
                return
            except httptools.HttpParserError as error:
                cause = error.__context__
                self._protocol_error(
                    cause if isinstance(cause, CosError) else InvalidRequest("The HTTP request is malformed.")
                )
                return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > 2 * self.limits.head_bytes:
                self._protocol_error(self._head_too_long())
        elif self._incoming is not None and not self._incoming.received:
            # Trailers and chunk extensions are dropped; without end they would be parsed, and kept, without end.
            self._framing_bytes = 0 if self._content else self._framing_bytes + len(data)
            if self._framing_bytes > 2 * self.limits.head_bytes:
                self._protocol_error(MalformedBody("The trailers of the request's body are too long."))

    # Called by the parser

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._framing_bytes = 0
        self._target = b""
        self._headers = []
        self._expects_continue = False
        if self._current is None or self._current.complete:
            self._set_timer(self.limits.head_timeout)

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer of a chunked body: nothing here defines one, and none may pass for a header
        self._count_head(len(name) + len(value) + 4)
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        version = self._parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise InvalidRequest(f"HTTP/{version} is not spoken here.")
        if any(
            name == b"transfer-encoding" and value.strip().lower() != b"chunked"
            for name, value in self._headers
        ):
            # The body would be stored as it is coded.
            raise InvalidRequest("Of the transfer codings only chunked is understood.")
        self._in_head = False
        self._set_timer(None)
        target = split_target(self._target)
        method = self._parser.get_method().decode("ascii")
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "method": method,
            "scheme": self._scheme,
            "path": target.path.decode("ascii", "replace"),
            "raw_path": target.path,
            "query_string": target.query,
            "root_path": "",
            "headers": tuple(self._headers),
            "client": self._client,
            "server": self._server,
            "state": self._app_state.copy(),
            "extensions": {"openmogr.authority": target.authority},
        }
        exchange = Exchange(
            self,
            scope,
            keep_alive=self._parser.should_keep_alive() and method != "CONNECT",
            expects_continue=self._expects_continue and version == "1.1",
        )
        self._incoming = exchange
        if self._current is None:
            self._start(exchange)
        else:
            self._waiting.append(exchange)
            self.pause_reading()

    def on_body(self, body: bytes) -> None:
        self._content = True
        if self._incoming is not None:
            self._incoming.feed(body)

    def on_message_complete(self) -> None:
        exchange = self._incoming
        if exchange is None:
            return
        exchange.received = True
        exchange.wake()
        if exchange.complete:
            self._next()

    # Called by exchanges

    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """``Date`` and what the configuration adds to every answer."""
        return [_date(int(time.time())), *self._config_headers]

    def write(self, data: bytes) -> None:
        """Hand bytes to the socket."""
        if not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the client has taken in most of what was written, or drop it if it does not."""
        while (writable := self._writable) is not None:
            try:
                async with asyncio.timeout(self.limits.write_timeout):
                    await asyncio.shield(writable)
            except TimeoutError:
                self.abort()
                return

    def pause_reading(self) -> None:
        if self._reading and not self._transport.is_closing():
            self._reading = False
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._reading and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()

    def abort(self) -> None:
        """Break the connection off."""
        self._closing = True
        self._transport.abort()

    def exchange_answered(self, exchange: Exchange) -> None:
        """The answer is written; take in the rest of its request, then go on."""
        self._server_state.total_requests += 1
        if exchange.received:
            self._next()
        else:
            # Closing now would reset the connection under a client that still sends, and lose it the answer.
            if not exchange.keep_alive and self._transport.can_write_eof():
                self._transport.write_eof()
            self.resume_reading()
            self._set_timer(self.limits.linger_timeout)

    # Called by uvicorn

    def shutdown(self) -> None:
        """End the connection when what is under way has been answered."""
        if self._current is None:
            self._transport.close()
        else:
            self._current.keep_alive = False

    # Own

    def _start(self, exchange: Exchange) -> None:
        self._current = exchange
        task = self.loop.create_task(exchange.run(self._app))
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    def _next(self) -> None:
        exchange, self._current = self._current, None
        if self._transport.is_closing():
            return
        if exchange is not None and not exchange.keep_alive:
            self._expired()
        elif self._waiting:
            self._start(self._waiting.popleft())
        else:
            self.resume_reading()
            self._set_timer(self.limits.head_timeout if self._in_head else self.limits.keep_alive_timeout)

    def _protocol_error(self, error: CosError) -> None:
        """What arrived last cannot be parsed: nothing on this connection can be read any more."""
        exchange = self._incoming
        if self._current is not None:
            if exchange is not None and not exchange.received:
                exchange.malformed = True
                exchange.wake()
            (exchange or self._current).keep_alive = False
            # An answered exchange whose request turned bad has nothing more to wait for.
            if exchange is not None:
                exchange.received = True
                if exchange.complete:
                    self._next()
            self._closing = True
            return
        self._refuse(error)

    def _refuse(self, error: CosError) -> None:
        headers, body = error_response(error, self.ids, self._target.decode("ascii", "replace"))
        pieces = write_head(
            _STATUS[error.status], [*self.default_headers(), *headers, (b"connection", b"close")]
        )
        self.write(b"".join([*pieces, b"\r\n", body]))
        self._closing = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
            self._set_timer(min(self.limits.linger_timeout, 2.0))
        else:
            self._expired()

    def _count_head(self, length: int) -> None:
        self._head_bytes += length
        if self._head_bytes > self.limits.head_bytes:
            raise self._head_too_long()

    def _head_too_long(self) -> InvalidRequest:
        return InvalidRequest(f"The request line and headers exceed {self.limits.head_bytes} bytes.")

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._expired)

    def _expired(self) -> None:
        """Close when what was written has left; a client that takes nothing in any more is not waited for."""
        self._closing = True
        self._transport.close()
        self._timer = self.loop.call_later(self.limits.write_timeout, self._transport.abort)
