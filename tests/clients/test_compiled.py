"""The official SDKs for Go and Java, each connected in every way that its users have.

``make clients`` builds the two programs, ``go/`` and ``java/``, which do the same with each SDK's own calls and print
what they saw; here that is held against what is true.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from PIL import Image

import openmogr.demo
from openmogr.testing import Answer, ServerProcess

from .conftest import TEMPORARY

pillow_tpg = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
BUILD = Path(__file__).parent / "build"
GO, JAVA = "cos-go-sdk-v5 0.7", "cos_api 5.6"
Seen = dict[str, object]
Test = Callable[..., None]


def shows(*features: str) -> Callable[[Test], Test]:
    """Marks a test as showing features with both SDKs."""

    def mark(test: Test) -> Test:
        for feature in features:
            for client in (GO, JAVA):
                test = pytest.mark.compat(feature, client=client)(test)
        return test

    return mark


def program(client: str, connection: str, folder: Path) -> list[str]:
    """The command that runs a client; skips the test where its toolchain or its build is missing."""
    tool = {"go": "go", "java": "mvn"}[client]
    built = {"go": BUILD / "go_client", "java": BUILD / "java" / "classes" / "Client.class"}[client]
    if not built.exists():
        reason = "is not installed" if shutil.which(tool) is None else "is here, but the client is not built"
        pytest.skip(f"{tool} {reason}: install it and run `make clients`")
    if client == "go":
        return [str(built), connection]
    if (java := shutil.which("java")) is None:
        pytest.skip("java is not installed")
    # Stands for the DNS of who runs a server under a domain of their own.
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 java-{connection}-1250000000.localhost\n")
    path = f"{BUILD}/java/classes:{BUILD}/java/lib/*"
    return [
        java,
        f"-Djdk.net.hosts.file={hosts}",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        path,
        "Client",
        connection,
    ]


WAYS = [
    *(("go", way) for way in ("proxy", "domains", "custom_domains")),
    *(("java", way) for way in ("proxy", "resolver", "builder")),
]


@pytest.fixture(scope="module", params=WAYS, ids="-".join)
def seen(
    request: pytest.FixtureRequest, server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Seen:
    """What one run of a client saw."""
    client, connection = request.param
    command = program(client, connection, tmp_path_factory.mktemp("client"))
    photo = Path(openmogr.demo.__file__).parent / openmogr.demo.KEY
    key = server.credential
    temporary = [str(TEMPORARY[name]) for name in ("secret_id", "secret_key", "token")]
    done = subprocess.run(
        [*command, str(server.port), key.secret_id, key.secret_key, str(photo), *temporary],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return cast(Seen, json.loads(done.stdout))


def by_url(server: ServerProcess, url: str, method: str = "GET", body: bytes | None = None) -> Answer:
    """An answer to a URL, wherever its host is."""
    parts = urlsplit(url)
    return server.request(method, f"{parts.path}?{parts.query}", body, signed=False, host=parts.netloc)


def opened(answer: object) -> Image.Image:
    """The picture in an answer that a client printed."""
    pillow_tpg.register_tpg_opener()
    return Image.open(io.BytesIO(base64.b64decode(cast(dict[str, str], answer)["data"])))


@shows("GET Service, PUT/HEAD/DELETE Bucket")
def test_buckets(seen: Seen) -> None:
    assert seen["bucket"] in cast(list[str], seen["buckets"])
    assert (seen["exists"], seen["location"]) == (True, "ap-shanghai")


@shows("List Objects v1")
def test_listing(seen: Seen) -> None:
    assert seen["listed"] == ["l/a b+c%.txt", "l/d/1", "l/d/2", "l/图.png"]
    assert (seen["pages"], seen["prefixes"]) == (2, ["l/d/"])


@shows("PUT/GET/HEAD/DELETE Object", "Range, conditional requests, `response-*`", "Copy", "Multiple delete")
def test_objects(seen: Seen, photo: bytes) -> None:
    assert list(cast(dict[str, bool], seen["keys"]).values()) == [True] * 6
    etag = hashlib.md5(photo).hexdigest()
    head = cast(list[str], seen["head"])
    assert [*head[:4], head[4].strip('"')] == [str(len(photo)), "image/png", "no-cache", "seven", etag]
    assert (seen["range"], seen["response"], seen["unchanged"]) == ("//", "text/x-other", 304)
    assert cast(str, seen["copy"]).strip('"') == etag
    assert (seen["presence"], seen["deleted"], seen["gone"]) == ([True, False], 2, True)


def test_a_path_in_the_base_url_is_dropped_by_the_go_sdk(seen: Seen) -> None:
    """So a server cannot be reached path style; README names ``domains`` for that. Java has no such URL."""
    is_go = cast(str, seen["bucket"]).startswith("go-")
    assert seen.get("path_dropped", False) is is_go


@shows("Multipart upload")
def test_multipart(seen: Seen) -> None:
    """In single calls, by the SDK's own transfers in parts with their checksums, and one that is stopped."""
    assert seen["parts"] == [2, True, True]
    assert seen["transfer"] == [True, True]
    assert seen["aborted"] == [1, 0]


@shows("Presigned URLs")
def test_presigned(seen: Seen, server: ServerProcess) -> None:
    urls = cast(dict[str, str], seen["urls"])
    for name in {"get", "merged"} & set(urls):
        assert by_url(server, urls[name]).body.decode() == "图/片 a.png"
    assert by_url(server, urls["get"], "PUT", b"1").status == 403
    assert by_url(server, urls["put"], "PUT", b"by url").status == 200
    processed = by_url(server, urls["processed"])
    assert (processed.status, processed.header("Content-Type")) == (200, "image/webp")
    assert Image.open(io.BytesIO(processed.body)).size == (40, 27)


