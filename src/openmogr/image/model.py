"""What goes into the image processor and what comes out of it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

__all__ = ["ImageInfo", "Loss", "Result", "Source"]

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Source:
    """The encoded bytes of a picture: a file or a byte string, exactly one of both.

    Attributes:
        path: a file that does not change while it is processed.
        data: the bytes themselves.
        name: the object key, for messages only; the format is always told by the content.
    """

    path: Path | None = None
    data: bytes | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if (self.path is None) == (self.data is None):
            raise ValueError("a source is either a path or data")

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.path.stat().st_size if self.path is not None else len(self.data or b"")

    def open(self) -> BinaryIO:
        """A new seekable stream at the first byte; the caller closes it."""
        return self.path.open("rb") if self.path is not None else io.BytesIO(self.data or b"")

    def read(self) -> bytes:
        """All bytes."""
        return self.path.read_bytes() if self.path is not None else self.data or b""


class Loss(Enum):
    """What a source had and its result has not, though nobody asked for that; the value is what to call it."""

    frames = "all frames but the first"
    pages = "all pages but the first"
    pictures = "all pictures but the first"
    alpha = "transparency"
    half_alpha = "partial transparency"
    exif = "EXIF"
    xmp = "XMP"
    iptc = "IPTC"
    comments = "comments"


@dataclass(frozen=True, slots=True)
class Result:
    """The finished output of a pipeline.

    Attributes:
        data: the encoded picture, or a JSON document for information operations. Empty where ``is_original``
            and the source is longer than ``max_input_bytes``; then the caller sends the source itself.
        content_type: the media type of ``data``.
        format: text of ``Format`` in ``UploadResult``: the target name in lower case when ``format/<f>`` was
            given, else the container name in upper case (``docs/spec/api/persistent-processing.md#6.1``);
            ``json`` for information operations.
        width: pixels; 0 for information operations.
        height: pixels; 0 for information operations.
        quality: the quality used, 1-100; 100 for lossless formats.
        frame_count: 1 for a still picture.
        headers: further response headers, for example ``X-Slimflag``.
        is_original: ``data`` is the unchanged source (``ignore-error/1``, ``size-limit`` with ``!``).
        rejected_size: bytes that the result would have had where the source is kept since that is shorter; else 0.
        recoded: it shows what the source shows, in another format.
        losses: what got lost.
    """

    data: bytes
    content_type: str
    format: str
    width: int
    height: int
    quality: int
    frame_count: int = 1
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    is_original: bool = False
    rejected_size: int = 0
    recoded: bool = False
    losses: tuple[Loss, ...] = ()


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
        frame_count: 1 for a still picture.
    """

    format: str
    width: int
    height: int
    quality: int
    ave: str
    orientation: int
    frame_count: int
