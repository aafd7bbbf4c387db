"""Requests to buckets of S3 and COS that ``obstore`` has not: where a bucket is asked, and with whose signature."""

from __future__ import annotations

import hashlib
import http.client
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import urlsplit

from openmogr.auth import Credential, sign_request
from openmogr.auth.sigv4 import ALGORITHM, Scope, canonical_request, sign_text, string_to_sign
from openmogr.storage.stores.opening import CannotOpen, cos_keys

__all__ = ["BucketHost", "Signer", "bucket_of", "code_of", "cos_signer", "s3_signer"]

# Method, path, query and host, as they go over the wire, to the headers of the signature.
Signer: TypeAlias = Callable[[str, str, str, str], Mapping[str, str]]

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class BucketHost:
    """Where a bucket is asked, taken from its URL.

    Attributes:
        host: with the port, where one is given.
        path: before the keys, without a slash at its end; empty where the host is the bucket's own.
        plain: without TLS.
    """

    host: str
    path: str
    plain: bool

    @classmethod
    def of(cls, root: str) -> BucketHost:
        """Of a URL behind which keys stand, as ``bucket_of`` gives it."""
        parts = urlsplit(root)
        return cls(parts.netloc, parts.path.rstrip("/"), parts.scheme == "http")

    def connection(self) -> http.client.HTTPConnection:
        """A connection that is opened by its first request."""
        kind = http.client.HTTPConnection if self.plain else http.client.HTTPSConnection
        return kind(self.host, timeout=_TIMEOUT_SECONDS)

    def headers(self, sign: Signer, method: str, path: str, query: str) -> dict[str, str]:
        """Those of a signed request; its path includes ``self.path``."""
        return {"host": self.host, **sign(method, path, query, self.host)}


def code_of(body: bytes) -> str:
    """The code in the XML of an error, at most 100 characters of ASCII; empty where there is none."""
    return body.partition(b"<Code>")[2].partition(b"</Code>")[0][:100].decode("ascii", "replace")


def cos_signer(credential: Credential) -> Signer:
    """Signs with COS v5."""

    def sign(method: str, path: str, query: str, host: str) -> Mapping[str, str]:
        signed = sign_request(credential, method, f"{path}?{query}", {"host": host})
        token = {"x-cos-security-token": credential.token} if credential.token else {}
        return {"Authorization": signed, **token}

    return sign


def s3_signer(credential: Credential, region: str) -> Signer:
    """Signs with AWS version 4, requests without a body."""

    def sign(method: str, path: str, query: str, host: str) -> Mapping[str, str]:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope, content = Scope(moment[:8], region, "s3"), hashlib.sha256().hexdigest()
        headers = {"host": host, "x-amz-content-sha256": content, "x-amz-date": moment}
        if credential.token:
            headers["x-amz-security-token"] = credential.token
        given = sorted((name, value.encode()) for name, value in headers.items())
        asked = "&".join(sorted(item if "=" in item else f"{item}=" for item in query.split("&")))
        request = canonical_request(method, path, asked, given, content)
        signature = sign_text(scope.key(credential.secret_key), string_to_sign(moment, str(scope), request))
        names = ";".join(name for name, _ in given)
        headers["Authorization"] = (
            f"{ALGORITHM} Credential={credential.secret_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return headers

    return sign


def bucket_of(url: str, endpoint: str, region: str, service: str = "cos") -> tuple[str, Signer]:
    """The URL of a bucket, behind which keys stand, and what signs requests to it.

    Args:
        url: ``s3://bucket/…`` or ``cos://bucket-appid/…``; the path means nothing.
        endpoint: of a store that is not at its provider's place.
        region: of the bucket.
        service: of COS: ``pic`` is CI.

    Raises:
        CannotOpen: it is neither, or there are no keys in the environment.
    """
    parts = urlsplit(url)
    if parts.scheme == "cos":
        root = f"https://{parts.netloc}.{service}.{region}.myqcloud.com"
        if endpoint:
            root = f"{endpoint.rstrip('/')}/{parts.netloc}"
        return root, cos_signer(Credential(*cos_keys()))
    if parts.scheme != "s3":
        raise CannotOpen(f"{url} is neither s3:// nor cos://")
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        raise CannotOpen("s3:// is asked this with the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    told = (os.environ.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"))
    endpoint = endpoint or next(filter(None, told), "")
    # Of path style, which S3 and all that speak it understand.
    root = endpoint.rstrip("/") or f"https://s3.{region}.amazonaws.com"
    credential = Credential(key, secret, os.environ.get("AWS_SESSION_TOKEN") or None)
    return f"{root}/{parts.netloc}", s3_signer(credential, region)
