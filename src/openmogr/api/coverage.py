"""What of a signed request its signature has to cover (``docs/use/api.md``, "What a signature covers").

A presigned URL is given to others, who may append to its query and send what headers they like. So whatever makes it
another request must be signed. An operation only shows the same object in another way; real clients append it. One
that reads other objects does so with no other rights than anybody's: :func:`may_read_further`.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from openmogr.api.parameters import SUBRESOURCES
from openmogr.api.request import Request
from openmogr.errors import AccessDenied, InvalidArgument
from openmogr.image import find_operation

__all__ = ["check_coverage", "check_fields", "may_read_further"]

_HEADERS = frozenset({"x-cos-copy-source", "x-cos-acl", "pic-operations"})
_HEADER_PREFIX = "x-cos-grant-"


def check_coverage(request: Request) -> None:
    """Refuse what counts only when it is signed, and is not.

    Raises:
        AccessDenied: naming what is not signed.
        InvalidArgument: there are several operations, so that it is open which one was meant.
    """
    coverage = request.coverage
    if coverage is None or not (coverage.in_query or coverage.strict):
        return
    operations = [item for item in request.query_items if find_operation(item).image_operation is not None]
    if len(operations) > 1:
        raise InvalidArgument("A presigned URL holds at most one operation.")
    unsigned = [name for name in request.params if name in SUBRESOURCES and not coverage.parameter(name)]
    if coverage.strict:
        unsigned += [
            text for item in operations if not coverage.parameter(text := unquote(item.removesuffix("=")))
        ]
    if request.method in ("PUT", "POST"):
        unsigned += [name for name in _critical(request.headers) if not coverage.header(name)]
    _refuse(unsigned)


def check_fields(request: Request, headers: Mapping[bytes, bytes]) -> None:
    """The same for a form that is authorised by the signature of its request, which covers no fields.

    Args:
        request: the request.
        headers: what its fields stand for.
    """
    coverage = request.coverage
    if coverage is None or not (coverage.in_query or coverage.strict):
        return
    _refuse(
        [
            name
            for name in _critical(headers)
            if not coverage.header(name) or request.headers.get(name.encode()) != headers[name.encode()]
        ]
    )


def may_read_further(request: Request) -> bool:
    """Whether it is the owner who wants objects read that an operation names besides the request's own.

    A presigned URL does not say so, not even where it lists the operation: a signature covers names of parameters
    without their case, and in Base64 another case is another object. There the URL of the further object has to be
    signed itself, as ``docs/spec/api/image-mogr2.md#10.2`` has it.
    """
    coverage = request.coverage
    in_url = request.image_operation is not None and coverage is not None and coverage.in_query
    return request.is_owner and not in_url


def _critical(headers: Mapping[bytes, bytes]) -> list[str]:
    """The names of headers that copy, expose or process."""
    names = [raw.decode("latin-1") for raw, value in headers.items() if value.strip()]
    return [name for name in names if name in _HEADERS or name.startswith(_HEADER_PREFIX)]


def _refuse(unsigned: list[str]) -> None:
    if unsigned:
        listed = ", ".join(name[:100] for name in unsigned)
        raise AccessDenied(
            f"The signature does not cover {listed}. List it in q-url-param-list or q-header-list, and sign it."
        )
