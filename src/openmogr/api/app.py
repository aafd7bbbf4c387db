"""The ASGI application: one request in, one answer out, and every error as a COS document."""

from __future__ import annotations

import logging
import time
from contextlib import aclosing

from openmogr.api.conditions import as_condition, check_write_conditions
from openmogr.api.console import leads_to_console, to_console
from openmogr.api.cors import cors_headers
from openmogr.api.coverage import check_coverage
from openmogr.api.grants import check_grant
from openmogr.api.observing import Seen
from openmogr.api.operate import operate_page
from openmogr.api.own import becomes_api, is_own
from openmogr.api.processing import error_number
from openmogr.api.rate import RateLimit, network_of
from openmogr.api.read_only import check_read_only
from openmogr.api.request import Request, read_request
from openmogr.api.response import Header, Response
from openmogr.api.routing import find_handler
from openmogr.api.s3.answer import error_answer, in_s3
from openmogr.api.s3.request import is_s3, prepare
from openmogr.api.s3.routing import find_s3_handler
from openmogr.api.s3.state import S3
from openmogr.api.services import Services
from openmogr.api.verdict import check_policy
from openmogr.asgi import Receive, Scope, Send
from openmogr.errors import CosError, InternalError, SlowDown, is_shortage
from openmogr.observe import REQUEST_ID
from openmogr.wire import ERROR_TYPE, RequestIds, error_document

__all__ = ["CosApi"]

_log = logging.getLogger("openmogr.api")

# What every 503 asks a client to wait before it tries again, in seconds.
_RETRY_AFTER = b"5"
# Who wants a request to be part of a trace says so in these.
_PARENTS = (b"traceparent", b"tracestate", b"baggage")


def _our_fault(error: Exception) -> CosError:
    """A shortage passes, and a retry may do; anything else is a fault."""
    if is_shortage(error):
        return SlowDown("The server is short of memory or files. Please try again.", detail=repr(error))
    return InternalError(detail=repr(error))


def _is_own(request: Request) -> bool:
    """Whether no page of another origin is to read the answer."""
    return request.is_own or request.operation == "operate"


