"""The COS error document (``docs/spec/api/errors.md#1``) and the ids that name a request in it."""

from __future__ import annotations

import itertools
import os
import re
import time
from base64 import b64encode
from xml.sax.saxutils import escape

from openmogr.errors import CosError

__all__ = [
    "ERROR_TYPE",
    "InvalidRequest",
    "MalformedBody",
    "MethodNotAllowed",
    "RequestIds",
    "RequestTimeout",
    "error_document",
]

ERROR_TYPE = b"application/xml"

# ``<width>`` reads as WIDTH; any other such character as URLs have it, which is where it came from.
_PLACEHOLDER = re.compile(r"<([A-Za-z][\w-]*)>")
_MARKUP = str.maketrans({"<": "%3C", ">": "%3E", "&": "%26"})


class InvalidRequest(CosError):
    """The request as a whole makes no sense."""

    status, code, default_message = 400, "InvalidRequest", "Invalid Request."


class MethodNotAllowed(CosError):
    """The resource exists, but not for that method."""

    status, code = 405, "MethodNotAllowed"
    default_message = "The specified method is not allowed against this resource."


class RequestTimeout(CosError):
    """The body of a request stopped arriving."""

    status, code = 400, "RequestTimeout"
    default_message = "The body of the request was not received within the timeout period."


class MalformedBody(CosError):
    """The framing of a chunked body is broken."""

    status, code, default_message = 400, "InvalidRequest", "The chunked body of the request is malformed."


class RequestIds:
    """Makes request and trace ids: unique per process and request, and readable back as time and count."""

    def __init__(self) -> None:
        self._process = os.urandom(4).hex()
        self._count = itertools.count(1)

    def request_id(self) -> str:
        """A new id for ``x-cos-request-id``."""
        return b64encode(f"{int(time.time()):x}_{self._process}_{next(self._count):07x}".encode()).decode()

    @staticmethod
    def trace_id(request_id: str) -> str:
        """The id for ``x-cos-trace-id`` on the error answer to a request."""
        return b64encode(f"trace_{request_id}".encode()).decode()


def error_document(code: str, message: str, resource: str, request_id: str, trace_id: str) -> bytes:
    """``<Error>`` with all five members non-empty, which the Python SDK needs."""
    members = (
        ("Code", code),
        ("Message", _without_markup(message or code)),
        ("Resource", resource or "/"),
        ("RequestId", request_id),
        ("TraceId", trace_id),
    )
    inner = "".join(f"<{name}>{escape(_printable(text))}</{name}>" for name, text in members)
    return f"<?xml version='1.0' encoding='utf-8' ?><Error>{inner}</Error>".encode()


def _without_markup(message: str) -> str:
    """Without ``<``, ``>`` and ``&``: the Java SDK shows only what follows the last entity of a message."""
    return _PLACEHOLDER.sub(lambda match: match[1].upper(), message).translate(_MARKUP)


def _printable(text: str) -> str:
    """Without what XML 1.0 cannot hold: a client may put any byte into the path that ``Resource`` repeats."""
    return (
        "".join(char if char >= " " and char not in "\ufffe\uffff" else "\ufffd" for char in text)
        .encode("utf-8", "replace")
        .decode()
    )
