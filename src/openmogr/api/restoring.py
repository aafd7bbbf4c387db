"""Restore Object: ``POST ?restore`` (document 436/12633 of COS, RestoreObject of S3).

Storage classes are labels here: what is labelled as archived can be read at once, and for good. So there is nothing to
restore, and a client that asks is told that it is done; of all other objects it is told what COS and S3 tell it.
"""

from __future__ import annotations

from openmogr.api.access import check_owner
from openmogr.api.documents import read_document
from openmogr.api.errors import InvalidObjectState, MalformedXML
from openmogr.api.request import Request
from openmogr.api.response import Response
from openmogr.api.services import Services
from openmogr.api.xml import child_text
from openmogr.errors import InvalidArgument, NotSupported

__all__ = ["restore_object"]

_MAX_DAYS = 365
_MEMBERS = frozenset({"Days", "CASJobParameters", "GlacierJobParameters", "Tier"})
_TIERS = ("Expedited", "Standard", "Bulk")


async def restore_object(services: Services, request: Request) -> Response:
    """POST ``?restore``: 200 where the object is labelled as archived, as of one that is restored already.

    Raises:
        MalformedXML, InvalidArgument, NotSupported: of the document.
        InvalidObjectState: the object is of a class that is never archived.
    """
    await check_owner(services, request)
    root = await read_document(services, request, "RestoreRequest")
    if unknown := [child.tag for child in root if child.tag not in _MEMBERS]:
        raise NotSupported(f"{unknown[0][:100]} in RestoreRequest is not supported.")
    text = (child_text(root, "Days") or "").strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 3 or not 1 <= int(text) <= _MAX_DAYS:
        raise InvalidArgument(f"Days must be a whole number from 1 to {_MAX_DAYS}.")
    for parent in (root, *(root.iterfind("CASJobParameters")), *(root.iterfind("GlacierJobParameters"))):
        if (child_text(parent, "Tier") or _TIERS[1]).strip() not in _TIERS:
            raise MalformedXML(f"Tier must be one of {', '.join(_TIERS)}.")
    info = await services.storage.head_object(request.bucket, request.key)
    if "ARCHIVE" not in info.attributes.storage_class:
        raise InvalidObjectState(
            f"Restore is not allowed for the storage class {info.attributes.storage_class}, which can be read."
        )
    return Response(200)
