"""What fake-gcs-server lacks of Google's XML API, by which ``obstore`` writes, made of the JSON API that it has.

A server in between: it gives reads on as they are, and makes of each PUT, copy, upload in parts and listing in pages of
the XML API the call of the JSON API that means the same. Objects, generations, conditions and metadata are
fake-gcs-server's.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import threading
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from xml.sax.saxutils import escape

__all__ = ["XMLFront"]

_FIELDS = {
    "Cache-Control": "cacheControl",
    "Content-Disposition": "contentDisposition",
    "Content-Encoding": "contentEncoding",
    "Content-Language": "contentLanguage",
}
_META = "x-goog-meta-"
_CONDITION = "x-goog-if-generation-match"
_HOP = frozenset({"connection", "host", "transfer-encoding", "content-length", "date", "server"})


class XMLFront:
    """Answers on a port of loopback of its own, until it is left.

    Args:
        port: of fake-gcs-server.

    Attributes:
        endpoint: its URL.
    """

    def __init__(self, port: int) -> None:
        handler = type("Handler", (_Handler,), {"port": port, "uploads": {}})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Upload:
    """One in parts: what it was begun with, and its parts by number."""

    def __init__(self, headers: Message) -> None:
        self.headers = headers
        self.parts: dict[int, bytes] = {}


class _Handler(BaseHTTPRequestHandler):
    port: ClassVar[int]
    uploads: ClassVar[dict[str, _Upload]]
    numbers: ClassVar = itertools.count(1)
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: object) -> None:
        """Nowhere."""

    def do_GET(self) -> None:
        bucket, key, query = self._place()
        if key or "list-type" not in query:
            self._give_on()
        else:
            self._list(bucket, query)

    def do_HEAD(self) -> None:
        self._give_on()

    def do_DELETE(self) -> None:
        upload = self._place()[2].get("uploadId")
        if upload is None:
            self._give_on()
        else:
            self.uploads.pop(upload, None)
            self._answer(204, {}, b"")

    def do_PUT(self) -> None:
        bucket, key, query = self._place()
        body = self._body()
        if "uploadId" in query:
            self.uploads[query["uploadId"]].parts[int(query["partNumber"])] = body
            self._answer(200, {"ETag": f'"{query["partNumber"]}"'}, b"")
        elif source := self.headers.get("x-goog-copy-source"):
            self._copy(source, bucket, key)
        else:
            self._insert(bucket, key, body, self.headers)

    def do_POST(self) -> None:
        bucket, key, query = self._place()
        body = self._body()
        if "uploads" in query:
            name = str(next(self.numbers))
            self.uploads[name] = _Upload(self.headers)
            told = {"Bucket": bucket, "Key": key, "UploadId": name}
            self._tell("InitiateMultipartUploadResult", told)
        elif "uploadId" in query:
            upload = self.uploads.pop(query["uploadId"])
            whole = b"".join(upload.parts[number] for number in sorted(upload.parts))
            self._insert(bucket, key, whole, upload.headers, completes=True)
        else:
            self._give_on(body)

    # Calls of the JSON API

    def _insert(
        self, bucket: str, key: str, body: bytes, headers: Message, *, completes: bool = False
    ) -> None:
        kind = headers.get("Content-Type") or "application/octet-stream"
        told: dict[str, object] = {"name": key, "contentType": kind}
        told |= {field: headers[name] for name, field in _FIELDS.items() if name in headers}
        meta = {name.lower()[len(_META) :]: text for name, text in headers.items() if _is_meta(name)}
        parts = (
            (b"application/json", json.dumps({**told, "metadata": meta}).encode()),
            (kind.encode(), body),
        )
        boundary = "of-two-parts-of-google"
        data = b"".join(
            b"--%s\r\nContent-Type: %s\r\n\r\n%s\r\n" % (boundary.encode(), mine, part)
            for mine, part in parts
        )
        query = {"uploadType": "multipart", **self._condition()}
        self._done(
            f"/upload/storage/v1/b/{quote(bucket)}/o?{urlencode(query)}",
            data + f"--{boundary}--".encode(),
            f"multipart/related; boundary={boundary}",
            "CompleteMultipartUploadResult" if completes else "",
        )

    def _copy(self, source: str, bucket: str, key: str) -> None:
        if self._condition():
            # fake-gcs-server knows no conditions of copies.
            status, _, _ = self._ask("GET", f"/storage/v1/b/{quote(bucket)}/o/{quote(key, safe='')}", b"", {})
            if status == 200:
                self._answer(412, {}, b"<Error><Code>PreconditionFailed</Code></Error>")
                return
        other, _, name = unquote(source).lstrip("/").partition("/")
        place = f"b/{quote(bucket)}/o/{quote(key, safe='')}"
        target = f"/storage/v1/b/{quote(other)}/o/{quote(name, safe='')}/copyTo/{place}"
        self._done(target, b"", "application/json", "CopyObjectResult")

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        asked = {
            "prefix": query.get("prefix", ""),
            "delimiter": query.get("delimiter", ""),
            "startOffset": query.get("start-after", ""),
            "maxResults": query.get("max-keys", "1000"),
            "pageToken": query.get("continuation-token", ""),
        }
        told = urlencode({name: text for name, text in asked.items() if text})
        status, _, answer = self._ask("GET", f"/storage/v1/b/{quote(bucket)}/o?{told}", b"", {})
        if status != 200:
            self._answer(status, {}, b"<Error><Code>NoSuchBucket</Code></Error>")
            return
        page = json.loads(answer)
        lines = [
            f"<Contents><Key>{escape(item['name'])}</Key><Generation>{item['generation']}</Generation>"
            f"<Size>{item['size']}</Size><LastModified>{item['updated']}</LastModified>"
            f"<ETag>{_etag(item['etag'])}</ETag></Contents>"
            for item in page.get("items", ())
            # Of the JSON API the first one is included.
            if item["name"] != query.get("start-after")
        ]
        lines += [
            f"<CommonPrefixes><Prefix>{escape(prefix)}</Prefix></CommonPrefixes>"
            for prefix in page.get("prefixes", ())
        ]
        if token := page.get("nextPageToken"):
            lines.append(f"<NextContinuationToken>{escape(token)}</NextContinuationToken>")
        self._answer(200, {}, f"<ListBucketResult>{''.join(lines)}</ListBucketResult>".encode())

    def _condition(self) -> dict[str, str]:
        generation = self.headers.get(_CONDITION)
        return {} if generation is None else {"ifGenerationMatch": generation}

    # HTTP

    def _place(self) -> tuple[str, str, dict[str, str]]:
        parts = urlsplit(self.path)
        bucket, _, key = parts.path.lstrip("/").partition("/")
        return unquote(bucket), unquote(key), dict(parse_qsl(parts.query, keep_blank_values=True))

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _ask(
        self, method: str, target: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, target, body or None, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _give_on(self, body: bytes | None = None) -> None:
        headers = {name: text for name, text in self.headers.items() if name.lower() not in _HOP}
        data = self._body() if body is None else body
        status, told, answer = self._ask(self.command, self.path, data, headers)
        if etag := told.get("Etag"):
            told["Etag"] = _etag(etag)
        self._answer(status, told, answer)

    def _done(self, target: str, data: bytes, kind: str, element: str) -> None:
        """Answer with what an object that was written is called by then."""
        status, _, answer = self._ask("POST", target, data, {"Content-Type": kind})
        if status != 200:
            self._answer(
                status, {}, b"<Error><Message>" + escape(answer.decode()).encode() + b"</Message></Error>"
            )
            return
        item = json.loads(answer)
        etag = _etag(item["etag"])
        headers = {"ETag": etag, "x-goog-generation": str(item["generation"])}
        if element:
            self._tell(element, {"ETag": etag}, headers)
        else:
            self._answer(200, headers, b"")

    def _tell(self, element: str, told: dict[str, str], headers: dict[str, str] | None = None) -> None:
        inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in told.items())
        self._answer(200, headers or {}, f"<{element}>{inner}</{element}>".encode())

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        for name, text in headers.items():
            if name.lower() not in _HOP:
                self.send_header(name, text)
        if status != 204:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _etag(text: str) -> str:
    """Of the XML API, where it is the digest in hexadecimal."""
    return f'"{base64.b64decode(text.strip(chr(34))).hex()}"'


def _is_meta(name: str) -> bool:
    return name.lower().startswith(_META)
