"""The requests that ask for no picture: objects, listings, uploads in parts, forms, CORS, and what is no HTTP."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from itertools import product

from openmogr.auth import Credential
from openmogr.auth.signature import sign_policy
from tools.compare.exchange import BUCKET, HOST, Exchange

CI_HOST = f"{BUCKET}.pic.ap-shanghai.myqcloud.com"
PATH_HOST = "cos.ap-shanghai.myqcloud.com"
_BODY = bytes(range(256)) * 40
_CORS = (
    b"<CORSConfiguration><CORSRule><ID>a</ID><AllowedOrigin>https://*.example.com</AllowedOrigin>"
    b"<AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-*</AllowedHeader>"
    b"<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule></CORSConfiguration>"
)
_TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
_BOUNDARY = "----compare"


def before() -> Iterator[Exchange]:
    """What all others need: the bucket."""
    yield Exchange("no such bucket yet")
    yield Exchange("make the bucket", "PUT", headers=(("x-cos-acl", "public-read"),), body=b"")
    yield Exchange("make it again", "PUT", body=b"")
    yield Exchange("HEAD the bucket", "HEAD")
    for name in ("bad", "UPPER-1250000000", "a" * 60 + "-1250000000", "x_y-1250000000"):
        host = f"{name}.cos.ap-shanghai.myqcloud.com"
        yield Exchange(f"a bucket named {name[:20]}", "PUT", body=b"", host=host)
    yield Exchange("the service", host="service.cos.myqcloud.com")
    yield Exchange("the service, unsigned", host="service.cos.myqcloud.com", signed=False)
    yield Exchange(
        "the service by a region", target="/?max-keys=1", host="service.cos.ap-shanghai.myqcloud.com"
    )


def requests(credential: Credential, start: int) -> Iterator[Exchange]:
    """Everything else, in an order in which each finds what it needs."""
    yield from _objects()
    yield from _answers()
    yield from _signatures()
    yield from _copies()
    yield from _listings()
    yield from _uploads()
    yield from _forms(credential, start)
    yield from _configurations()
    yield from _deletes()
    yield from _not_http()


def _objects() -> Iterator[Exchange]:
    attributes = (
        ("Content-Type", "text/x-test"), ("Cache-Control", "max-age=60"), ("Content-Disposition", "attachment"),
        ("Content-Encoding", "x"), ("Content-Language", "de"), ("Expires", "never"), ("x-cos-meta-a", "b"),
        ("x-cos-storage-class", "STANDARD_IA"), ("x-cos-tagging", "a=1&b=2"), ("x-cos-acl", "private"),
    )  # fmt: skip
    yield Exchange("put with attributes", "PUT", "/o/attributes", attributes, _BODY)
    for method, key in product(("GET", "HEAD"), ("attributes", "none", "%E5%9B%BE")):
        yield Exchange(f"{method} {key}", method, f"/o/{key}")
    for key in (
        "a//b",
        "%2e%2e/x",
        "plus+plus",
        "sp%20ace",
        "%E5%9B%BE.html",
        "page.html",
        "x.svg",
        "%00",
        "%ff",
        "k" * 851,
    ):
        yield Exchange(f"put {key[:20]}", "PUT", f"/o/{key}", body=b"<p>text")
        yield Exchange(f"get {key[:20]}", target=f"/o/{key}")
        yield Exchange(f"get {key[:20]} by the path", target=f"/{BUCKET}/o/{key}", host=PATH_HOST)
    refused = (
        ("Content-MD5", "x"), ("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="), ("x-cos-forbid-overwrite", "true"),
        ("x-cos-storage-class", "COLD"), ("x-cos-acl", "nonsense"), ("x-cos-tagging", "a=1&a=2"), ("x-cos-meta-a",
        "x" * 3000),
        ("x-cos-server-side-encryption", "AES256"), ("Content-Length", "-1"), ("x-cos-traffic-limit", "1"),
        ("x-cos-grant-read", 'id="1"'), ("Expect", "nothing"),
    )  # fmt: skip
    for header in refused:
        yield Exchange(f"put with {header[0]}: {header[1][:30]}", "PUT", "/o/attributes", (header,), _BODY)
    chunked = b"4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n"
    yield Exchange("put in chunks", "PUT", "/o/chunks", (("Transfer-Encoding", "chunked"),), chunked)
    yield Exchange("what came in chunks", target="/o/chunks")
    yield Exchange("put nothing", "PUT", "/o/empty", body=b"")
    yield Exchange("get nothing", target="/o/empty")
    yield Exchange("a PUT without a length", "PUT", "/o/short")
    for method in ("PATCH", "BREW", "POST"):
        yield Exchange(method, method, "/o/attributes", body=b"")
    for query in (
        "versionId=null",
        "versionId=7",
        "retention",
        "symlink",
        "x=1",
        "append&position=0",
        "select",
        "restore",
    ):
        for method in ("GET", "PUT", "POST"):
            yield Exchange(
                f"{method} ?{query}", method, f"/o/q?{query}", body=None if method == "GET" else b""
            )


def _answers() -> Iterator[Exchange]:
    """Conditions, ranges and overrides of stored bytes."""
    yield Exchange("an object", "PUT", "/o/plain.bin", body=_BODY)
    yield Exchange("its ETag", target="/o/plain.bin", keep={"tag": rb'(?i)etag: ("[^"]*")'})
    headers = (
        ("Range", "bytes=0-0"), ("Range", "bytes=10-19"), ("Range", "bytes=-5"), ("Range", "bytes=10000-"),
        ("Range", "bytes=99999-"),
        ("Range", "bytes=0-1,5-6"), ("Range", "bytes=-0"), ("Range", "lines=1-2"), ("If-None-Match", "{tag}"),
        ("If-None-Match", '"x"'), ("If-Match", "{tag}"), ("If-Match", '"x"'), ("If-None-Match", "*"),
        ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"), ("If-Unmodified-Since",
        "Fri, 01 Jan 1999 00:00:00 GMT"),
        ("Accept-Encoding", "gzip"), ("Origin", "https://a.example.com"), ("x-cos-traffic-limit", "838860800"),
    )  # fmt: skip
    for method, header in product(("GET", "HEAD"), headers):
        yield Exchange(f"{method} with {header[0]}: {header[1]}", method, "/o/plain.bin", (header,))
    for name in (
        "content-type",
        "content-language",
        "expires",
        "cache-control",
        "content-disposition",
        "content-encoding",
    ):
        yield Exchange(f"response-{name}", target=f"/o/plain.bin?response-{name}=x%2Fy%0d%0a")
    yield Exchange("response-* unsigned", target="/o/plain.bin?response-expires=x", signed=False)


def _signatures() -> Iterator[Exchange]:
    yield Exchange("unsigned, public", target="/o/plain.bin", signed=False)
    yield Exchange("unsigned, private", target="/o/attributes", signed=False)
    yield Exchange("unsigned write", "PUT", "/o/x", body=b"x", signed=False)
    wrong = (
        "", "nonsense", "q-sign-algorithm=sha1", "AWS4-HMAC-SHA256 Credential=x", "q-sign-algorithm=md5&q-ak=x",
        "q-sign-algorithm=sha1&q-ak=AKIDNOBODY&q-sign-time=1;4000000000&q-key-time=1;4000000000&q-header-list="
        "&q-url-param-list=&q-signature=" + "0" * 40,
        "q-sign-algorithm=sha1&q-ak=AKIDEXAMPLE00000000000000000000000000&q-sign-time=1;2&q-key-time=1;2&q-header-list="
        "&q-url-param-list=&q-signature=" + "0" * 40,
        "q-sign-algorithm=sha1&q-ak=AKIDEXAMPLE00000000000000000000000000&q-sign-time=1;4000000000"
        "&q-key-time=1;4000000000&q-header-list=&q-url-param-list=&q-signature=" + "0" * 40,
    )  # fmt: skip
    for text in wrong:
        yield Exchange(
            f"Authorization: {text[:60]}", target="/o/attributes", headers=(("Authorization", text),)
        )
    yield Exchange("presigned by AWS", target="/o/attributes?X-Amz-Signature=x", signed=False)


def _copies() -> Iterator[Exchange]:
    sources = (
        f"{HOST}/o/attributes",
        f"{HOST}/o/none",
        "nonsense",
        f"{HOST}/o/attributes?versionId=7",
        "none-1250000000.cos.x.myqcloud.com/a",
    )
    for source in sources:
        yield Exchange(f"copy {source[-40:]}", "PUT", "/o/copy", (("x-cos-copy-source", source),), b"")
    more = (
        ("x-cos-metadata-directive", "Replaced"), ("x-cos-metadata-directive", "x"),
        ("x-cos-copy-source-If-Match", '"x"'),
        ("x-cos-copy-source-If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"), ("x-cos-tagging-directive",
        "Replaced"),
    )  # fmt: skip
    for header in more:
        name = f"copy with {header[0]}: {header[1]}"
        yield Exchange(name, "PUT", "/o/copy2", (("x-cos-copy-source", sources[0]), header), b"")
    yield Exchange("what was copied", target="/o/copy")
    yield Exchange("onto itself", "PUT", "/o/attributes", (("x-cos-copy-source", sources[0]),), b"")


def _listings() -> Iterator[Exchange]:
    queries = (
        "", "prefix=o/", "prefix=o/&delimiter=/", "delimiter=/", "max-keys=2", "max-keys=0", "max-keys=-1",
        "max-keys=x",
        "max-keys=1001", "marker=o/", "encoding-type=url&prefix=o/", "encoding-type=x", "list-type=2",
        "list-type=2&max-keys=1",
        "list-type=2&start-after=o/", "list-type=2&fetch-owner=true", "list-type=3", "continuation-token=x&list-type=2",
        "delimiter=ab", "prefix=%E5%9B%BE", "prefix=%ff", "uploads", "uploads&max-uploads=1", "location", "acl",
        "tagging",
        "cors", "lifecycle", "policy", "website", "versioning", "versions", "inventory", "logging", "referer", "domain",
        "origin", "replication", "encryption", "intelligenttiering", "accelerate", "nothing",
    )  # fmt: skip
    for query in queries:
        yield Exchange(f"list ?{query}", target=f"/?{query}")
    yield Exchange("list unsigned", signed=False)
    yield Exchange("list by the path", target=f"/{BUCKET}/?max-keys=1", host=PATH_HOST)
    yield Exchange("the root of a CI host", host=CI_HOST)
    yield Exchange("a job", "POST", "/pic_jobs", body=b"<a/>", host=CI_HOST)


def _uploads() -> Iterator[Exchange]:
    keep = {"upload": rb"<UploadId>([^<]*)<"}
    headers = (("Content-Type", "image/png"), ("x-cos-meta-a", "b"))
    yield Exchange("begin", "POST", "/m/parts?uploads", headers, b"", keep=keep)
    part = "/m/parts?partNumber={}&uploadId={{upload}}"
    large = _BODY * 110
    for number, body in ((1, large), (2, b"end"), (2, b"the end"), (0, b"x"), (10001, b"x"), ("x", b"x")):
        keep = {f"part{number}": rb'(?i)etag: "([^"]*)"'} if number in (1, 2) else {}
        yield Exchange(f"part {number}", "PUT", part.format(number), body=body, keep=keep)
    source = (("x-cos-copy-source", f"{HOST}/o/plain.bin"), ("x-cos-copy-source-range", "bytes=0-99"))
    yield Exchange(
        "a part copied", "PUT", part.format(3), source, b"", keep={"part3": rb"&quot;([0-9a-f]{32})"}
    )
    for query in ("", "&max-parts=1", "&part-number-marker=1", "&max-parts=x"):
        yield Exchange(f"list parts {query}", target="/m/parts?uploadId={upload}" + query)
    yield Exchange("complete with nothing", "POST", "/m/parts?uploadId={upload}", body=b"")
    for parts in ((2, 1), (7,), ()):
        yield Exchange(
            f"complete with {parts}", "POST", "/m/parts?uploadId={upload}", body=_completion(*parts)
        )
    yield Exchange("complete", "POST", "/m/parts?uploadId={upload}", body=_completion(1, 2))
    yield Exchange("what was put together", target="/m/parts")
    yield Exchange("complete twice", "POST", "/m/parts?uploadId={upload}", body=_completion(1, 2))
    yield Exchange(
        "begin another", "POST", "/m/other?uploads", body=b"", keep={"second": rb"<UploadId>([^<]*)<"}
    )
    for _ in range(2):
        yield Exchange("abort", "DELETE", "/m/other?uploadId={second}")
    yield Exchange("a part of nothing", "PUT", "/m/other?partNumber=1&uploadId=x", body=b"x")


def _completion(*numbers: int) -> bytes:
    parts = "".join(
        f"<Part><PartNumber>{n}</PartNumber><ETag>&quot;{{part{n}}}&quot;</ETag></Part>" for n in numbers
    )
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


def _forms(credential: Credential, start: int) -> Iterator[Exchange]:
    times = f"{start};{start + 3600}"
    conditions = [{"bucket": BUCKET}, ["starts-with", "$key", "f/"], ["content-length-range", 1, 100_000]]
    policy = json.dumps({"expiration": "2099-01-01T00:00:00.000Z", "conditions": conditions}).encode()
    fields = {
        "key": "f/${filename}", "policy": b64encode(policy).decode(), "q-sign-algorithm": "sha1",
        "q-ak": credential.secret_id,
        "q-key-time": times, "q-signature": sign_policy(credential.secret_key, times, policy),
    }  # fmt: skip
    rules = '{"is_pic_info":1,"rules":[{"fileid":"f.png","rule":"imageMogr2/format/png"}]}'
    for more in (
        {}, {"success_action_status": "201"}, {"success_action_status": "200"},
        {"success_action_redirect": "https://e.example/x?y"},
        {"Content-Type": "image/x", "x-cos-meta-a": "b", "acl": "public-read"}, {"Pic-Operations": rules},
        {"key": "other"},
        {"q-signature": "0" * 40}, {"policy": "x"}, {"Content-MD5": "x"}, {"x": "y" * 70_000},
        {"x-cos-meta-a": "b\r\nc: d"},
    ):  # fmt: skip
        yield _form(f"a form with {more}"[:80], {**fields, **more}, b"a file")
    yield _form("a form without a signature", {"key": "f/x"}, b"a file")
    yield _form("a form without a file", fields, None)
    yield _form("a file too long", fields, b"x" * 100_001)
    headers = (("Content-Type", f"multipart/form-data; boundary={_BOUNDARY}"),)
    for body in (b"", b"nonsense", f"--{_BOUNDARY}--\r\n".encode()):
        yield Exchange(f"a form of {body!r}", "POST", headers=headers, body=body, signed=False)
    yield Exchange(
        "a form of another kind", "POST", headers=(("Content-Type", "text/plain"),), body=b"x", signed=False
    )
    yield Exchange("what a form left", target="/f/a%20b.txt")


def _form(name: str, fields: dict[str, str], file: bytes | None) -> Exchange:
    pieces = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    if file is not None:
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a b.txt"\r\n\r\n'
        pieces += [head.encode(), file, b"\r\n"]
    body = b"".join(pieces) + f"--{_BOUNDARY}--\r\n".encode()
    headers = (("Content-Type", f"multipart/form-data; boundary={_BOUNDARY}"),)
    return Exchange(name, "POST", headers=headers, body=body, signed=False)


def _configurations() -> Iterator[Exchange]:
    acl = b"<AccessControlPolicy><AccessControlList/></AccessControlPolicy>"
    for target in ("/", "/o/plain.bin"):
        for kind, body in (("acl", acl), ("tagging", _TAGS), ("cors", _CORS), ("lifecycle", b"<a/>")):
            for sent in (body, b"", b"<a><b>", b"<!DOCTYPE a><a/>"):
                yield Exchange(f"put {target}?{kind} {sent[:20]!r}", "PUT", f"{target}?{kind}", body=sent)
            yield Exchange(f"get {target}?{kind}", target=f"{target}?{kind}")
        canned = (("x-cos-acl", "public-read"),)
        yield Exchange(f"put {target}?acl by a header", "PUT", f"{target}?acl", canned, b"")
    origins = ("https://a.example.com", "https://elsewhere.test")
    for origin, method, header in product(origins, ("GET", "PUT", "DELETE"), ("", "x-a", "other")):
        asked = (
            ("Origin", origin),
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", header),
        )
        yield Exchange(
            f"preflight {origin} {method} {header}", "OPTIONS", "/o/plain.bin", asked, signed=False
        )
    for origin in origins:
        yield Exchange(f"get from {origin}", target="/o/plain.bin", headers=(("Origin", origin),))
        yield Exchange(f"an error from {origin}", target="/o/none", headers=(("Origin", origin),))
        picture = "/photo.jpg?imageMogr2/thumbnail/30x"
        yield Exchange(f"a picture from {origin}", target=picture, headers=(("Origin", origin),))
    for kind in ("cors", "tagging", "lifecycle", "acl"):
        yield Exchange(f"delete ?{kind}", "DELETE", f"/?{kind}")
        yield Exchange(f"after it ?{kind}", target=f"/?{kind}")


def _deletes() -> Iterator[Exchange]:
    for body in (
        b"<Delete><Object><Key>o/copy</Key></Object><Object><Key>none</Key></Object></Delete>",
        b"<Delete><Quiet>true</Quiet><Object><Key>o/copy2</Key></Object></Delete>", b"<Delete/>", b"", b"<a",
        b"<Delete><Object><Key>o/plain.bin</Key><VersionId>7</VersionId></Object></Delete>",
    ):  # fmt: skip
        yield Exchange(f"delete several {body[:50]!r}", "POST", "/?delete", body=body)
    for key in ("o/chunks", "o/chunks", "none"):
        yield Exchange(f"delete {key}", "DELETE", f"/{key}")
    yield Exchange("delete a bucket that is not empty", "DELETE")


def _not_http() -> Iterator[Exchange]:
    host = f"Host: {HOST}\r\nConnection: close\r\n".encode()
    kept = f"GET /o/plain.bin HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    for data in (
        b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n" + host + b"\r\n", b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET  / HTTP/1.1\r\n" + host + b"\r\n", b"GET /o/plain.bin HTTP/1.0\r\n" + host + b"\r\n",
        b"GET / HTTP/1.1\r\n" + host + b"X : y\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + host + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"k" * 70_000 + b" HTTP/1.1\r\n" + host + b"\r\n", b"GET * HTTP/1.1\r\n" + host + b"\r\n",
        b"PUT /x HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"PUT /x HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        b"PUT /x HTTP/1.1\r\n" + host + b"Transfer-Encoding: gzip\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n" + host + b"\r\n",
        b"HEAD / HTTP/1.1\r\n" + host + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        f"GET http://{HOST}/o/plain.bin HTTP/1.1\r\n".encode() + host + b"\r\n",
        kept * 2 + b"GET /o/empty HTTP/1.1\r\n" + host + b"\r\n",
        b"GET /-/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /-/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ):  # fmt: skip
        yield Exchange(f"raw {data[:60]!r}", raw=data)
