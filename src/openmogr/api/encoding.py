"""What every listing has in common."""

from __future__ import annotations

from collections.abc import Callable

from openmogr.api.errors import InvalidDelimiter
from openmogr.api.request import Request
from openmogr.api.xml import url_encode
from openmogr.errors import InvalidArgument

__all__ = ["check_delimiter", "encoder"]


def encoder(request: Request) -> tuple[Callable[[str], str], str]:
    """How keys of an answer are written, and the text of its encoding type: ``url`` or empty.

    Raises:
        InvalidArgument: another encoding is asked for.
    """
    text = request.params.get("encoding-type", "")
    if text not in ("", "url"):
        raise InvalidArgument("encoding-type must be url.")
    return (url_encode if text else str), text


def check_delimiter(request: Request) -> str:
    """The delimiter: one character or none; with S3 any text. Raises ``InvalidDelimiter``."""
    text = request.params.get("delimiter", "")
    if len(text) > 1 and request.s3 is None:
        raise InvalidDelimiter()
    return text
