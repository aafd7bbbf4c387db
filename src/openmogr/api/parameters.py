"""Query parameters that this server has no meaning for, which are refused before anything is read or written.

A subresource that is not known would otherwise be taken for the object itself: ``PUT ?retention`` would replace it.
"""

from __future__ import annotations

from collections.abc import Collection

from openmogr.api.request import Request
from openmogr.errors import NotSupported

__all__ = ["SUBRESOURCES", "check_parameters"]

# Every name by which clients of COS and CI mean something other than the object or the bucket itself.
SUBRESOURCES = frozenset({
    # objects
    "acl", "append", "ci-process", "image_process", "legal-hold", "partNumber", "rename", "restore", "retention",
    "select", "select-type", "symlink", "tagging", "torrent", "uploadId", "uploads",
    # buckets
    "accelerate", "cors", "delete", "domain", "domaincertificate", "encryption", "intelligent-tiering",
    "intelligenttiering", "inventory", "lifecycle", "location", "logging", "object-lock", "origin", "policy",
    "referer", "replication", "versioning", "versions", "website",
    # CI
    "guetzli", "hdr-image-processing", "hotlink", "image-slim", "origin-protect", "style", "style-separator", "unbind",
})  # fmt: skip

# Beside any subresource: the signature, what older SDKs append to signed URLs, and ``versionId``, which is null.
_ANYWHERE = frozenset({
    "q-sign-algorithm", "q-ak", "q-sign-time", "q-key-time", "q-header-list", "q-url-param-list", "q-signature",
    "sign", "clientip", "clientua", "token", "versionId",
})  # fmt: skip
_ANYWHERE_PREFIXES = ("x-cos-", "x-ci-", "response-")


def check_parameters(request: Request, understood: Collection[str], *, operation: bool) -> None:
    """Refuse parameters without a meaning: all when something may be written, subresources when it is read.

    Args:
        request: the request.
        understood: the subresource, and the parameters that go with it.
        operation: whether an image operation has a meaning.

    Raises:
        NotSupported: naming the parameter.
    """
    reads = request.method in ("GET", "HEAD")
    for name in request.params:
        if name in understood or name in _ANYWHERE or name.startswith(_ANYWHERE_PREFIXES):
            continue
        if not reads or name in SUBRESOURCES:
            raise NotSupported(_refusal(request, f"the query parameter {name[:100]!r}"))
    if request.image_operation is not None and not operation:
        raise NotSupported(_refusal(request, f"the operation {request.image_operation[:100]!r}"))


def _refusal(request: Request, what: str) -> str:
    target = "an object" if request.key else "a bucket" if request.bucket else "the service"
    return f"For {request.method} of {target} {what} is not supported."
