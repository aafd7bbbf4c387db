"""COS errors that only the HTTP layer raises (``docs/spec/api/errors.md#2``)."""

from __future__ import annotations

from openmogr.errors import CosError
from openmogr.wire.errors import InvalidRequest, MethodNotAllowed

__all__ = [
    "AccessForbidden",
    "IncompleteBody",
    "IncorrectNumberOfFilesInPostRequest",
    "InvalidCopySource",
    "InvalidDelimiter",
    "InvalidDigest",
    "InvalidObjectState",
    "InvalidRange",
    "InvalidRequest",
    "InvalidTag",
    "InvalidURI",
    "MalformedPOSTRequest",
    "MalformedPolicy",
    "MalformedXML",
    "MethodNotAllowed",
    "MissingContentLength",
    "MissingRequestBody",
    "NoSuchCORSConfiguration",
    "NoSuchConfiguration",
    "NoSuchLifecycleConfiguration",
    "NoSuchTagSet",
    "OriginProtected",
    "PreconditionFailed",
    "RefererRefused",
    "TooManyStyles",
    "XMLSizeLimit",
]


class InvalidURI(CosError):
    """The path of the request is not the encoding of a key."""

    status, code, default_message = 400, "InvalidURI", "Could not parse the specified URI."


class InvalidDigest(CosError):
    """``Content-MD5`` is not the Base64 of an MD5."""

    status, code, default_message = 400, "InvalidDigest", "The Content-MD5 you specified is invalid."


class InvalidDelimiter(CosError):
    """A delimiter of more than one character."""

    status, code, default_message = 400, "InvalidDelimiter", "The delimiter must be one character."


class InvalidCopySource(CosError):
    """``x-cos-copy-source`` names no object."""

    status, code, default_message = (
        400,
        "InvalidCopySource",
        "Copy Source must mention the source bucket and key.",
    )


class InvalidTag(CosError):
    """Tags that COS would not take."""

    status, code, default_message = 400, "InvalidTag", "The tag is invalid."


class IncompleteBody(CosError):
    """The client sent fewer bytes than it had announced."""

    status, code = 400, "IncompleteBody"
    default_message = "You did not provide the number of bytes specified by the Content-Length HTTP header."


class MissingContentLength(CosError):
    """An upload without length that is not chunked either."""

    status, code = 411, "MissingContentLength"
    default_message = "You must provide the Content-Length HTTP header."


class MissingRequestBody(CosError):
    """A request that needs an XML body came without."""

    status, code, default_message = 400, "MissingRequestBodyError", "Request body is empty."


class MalformedXML(CosError):
    """A body that is not XML, or not of the right shape."""

    status, code = 400, "MalformedXML"
    default_message = "The XML you provided was not well-formed or did not match the schema."


class XMLSizeLimit(CosError):
    """An XML body over the limit."""

    status, code, default_message = 400, "XMLSizeLimit", "The XML you provided was larger than the maximum."


class MalformedPOSTRequest(CosError):
    """A form upload that is not ``multipart/form-data`` of the right shape."""

    status, code = 400, "MalformedPOSTRequest"
    default_message = "The body of your POST request is not well-formed multipart/form-data."


class IncorrectNumberOfFilesInPostRequest(CosError):
    """A form upload with no file or several."""

    status, code = 400, "IncorrectNumberOfFilesInPostRequest"
    default_message = "POST requires exactly one file upload per request."


class AccessForbidden(CosError):
    """A preflight that no CORS rule allows."""

    status, code = 403, "AccessForbidden"
    default_message = (
        "CORSResponse: This CORS request is not allowed. No rule of the bucket allows its Origin, "
        "Access-Control-Request-Method and Access-Control-Request-Headers."
    )


class NoSuchTagSet(CosError):
    """A bucket without tags."""

    status, code, default_message = 404, "NoSuchTagSet", "The TagSet does not exist."


class NoSuchCORSConfiguration(CosError):
    """A bucket without CORS rules."""

    status, code, default_message = 404, "NoSuchCORSConfiguration", "The CORS configuration does not exist."


class NoSuchConfiguration(CosError):
    """A configuration that this server never holds; the code depends on which."""

    status, code, default_message = 404, "NoSuchConfiguration", "The specified configuration does not exist."


class PreconditionFailed(CosError):
    """``If-Match`` and its like."""

    status, code, default_message = 412, "PreconditionFailed", "Precondition not match."


class InvalidRange(CosError):
    """A range that starts behind the object."""

    status, code, default_message = 416, "InvalidRange", "The requested range cannot be satisfied."


class InvalidObjectState(CosError):
    """What is asked for does not go with the object's storage class."""

    status, code = 403, "InvalidObjectState"
    default_message = "The operation is not valid for the current state of the object."


class MalformedPolicy(CosError):
    """A bucket policy that makes no sense."""

    status, code, default_message = 400, "MalformedPolicy", "The policy is not valid."


class TooManyStyles(CosError):
    """The bucket has as many styles as a bucket may have."""

    status, code, default_message = 400, "InvalidArgument", "A bucket has at most 100 styles."


class OriginProtected(CosError):
    """An image of a protected bucket without a style, asked for without a signature."""

    status, code = 403, "AccessDenied"
    default_message = "The originals of this bucket are protected: name a style, or sign the request."


class RefererRefused(CosError):
    """The page that shows the object must not."""

    status, code = 403, "AccessDenied"
    default_message = "You are denied by bucket referer rule."


class NoSuchLifecycleConfiguration(CosError):
    """A bucket that has no lifecycle."""

    status, code, default_message = (
        404,
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist.",
    )
