"""CORS: configuration, preflights, and the headers of ordinary answers (``docs/spec/api/object-api.md#9``)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from xml.etree.ElementTree import Element

from openmogr.api.access import check_owner
from openmogr.api.documents import AT_ONCE, read_raw_document
from openmogr.api.errors import AccessForbidden, InvalidRequest, MalformedXML, NoSuchCORSConfiguration
from openmogr.api.request import Request
from openmogr.api.response import Header, Response
from openmogr.api.services import Services
from openmogr.api.xml import child_text, children, parse
from openmogr.errors import CosError, NoSuchBucket

__all__ = ["cors_headers", "delete_cors", "get_cors", "preflight", "put_cors"]

_KIND = "cors"
_METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
_MAX_RULES = 100
_EXPOSED = (
    *("ETag", "Content-Length", "x-cos-request-id", "x-cos-hash-crc64ecma", "X-Slimflag", "X-ErrNo"),
    *("x-cos-meta-*", "x-openmogr-*"),
)


@dataclass(frozen=True)
class _Rule:
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: int | None

    def allows(self, origin: str, method: str, headers: list[str]) -> bool:
        return (
            method in self.methods
            and any(_matches(pattern, origin) for pattern in self.origins)
            and all(any(_matches(pattern, name) for pattern in self.headers) for name in headers)
        )


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text, re.IGNORECASE | re.DOTALL) is not None


def _texts(rule: Element, name: str) -> tuple[str, ...]:
    return tuple((item.text or "").strip() for item in children(rule, name))


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise MalformedXML("MaxAgeSeconds must be a whole number of seconds.")
    return int(text)


def _rules(root: Element) -> tuple[_Rule, ...]:
    rules = []
    for item in children(root, "CORSRule"):
        age = (child_text(item, "MaxAgeSeconds") or "").strip()
        rule = _Rule(
            _texts(item, "AllowedOrigin"),
            _texts(item, "AllowedMethod"),
            _texts(item, "AllowedHeader"),
            _texts(item, "ExposeHeader"),
            _seconds(age) if age else None,
        )
        if not rule.origins or not rule.methods or any(method not in _METHODS for method in rule.methods):
            raise MalformedXML(f"A CORSRule needs AllowedOrigin and AllowedMethod of {', '.join(_METHODS)}.")
        if any(text.count("*") > 1 for text in rule.origins + rule.headers):
            raise MalformedXML("AllowedOrigin and AllowedHeader hold at most one '*'.")
        rules.append(rule)
    if not 1 <= len(rules) <= _MAX_RULES:
        raise MalformedXML(f"CORSConfiguration holds 1 to {_MAX_RULES} rules.")
    return tuple(rules)


@lru_cache(maxsize=256)
def _stored_rules(document: bytes) -> tuple[_Rule, ...]:
    return _rules(parse(document, "CORSConfiguration"))


async def get_cors(services: Services, request: Request) -> Response:
    """GET ``?cors``."""
    await check_owner(services, request)
    document = await services.storage.get_bucket_document(request.bucket, _KIND)
    if document is None:
        raise NoSuchCORSConfiguration()
    return Response(200, [(b"content-type", b"application/xml")], document)


async def put_cors(services: Services, request: Request) -> Response:
    """PUT ``?cors``."""
    await check_owner(services, request)
    document, root = await read_raw_document(services, request, "CORSConfiguration")
    _rules(root)
    await services.storage.put_bucket_document(request.bucket, _KIND, document)
    return Response(200)


async def delete_cors(services: Services, request: Request) -> Response:
    """DELETE ``?cors``."""
    await check_owner(services, request)
    await services.storage.put_bucket_document(request.bucket, _KIND, None)
    return Response(204)


async def _rule_for(
    services: Services, bucket: str, origin: str, method: str, names: list[str]
) -> _Rule | None:
    document = None
    if bucket:
        try:
            document = await services.storage.get_bucket_document(bucket, _KIND)
        except NoSuchBucket:
            document = None
    if document is None:
        default = services.settings.cors_allow_origin
        return _Rule((default,), _METHODS, ("*",), _EXPOSED, 600) if default else None
    rules = (
        _stored_rules(document)
        if len(document) <= AT_ONCE
        else await asyncio.to_thread(_stored_rules, document)
    )
    return next((rule for rule in rules if rule.allows(origin, method, names)), None)


def _exposed(rule: _Rule, names: Iterable[str]) -> str:
    """Names with a star as the names of the answer that they stand for: browsers know no such pattern."""
    found: dict[str, None] = {}
    for pattern in rule.exposed:
        if "*" in pattern and pattern != "*":
            found.update((name, None) for name in names if _matches(pattern, name))
        elif pattern:
            found[pattern] = None
    return ", ".join(found)


def _answer(rule: _Rule, origin: str, names: Iterable[str]) -> list[Header]:
    headers = [(b"access-control-allow-origin", (b"*" if "*" in rule.origins else origin.encode()))]
    if "*" not in rule.origins:
        headers += [(b"access-control-allow-credentials", b"true"), (b"vary", b"Origin")]
    if exposed := _exposed(rule, names):
        headers.append((b"access-control-expose-headers", exposed.encode("latin-1", "replace")))
    return headers


async def preflight(services: Services, request: Request) -> Response:
    """OPTIONS, which nobody signs."""
    origin = request.header("origin")
    method = request.header("access-control-request-method")
    if origin is None or method is None:
        raise InvalidRequest("A preflight needs Origin and Access-Control-Request-Method.")
    asked = request.header("access-control-request-headers") or ""
    names = [name.strip() for name in asked.split(",") if name.strip()]
    rule = await _rule_for(services, request.bucket, origin, method, names)
    if rule is None or not rule.allows(origin, method, names):
        raise AccessForbidden()
    headers = _answer(rule, origin, ())
    headers.append((b"access-control-allow-methods", ", ".join(rule.methods).encode()))
    if names:
        headers.append((b"access-control-allow-headers", ", ".join(names).encode()))
    if rule.max_age is not None:
        headers.append((b"access-control-max-age", b"%d" % rule.max_age))
    return Response(200, headers)


async def cors_headers(services: Services, request: Request, answer: Iterable[Header]) -> list[Header]:
    """What an ordinary answer to a request with an ``Origin`` carries besides its headers so far."""
    origin = request.header("origin")
    if origin is None or request.method == "OPTIONS":
        return []
    try:
        rule = await _rule_for(services, request.bucket, origin, request.method, [])
    except CosError:
        return []
    return [] if rule is None else _answer(rule, origin, [name.decode("latin-1") for name, _ in answer])
