"""One request and its response on a connection: the ASGI ``receive`` and ``send`` of the application."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from openmogr.asgi import ASGIApp, Message, Scope
from openmogr.errors import CosError, InternalError, SlowDown, is_shortage
from openmogr.wire.errors import ERROR_TYPE, MalformedBody, RequestIds, RequestTimeout, error_document
from openmogr.wire.headers import write_head
from openmogr.wire.pace import BodyPace

if TYPE_CHECKING:
    from openmogr.wire.connection import CosProtocol

__all__ = ["CONTINUE", "Exchange", "error_response"]

_log = logging.getLogger("openmogr.wire")

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# Reading from the socket pauses while this many bytes of a body wait for the application.
_BODY_HIGH_WATER = 512 * 1024
# Longer pieces of a body are handed over as they come, without being joined.
_LONG = 16 * 1024
# Bodies up to this many bytes are joined with their head; of others a copy would cost more than a second buffer.
_JOIN_BELOW = 32 * 1024

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


def error_response(
    error: CosError, ids: RequestIds, resource: str
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of an error answer that is made below the application."""
    request_id = ids.request_id()
    trace_id = ids.trace_id(request_id)
    body = error_document(error.code, error.message, resource, request_id, trace_id)
    headers = [
        (b"content-type", ERROR_TYPE),
        (b"content-length", b"%d" % len(body)),
        (b"x-cos-request-id", request_id.encode()),
        (b"x-cos-trace-id", trace_id.encode()),
    ]
    if error.status == 503:
        headers.append((b"retry-after", b"5"))
    return headers, body


def _to_show(error: Exception) -> CosError:
    if isinstance(error, CosError):
        return error
    return SlowDown("The server is short of memory or files.") if is_shortage(error) else InternalError()


