"""What a request of S3 says of its body, held against the body while it arrives."""

from __future__ import annotations

import asyncio
import hashlib
import hmac

from openmogr.api.errors import IncompleteBody
from openmogr.api.s3.checksums import Expected, Running, check_value
from openmogr.api.s3.chunks import ChunkDecoder
from openmogr.api.s3.errors import ContentSha256Mismatch, MalformedTrailer
from openmogr.api.s3.state import S3
from openmogr.asgi import Message, Receive

__all__ = ["CheckedBody"]

# Longer pieces are hashed off the event loop, which they would hold up for milliseconds.
_AT_ONCE = 128 * 1024


class CheckedBody:
    """An ASGI ``receive`` that gives the content of another's body, and raises at its end if it is another one.

    Args:
        receive: of the request as sent.
        state: where the checksum of the body is left.
        decoder: of ``aws-chunked``; None where the body is sent as it is.
        length: of the content, where framing hides it.
        sha256: the signed hash of the body in hex, where there is one.
        expected: the checksum that is announced.
    """

    def __init__(self, receive: Receive, state: S3, decoder: ChunkDecoder | None = None) -> None:
        self.length: int | None = None
        self.sha256: str | None = None
        self.expected: Expected | None = None
        self._receive = receive
        self._state = state
        self._decoder = decoder
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._running: Running | None = None

    async def __call__(self) -> Message:
        """The next piece. Raises what :class:`ChunkDecoder` does, and ``IncompleteBody``, ``BadDigest``,
        ``MalformedTrailer``, ``ContentSha256Mismatch`` in place of the last one.
        """
        message = await self._receive()
        if message["type"] != "http.request":
            return message
        body: bytes = message.get("body", b"")
        if len(body) > _AT_ONCE:
            body = await asyncio.to_thread(self._take, body)
        elif body:
            body = self._take(body)
        if not message.get("more_body", False):
            self._end()
        return {**message, "body": body}

    def _take(self, body: bytes) -> bytes:
        if self._decoder is not None:
            body = self._decoder.feed(body)
        self._size += len(body)
        if self.sha256 is not None:
            self._sha256.update(body)
        if self.expected is not None:
            if self._running is None:
                self._running = self.expected.algorithm.begin()
            self._running.update(body)
        return body

    def _end(self) -> None:
        trailers: dict[str, str] = {}
        if self._decoder is not None:
            self._decoder.finish()
            trailers = self._decoder.trailers
        if self.length is not None and self._size != self.length:
            raise IncompleteBody(
                f"The body has {self._size} bytes, and x-amz-decoded-content-length says {self.length}."
            )
        if self.sha256 is not None and not hmac.compare_digest(
            self._sha256.hexdigest().encode(), self.sha256.encode()
        ):
            raise ContentSha256Mismatch()
        self._check(trailers)

    def _check(self, trailers: dict[str, str]) -> None:
        expected = self.expected
        wanted = {expected.algorithm.header} if expected is not None and expected.trailer else set()
        if set(trailers) != wanted:
            raise MalformedTrailer(
                f"The trailers of the body are {', '.join(trailers) or 'none'}, and x-amz-trailer announced "
                f"{', '.join(wanted) or 'none'}."
            )
        if expected is None:
            return
        running = self._running or expected.algorithm.begin()
        value = expected.value
        if expected.trailer:
            header = expected.algorithm.header
            value = check_value(expected.algorithm, trailers[header], header)
        self._state.checksum = expected.check(running.digest(), value)