@shows("Signatures in header and query, temporary tokens")
def test_temporary_keys(seen: Seen, server: ServerProcess) -> None:
    """The token goes along in a header, and in the query of a presigned URL."""
    text, url = cast(list[str], seen["temporary"])
    assert (text, by_url(server, url).body) == ("by token", b"by token")
    assert "x-cos-security-token=" in url
    assert by_url(server, url.replace("x-cos-security-token=", "x-other=")).status == 403


@shows("Bucket and object ACL (private, public-read)", "Tagging", "CORS")
def test_access(seen: Seen) -> None:
    assert seen["acl"] == ["public-read", "private"]
    assert seen["tagging"] == [["project", "one two"], ["project", "three"]]
    origin = "https://a.example.com"
    cors = cast(list[object], seen["cors"])
    assert cors == [origin, "GET", 600, origin][: len(cors)]


@shows("Processing on download (GET with an operation)", "Pipelines with `\\|`", "imageInfo, imageAve, exif")
def test_download_processed(seen: Seen) -> None:
    got = cast(dict[str, dict[str, str]], seen["got"])
    assert {name: item["type"] for name, item in got.items()} == {
        "tpg": "image/tpg",
        "heif": "image/heif",
        "avif": "image/avif",
        "webp": "image/webp",
        "pipeline": "image/jpeg",
    }
    for name in ("tpg", "avif", "webp"):
        assert (opened(got[name]).format, opened(got[name]).size) == (name.upper(), (120, 80))
    assert (opened(got["pipeline"]).format, opened(got["pipeline"]).size) == ("JPEG", (60, 40))
    assert cast(dict[str, str], seen["info"])["width"] == "768"


@pytest.mark.compat("`scrop` (extra `[faces]`) and `rcrop`", client=GO)
def test_crops_by_ratio_and_face(seen: Seen) -> None:
    if "by face" not in seen:
        pytest.skip("the Go client does that")
    # The photo has no face, so nothing is cropped by one.
    side = opened(seen["by face"]).height
    assert opened(seen["by face"]).size == (side, side)
    assert side > 100


@pytest.mark.compat("Slimmed downloads (`?image-slim`)", client=GO)
def test_slimmed_downloads(seen: Seen, photo: bytes) -> None:
    if "slimmed" not in seen:
        pytest.skip("the Go client does that")
    slimmed = cast(dict[str, Any], seen["slimmed"])
    assert slimmed["told"] == ["API,Auto", "on", ["png"], "off"]
    assert slimmed["flag"] == "1"
    assert len(base64.b64decode(slimmed["picture"]["data"])) < len(photo)
    assert opened(slimmed["picture"]).format == "PNG"


@shows("Image Advanced Compression: HEIF", "Image Advanced Compression: TPG")
def test_advanced_compression(seen: Seen) -> None:
    got = cast(dict[str, dict[str, str]], seen["got"])
    assert base64.b64decode(got["heif"]["data"])[4:12] == b"ftypheic"
    assert opened(got["tpg"]).size == (120, 80)


def check_results(results: object, folder: str) -> None:
    """What the SDK made of ``ProcessResults``."""
    small, tpg = cast(list[dict[str, object]], results)
    assert (small["key"], small["format"]) == (f"{folder}/small.webp", "webp")
    assert (tpg["key"], tpg["format"]) == ("tpg/photo.tpg", "tpg")
    assert [(item["width"], item["height"]) for item in (small, tpg)] == [(60, 40)] * 2


@shows(
    "Processing on upload (PUT with Pic-Operations)",
    "Processing of stored data (POST ?image_process)",
)
def test_results_are_stored(seen: Seen, photo: bytes) -> None:
    """What the answers say of the results is true of what is stored."""
    key, etag, kind, width = cast(list[object], seen["original"])
    assert (key, kind, width) == ("dir/photo.png", "PNG", 768)
    assert cast(str, etag).strip('"') == hashlib.md5(photo).hexdigest()
    stored = cast(dict[str, dict[str, str]], seen["stored"])
    for results in (seen["put"], seen["posted"]):
        check_results(results, "dir")
        for item in cast(list[dict[str, object]], results):
            data = base64.b64decode(stored[cast(str, item["key"])]["data"])
            assert (item["size"], item["etag"]) == (len(data), f'"{hashlib.md5(data).hexdigest()}"')
    assert opened(stored["dir/small.webp"]).format == "WEBP"
    assert opened(stored["tpg/photo.tpg"]).format == "TPG"


@shows("Complete Multipart Upload with Pic-Operations")
def test_results_of_an_upload_in_parts(seen: Seen) -> None:
    sliced = cast(dict[str, object], seen["sliced"])
    assert cast(str, sliced["etag"]).strip('"').rpartition("-")[2].isdigit()
    assert (opened(sliced["result"]).format, opened(sliced["result"]).width) == ("WEBP", 60)
    if "results" in sliced:  # the Go SDK does not give them
        check_results(sliced["results"], "sliced")


def test_errors(seen: Seen) -> None:
    """Nothing is tried a second time, and the message says what is wrong."""
    errors = cast(dict[str, dict[str, object]], seen["errors"])
    assert (errors["missing"]["status"], errors["missing"]["code"]) == (404, "NoSuchKey")
    assert errors["headless"]["status"] == 404
    assert (errors["rotated"]["status"], errors["rotated"]["code"]) == (400, "InvalidArgument")
    assert "abc" in cast(str, errors["rotated"]["message"])
    assert all(error["id"] for error in errors.values())
