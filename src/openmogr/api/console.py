"""The console: its page, its files, and what they have to know of this server (``docs/use/console.md``)."""

from __future__ import annotations

import json
import secrets
from functools import lru_cache

from openmogr import __version__
from openmogr.api.hosts import Style
from openmogr.api.request import Request
from openmogr.api.response import Header, Response
from openmogr.api.services import Services
from openmogr.console import PAGE, files, has_decoder
from openmogr.errors import NoSuchKey
from openmogr.image import ImageSettings, has_metric, written_formats

__all__ = ["console_page", "leads_to_console", "to_console"]

_PLACE = b"/-/console"
_STATE = "server.json"
_NOT_KEPT: Header = (b"cache-control", b"no-store")
# Files are asked for again each time, and answered with 304 while they are what they were.
_CHECKED: Header = (b"cache-control", b"no-cache")
# What the page holds in the place of the number that its scripts and styles are known by.
_NONCE = b"{nonce}"
# Scripts run by their nonce alone: all that lies in buckets has the same origin. Texts become documents of XML at most,
# by the one policy of ``library/service.js``, and elements never.
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'{wasm}; style-src 'nonce-{nonce}'; img-src 'self' blob:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types xml"
)
# What compiling WebAssembly needs, and nothing else does. It is there where the decoder of TPG is.
_WASM = " 'wasm-unsafe-eval'"
_ALONE: tuple[Header, ...] = (
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), clipboard-write=(self)"),
)


def leads_to_console(services: Services, request: Request) -> bool:
    """Whether a browser opens the server's address: GET of a host that names no bucket, unsigned, for HTML."""
    return (
        services.settings.console
        and request.method == "GET"
        and request.path == "/"
        and request.host.style is not Style.VIRTUAL
        and not request.raw_query
        and b"authorization" not in request.headers
        and b"text/html" in request.headers.get(b"accept", b"").lower()
    )


def to_console() -> Response:
    """What it is answered."""
    return Response(302, [(b"location", _PLACE), (b"vary", b"Accept"), _NOT_KEPT])


async def console_page(services: Services, request: Request, name: str) -> Response:
    """GET and HEAD of ``/-/console`` and what lies below. Raises ``NoSuchKey``."""
    if not name:
        return _page()
    if name == _STATE:
        return Response(200, [(b"content-type", b"application/json"), _NOT_KEPT], _state(services))
    file = files().get(name)
    if file is None or name == PAGE:
        raise NoSuchKey(f"There is no page {request.path}.")
    headers = [(b"etag", file.etag.encode()), _CHECKED, _ALONE[-2]]
    if file.etag in (request.header("if-none-match") or ""):
        return Response(304, headers)
    return Response(200, [(b"content-type", file.content_type.encode()), *headers], file.data)


def _page() -> Response:
    nonce = secrets.token_urlsafe(18)
    headers = [
        (b"content-type", files()[PAGE].content_type.encode()),
        (
            b"content-security-policy",
            _POLICY.format(nonce=nonce, wasm=_WASM if has_decoder() else "").encode(),
        ),
        *_ALONE,
        _NOT_KEPT,
    ]
    return Response(200, headers, files()[PAGE].data.replace(_NONCE, nonce.encode()))


def _state(services: Services) -> bytes:
    server = services.settings
    metrics = "off" if not server.metrics else "elsewhere" if server.operate_address else "here"
    return json.dumps(
        {
            "version": __version__,
            "bucket": server.console_bucket,
            "process": server.process.value,
            "health": "elsewhere" if server.operate_address else "here",
            "metrics": metrics,
            "scores": has_metric(),
            "decoder": has_decoder(),
            "formats": _formats(),
            "limits": {
                "signed": _limits(services.image),
                "anonymous": _limits(services.image.for_anonymous()),
            },
        }
    ).encode()


@lru_cache(maxsize=1)
def _formats() -> list[dict[str, object]]:
    """Those that this server writes; what is installed does not change while it runs."""
    return [
        {
            "name": target.name,
            "type": target.content_type,
            "suffix": target.suffixes[0],
            "lossy": target.container.lossy,
            "lossless": target.container.can_be_lossless or not target.container.lossy,
            "animated": target.container.animated,
        }
        for target in written_formats()
    ]


def _limits(image: ImageSettings) -> dict[str, int]:
    return {
        "bytes": image.max_input_bytes,
        "stages": image.max_stages,
        "effort": image.max_effort,
        "scoredPixels": image.max_target_pixels,
    }
