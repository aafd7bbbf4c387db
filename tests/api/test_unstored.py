"""``POST /-/process``, ``x-openmogr-score`` and ``/-/ci/``: what the console needs of the API, and others may use."""

from __future__ import annotations

import base64
import io
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from openmogr.image.quality.metric import scorer
from openmogr.testing import Answer, ServerProcess

from .s3_requests import send

PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One that processes for everybody, with small limits for who does not sign."""
    settings: dict[str, dict[str, object]] = {
        "server": {"process": "everybody"},
        "image": {"max_input_bytes": 700_000, "anonymous_max_pixels": 400_000, "anonymous_max_effort": 3},
    }
    with ServerProcess(tmp_path_factory.mktemp("open") / "data", settings) as process:
        yield process
        assert "Traceback" not in process.log, process.log


def process(server: ServerProcess, operation: str, body: bytes, **more: object) -> Answer:
    return server.request("POST", f"/-/process?{operation}", body, **more)  # type: ignore[arg-type]


def test_the_body_is_processed_as_an_object_is(
    server: ServerProcess, module_public: str, photo: bytes
) -> None:
    server.request("PUT", "/p.png", photo, host=module_public)
    for operation in (
        "imageMogr2/thumbnail/120x/format/webp/quality/60",
        "imageMogr2/format/tpg",
        "imageInfo",
    ):
        stored = server.request("GET", f"/p.png?{operation}", host=module_public)
        answer = process(server, operation, photo)
        assert (answer.status, answer.body) == (200, stored.body), operation
        assert answer.header("Content-Type") == stored.header("Content-Type")
        assert answer.header("Cache-Control") == "no-store"
        # Not even the result is kept.
        assert answer.header("x-openmogr-cache") is None


def test_a_body_that_stays_as_it_is_comes_back(server: ServerProcess, photo: bytes) -> None:
    answer = process(server, "imageMogr2/format/gif/ignore-error/1", b"no picture", headers=PNG)
    assert (answer.status, answer.body) == (200, b"no picture")
    assert answer.header("x-openmogr-kept-source") == "the body is the result"
    empty = process(server, "imageMogr2/format/gif/ignore-error/1", b"", headers=PNG)
    assert (empty.status, empty.body) == (200, b"")
    small = process(server, "imageMogr2/thumbnail/30x/format/webp/quality/10", photo).body
    kept = process(
        server, "imageMogr2/format/webp/quality/99!", small, headers={"x-openmogr-score": "ssimulacra2"}
    )
    assert (kept.status, kept.body) == (200, small)
    told = [value for name, value in kept.headers if name == "x-openmogr-kept-source"]
    assert len(told) == 1
    assert told[0].startswith("the result would have")
    assert kept.header("x-openmogr-score") == "100.00"


def test_watermarks_are_read_with_the_rights_of_the_request(open_server: ServerProcess, photo: bytes) -> None:
    small = process(open_server, "imageMogr2/thumbnail/90x/format/png", photo).body
    for bucket, acl in (("shown-1250000000", "public-read"), ("hidden-1250000000", "private")):
        assert open_server.request("PUT", f"/{bucket}", b"", {"x-cos-acl": acl}).status == 200
        assert open_server.request("PUT", f"/{bucket}/logo.png", small).status == 200

    def marked(bucket: str, *, signed: bool) -> Answer:
        url = f"http://127.0.0.1:{open_server.port}/{bucket}/logo.png"
        text = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
        return process(open_server, f"watermark/1/image/{text}", small, signed=signed)

    assert marked("shown-1250000000", signed=False).status == 200
    assert marked("hidden-1250000000", signed=True).status == 200
    assert marked("hidden-1250000000", signed=False).code == "InvalidImageSource"


def test_sources_are_counted_by_the_format_of_results(open_server: ServerProcess, photo: bytes) -> None:
    def counted() -> float:
        text = open_server.request("GET", "/-/metrics", signed=False).body.decode()
        found = re.search(r'openmogr_image_source_bytes_total\{format="avif"\} (\S+)', text)
        return float(found[1]) if found else 0.0

    before = counted()
    assert process(open_server, "imageMogr2/thumbnail/40x/format/avif", photo).status == 200
    assert counted() - before == len(photo)


def test_who_has_not_signed_is_refused_unless_a_setting_says_otherwise(
    server: ServerProcess, open_server: ServerProcess, photo: bytes
) -> None:
    refused = process(server, "imageMogr2/format/webp", photo, signed=False)
    assert (refused.status, refused.code) == (403, "AccessDenied")
    small = "imageMogr2/thumbnail/50x/format/webp"
    assert process(open_server, small, photo, signed=False).status == 200
    # The limits are those of requests without a signature.
    effort = process(open_server, f"{small}/effort/5", photo, signed=False)
    assert (effort.status, b"effort is at most 3" in effort.body) == (400, True)
    assert process(open_server, f"{small}/effort/5", photo).status == 200


def test_wrong_signatures_and_limited_keys_are_refused(server: ServerProcess, photo: bytes) -> None:
    wrong = "q-sign-algorithm=sha1&q-ak=AKIDREADER&q-sign-time=1;4000000000&q-key-time=1;4000000000"
    wrong += "&q-header-list=&q-url-param-list=&q-signature=" + "0" * 40
    answer = process(server, "imageMogr2/format/webp", photo, headers={"Authorization": wrong})
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_it_takes_signatures_of_s3(server: ServerProcess, photo: bytes) -> None:
    target = "/-/process?imageMogr2/thumbnail/20x/format/png"
    host = f"127.0.0.1:{server.port}"
    assert send(server, "POST", target, photo, host=host).status == 200
    wrong = send(server, "POST", target, photo, host=host, content_sha256="0" * 64)
    assert (wrong.status, wrong.code) == (400, "XAmzContentSHA256Mismatch")


@pytest.mark.parametrize(
    ("operation", "status", "words"),
    [
        ("", 400, b"needs an operation"),
        ("imageMogr2/rotate/abc", 400, b"rotate"),
        ("imageMogr2/format/auto", 400, b"format/auto"),
        ("style/small", 400, b"Styles belong to buckets"),
        ("imageMogr2/format/webp&retention", 400, b"retention"),
        ("imageMogr/format/webp", 400, b"did you mean imageMogr2"),
    ],
)
def test_what_is_not_understood_is_refused(
    server: ServerProcess, photo: bytes, operation: str, status: int, words: bytes
) -> None:
    answer = process(server, operation, photo)
    assert (answer.status, words in answer.body) == (status, True), answer.body


def test_bodies_are_bounded(open_server: ServerProcess, photo: bytes) -> None:
    long = process(open_server, "imageMogr2/format/webp", photo + b"\0" * 200_000)
    assert (long.status, long.code) == (400, "ImageTooLarge")
    chunked = b"100000\r\n" + b"\0" * 0x100000 + b"\r\n0\r\n\r\n"
    answer = raw_chunked(open_server, chunked)
    assert b"ImageTooLarge" in answer
    empty = process(open_server, "imageMogr2/format/webp", b"")
    assert empty.status == 400


def raw_chunked(server: ServerProcess, body: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        head = b"POST /-/process?imageMogr2/format/webp HTTP/1.1\r\nHost: localhost\r\n"
        connection.sendall(head + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        with suppress(ConnectionError):
            connection.sendall(body)
        found = b""
        while part := connection.recv(65536):
            found += part
        return found


def test_other_methods_and_hosts(server: ServerProcess, bucket: str, photo: bytes) -> None:
    assert server.request("GET", "/-/process?imageMogr2/format/webp").status == 404
    assert server.request("OPTIONS", "/-/process", headers={"Origin": "http://evil.example"}).status == 404
    answer = process(server, "imageMogr2/format/png", photo, headers={"Origin": "http://evil.example"})
    assert answer.header("access-control-allow-origin") is None
    # At a bucket's host it is an object like any other.
    assert server.request("POST", "/-/process", b"", host=bucket).status == 405


def test_it_can_be_switched_off(tmp_path: Path, photo: bytes) -> None:
    settings: dict[str, dict[str, object]] = {"server": {"process": "off"}, "image": {"workers": 1}}
    with ServerProcess(tmp_path / "data", settings) as server:
        assert process(server, "imageMogr2/format/webp", photo).status == 404


def test_nothing_is_stored(tmp_path: Path, photo: bytes) -> None:
    with ServerProcess(tmp_path / "data", {"image": {"workers": 1}}) as server:
        before = {path for path in (tmp_path / "data").rglob("*") if path.is_file()}
        operation = "imageMogr2/thumbnail/90x/format/png"
        assert process(server, operation, photo).status == 200
        assert process(server, "imageMogr2/rotate/abc", photo).status == 400
        after = {path for path in (tmp_path / "data").rglob("*") if path.is_file()}
        assert after == before


def test_scores(server: ServerProcess, module_public: str, photo: bytes) -> None:
    """The same of objects and bodies, remembered with the result, and what the metric says of the bytes."""
    server.request("PUT", "/s.png", photo, host=module_public)
    operation = "imageMogr2/format/webp/quality/50"
    wanted = {"x-openmogr-score": "SSIMULACRA2"}
    first = server.request("GET", f"/s.png?{operation}", None, wanted, host=module_public)
    again = server.request("GET", f"/s.png?{operation}", None, wanted, host=module_public)
    plain = server.request("GET", f"/s.png?{operation}", host=module_public)
    assert first.body == again.body == plain.body
    assert (again.header("x-openmogr-cache"), plain.header("x-openmogr-score")) == ("hit", None)
    assert "x-openmogr-score" in (first.header("Vary") or "")
    assert first.header("ETag") == again.header("ETag")
    told = float(first.header("x-openmogr-score") or "")
    own = scorer(Image.open(io.BytesIO(photo)))(Image.open(io.BytesIO(first.body)))
    assert told == pytest.approx(own, abs=0.01)
    assert again.header("x-openmogr-score") == first.header("x-openmogr-score")
    body = process(server, operation, photo, headers=wanted)
    assert body.header("x-openmogr-score") == first.header("x-openmogr-score")
    small = process(server, f"{operation}/thumbnail/100x", photo, headers=wanted)
    assert 0 < float(small.header("x-openmogr-score") or "") < 100
    for operation in ("imageMogr2/format/png", "imageMogr2/format/webp/lossless/1"):
        assert process(server, operation, photo, headers=wanted).header("x-openmogr-score") == "100.00"


def gif() -> bytes:
    frames = []
    for number in range(3):
        frame = Image.new("RGB", (40, 30), "white")
        ImageDraw.Draw(frame).rectangle((number * 5, 5, number * 5 + 9, 20), "red")
        frames.append(frame)
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return data.getvalue()


def test_what_has_no_score_says_so(server: ServerProcess, photo: bytes) -> None:
    wanted = {"x-openmogr-score": "ssimulacra2"}
    animated = process(server, "imageMogr2/format/webp", gif(), headers=wanted)
    assert (animated.status, animated.header("x-openmogr-score")) == (200, "none")
    assert process(server, "imageInfo", photo, headers=wanted).header("x-openmogr-score") == "none"


@pytest.mark.parametrize(
    ("target", "metric", "words"),
    [
        ("?imageMogr2/format/webp", "psnr", b"must be ssimulacra2"),
        ("?imageMogr2/format/auto", "ssimulacra2", b"does not go with format/auto"),
        ("?imageSlim", "ssimulacra2", b"imageSlim"),
        ("", "ssimulacra2", b"goes with an operation"),
    ],
)
def test_scores_that_cannot_be_told_are_refused(
    server: ServerProcess, module_public: str, photo: bytes, target: str, metric: str, words: bytes
) -> None:
    server.request("PUT", "/r.png", photo, host=module_public)
    answer = server.request("GET", f"/r.png{target}", None, {"x-openmogr-score": metric}, host=module_public)
    assert (answer.status, words in answer.body) == (400, True), answer.body


def test_scores_are_bounded(tmp_path: Path, photo: bytes) -> None:
    settings: dict[str, dict[str, object]] = {
        "server": {"process": "everybody"},
        "image": {"anonymous_max_target_pixels": 10_000, "workers": 1},
    }
    wanted = {"x-openmogr-score": "ssimulacra2"}
    with ServerProcess(tmp_path / "data", settings) as server:
        large = process(server, "imageMogr2/format/webp", photo, headers=wanted, signed=False)
        assert (large.status, b"at most 10000 pixels" in large.body) == (400, True)
        small = process(server, "imageMogr2/thumbnail/90x/format/webp", photo, headers=wanted, signed=False)
        assert small.header("x-openmogr-score") not in (None, "none")


def test_the_ci_host_by_path(server: ServerProcess, module_bucket: str) -> None:
    name = module_bucket.partition(".")[0]
    by_host = server.request("GET", "/jobs", host=f"{name}.ci.ap-shanghai.myqcloud.com")
    by_path = server.request("GET", f"/-/ci/{name}/jobs")
    assert by_path.status == by_host.status == 200
    assert b"<NextToken" in by_path.body
    assert server.request("GET", f"/-/ci/{name}/jobs", signed=False).status == 403
    assert server.request("GET", "/-/ci/nothing-1250000000/jobs").code == "NoSuchBucket"
    assert server.request("GET", "/-/ci/").status == 404
    assert b"on" in server.request("GET", f"/-/ci/{name}/").body