class CosApi:
    """Answers HTTP requests from the services it is given."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._ids = RequestIds()
        self._rate = RateLimit(services.settings.requests_per_second)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if (tracing := self._services.tracing) is None:
            await self._serve(scope, receive, send)
            return
        parents = {
            name.decode("ascii"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _PARENTS
        }
        with tracing.request(scope["method"], scope["path"], parents) as tell:
            seen = await self._serve(scope, receive, send)
            told = {"http.response.status_code": seen.status, "http.response.body.size": seen.sent}
            tell(
                {**told, "openmogr.operation": seen.operation, "openmogr.request_id": REQUEST_ID.get() or ""}
            )

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> Seen:
        started = time.perf_counter()
        request_id = self._ids.request_id()
        # The task is this request's own, and what it starts inherits the id.
        REQUEST_ID.set(request_id)
        request, response = await self._response(scope, receive, request_id)
        sent = 0
        try:
            sent = await self._send(scope["method"], response, request_id, send)
        except ConnectionResetError:
            pass  # nobody is there to be told
        finally:
            if response.close is not None:
                await response.close()
            observer = self._services.observer
            peer = scope["client"][0] if scope.get("client") else "-"
            seen = Seen(
                method=scope["method"],
                path=scope["path"],
                operation="none" if request is None else request.operation,
                status=response.status,
                seconds=time.perf_counter() - started,
                sent=sent,
                client=peer if request is None else observer.client(peer, request.headers),
            )
            observer.answered(seen)
        return seen

    async def _response(
        self, scope: Scope, receive: Receive, request_id: str
    ) -> tuple[Request | None, Response]:
        """The request, if it is one, and its answer, whatever goes wrong."""
        request: Request | None = None
        try:
            request = read_request(scope, receive, self._services.hosts)
            response = await self._answer(request, scope)
        except CosError as error:
            told = error if request is None else as_condition(request, error)
            response = self._error(scope, request, told, request_id)
        except (MemoryError, OSError) as error:
            if not is_shortage(error):
                _log.exception("%s %s failed", scope["method"], scope["path"])
            response = self._error(scope, request, _our_fault(error), request_id)
        except Exception as error:
            _log.exception("%s %s failed", scope["method"], scope["path"])
            response = self._error(scope, request, InternalError(detail=repr(error)), request_id)
        if request is None or request.s3 is None:
            response.rendered()
        else:
            response = in_s3(request, response, request_id)
        if request is not None and b"origin" in request.headers and not _is_own(request):
            response.headers += await cors_headers(self._services, request, response.headers)
        return request, response

    async def _answer(self, request: Request, scope: Scope) -> Response:
        if is_own(request) and not becomes_api(self._services, request):
            request.operation = "operate"
            return await operate_page(self._services, request)
        if leads_to_console(self._services, request):
            request.operation = "operate"
            return to_console()
        peer = scope["client"][0] if scope.get("client") else "-"
        request.client = self._services.observer.client(peer, request.headers)
        try:
            if is_s3(request):
                request.s3 = S3()
            if request.method != "OPTIONS":
                request.coverage = self._services.verifier.verify(request.signature_input)
                request.is_owner = request.coverage is not None
                request.grant = None if request.coverage is None else request.coverage.grant
        finally:
            # A wrong signature is its sender's, not that of the key it names.
            if self._rate.on:
                self._rate.count(self._caller(request))
        if request.s3 is None or request.method == "OPTIONS":
            handler = find_handler(request)
        else:
            prepare(request, self._services.settings.owner_id)
            handler = find_s3_handler(request)
        check_write_conditions(request)
        check_coverage(request)
        check_grant(request)
        await check_policy(self._services, request)
        check_read_only(self._services, request)
        return await handler(self._services, request)

    @staticmethod
    def _caller(request: Request) -> str:
        return network_of(request.client or "-") if request.coverage is None else request.coverage.secret_id

    def _error(self, scope: Scope, request: Request | None, error: CosError, request_id: str) -> Response:
        if error.status >= 500 or error.detail:
            _log.log(
                logging.WARNING if error.status >= 500 else logging.DEBUG,
                "%s %s: %s %s %s",
                scope["method"],
                scope["path"],
                error.code,
                error.message,
                error.detail,
            )
        self._services.troubles.note(scope["method"], scope["path"], error, request_id)
        resource = scope["path"] if request is None else request.resource
        trace_id = RequestIds.trace_id(request_id)
        headers: list[Header] = [
            (b"content-type", ERROR_TYPE),
            (b"x-cos-trace-id", trace_id.encode()),
            *((name.lower().encode(), value.encode()) for name, value in error.headers.items()),
        ]
        # Numbers are about downloads that are processed, or should have been.
        if request is not None and request.method in ("GET", "HEAD"):
            number = error.number if request.image_operation is None else error_number(error)
            if number is not None:
                headers.append((b"x-errno", b"%d" % number))
        if error.status == 503 and "Retry-After" not in error.headers:
            headers.append((b"retry-after", _RETRY_AFTER))
        if request is not None and request.s3 is not None:
            return error_answer(request, error, headers, (request_id, trace_id))
        body = error_document(error.code, error.message, resource, request_id, trace_id)
        if scope["method"] == "HEAD":
            return Response(error.status, headers, length=0)
        return Response(error.status, headers, body)

    @staticmethod
    async def _send(method: str, response: Response, request_id: str, send: Send) -> int:
        """Send the answer; returns the bytes of its body."""
        headers = response.headers
        headers.append((b"x-cos-request-id", request_id.encode()))
        # An upload's type is its uploader's word; nobody guesses another one from the bytes.
        headers.append((b"x-content-type-options", b"nosniff"))
        length = len(response.body) if response.length is None else response.length
        if response.status not in (204, 304):
            headers.append((b"content-length", b"%d" % length))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if response.stream is None or method == "HEAD":
            body = b"" if method == "HEAD" else response.body
            await send({"type": "http.response.body", "body": body})
            return len(body)
        left = length
        async with aclosing(response.stream) as chunks:
            async for chunk in chunks:
                left -= len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
        return length
