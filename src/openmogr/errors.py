"""The one family of errors that reaches a client.

An error knows its HTTP status, its COS code (``docs/spec/api/errors.md``) and a public message. Code below the HTTP
layer raises these and never an exception of the web framework; one place turns them into XML.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import ClassVar

__all__ = [
    "AccessDenied",
    "CosError",
    "ImageResolutionExceed",
    "ImageTooLarge",
    "InternalError",
    "InvalidArgument",
    "InvalidImageFormat",
    "InvalidImageSource",
    "InvalidPicOperations",
    "NoProcessAuthority",
    "NoSuchBucket",
    "NoSuchKey",
    "NotImplementedHere",
    "NotSupported",
    "SlowDown",
    "is_shortage",
]

_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)


def is_shortage(error: BaseException) -> bool:
    """Whether memory or descriptors ran out, which is nobody's fault and passes."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _SHORTAGES)


class CosError(Exception):
    """An answer other than success.

    Attributes:
        status: HTTP status of the answer.
        code: the COS error code, the text of ``<Code>``.
        message: what the client reads in ``<Message>``; never a secret, a path or a stack trace.
        detail: what only the log reads.
        number: what the processing API says besides (``docs/spec/api/errors.md#5``); None: by the code.
        headers: further response headers.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "InternalError"
    default_message: ClassVar[str] = "We encountered an internal error. Please try again."

    def __init__(
        self,
        message: str | None = None,
        *,
        detail: str = "",
        number: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message or self.default_message
        self.detail = detail
        self.number = number
        self.headers: dict[str, str] = dict(headers or {})
        super().__init__(self.message)


class InternalError(CosError):
    """Our fault; the detail goes to the log."""


class InvalidArgument(CosError):
    """A parameter, a header or an operation text that cannot be understood."""

    status, code, default_message = 400, "InvalidArgument", "Invalid Argument."


class InvalidPicOperations(CosError):
    """The ``Pic-Operations`` header is not what ``docs/spec/api/persistent-processing.md#2`` asks for."""

    status, code, default_message = 400, "InvalidPicOperations", "The Pic-Operations header is invalid."


class InvalidImageFormat(CosError):
    """The source is not an image, is damaged, or is of a format that the operation does not take."""

    status, code, default_message = 400, "InvalidImageFormat", "The image format is not supported."


class InvalidImageSource(CosError):
    """A further image that an operation reads is missing or of no use (``docs/spec/api/errors.md#5``)."""

    status, code, default_message = 400, "InvalidImageSource", "The watermark image cannot be used."


class ImageTooLarge(CosError):
    """The source or the result has more bytes than the limit."""

    status, code, default_message = 400, "ImageTooLarge", "The image is too large."


class ImageResolutionExceed(CosError):
    """The source or the result has too many pixels, too long a side or too many frames."""

    status, code, default_message = 400, "ImageResolutionExceed", "The image resolution exceeds the limit."


class NoProcessAuthority(CosError):
    """The operation is switched off here."""

    status, code, default_message = 403, "NoProcessAuthority", "The operation is not enabled."


class NotSupported(CosError):
    """A known request that this server does not answer. A 4xx, since SDKs retry every 5xx."""

    status, code, default_message = 400, "NotSupported", "The request is not supported."


class NotImplementedHere(CosError):
    """An operation that only the vendor can do, as ``docs/spec/api/image-mogr2.md#10.4`` has it answered."""

    status, code, default_message = 501, "NotImplemented", "The operation is not implemented."


class AccessDenied(CosError):
    """No valid signature, or one of somebody without the right."""

    status, code, default_message = 403, "AccessDenied", "Access Denied."


class NoSuchBucket(CosError):
    """The bucket does not exist."""

    status, code, default_message = 404, "NoSuchBucket", "The specified bucket does not exist."


class NoSuchKey(CosError):
    """The object does not exist."""

    status, code, default_message = 404, "NoSuchKey", "The specified key does not exist."


class SlowDown(CosError):
    """The work queue is full."""

    status, code, default_message = 503, "SlowDown", "Please reduce your request rate."
