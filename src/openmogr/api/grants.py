"""What a key pair with limits may do: by the handler of a request, and by every place that it reads or writes."""

from __future__ import annotations

from openmogr.api.request import Request
from openmogr.errors import AccessDenied

__all__ = ["IN_BODY", "LISTINGS", "action_of", "check_form", "check_grant", "check_place"]

# Names of actions in policies of COS, where they are not those of the handlers.
_ACTIONS = {
    "list_buckets": "GetService",
    "create_bucket": "PutBucket",
    "list_objects": "GetBucket",
    "list_versions": "GetBucketObjectVersions",
    "bucket_location": "GetBucketLocation",
    "initiate_upload": "InitiateMultipartUpload",
    "complete_upload": "CompleteMultipartUpload",
    "abort_upload": "AbortMultipartUpload",
    "list_uploads": "ListMultipartUploads",
    "delete_objects": "DeleteMultipleObjects",
    "get_attributes": "HeadObject",
    "process_object": "GetObject",
    "process_stored": "ImageProcess",
    "get_bucket_acl": "GetBucketACL",
    "put_bucket_acl": "PutBucketACL",
    "get_object_acl": "GetObjectACL",
    "put_object_acl": "PutObjectACL",
    "get_cors": "GetBucketCORS",
    "put_cors": "PutBucketCORS",
    "delete_cors": "DeleteBucketCORS",
    "get_lifecycle": "GetBucketLifecycle",
    "put_lifecycle": "PutBucketLifecycle",
    "delete_lifecycle": "DeleteBucketLifecycle",
    "get_referer": "GetBucketReferer",
    "put_referer": "PutBucketReferer",
    "delete_referer": "DeleteBucketReferer",
    "get_website": "GetBucketWebsite",
    "put_website": "PutBucketWebsite",
    "delete_website": "DeleteBucketWebsite",
    "get_policy": "GetBucketPolicy",
    "put_policy": "PutBucketPolicy",
    "delete_policy": "DeleteBucketPolicy",
    "restore_object": "PostObjectRestore",
}
# Handlers that reach nothing but the bucket and key of their request, or have every other place checked.
_OBJECTS = frozenset({
    "get_object", "process_object", "get_attributes", "put_object", "append_object", "post_object", "delete_object",
    "initiate_upload", "upload_part", "complete_upload", "abort_upload", "list_parts",
    "get_object_acl", "put_object_acl", "get_object_tagging", "put_object_tagging", "delete_object_tagging",
})  # fmt: skip
LISTINGS = frozenset({"list_objects", "list_versions", "list_uploads"})
_BUCKETS = frozenset({"head_bucket", "bucket_location"})
# The places of these are in their bodies; whoever reads those checks them.
IN_BODY = frozenset({"delete_objects", "post_object"})


def action_of(request: Request) -> str:
    """The action that a request is, whose handler has been found."""
    name = request.operation
    if request.method == "HEAD" and name in ("get_object", "process_object"):
        return "HeadObject"
    return _ACTIONS.get(name) or "".join(word.capitalize() for word in name.split("_"))


def check_grant(request: Request) -> None:
    """Refuse what the key pair of a request may not do. Raises ``AccessDenied``."""
    grant = request.grant
    if grant is None:
        return
    action = action_of(request)
    if (grant.read_only and request.method not in ("GET", "HEAD")) or not grant.allows_action(action):
        raise AccessDenied(f"This key pair may not do {action}.")
    if not grant.resources:
        return
    name = request.operation
    if name in IN_BODY:
        allowed = grant.allows_bucket(request.bucket)
    elif name in _OBJECTS:
        allowed = grant.allows_place(request.bucket, request.key)
    elif name in LISTINGS:
        allowed = grant.allows_place(request.bucket, request.params.get("prefix", ""))
    else:
        allowed = name in _BUCKETS and grant.allows_bucket(request.bucket)
    if not allowed:
        raise AccessDenied(f"This key pair may not do {action} here.")


def check_form(request: Request, key: str) -> None:
    """Refuse a form upload that its key pair may not do. Raises ``AccessDenied``."""
    if request.grant is not None and request.grant.read_only:
        raise AccessDenied("This key pair may not do PostObject.")
    check_place(request, "PostObject", request.bucket, key)


def check_place(request: Request, action: str, bucket: str, key: str) -> None:
    """Refuse a further object that a request reads or writes. Raises ``AccessDenied``."""
    grant = request.grant
    if grant is not None and not (grant.allows_action(action) and grant.allows_place(bucket, key)):
        raise AccessDenied(f"This key pair may not do {action} with {bucket}/{key[:200]}.")
