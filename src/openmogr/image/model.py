"""What goes into the image processor and what comes out of it."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["ImageInfo", "Loss", "Outcome", "Result", "Slimming", "Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """The encoded bytes of an image: a file, an open file or a byte string, exactly one of them.

    Attributes:
        path: a file that does not change while it is processed.
        data: the bytes themselves.
        descriptor: an open file that can be read at any position; it stays its owner's.
        name: the object key, for messages only; the format is always told by the content.
    """

    path: Path | None = None
    data: bytes | None = None
    name: str = ""
    descriptor: int | None = None

    def __post_init__(self) -> None:
        if sum(kind is not None for kind in (self.path, self.data, self.descriptor)) != 1:
            raise ValueError("a source is one of path, data and descriptor")

    @property
    def size(self) -> int:
        """Length in bytes."""
        if self.data is not None:
            return len(self.data)
        if self.path is not None:
            return self.path.stat().st_size
        assert self.descriptor is not None
        return os.fstat(self.descriptor).st_size

    def open(self) -> BinaryIO:
        """A new seekable stream at the first byte; the caller closes it."""
        if self.data is not None:
            return io.BytesIO(self.data)
        if self.path is not None:
            return self.path.open("rb")
        assert self.descriptor is not None
        return io.BufferedReader(_Window(self.descriptor))

    def read(self) -> bytes:
        """All bytes."""
        if self.data is not None:
            return self.data
        with self.open() as stream:
            return stream.read()


class _Window(io.RawIOBase):
    """A stream over a descriptor with a position of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = (0, self._position, os.fstat(self._descriptor).st_size)[whence]
        if start + offset < 0:
            raise ValueError("a position before the first byte")
        self._position = start + offset
        return self._position

    def readall(self) -> bytes:
        # At once, and not in pieces of a buffer's length.
        parts = []
        length = os.fstat(self._descriptor).st_size
        while part := os.pread(self._descriptor, max(length - self._position, 0), self._position):
            self._position += len(part)
            parts.append(part)
        return b"".join(parts)

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = os.preadv(self._descriptor, [buffer], self._position)
        self._position += count
        return count


class Loss(Enum):
    """What a source had and its result has not, though nobody asked for that; the value is what to call it."""

    frames = "all frames but the first"
    pages = "all pages but the first"
    images = "all pictures but the first"
    repeats = "how often it is shown"
    alpha = "transparency"
    half_alpha = "partial transparency"
    exif = "EXIF"
    xmp = "XMP"
    iptc = "IPTC"
    comments = "comments"
    profile = "the colours of its ICC profile"


class Slimming(Enum):
    """What became of a result that was to be slimmed; the value is that of COS (``docs/spec/api/compression.md#8``)."""

    failed = 0
    smaller = 1
    kept = 2


@dataclass(frozen=True, slots=True)
class Result:
    """The finished output of a pipeline.

    Attributes:
        data: the encoded image, or a JSON document for information operations. Empty where ``is_original``
            and the source is longer than ``max_input_bytes``; then the caller sends the source itself.
        content_type: the media type of ``data``.
        format: text of ``Format`` in ``UploadResult``: the target name in lower case when ``format/<f>`` was
            given, else the container name in upper case (``docs/spec/api/persistent-processing.md#6.1``);
            ``json`` for information operations.
        width: pixels; 0 for information operations.
        height: pixels; 0 for information operations.
        quality: the quality used, 1-100; 100 for lossless formats.
        frame_count: 1 for a still image.
        is_original: ``data`` is the unchanged source (``ignore-error/1``, ``size-limit`` with ``!``).
        rejected_size: bytes that the result would have had where the source is kept since that is shorter; else 0.
        recoded: it shows what the source shows, in another format.
        losses: what got lost.
        slimming: what became of it where ``imageSlim`` was asked for; ``data`` is what it would be without, unless
            ``smaller``.
        score: SSIMULACRA2 of a still beside what was written, up to 100, where that was asked for; else None.
    """

    data: bytes
    content_type: str
    format: str
    width: int
    height: int
    quality: int
    frame_count: int = 1
    is_original: bool = False
    rejected_size: int = 0
    recoded: bool = False
    losses: tuple[Loss, ...] = ()
    slimming: Slimming | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What ``OriginalInfo/ImageInfo`` of an ``UploadResult`` says about a source.

    Attributes:
        format: the container name in upper case: ``JPEG``, ``PNG``, ``HEIF``.
        width: pixels as stored, before EXIF orientation.
        height: pixels as stored, before EXIF orientation.
        quality: estimate for JPEG, 100 for lossless formats.
        ave: average colour, ``0xRRGGBB``.
        orientation: the EXIF orientation, 1-8; 0 without EXIF.
        frame_count: 1 for a still image.
    """

    format: str
    width: int
    height: int
    quality: int
    ave: str
    orientation: int
    frame_count: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that was asked of one source.

    Attributes:
        results: of the pipelines, in their order.
        info: what the source is, if that was asked.
    """

    results: Sequence[Result]
    info: ImageInfo | None = None
