"""What stores tell of an object besides its bytes, as OpenMogr names it."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping

from openmogr.storage.interface import ObjectHeaders

__all__ = ["headers_of", "split_attributes"]

# All other names are user metadata.
_HEADERS = {
    "content-type": "content_type",
    "cache-control": "cache_control",
    "content-disposition": "content_disposition",
    "content-encoding": "content_encoding",
    "content-language": "content_language",
}


def split_attributes(attributes: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Fields of :class:`ObjectHeaders` and user metadata, from the attributes that ``obstore`` gives."""
    headers: dict[str, str] = {}
    user: dict[str, str] = {}
    for name, value in attributes.items():
        folded = str(name).lower()
        if folded in _HEADERS:
            headers[_HEADERS[folded]] = str(value)
        else:
            user[folded] = str(value)
    return headers, user


def headers_of(key: str, headers: Mapping[str, str], user: Mapping[str, str]) -> ObjectHeaders:
    """The headers of an object, whose type is guessed from its key where the store tells none."""
    guessed = mimetypes.guess_type(key)[0] or "application/octet-stream"
    return ObjectHeaders(**{"content_type": guessed, **headers}, user=dict(user))
