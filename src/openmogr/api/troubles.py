"""What the server answered with an error of late, for who runs it: `GET /-/errors`, an extension of ours."""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from openmogr.api.request import Request
from openmogr.api.response import Header, Response
from openmogr.errors import AccessDenied, CosError

if TYPE_CHECKING:
    from openmogr.api.services import Services

__all__ = ["Trouble", "Troubles", "recent_errors"]

# So many of each kind: clients' mistakes do not push out what is the server's fault.
_KEPT = 100
_LONGEST = 300
_NOT_KEPT: Header = (b"cache-control", b"no-store")


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error that was answered. Neither queries, which may hold signatures, nor headers nor keys are in it.

    Attributes:
        time: in seconds since 1970.
        request_id: that of the answer.
        path: as it was asked for, without its query, at most 300 characters.
        code: of COS.
        message: as it was answered, at most 300 characters.
    """

    time: float
    request_id: str
    method: str
    path: str
    status: int
    code: str
    message: str


class Troubles:
    """The newest errors, in memory: 100 with a status of 4xx, and 100 of 5xx."""

    def __init__(self) -> None:
        self._clients: deque[Trouble] = deque(maxlen=_KEPT)
        self._own: deque[Trouble] = deque(maxlen=_KEPT)

    def note(self, method: str, path: str, error: CosError, request_id: str) -> None:
        """An error is answered."""
        kept = self._own if error.status >= 500 else self._clients
        path, message = path.partition("?")[0][:_LONGEST], error.message[:_LONGEST]
        kept.append(Trouble(time.time(), request_id, method[:20], path, error.status, error.code, message))

    def newest(self) -> list[Trouble]:
        """All of them, the newest first."""
        return sorted((*self._clients, *self._own), key=lambda trouble: trouble.time, reverse=True)


async def recent_errors(services: Services, request: Request) -> Response:
    """The errors as JSON. Raises ``AccessDenied`` unless a key of the settings signed the request's header."""
    coverage = request.coverage
    if coverage is None or coverage.in_query or request.grant is not None:
        raise AccessDenied(
            "Recent errors are shown to requests that are signed with a key of the server's own."
        )
    body = json.dumps({"errors": [asdict(trouble) for trouble in services.troubles.newest()]}).encode()
    return Response(200, [(b"content-type", b"application/json"), _NOT_KEPT], body)
