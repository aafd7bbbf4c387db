"""Requests below the reserved ``/-/``, where the bucket would be the first segment of the path.

They are for pages (``openmogr.api.operate``), or requests of the API that have no other place:

- ``POST /-/process`` is about no bucket;
- ``GET /-/errors`` likewise;
- ``/-/ci/<bucket>/<path>`` is ``/<path>`` at the CI host of a bucket, for who cannot choose the host, as browsers.
"""

from __future__ import annotations

from dataclasses import replace

from openmogr.api.hosts import Style
from openmogr.api.request import Request
from openmogr.api.services import Services
from openmogr.api.settings import Processing

__all__ = ["becomes_api", "is_own"]

# The first segment of the path, which is no bucket's name.
_PREFIX = "-"
_CI = "ci/"


def is_own(request: Request) -> bool:
    """Whether a request is for the server itself: at hosts that name a bucket, ``/-/…`` is an object of it."""
    return request.bucket == _PREFIX and request.host.style is not Style.VIRTUAL


def becomes_api(services: Services, request: Request) -> bool:
    """Whether such a request is one of the API, which it becomes; else it is for a page."""
    if request.key == "process" and request.method == "POST":
        request.is_own = services.settings.process is not Processing.OFF
        return request.is_own
    if request.key == "errors" and request.method in ("GET", "HEAD"):
        request.is_own = True
        return True
    bucket, _, key = request.key.removeprefix(_CI).partition("/")
    if not request.key.startswith(_CI) or not bucket:
        return False
    request.bucket, request.key = bucket, key
    request.host = replace(request.host, ci=True)
    return True
