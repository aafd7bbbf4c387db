"""Stored headers, ACL, storage class and tags: out of a request, and into an answer."""

from __future__ import annotations

import mimetypes
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import parse_qsl

from openmogr.api.conditions import stays_if_there
from openmogr.api.errors import InvalidDigest, InvalidTag
from openmogr.api.request import Request
from openmogr.api.response import Header, http_date
from openmogr.api.xml import quoted
from openmogr.errors import CosError, InvalidArgument, NotSupported
from openmogr.image.formats.registry import MEDIA_TYPES
from openmogr.storage.errors import InvalidObjectName
from openmogr.storage.interface import Acl, ObjectAttributes, ObjectHeaders, ObjectInfo

__all__ = [
    "NotSupportedStorageClass",
    "check_key",
    "check_tags",
    "content_md5",
    "forbids_overwrite",
    "guess_type",
    "object_headers",
    "parse_acl",
    "request_attributes",
    "stored_headers",
]

STORAGE_CLASSES = frozenset(
    name
    for base in ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ARCHIVE", "DEEP_ARCHIVE")
    for name in (base, f"MAZ_{base}")
)
_MAX_USER_BYTES = 2048
_MAX_TAGS = 10
_TAG_EXTRA = frozenset(" +-_=.:/")
_GRANT = re.compile(r'\s*(id|uin)\s*=\s*"[^"]+"\s*(,\s*(id|uin)\s*=\s*"[^"]+"\s*)*')
# What XML 1.0 cannot say in any way; such a key would break every listing.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# No suffix that means a type is longer.
_MAX_SUFFIX = 32
_TYPES = {**MEDIA_TYPES, ".webm": "video/webm", ".md": "text/markdown"}


class NotSupportedStorageClass(CosError):
    """A storage class that COS does not have."""

    status, code = 400, "NotSupportedStorageClass"
    default_message = "The storage class you specified is not valid."


def check_key(key: str) -> None:
    """Refuse keys that no XML listing could show. Raises ``InvalidObjectName``."""
    if _NOT_XML.search(key):
        raise InvalidObjectName("The key holds a control character.")


def guess_type(key: str) -> str:
    """The media type that the suffix of a key stands for."""
    suffix = "." + key.rpartition(".")[2].lower() if "." in key else ""
    return _TYPES.get(suffix) or _other_type(suffix[:_MAX_SUFFIX])


@lru_cache(maxsize=1024)
def _other_type(suffix: str) -> str:
    return mimetypes.guess_type("x" + suffix)[0] or "application/octet-stream"


def request_attributes(request: Request) -> ObjectAttributes:
    """What an upload says about its object.

    Raises:
        InvalidArgument, InvalidTag, NotSupported, NotSupportedStorageClass: what they say.
    """
    if request.header("x-cos-server-side-encryption") or request.header(
        "x-cos-server-side-encryption-customer-algorithm"
    ):
        raise NotSupported("Server-side encryption is not supported.")
    _check_grants(request)
    return ObjectAttributes(
        headers=_headers(request),
        acl=parse_acl(request.header("x-cos-acl")),
        storage_class=storage_class(request.header("x-cos-storage-class")),
        tags=header_tags(request),
    )


def forbids_overwrite(request: Request) -> bool:
    """Whether an object that is there already must stay."""
    forbidden = (request.header("x-cos-forbid-overwrite") or "").lower() == "true"
    return forbidden or stays_if_there(request.headers)


def storage_class(text: str | None) -> str:
    """The storage class of a header. Raises ``NotSupportedStorageClass``."""
    if text is None:
        return "STANDARD"
    name = text.strip().upper()
    if name not in STORAGE_CLASSES:
        raise NotSupportedStorageClass()
    return name


def parse_acl(text: str | None, *, bucket: bool = False) -> Acl:
    """A preset of ``x-cos-acl``; without one, ``private`` for buckets and ``default`` for objects.

    Raises:
        InvalidArgument: not a preset for this resource.
    """
    if text is None:
        return Acl.PRIVATE if bucket else Acl.DEFAULT
    presets = [acl for acl in Acl if (acl is not Acl.DEFAULT if bucket else acl not in _BUCKET_ONLY)]
    if text not in presets:
        raise InvalidArgument(f"x-cos-acl must be one of {', '.join(presets)}.")
    return Acl(text)


_BUCKET_ONLY = (Acl.PUBLIC_READ_WRITE, Acl.AUTHENTICATED_READ)


