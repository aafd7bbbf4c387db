"""The errors of image work with their numbers (``docs/spec/api/errors.md#5``)."""

from __future__ import annotations

from openmogr.errors import (
    ImageResolutionExceed,
    ImageTooLarge,
    InvalidArgument,
    InvalidImageFormat,
    InvalidImageSource,
    NotSupported,
    SlowDown,
)

__all__ = [
    "bad_further_image",
    "in_words",
    "input_resolution",
    "missing_codec",
    "missing_font",
    "not_an_image",
    "out_of_memory",
    "output_resolution",
    "outside_image",
    "too_many_bytes",
    "unsupported_input",
]


def not_an_image(message: str, detail: str = "") -> InvalidImageFormat:
    """The source is no image, or a damaged one."""
    return InvalidImageFormat(message, detail=detail, number=-441)


def in_words(reason: object) -> str:
    """What a decoder says, short and without what breaks XML or names a place on this machine."""
    text = "".join(c for c in str(reason) if c.isprintable() and c not in "<>&")
    return text.partition(" name='")[0].strip()[:200].rstrip(".")


def unsupported_input(message: str) -> InvalidImageFormat:
    """An image of a kind that is known and not processed."""
    return InvalidImageFormat(message, number=-443)


def missing_codec(message: str) -> NotSupported:
    """A format whose codec is not installed here."""
    return NotSupported(message, number=-443)


def missing_font(message: str) -> NotSupported:
    """A text for which no font is installed here."""
    return NotSupported(message, number=-443)


def bad_further_image(message: str, detail: str = "") -> InvalidImageSource:
    """An image that a pipeline reads besides its source, and that is of no use."""
    return InvalidImageSource(message, detail=detail, number=-60987)


def out_of_memory(detail: str) -> SlowDown:
    """There was not enough memory for it at this moment."""
    return SlowDown("The server is short of memory. Please try again.", detail=detail, number=-901)


def too_many_bytes(message: str) -> ImageTooLarge:
    """The source or the result is too long."""
    return ImageTooLarge(message, number=-167)


def input_resolution(message: str) -> ImageResolutionExceed:
    """The source has too many pixels or frames."""
    return ImageResolutionExceed(message, number=-447)


def output_resolution(message: str) -> ImageResolutionExceed:
    """The result would have too many pixels."""
    return ImageResolutionExceed(message, number=-442)


def outside_image(message: str) -> InvalidArgument:
    """A window or radius that does not lie in the image."""
    return InvalidArgument(message, number=-442)
