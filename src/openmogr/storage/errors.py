"""COS errors that only storage raises (``docs/spec/api/errors.md#2``)."""

from __future__ import annotations

from openmogr.errors import CosError

__all__ = [
    "BadDigest",
    "BucketAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "BucketNotEmpty",
    "EntityTooLarge",
    "EntityTooSmall",
    "InvalidBucketName",
    "InvalidObjectName",
    "InvalidPart",
    "InvalidPartOrder",
    "KeyTooLong",
    "NoSuchUpload",
    "ObjectAlreadyExists",
    "ObjectChanged",
    "ObjectNotAppendable",
    "PositionNotEqualToLength",
    "ReadOnlyBucket",
    "StorageBusy",
    "StorageFull",
    "StorageUnusable",
    "StoreUnavailable",
    "TooManyAppends",
    "TooManyBuckets",
]


class BadDigest(CosError):
    """The ``Content-MD5`` of the request is not that of the received bytes."""

    status, code = 400, "BadDigest"
    default_message = "The Content-MD5 you specified did not match what we received."


class EntityTooLarge(CosError):
    """An upload of more bytes than one object or part may have."""

    status, code = 400, "EntityTooLarge"
    default_message = "Your proposed upload exceeds the maximum allowed object size."


class EntityTooSmall(CosError):
    """A part other than the last one is below the minimum part size."""

    status, code = 400, "EntityTooSmall"
    default_message = "Your proposed upload is smaller than the minimum allowed part size."


class InvalidBucketName(CosError):
    """The text cannot be the name of a bucket."""

    status, code, default_message = 400, "InvalidBucketName", "The specified bucket name is not valid."


class InvalidObjectName(CosError):
    """The text cannot be an object key: it is empty or not encodable as UTF-8."""

    status, code, default_message = 400, "InvalidObjectName", "The specified key is not valid."


class KeyTooLong(CosError):
    """The key has more than 850 bytes of UTF-8."""

    status, code, default_message = 400, "KeyTooLong", "Your key is too long; at most 850 bytes are allowed."


class InvalidPart(CosError):
    """A part named by Complete Multipart Upload is missing or has another ETag."""

    status, code = 400, "InvalidPart"
    default_message = "One or more of the specified parts could not be found."


class InvalidPartOrder(CosError):
    """The parts named by Complete Multipart Upload are not in ascending order."""

    status, code = 400, "InvalidPartOrder"
    default_message = "The list of parts was not in ascending order."


class TooManyBuckets(CosError):
    """The account has as many buckets as it may have."""

    status, code = 400, "TooManyBuckets"
    default_message = "You have attempted to create more buckets than allowed."


class NoSuchUpload(CosError):
    """No multipart upload of that id is under way for that key."""

    status, code, default_message = 404, "NoSuchUpload", "The specified multipart upload does not exist."


class BucketAlreadyExists(CosError):
    """The name is taken by somebody else."""

    status, code = 409, "BucketAlreadyExists"
    default_message = "The requested bucket name is not available."


class BucketAlreadyOwnedByYou(CosError):
    """The caller has that bucket already."""

    status, code = 409, "BucketAlreadyOwnedByYou"
    default_message = "The bucket you tried to create already exists, and you own it."


class BucketNotEmpty(CosError):
    """The bucket to delete holds objects or unfinished uploads."""

    status, code, default_message = 409, "BucketNotEmpty", "The bucket you tried to delete is not empty."


class ObjectAlreadyExists(CosError):
    """The write forbade overwriting (``x-cos-forbid-overwrite: true``) and the key is taken."""

    status, code, default_message = 409, "FileAlreadyExists", "The object you specified already exists."


class ObjectChanged(CosError):
    """The write was to replace an object of another ETag than the one that is there."""

    status, code, default_message = 412, "PreconditionFailed", "The object has another ETag by now."


class ObjectNotAppendable(CosError):
    """An append to an object that was written in another way."""

    status, code = 409, "ObjectNotAppendable"
    default_message = "The object is not appendable: it was not made by appending."


class PositionNotEqualToLength(CosError):
    """An append at another position than the end of the object."""

    status, code = 409, "PositionNotEqualToLength"
    default_message = "The position is not the length of the object."


class TooManyAppends(CosError):
    """An append to an object that has as many as it may have."""

    status, code = 409, "InvalidObjectState"
    default_message = "The object has been appended to as often as one may be; a copy of it is one piece."


class ReadOnlyBucket(CosError):
    """A write to a bucket whose objects lie in a store that is only read."""

    status, code = 405, "MethodNotAllowed"
    default_message = "The bucket is read-only: its objects lie in a store that this server only reads."


class StoreUnavailable(CosError):
    """The store behind a bucket is down, slow or refuses this server; a retry may do."""

    status, code = 503, "ServiceUnavailable"
    default_message = "The store of this bucket cannot be reached. Please try again."


class StorageBusy(CosError):
    """The index is locked by another process, or the system is short of descriptors; a retry may do."""

    status, code, default_message = 503, "ServiceUnavailable", "The storage is busy. Please try again."


class StorageFull(CosError):
    """The disk is full; nothing of the request was kept."""

    status, code, default_message = 503, "ServiceUnavailable", "The storage is out of space."


class StorageUnusable(Exception):
    """The storage cannot be opened; the text says why, in words for the operator. No answer to a client."""
