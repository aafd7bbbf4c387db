"""What the policy of a bucket says of a request (``docs/use/api.md#bucket-policies``)."""

from __future__ import annotations

from openmogr.api.grants import IN_BODY, LISTINGS, action_of
from openmogr.api.policy_document import Asked, Verdict, read_policy
from openmogr.api.policy_names import ACTIONS
from openmogr.api.request import Request
from openmogr.api.services import Services
from openmogr.errors import AccessDenied

__all__ = ["KIND", "check_policy", "check_policy_at", "is_allowed", "verdict"]

KIND = "policy"
# Their objects are opened by those who ask for the verdict again, for the key that is meant in the end.
_OPENED = frozenset({"get_object", "process_object", "get_attributes"})


async def verdict(services: Services, request: Request, action: str, bucket: str, key: str | None) -> Verdict:
    """What the policy of a bucket says of an action by whoever sent a request.

    Args:
        services: the parts of the service.
        request: says who asks; the server itself, without a ``client``, is ruled by none.
        action: as COS names it.
        bucket: whose policy.
        key: of an object; None: it is for the bucket.
    """
    if request.client is None or action not in ACTIONS:
        return Verdict.NOTHING
    document = await services.configurations.get(bucket, KIND)
    if document is None:
        return Verdict.NOTHING
    asked = Asked(
        action=action,
        key=key,
        prefix=request.params.get("prefix") if request.operation in LISTINGS else None,
        is_owner=request.is_owner,
        client=request.client,
        referer=request.header("referer"),
    )
    return read_policy(document, bucket, services.settings.owner_id).verdict(asked)


async def check_policy(services: Services, request: Request) -> None:
    """Refuse what the policy of the request's bucket denies, whoever asks. Raises ``AccessDenied``."""
    if request.bucket and request.operation not in IN_BODY and request.operation not in _OPENED:
        await check_policy_at(services, request, action_of(request), request.bucket, request.key or None)


async def check_policy_at(
    services: Services, request: Request, action: str, bucket: str, key: str | None
) -> None:
    """The same for a place that a request reads or writes besides, or that its body names."""
    if await verdict(services, request, action, bucket, key) is Verdict.DENIED:
        raise AccessDenied("The policy of the bucket denies it.")


async def is_allowed(services: Services, request: Request, action: str, bucket: str, key: str | None) -> bool:
    """Whether the policy of a bucket allows it, whatever ACLs say."""
    return await verdict(services, request, action, bucket, key) is Verdict.ALLOWED
