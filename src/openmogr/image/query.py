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
    "style",
)

# A bare `style` is a bucket switch; it and `watermark` need their first token to be an operation.
_OPERATION = re.compile(
    r"(?:(?:imageMogr2|imageView2|imageInfo|imageAve|exif|imageSlim)(?:$|[/|?])|(?:watermark|style)/)"
)


@dataclass(frozen=True, slots=True)
class Query:
    """A query string taken apart.

    Attributes:
        op: the text of the first operation, decoded once; None without one.
        params: all other parameters in order, decoded; the value is None where there was no ``=``.
    """

    op: str | None
    params: tuple[tuple[str, str | None], ...]


def find_operation(raw_query: str) -> Query:
    """Split a query string, undecoded and without its ``?``, into the operation and ordinary parameters.

    The operation is a parameter without value whose name starts with an operation's name. It may be
    percent-encoded and may carry one trailing ``=``; a ``+`` in it stays a plus, text after a second ``?`` is
    dropped, and further operations are ignored. Never raises: whether the operation makes sense is for
    ``parse_operation`` to say.
    """
    op: str | None = None
    params: list[tuple[str, str | None]] = []
    for item in raw_query.split("&"):
        if not item:
            continue
        text = unquote(item.removesuffix("="))
        if _OPERATION.match(text):
            if op is None:
                op = text.split("?", 1)[0]
            continue
        key, equals, value = item.partition("=")
        params.append((unquote_plus(key), unquote_plus(value) if equals else None))
    return Query(op, tuple(params))
