"""Formats by the ``Accept`` header, where the operator wants that (``docs/spec/api/overview.md#7``)."""

from __future__ import annotations

from openmogr.api.request import Request
from openmogr.api.response import Header
from openmogr.api.services import Services
from openmogr.image import container_of_type, media_types_of

__all__ = ["VARY_ACCEPT", "accepted_format", "accepted_names", "is_negotiated"]

VARY_ACCEPT: Header = (b"vary", b"Accept")


def _offered(services: Services, bucket: str) -> tuple[str, ...]:
    """Formats in the order in which the operator prefers them."""
    return services.settings.negotiated_formats(bucket)


def is_negotiated(services: Services, request: Request, content_type: str) -> bool:
    """Whether an answer made of an object of this type depends on ``Accept``."""
    offered = _offered(services, request.bucket)
    return bool(offered) and _essence(content_type) in media_types_of(None)


def accepted_format(services: Services, request: Request, content_type: str) -> str | None:
    """The format that the client likes best of those that are offered; None: the source's own.

    Only a type that the client names counts: browsers send ``image/*`` and ``*/*`` whatever they can show. Among
    formats of equal weight the operator's order decides.
    """
    weights = _weights(request.header("accept") or "")
    best, best_weight = None, 0.0
    for name in _offered(services, request.bucket):
        weight = max((weights.get(kind, 0.0) for kind in media_types_of(name)), default=0.0)
        if weight > best_weight:
            best, best_weight = name, weight
    if best is None or _essence(content_type) in media_types_of(best):
        return None
    return best


def accepted_names(request: Request) -> list[str]:
    """Formats whose media type the client names, whatever its weight but 0."""
    weights = _weights(request.header("accept") or "")
    found = [container_of_type(kind) for kind, weight in weights.items() if weight > 0]
    return [name for name in found if name is not None]


def _weights(accept: str) -> dict[str, float]:
    """Media types by RFC 9110 section 12.5.1; what is not understood has no weight."""
    weights: dict[str, float] = {}
    for item in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                weight = _weight(value.strip())
        weights[kind] = max(weight, weights.get(kind, 0.0))
    return weights


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