class Exchange:
    """State of a request being received and answered."""

    def __init__(
        self, protocol: CosProtocol, scope: Scope, *, keep_alive: bool, expects_continue: bool
    ) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue
        self.received = False  # the whole request has been parsed
        self.complete = False  # the whole response has been written
        self.disconnected = False
        self.malformed = False
        self._task: asyncio.Task[None] | None = None
        self._protocol = protocol
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._pace = BodyPace(protocol.limits)
        self._arrival: asyncio.Future[None] | None = None
        self._head: Message | None = None
        self._started = False
        self._chunked = False
        self._remaining = 0

    @property
    def started(self) -> bool:
        """Whether the answer has begun."""
        return self._started

    def leave(self) -> None:
        """The client has gone away: whatever is read or made for it alone is stopped. Writes go on to their end."""
        self.disconnected = True
        self.wake()
        if self._task is not None and self.scope["method"] in ("GET", "HEAD"):
            self._task.cancel()

    async def run(self, app: ASGIApp) -> None:
        """Let the application answer; whatever it does, the connection stays in a known state."""
        self._task = asyncio.current_task()
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            if self.disconnected:
                return
            self._protocol.abort()
            raise
        except Exception as error:
            if not self.disconnected:
                _log.error("%s %s failed", self.scope["method"], self.scope["path"], exc_info=error)
            await self._fail(_to_show(error))
        else:
            if not self.complete and not self.disconnected:
                _log.error("%s %s was not answered to the end", self.scope["method"], self.scope["path"])
                await self._fail(InternalError())

    async def _fail(self, error: CosError) -> None:
        if self._started or self.disconnected:
            # Half an answer was sent: only a broken connection tells the client that it is not whole.
            self._protocol.abort()
            return
        headers, body = error_response(error, self._protocol.ids, self.scope["path"])
        self._head = None
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self.send(
            {"type": "http.response.body", "body": b"" if self.scope["method"] == "HEAD" else body}
        )

    # The request body

    def feed(self, chunk: bytes) -> None:
        """A piece of the body arrived."""
        if self.complete:
            return
        self._chunks.append(chunk)
        self._buffered += len(chunk)
        self._pace.received(len(chunk))
        if self._buffered > _BODY_HIGH_WATER:
            self._protocol.pause_reading()
        self.wake()

    def wake(self) -> None:
        """Let a waiting ``receive`` look again."""
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def receive(self) -> Message:
        """The ASGI ``receive``; raises ``RequestTimeout`` or ``MalformedBody``, unknown to ASGI."""
        if self.expects_continue and not self.complete and not self.disconnected:
            self.expects_continue = False
            # Also where the body is empty: botocore remembers a final answer in its place for the next request.
            if not self._chunks:
                self._protocol.write(CONTINUE)
        while not (self._chunks or self.received or self.disconnected or self.malformed or self.complete):
            await self._wait()
        if self.disconnected or self.complete:
            return {"type": "http.disconnect"}
        if self.malformed and not self._chunks:
            raise MalformedBody()
        if len(self._chunks) > 1 and len(self._chunks[0]) < _LONG:
            body = b"".join(self._chunks)
            self._chunks.clear()
        else:
            body = self._chunks.popleft() if self._chunks else b""
        self._buffered -= len(body)
        more = bool(self._chunks) or self.malformed or not self.received
        return {"type": "http.request", "body": body, "more_body": more}

    async def _wait(self) -> None:
        """For the next piece of the body, or the end of it."""
        clock = self._protocol.loop.time
        started = clock()
        self._protocol.resume_reading()
        self._arrival = self._protocol.loop.create_future()
        try:
            async with asyncio.timeout(self._pace.patience):
                await self._arrival
            if not (self.received or self.disconnected or self.complete):
                self._pace.waited(clock() - started)
        except TimeoutError:
            self.keep_alive = False
            raise RequestTimeout() from None
        except RequestTimeout:
            self.keep_alive = False
            raise
        finally:
            self._arrival = None

    # The response

    async def send(self, message: Message) -> None:
        """The ASGI ``send``. Raises ``ConnectionResetError`` once the client has gone away."""
        if self.disconnected:
            raise ConnectionResetError("the client has gone away")
        if message["type"] == "http.response.start":
            if self._head is not None:
                raise RuntimeError("a response was started twice")
            self._head = message
            return
        if self._head is None or self.complete:
            raise RuntimeError("a body without a response to put it into")
        body = cast(bytes, message.get("body", b""))
        more = bool(message.get("more_body", False))
        pieces: list[bytes] = [] if self._started else self._write_head(self._head, len(body), more)
        if self.scope["method"] != "HEAD":
            self._frame(pieces, body, more)
        if sum(map(len, pieces)) <= _JOIN_BELOW:
            self._protocol.write(b"".join(pieces))
        else:
            for piece in pieces:
                if piece:
                    self._protocol.write(piece)
        if more:
            await self._protocol.drain()
            return
        if self._remaining and self.scope["method"] != "HEAD":
            raise RuntimeError(f"the response is {self._remaining} bytes short of its Content-Length")
        self.complete = True
        await self._protocol.drain()
        self._protocol.exchange_answered(self)

    def _frame(self, pieces: list[bytes], body: bytes, more: bool) -> None:
        if self._chunked:
            if body:
                pieces += (b"%x\r\n" % len(body), body, b"\r\n")
            if not more:
                pieces.append(b"0\r\n\r\n")
            return
        if len(body) > self._remaining >= 0:
            raise RuntimeError("the response is longer than its Content-Length")
        self._remaining -= len(body)
        pieces.append(body)

    def _write_head(self, head: Message, body_length: int, more: bool) -> list[bytes]:
        status = int(head["status"])
        headers = cast(Sequence[tuple[bytes, bytes]], head.get("headers", ()))
        pieces = write_head(_STATUS_LINES[status], [*self._protocol.default_headers(), *headers])
        length = next((value for name, value in headers if name.lower() == b"content-length"), None)
        bodiless = status in (204, 304)
        if length is not None:
            self._remaining = 0 if bodiless else int(length)
        elif bodiless:
            self._remaining = 0
        elif not more:
            self._remaining = body_length
            if self.scope["method"] != "HEAD":
                pieces.append(b"Content-Length: %d\r\n" % body_length)
        elif self.scope["http_version"] == "1.1":
            self._chunked = True
            pieces.append(b"Transfer-Encoding: chunked\r\n")
        else:
            self._remaining = -1
            self.keep_alive = False
        if self.expects_continue:
            # Whether the body follows is now up to the client: the connection cannot be used again.
            self.keep_alive = False
        if not self.keep_alive:
            pieces.append(b"Connection: close\r\n")
        elif self.scope["http_version"] == "1.0":
            pieces.append(b"Connection: keep-alive\r\n")
        pieces.append(b"\r\n")
        self._started = True
        return pieces
