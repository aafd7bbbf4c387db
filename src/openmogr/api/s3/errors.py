"""Errors that only the S3 face has; codes and statuses are those of the Amazon S3 API Reference."""

from __future__ import annotations

from openmogr.errors import CosError

__all__ = [
    "ContentSha256Mismatch",
    "IllegalLocationConstraint",
    "InvalidChunk",
    "MalformedTrailer",
]


class ContentSha256Mismatch(CosError):
    """The body is not the one whose SHA-256 was signed."""

    status, code = 400, "XAmzContentSHA256Mismatch"
    default_message = "The provided 'x-amz-content-sha256' header does not match what was computed."


class InvalidChunk(CosError):
    """The framing of a body in ``aws-chunked`` is broken."""

    status, code = 400, "InvalidRequest"
    default_message = "The aws-chunked body of the request is malformed."


class MalformedTrailer(CosError):
    """Trailers that are missing, not announced or not readable."""

    status, code = 400, "MalformedTrailerError"
    default_message = "The request contained trailing data that was not well-formed."


class IllegalLocationConstraint(CosError):
    """A bucket is to be created in a region that is not that of its host."""

    status, code = 400, "IllegalLocationConstraintException"
    default_message = "The specified location-constraint is not valid."
