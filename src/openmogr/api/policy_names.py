"""Names of actions in bucket policies: those of COS, and those of S3 with what they stand for."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ACTIONS", "GRANTABLE", "S3_ACTIONS"]

# What may be allowed to everybody; the account alone may do the rest.
GRANTABLE = frozenset({
    "GetObject", "HeadObject", "PutObject", "PostObject", "AppendObject", "DeleteObject", "ImageProcess",
    "InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload",
    "GetBucket", "HeadBucket", "GetBucketObjectVersions",
})  # fmt: skip
# Those that a policy may deny besides. Calls about the policy itself are not among them, so that nobody locks the
# owner out.
ACTIONS = GRANTABLE | frozenset({
    "DeleteMultipleObjects", "ListParts", "ListMultipartUploads", "PostObjectRestore",
    "GetObjectACL", "PutObjectACL", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging",
    "DeleteBucket", "GetBucketLocation", "GetBucketACL", "PutBucketACL",
    "GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging",
    "GetBucketCORS", "PutBucketCORS", "DeleteBucketCORS",
    "GetBucketLifecycle", "PutBucketLifecycle", "DeleteBucketLifecycle",
    "GetBucketReferer", "PutBucketReferer", "DeleteBucketReferer",
    "GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite",
})  # fmt: skip
S3_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "GetObject": ("GetObject", "HeadObject"),
    "GetObjectAttributes": ("HeadObject",),
    "PutObject": (
        *("PutObject", "PostObject", "AppendObject", "ImageProcess"),
        *("InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload"),
    ),
    "DeleteObject": ("DeleteObject", "DeleteMultipleObjects"),
    "AbortMultipartUpload": ("AbortMultipartUpload",),
    "ListMultipartUploadParts": ("ListParts",),
    "ListBucket": ("GetBucket", "HeadBucket"),
    "ListBucketVersions": ("GetBucketObjectVersions",),
    "ListBucketMultipartUploads": ("ListMultipartUploads",),
    "RestoreObject": ("PostObjectRestore",),
    "GetObjectAcl": ("GetObjectACL",),
    "PutObjectAcl": ("PutObjectACL",),
    "GetObjectTagging": ("GetObjectTagging",),
    "PutObjectTagging": ("PutObjectTagging",),
    "DeleteObjectTagging": ("DeleteObjectTagging",),
    "DeleteBucket": ("DeleteBucket",),
    "GetBucketLocation": ("GetBucketLocation",),
    "GetBucketAcl": ("GetBucketACL",),
    "PutBucketAcl": ("PutBucketACL",),
    "GetBucketTagging": ("GetBucketTagging",),
    "PutBucketTagging": ("PutBucketTagging", "DeleteBucketTagging"),
    "GetBucketCORS": ("GetBucketCORS",),
    "PutBucketCORS": ("PutBucketCORS", "DeleteBucketCORS"),
    "GetLifecycleConfiguration": ("GetBucketLifecycle",),
    "PutLifecycleConfiguration": ("PutBucketLifecycle", "DeleteBucketLifecycle"),
    "GetBucketWebsite": ("GetBucketWebsite",),
    "PutBucketWebsite": ("PutBucketWebsite",),
    "DeleteBucketWebsite": ("DeleteBucketWebsite",),
}
