"""The calls of the API by name: what a request is, and what it carries that has a meaning.

The tables of routing are the API. A call is a row of them: whose face, what it is for, its method and subresource.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from openmogr.api import routing as cos
from openmogr.api.request import Request
from openmogr.api.routing import Route, Table
from openmogr.api.s3 import routing as s3
from openmogr.image.language.names import PARAMETERS

__all__ = ["HEADERS", "TABLES", "Call", "carried", "find_call", "headers_of"]

# The tables by face and target, in the order of the page.
TABLES: Mapping[tuple[str, str], Table] = {
    ("COS", "service"): cos.SERVICE,
    ("COS", "bucket"): cos.BUCKET,
    ("COS", "object"): cos.OBJECT,
    ("COS", "website"): cos.WEBSITE,
    ("COS", "CI bucket"): cos.CI_BUCKET,
    **{("COS", f"/{name}"): table for name, table in cos.JOB_SERVICES.items()},
    ("S3", "service"): s3.SERVICE,
    ("S3", "bucket"): s3.BUCKET,
    ("S3", "object"): s3.OBJECT,
}
_COMMON = (
    *(
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-md5",
        "content-type",
    ),
    *(
        "expect",
        "expires",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
    ),
    *("origin", "range", "transfer-encoding"),
)
_BOTH = (
    *(
        "acl",
        "copy-source",
        "copy-source-if-match",
        "copy-source-if-modified-since",
        "copy-source-if-none-match",
    ),
    *(
        "copy-source-if-unmodified-since",
        "copy-source-range",
        "grant-full-control",
        "grant-read",
        "grant-read-acp",
    ),
    *("grant-write", "grant-write-acp", "meta-*", "metadata-directive", "security-token", "storage-class"),
    *("tagging", "tagging-directive"),
)
# Request headers that are understood, by face; a star stands for any further letters.
HEADERS: Mapping[str, tuple[str, ...]] = {
    "COS": (
        *_COMMON,
        "pic-operations",
        *(f"x-cos-{name}" for name in sorted((*_BOTH, "forbid-overwrite", "traffic-limit"))),
    ),
    "S3": (
        *_COMMON,
        "pic-operations",
        *(
            f"x-amz-{name}"
            for name in sorted(
                (
                    *_BOTH,
                    *("checksum-*", "content-sha256", "decoded-content-length", "expected-bucket-owner"),
                    *("mp-object-size", "object-attributes", "sdk-checksum-algorithm", "trailer"),
                )
            )
        ),
    ),
}


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A row of a table; ``subresource`` is empty for the service, bucket or object itself."""

    face: str
    target: str
    method: str
    subresource: str

    @property
    def route(self) -> Route:
        """What answers it. Raises ``KeyError`` where nothing does."""
        return TABLES[self.face, self.target][self.subresource][self.method]


def find_call(request: Request) -> Call | None:
    """The call that a request is; None for preflights and pages of operation."""
    face, tables = ("COS", cos) if request.s3 is None else ("S3", s3)
    bucket = cos.CI_BUCKET if face == "COS" and request.host.ci else tables.BUCKET
    table = cos.table_of(request, tables.SERVICE, bucket, tables.OBJECT)
    target = next(name for (_, name), item in TABLES.items() if item is table)
    subresource = next((name for name in table if name in request.params), "")
    if table is cos.CI_BUCKET and table[subresource] is cos.BUCKET.get(subresource):
        target = "bucket"
    return Call(face, target, request.method, subresource) if request.method in table[subresource] else None


def headers_of(face: str, names: Iterator[str]) -> Iterator[str]:
    """Of the names of a request's headers those that are understood, as ``HEADERS`` has them."""
    for name in names:
        for known in HEADERS[face]:
            if name == known or (known.endswith("*") and name.startswith(known[:-1])):
                yield known


def carried(call: Call, query: str, headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What a request carries: kinds (``parameter``, ``header``, ``operation``) and names.

    Args:
        call: what it is.
        query: as it came.
        headers: by lower-case name.
    """
    names = {unquote(item.partition("=")[0]) for item in query.split("&") if item}
    known = {name.lower(): name for name in call.route.parameters}
    for name in names:
        if name.lower() in known:
            yield "parameter", known[name.lower()]
        elif name.startswith("response-"):
            yield "parameter", "response-*"
    for name in headers_of(call.face, iter(headers)):
        yield "header", name
    texts = [unquote(query)] if call.route.operation else []
    texts.append(headers.get("pic-operations", ""))
    for text in texts:
        for name in _operations(text):
            yield "operation", name


def _operations(text: str) -> Iterator[str]:
    for operation, known in PARAMETERS.items():
        for match in re.finditer(rf"(?<![A-Za-z0-9]){operation}(?![A-Za-z0-9])([^|\"&]*)", text):
            if operation in ("watermark", "style") and not match[1].startswith("/"):
                continue
            yield operation
            for token in match[1].split("/"):
                if token in known:
                    yield f"{operation}/{token}"