def _check_grants(request: Request) -> None:
    if not any(name.startswith(b"x-cos-grant-") for name in request.headers):
        return
    for kind in ("read", "write", "read-acp", "write-acp", "full-control"):
        text = request.header(f"x-cos-grant-{kind}")
        if text is not None and not _GRANT.fullmatch(text):
            raise InvalidArgument(f'x-cos-grant-{kind} must be a list of id="...".')


def header_tags(request: Request) -> Mapping[str, str]:
    """``x-cos-tagging``. Raises ``InvalidTag``."""
    text = request.header("x-cos-tagging")
    if text is None:
        return {}
    try:
        return check_tags(parse_qsl(text, keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise InvalidTag("There are too many tags.") from None


def check_tags(pairs: Iterable[tuple[str, str]], max_tags: int = _MAX_TAGS) -> Mapping[str, str]:
    """Tags within the limits of ``docs/spec/api/object-api.md#7``. Raises ``InvalidTag``."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise InvalidTag("Cannot provide multiple Tags with the same key.")
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise InvalidTag("A tag key has 1 to 128 characters and a value up to 256.")
        if not all(char.isalnum() or char in _TAG_EXTRA for char in key + value):
            raise InvalidTag("Tags hold letters, digits, spaces and + - _ = . : / only.")
        tags[key] = value
    if len(tags) > max_tags:
        raise InvalidTag(f"There can be at most {max_tags} tags.")
    return tags


def _headers(request: Request) -> ObjectHeaders:
    user: dict[str, str] = {}
    size = 0
    for raw in request.headers:
        if raw.startswith(b"x-cos-meta-") and (value := request.header(raw.decode("latin-1"))) is not None:
            name = raw.decode("latin-1").removeprefix("x-cos-meta-")
            user[name] = value
            size += len(name) + len(value.encode())
    if size > _MAX_USER_BYTES:
        raise InvalidArgument(f"x-cos-meta-* headers hold at most {_MAX_USER_BYTES} bytes together.")
    return ObjectHeaders(
        content_type=request.header("content-type") or guess_type(request.key),
        cache_control=request.header("cache-control"),
        content_disposition=request.header("content-disposition"),
        content_encoding=_content_encoding(request.header("content-encoding")),
        content_language=request.header("content-language"),
        expires=request.header("expires"),
        user=user,
    )


def _content_encoding(text: str | None) -> str | None:
    """S3 clients mark their own framing here; it is no property of the object."""
    if text is None:
        return None
    codings = [part.strip() for part in text.split(",")]
    return ", ".join(coding for coding in codings if coding not in ("", "aws-chunked")) or None


def content_md5(request: Request) -> bytes | None:
    """The 16 bytes of ``Content-MD5``. Raises ``InvalidDigest``."""
    text = request.header("content-md5")
    if text is None:
        return None
    try:
        digest = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise InvalidDigest() from None
    if len(digest) != 16:
        raise InvalidDigest()
    return digest


def object_headers(info: ObjectInfo) -> list[Header]:
    """The headers of a GET or HEAD of the object as it is stored."""
    headers = [
        (b"content-type", info.attributes.headers.content_type.encode()),
        (b"etag", quoted(info.etag).encode()),
        (b"last-modified", http_date(info.last_modified)),
        (b"accept-ranges", b"bytes"),
        *([] if info.origin else [(b"x-cos-hash-crc64ecma", b"%d" % info.crc64)]),
        *stored_headers(info.attributes.headers),
    ]
    if info.attributes.headers.content_encoding:
        headers.append((b"content-encoding", info.attributes.headers.content_encoding.encode()))
    if info.appendable:
        headers.append((b"x-cos-object-type", b"appendable"))
        headers.append((b"x-cos-next-append-position", b"%d" % info.size))
    if info.attributes.storage_class != "STANDARD":
        headers.append((b"x-cos-storage-class", info.attributes.storage_class.encode()))
    return headers


def stored_headers(headers: ObjectHeaders) -> list[Header]:
    """The stored headers that hold for processed answers too: all but type and encoding."""
    named = (
        (b"cache-control", headers.cache_control),
        (b"content-disposition", headers.content_disposition),
        (b"content-language", headers.content_language),
        (b"expires", headers.expires),
    )
    return [
        *((name, value.encode()) for name, value in named if value),
        *((b"x-cos-meta-" + name.encode("latin-1"), value.encode()) for name, value in headers.user.items()),
    ]
