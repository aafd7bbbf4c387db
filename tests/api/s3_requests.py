"""Requests signed for S3 by botocore's signer, byte for byte as a test wants them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from openmogr.auth import Credential
from openmogr.auth.sigv4 import PayloadSignature, Scope
from openmogr.testing import Answer, ServerProcess

pytest.importorskip("botocore", reason="botocore is not installed: pip install boto3")

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

__all__ = ["REGION", "framed", "presign", "send", "sign", "trailed"]

REGION = "ap-shanghai"


class _Auth(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    content_sha256 = ""

    def payload(self, request: AWSRequest) -> str:
        return self.content_sha256


def _keys(credential: Credential) -> BotoCredentials:
    return BotoCredentials(credential.secret_id, credential.secret_key, credential.token)


def sign(
    credential: Credential,
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    content_sha256: str = "UNSIGNED-PAYLOAD",
) -> dict[str, str]:
    """The headers of a request with its signature and hash."""
    request = AWSRequest(method, url, headers={**(headers or {}), "Host": urlsplit(url).netloc})
    auth = _Auth(_keys(credential), "s3", REGION)
    auth.content_sha256 = content_sha256
    auth.add_auth(request)
    return dict(request.headers.items())


def presign(
    credential: Credential, method: str, url: str, headers: Mapping[str, str] | None = None, expires: int = 60
) -> str:
    """Path and query of a presigned URL."""
    request = AWSRequest(method, url, headers=dict(headers or {}))
    S3SigV4QueryAuth(_keys(credential), "s3", REGION, expires=expires).add_auth(request)
    parts = urlsplit(request.url)
    return f"{parts.path}?{parts.query}"


def send(
    server: ServerProcess,
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    host: str,
    content_sha256: str | None = None,
    changed: Mapping[str, str] | None = None,
) -> Answer:
    """Send a signed request; ``changed`` headers are put over the signed ones."""
    if content_sha256 is None:
        content_sha256 = hashlib.sha256(body or b"").hexdigest()
    signed = sign(server.credential, method, f"http://{host}{target}", headers, content_sha256)
    return server.request(method, target, body, {**signed, **(changed or {})}, host=host)


def framed(
    authorization: Mapping[str, str], secret_key: str, chunks: list[bytes], trailer: bytes = b""
) -> bytes:
    """A body in signed chunks, for the headers of :func:`sign`; ``trailer`` is ``name:value``."""
    fields = dict(
        item.strip().split("=", 1) for item in authorization["Authorization"].split(" ", 1)[1].split(",")
    )
    _, date, region, service, _ = fields["Credential"].rsplit("/", 4)
    scope = Scope(date, region, service)
    payload = PayloadSignature(
        "", fields["Signature"], authorization["X-Amz-Date"], str(scope), scope.key(secret_key)
    )
    body, previous = b"", payload.seed
    for chunk in [*chunks, b""]:
        previous = payload.chunk(previous, hashlib.sha256(chunk).hexdigest())
        body += b"%x;chunk-signature=%s\r\n" % (len(chunk), previous.encode()) + chunk
        body += b"\r\n" if chunk else b""
    if trailer:
        signature = payload.trailer(previous, trailer + b"\n")
        body += trailer + b"\r\nx-amz-trailer-signature:" + signature.encode() + b"\r\n"
    return body + b"\r\n"


def trailed(chunks: list[bytes], trailer: bytes) -> bytes:
    """A body in unsigned chunks with a trailer ``name:value``."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return body + b"0\r\n" + trailer + b"\r\n\r\n"


def now() -> str:
    """As ``x-amz-date`` has it."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
