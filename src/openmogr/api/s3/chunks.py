"""The framing of bodies in ``aws-chunked``: taken off and verified chunk by chunk while the body arrives.

Source: "Signature calculations for the Authorization header: transferring payload in multiple chunks" and "…including
trailing headers" of the Amazon S3 API Reference.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from openmogr.api.errors import IncompleteBody
from openmogr.api.s3.errors import InvalidChunk, MalformedTrailer
from openmogr.auth import PayloadSignature
from openmogr.auth.errors import SignatureDoesNotMatch

__all__ = ["ChunkDecoder"]

_HEAD = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;\s*chunk-signature=([0-9a-f]{64}))?")
_TRAILER = re.compile(r"([A-Za-z0-9-]+)\s*:\s*(.*)")
_MAX_LINE = 1024
_MAX_TRAILERS = 16
_SIGNATURE = "x-amz-trailer-signature"


class ChunkDecoder:
    """Takes the body as it arrives, and gives the bytes that it stands for.

    Args:
        signature: of the request, where chunks are signed; None where they are not.
        has_trailer: whether headers may follow the last chunk.

    Attributes:
        trailers: by lower-case name, once :meth:`finish` has returned.
    """

    def __init__(self, signature: PayloadSignature | None, *, has_trailer: bool) -> None:
        self.trailers: dict[str, str] = {}
        self._signature = signature
        self._has_trailer = has_trailer
        self._previous = "" if signature is None else signature.seed
        # What arrived last, and how far it has been read: what lies behind is not moved.
        self._buffer = b""
        self._place = 0
        self._left = 0  # of the data of the chunk that is being read
        self._state = self._head
        self._declared = ""
        self._hash = hashlib.sha256()
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        """The content of the next piece of the body.

        Raises:
            InvalidChunk, MalformedTrailer: the framing is broken.
            SignatureDoesNotMatch: a chunk or the trailers are not those that were signed.
        """
        self._buffer = self._buffer[self._place :] + data
        self._place = 0
        pieces: list[bytes] = []
        while self._state(pieces):
            pass
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def finish(self) -> None:
        """The body has ended. Raises ``IncompleteBody`` where its framing has not."""
        if not self._ended:
            raise IncompleteBody("The aws-chunked body ends before its last chunk.")

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", self._place, self._place + _MAX_LINE)
        if end < 0:
            if len(self._buffer) - self._place >= _MAX_LINE:
                raise InvalidChunk("A line of the aws-chunked body is too long.")
            return None
        line = self._buffer[self._place : end]
        self._place = end + 2
        return line

    def _head(self, pieces: list[bytes]) -> bool:
        line = self._line()
        if line is None:
            return False
        match = _HEAD.fullmatch(line.strip())
        if match is None:
            raise InvalidChunk("A chunk does not begin with its size in hex digits.")
        if self._signature is not None and match[2] is None:
            raise InvalidChunk("A chunk has no chunk-signature, but the request is signed for signed chunks.")
        self._left = int(match[1], 16)
        self._declared = (match[2] or b"").decode()
        self._state = self._data if self._left else self._last
        return True

    def _data(self, pieces: list[bytes]) -> bool:
        taken = self._buffer[self._place : self._place + self._left]
        if taken:
            self._place += len(taken)
            self._left -= len(taken)
            if self._signature is not None:
                self._hash.update(taken)
            pieces.append(taken)
        if self._left:
            return False
        self._state = self._data_end
        return True

    def _data_end(self, pieces: list[bytes]) -> bool:
        end = self._buffer[self._place : self._place + 2]
        if len(end) < 2:
            return False
        if end != b"\r\n":
            raise InvalidChunk("A chunk is longer than its size.")
        self._place += 2
        self._verify()
        self._state = self._head
        return True

    def _last(self, pieces: list[bytes]) -> bool:
        self._verify()
        self._state = self._trailer
        return True

    def _verify(self) -> None:
        if self._signature is None:
            return
        expected = self._signature.chunk(self._previous, self._hash.hexdigest())
        if not hmac.compare_digest(expected.encode(), self._declared.encode()):
            raise SignatureDoesNotMatch("The signature of a chunk does not match its content.")
        self._previous = expected
        self._hash = hashlib.sha256()

    def _trailer(self, pieces: list[bytes]) -> bool:
        line = self._line()
        if line is None:
            return False
        text = line.decode("latin-1").strip()
        if not text:
            self._check_trailers()
            self._ended = True
            self._state = self._after
            return True
        match = _TRAILER.fullmatch(text)
        if match is None or not self._has_trailer or len(self.trailers) >= _MAX_TRAILERS:
            raise MalformedTrailer()
        name = match[1].lower()
        if name in self.trailers:
            raise MalformedTrailer(f"The trailer {name} is given more than once.")
        self.trailers[name] = match[2]
        return True

    def _check_trailers(self) -> None:
        signature = self.trailers.pop(_SIGNATURE, None)
        if self._signature is None or not self._has_trailer:
            if signature is not None:
                raise MalformedTrailer("The trailers are signed, but the chunks are not.")
            return
        if signature is None:
            raise MalformedTrailer(f"The body ends without {_SIGNATURE}.")
        text = "".join(f"{name}:{value}\n" for name, value in self.trailers.items())
        expected = self._signature.trailer(self._previous, text.encode("latin-1"))
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8")):
            raise SignatureDoesNotMatch("The signature of the trailers does not match them.")

    def _after(self, pieces: list[bytes]) -> bool:
        if self._place < len(self._buffer):
            raise InvalidChunk("There is more behind the last chunk.")
        return False
