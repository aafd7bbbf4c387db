"""Find the operation in a raw query string (``docs/spec/api/overview.md#4.3``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

__all__ = ["OPERATION_NAMES", "Query", "find_operation"]

OPERATION_NAMES = (
    "imageMogr2",
    "imageView2",
    "watermark",
    "imageInfo",
    "imageAve",
    "exif",
    "imageSlim",
    "imageAIGCMetadata",
    "style",
)

# A bare `style` is a bucket switch; it and `watermark` need their first token to be an operation.
_OPERATION = re.compile(
    r"(?:(?:imageMogr2|imageView2|imageInfo|imageAve|exif|imageSlim|imageAIGCMetadata)(?:$|[/|?])|(?:watermark|style)/)",
    re.IGNORECASE,
)
_LOOKS_LIKE_OPERATION = re.compile(r"[A-Za-z][A-Za-z0-9]*/")
# Of these names there are no other parameters: with a value, or encoded twice, they are meant for operations.
_MEANT_FOR_OPERATION = re.compile(r"[/|]*image(?:Mogr|View)2(?![A-Za-z0-9_-])", re.IGNORECASE)

# Where other clouds put their image operations.
_FOREIGN_NAME = re.compile(r"x-[a-z]+-process", re.IGNORECASE)
_FOREIGN_VALUE = re.compile(r"(?:image|style)/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Query:
    """A query string taken apart.

    Attributes:
        image_operation: the text of the first operation, decoded once; None without one. A text that only looks like an
            operation stands before all real ones, since ``parse_operation`` says what is wrong with it.
        params: all other parameters in order, decoded; the value is None where there was no ``=``.
            Texts that only look like operations are among them.
    """

    image_operation: str | None
    params: tuple[tuple[str, str | None], ...]


def find_operation(raw_query: str) -> Query:
    """Split a query string, undecoded and without its ``?``, into the operation and ordinary parameters.

    The operation is a parameter without value whose name starts with an operation's name, in any case. It may be
    percent-encoded, may stand behind slashes, bars and question marks, and may carry one trailing ``=``; a ``+`` in it
    stays a plus, text after a further ``?`` is dropped, and further operations are ignored. Never raises: whether the
    operation makes sense is for ``parse_operation`` to say.

    What only looks like an operation is a parameter of letters and digits before a ``/`` without a ``=`` before it
    (``imageMogr/thumbnail/300x``), ``imageMogr2`` and ``imageView2`` with a value, and the operation of another cloud
    (``x-oss-process=image/resize,w_300``).
    """
    image_operation: str | None = None
    unknown: str | None = None
    params: list[tuple[str, str | None]] = []
    for item in raw_query.split("&"):
        if not item:
            continue
        text = unquote(item.removesuffix("=")).lstrip("/|?")
        if _OPERATION.match(text):
            if image_operation is None:
                image_operation = text.split("?", 1)[0]
            continue
        key, equals, value = item.partition("=")
        name, content = unquote_plus(key), unquote_plus(value) if equals else None
        params.append((name, content))
        if unknown is None and _only_looks_like_operation(item, name, content):
            unknown = text.split("?", 1)[0]
    return Query(image_operation if unknown is None else unknown, tuple(params))


def _only_looks_like_operation(item: str, name: str, value: str | None) -> bool:
    if _MEANT_FOR_OPERATION.match(name):
        return True
    # The slash of a name that has a value must be a bare one: `a%2Fb=1` is an ordinary parameter.
    if _LOOKS_LIKE_OPERATION.match(item if value else unquote(item)):
        return True
    return bool(value and _FOREIGN_NAME.fullmatch(name) and _FOREIGN_VALUE.match(value))
