"""Objects that operations read besides their own: which they are, who may have them read, and when a result is old."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator

import pytest
from PIL import Image

from openmogr.testing import Answer, ServerProcess

from .test_presigned import presign

SIZE = (60, 40)
RED, BLUE = (255, 0, 0), (0, 0, 255)
REFUSED = (400, "InvalidImageSource")


def png(size: tuple[int, int], color: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return out.getvalue()


def token(url: str) -> str:
    return base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def mark(url: str) -> str:
    """An operation that covers the lower right corner with a picture."""
    return f"watermark/1/image/{token(url)}/dissolve/100"


def corner(answer: Answer) -> object:
    assert answer.status == 200, answer.body
    with Image.open(io.BytesIO(answer.body)) as image:
        return image.convert("RGB").getpixel((SIZE[0] - 1, SIZE[1] - 1))


def told(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code


def put(server: ServerProcess, host: str, target: str, body: bytes) -> None:
    assert server.request("PUT", target, body, host=host).status == 200


@pytest.fixture
def private(server: ServerProcess, module_bucket: str) -> str:
    """The host of a private bucket with a white picture and a red mark."""
    put(server, module_bucket, "/base.png", png(SIZE, (255, 255, 255)))
    put(server, module_bucket, "/mark.png", png((10, 10), RED))
    return module_bucket


@pytest.fixture
def open_to_all(server: ServerProcess, module_public: str) -> str:
    """The host of a public one with the same."""
    put(server, module_public, "/base.png", png(SIZE, (255, 255, 255)))
    put(server, module_public, "/mark.png", png((10, 10), RED))
    return module_public


def test_the_owner_reads_all_buckets(server: ServerProcess, private: str, open_to_all: str) -> None:
    for base, other in ((private, private), (private, open_to_all), (open_to_all, private)):
        target = f"/base.png?{mark(f'http://{other}/mark.png')}"
        assert corner(server.request("GET", target, host=base)) == RED


def test_everybody_reads_what_everybody_may_read(
    server: ServerProcess, private: str, open_to_all: str
) -> None:
    seen = server.request(
        "GET", f"/base.png?{mark(f'https://{open_to_all}/mark.png')}", host=open_to_all, signed=False
    )
    assert corner(seen) == RED
    for name in ("mark.png", "nothing.png"):
        hidden = server.request(
            "GET", f"/base.png?{mark(f'http://{private}/{name}')}", host=open_to_all, signed=False
        )
        assert told(hidden) == REFUSED
        # Whether it is there is nobody's business.
        assert f"{private}/{name}' does not exist, or may not be read" in hidden.body.decode().replace(
            "&apos;", "'"
        )


def test_the_number_of_the_refusal(server: ServerProcess, open_to_all: str) -> None:
    answer = server.request("GET", f"/base.png?{mark('http://elsewhere.example/a/b.png')}", host=open_to_all)
    assert {name.lower(): value for name, value in answer.headers}["x-errno"] == "-60987"


@pytest.mark.parametrize("signs_operation", [True, False])
def test_a_presigned_url_opens_no_second_object(
    server: ServerProcess, private: str, open_to_all: str, signs_operation: bool
) -> None:
    """Base64 in another case is another object, and signatures cover names of parameters without their case."""

    def target(operation: str) -> str:
        if signs_operation:
            return presign(server, "GET", f"/base.png?{operation}", private)
        return presign(server, "GET", "/base.png", private) + f"&{operation}"

    def get(operation: str) -> Answer:
        return server.request("GET", target(operation), host=private, signed=False)

    assert told(get(mark(f"http://{private}/mark.png"))) == REFUSED
    assert corner(get(mark(f"http://{open_to_all}/mark.png"))) == RED
    own = presign(server, "GET", "/mark.png", private)
    assert corner(get(mark(f"http://{private}{own}"))) == RED
    assert told(get(mark(f"http://{private}{own[:-1]}x"))) == REFUSED


def test_a_url_that_is_signed_itself_opens_its_object_to_all(
    server: ServerProcess, private: str, open_to_all: str
) -> None:
    own = presign(server, "GET", "/mark.png", private)
    answer = server.request(
        "GET", f"/base.png?{mark(f'http://{private}{own}')}", host=open_to_all, signed=False
    )
    assert corner(answer) == RED
    other = own.replace("/mark.png", "/base.png")
    refused = server.request(
        "GET", f"/base.png?{mark(f'http://{private}{other}')}", host=open_to_all, signed=False
    )
    assert told(refused) == REFUSED
    assert b"q-signature" not in refused.body


def test_every_form_of_a_host(server: ServerProcess, private: str) -> None:
    bucket = private.partition(".")[0]
    here = f"127.0.0.1:{server.port}"
    for url in (
        f"http://{bucket}.cos.ap-beijing.myqcloud.com/mark.png",
        f"https://{bucket}.cos-internal.ap-beijing.tencentcos.cn:8080/mark.png",
        f"HTTP://{bucket.upper()}.PIC.ap-beijing.myqcloud.com/mark.png",
        f"http://{bucket}.cos.example.com/mark.png",
        f"http://cos.example.com/{bucket}/mark.png",
        f"http://cos.ap-beijing.myqcloud.com/{bucket}/mark.png",
        f"http://{private}/m%61rk.png?v=3",
    ):
        assert corner(server.request("GET", f"/base.png?{mark(url)}", host=private)) == RED, url
    # An address is known by the request that came to it.
    own = mark(f"http://{here}/{bucket}/mark.png")
    assert corner(server.request("GET", f"/{bucket}/base.png?{own}")) == RED
    assert told(server.request("GET", f"/base.png?{own}", host=private)) == REFUSED


def test_a_custom_domain_stands_for_its_bucket(server: ServerProcess, private: str) -> None:
    server.request("PUT", "/mapped-1250000000", b"")
    assert server.request("PUT", "/mapped-1250000000/mark.png", png((9, 9), BLUE)).status == 200
    target = f"/base.png?{mark('http://img.example.org/mark.png')}"
    assert corner(server.request("GET", target, host=private)) == BLUE


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://elsewhere.example/bucket/mark.png", "not this server's"),
        ("http://service.cos.myqcloud.com/mark.png", "names no object"),
        ("ftp://{host}/mark.png", "no URL"),
        ("{host}/mark.png", "no URL"),
        ("http://user@{host}/mark.png", "no URL"),
        ("http://{host}/mark.png#part", "no URL"),
        ("http://{host}", "names no object"),
        ("http://{host}/", "names no object"),
        ("http://{host}/%FF.png", "UTF-8"),
        ("http://{host}/nothing.png", "does not exist"),
        ("http://nobody-1250000000.cos.ap-beijing.myqcloud.com/mark.png", "does not exist"),
        ("http://{host}/mark.png?imageMogr2/thumbnail/5x", "more than an object"),
        ("http://{host}/mark.png?acl", "more than an object"),
        ("http://{host}/mark.png?versionId=7", "a version"),
        ("http://{host}/mark.png?sign=q-sign-algorithm%3Dsha1", "signature"),
        ("http://{host}/text.txt", "cannot be used"),
        ("http://{host}/moving.gif", "animated"),
    ],
)
def test_what_is_no_image_of_this_server_is_refused_in_words(
    server: ServerProcess, private: str, url: str, words: str
) -> None:
    put(server, private, "/text.txt", b"no image")
    out = io.BytesIO()
    frames = [Image.new("RGB", (9, 9), color) for color in (RED, BLUE)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    put(server, private, "/moving.gif", out.getvalue())
    operation = mark(url.format(host=private))
    answer = server.request("GET", f"/base.png?{operation}", host=private)
    assert told(answer) == REFUSED
    assert words in answer.body.decode()
    kept = server.request("GET", f"/base.png?{operation}/ignore-error/1", host=private)
    assert corner(kept) == (255, 255, 255)


def test_a_replaced_image_makes_another_result(server: ServerProcess, private: str) -> None:
    target = f"/base.png?{mark(f'http://{private}/changing.png')}|imageMogr2/format/png"

    def get(method: str = "GET", **headers: str) -> Answer:
        return server.request(
            method, target, None, {k.replace("_", "-"): v for k, v in headers.items()}, host=private
        )

    put(server, private, "/changing.png", png((10, 10), RED))
    first, again = get(), get()
    assert [corner(first), corner(again)] == [RED, RED]
    cache = [
        dict(a.headers).get("X-Openmogr-Cache") or dict(a.headers).get("x-openmogr-cache")
        for a in (first, again)
    ]
    assert cache == ["miss", "hit"]
    etag = first.header("ETag") or ""
    assert get(If_None_Match=etag).status == 304
    put(server, private, "/changing.png", png((10, 10), BLUE))
    changed = get(If_None_Match=etag)
    assert corner(changed) == BLUE
    assert changed.header("ETag") != etag
    head = get("HEAD")
    assert (head.status, head.header("ETag")) == (200, changed.header("ETag"))
    server.request("DELETE", "/changing.png", host=private)
    assert told(get()) == REFUSED
    put(server, private, "/changing.png", png((10, 10), RED))
    assert get().header("ETag") == etag


def rules(operation: str, *, key: str = "/marked.png") -> dict[str, str]:
    return {"Pic-Operations": json.dumps({"rules": [{"fileid": key, "rule": operation}]})}


def test_uploads_and_stored_data(server: ServerProcess, private: str) -> None:
    operation = mark(f"http://{private}/mark.png")
    body = png(SIZE, (0, 0, 0))
    made = server.request("PUT", "/new.png", body, rules(operation), host=private)
    assert made.status == 200
    assert corner(server.request("GET", "/marked.png", host=private)) == RED
    server.request("DELETE", "/marked.png", host=private)
    made = server.request("POST", "/base.png?image_process", b"", rules(operation), host=private)
    assert made.status == 200
    assert corner(server.request("GET", "/marked.png", host=private)) == RED


def test_five_rules_of_ten_marks_each(server: ServerProcess, private: str) -> None:
    document = []
    for rule in range(5):
        stages = []
        for number in range(10):
            key = f"/mark-{rule}-{number}.png"
            put(server, private, key, png((2, 2), (rule, number, 99)))
            stages.append(mark(f"http://{private}{key}") + f"/gravity/northwest/dx/{number * 2}")
        document.append({"fileid": f"/many-{rule}.png", "rule": "|".join(stages)})
    header = {"Pic-Operations": json.dumps({"rules": document})}
    made = server.request("POST", "/base.png?image_process", b"", header, host=private)
    assert made.status == 200, made.body
    for rule in range(5):
        body = server.request("GET", f"/many-{rule}.png", host=private).body
        with Image.open(io.BytesIO(body)) as image:
            assert [image.convert("RGB").getpixel((2 * number, 1)) for number in range(10)] == [
                (rule, number, 99) for number in range(10)
            ]


def test_a_refused_rule_stores_nothing_and_reads_no_body(server: ServerProcess, private: str) -> None:
    for url in (f"http://{private}/nothing.png", "http://elsewhere.example/b/k"):
        answer = server.request("PUT", "/never.png", png(SIZE, RED), rules(mark(url)), host=private)
        assert told(answer) == REFUSED
        assert server.request("HEAD", "/never.png", host=private).status == 404
        kept = rules(mark(url) + "/ignore-error/1")
        answer = server.request("PUT", "/kept.png", png(SIZE, RED), kept, host=private)
        assert answer.status == 200
        assert server.request("GET", "/marked.png", host=private).body == png(SIZE, RED)


def test_strangers_who_may_write_read_nothing_private(server: ServerProcess, private: str) -> None:
    host = "scribble-1250000000.cos.ap-shanghai.myqcloud.com"
    server.request("PUT", "/", b"", {"x-cos-acl": "public-read-write"}, host=host)
    header = rules(mark(f"http://{private}/mark.png"))
    answer = server.request("PUT", "/a.png", png(SIZE, BLUE), header, host=host, signed=False)
    assert told(answer) == REFUSED


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    settings = {"image": {"max_input_bytes": 3000}}
    with ServerProcess(tmp_path_factory.mktemp("narrow") / "data", settings) as process:
        yield process


def test_an_image_over_the_limit_is_not_read(narrow: ServerProcess) -> None:
    narrow.request("PUT", "/b-1250000000", b"")
    narrow.request("PUT", "/b-1250000000/base.png", png(SIZE, RED))
    narrow.request("PUT", "/b-1250000000/large.png", b"x" * 3001)
    url = f"http://127.0.0.1:{narrow.port}/b-1250000000/large.png"
    answer = narrow.request("GET", f"/b-1250000000/base.png?{mark(url)}")
    assert told(answer) == REFUSED
    assert b"3001 bytes, more than 3000" in answer.body


def test_styles_jobs_and_protected_buckets(server: ServerProcess, private: str, open_to_all: str) -> None:
    """What a plain GET of the further object would be refused, an operation is refused too."""
    target = f"/base.png?{mark(f'http://{open_to_all}/mark.png')}"
    stranger = "guarded-1250000000.cos.ap-shanghai.myqcloud.com"
    server.request("PUT", "/", b"", {"x-cos-acl": "public-read"}, host=stranger)
    put(server, stranger, "/base.png", png(SIZE, (255, 255, 255)))
    pic = open_to_all.replace(".cos.", ".pic.")
    assert corner(server.request("GET", target, host=stranger, signed=False)) == RED
    assert server.request("PUT", "/?origin-protect", b"", host=pic).status == 200
    assert told(server.request("GET", target, host=stranger, signed=False)) == REFUSED
    assert corner(server.request("GET", target, host=stranger)) == RED
    assert server.request("DELETE", "/?origin-protect", host=pic).status in (200, 204)
    hotlink = b"<Hotlink><Status>on</Status><Type>black</Type><Url>bad.example</Url></Hotlink>"
    assert server.request("PUT", "/?hotlink", hotlink, host=pic).status == 200
    bad = {"Referer": "http://bad.example/page"}
    assert told(server.request("GET", target, None, bad, host=stranger, signed=False)) == REFUSED
    assert corner(server.request("GET", target, None, bad, host=stranger)) == RED
    assert corner(server.request("GET", target, host=stranger, signed=False)) == RED


def test_a_style_may_lay_a_mark(server: ServerProcess, private: str, open_to_all: str) -> None:
    style = f"<AddStyle><StyleName>marked</StyleName><StyleBody>{mark(f'http://{private}/mark.png')}</StyleBody></AddStyle>"
    pic = open_to_all.replace(".cos.", ".pic.")
    assert server.request("PUT", "/?style", style.encode(), host=pic).status == 200
    assert corner(server.request("GET", "/base.png?style/marked", host=open_to_all)) == RED
    assert corner(server.request("GET", "/base.png!marked", host=open_to_all)) == RED
    # What a style opens is what its user may read.
    assert told(server.request("GET", "/base.png!marked", host=open_to_all, signed=False)) == REFUSED


def test_a_job_may_lay_a_mark(server: ServerProcess, private: str) -> None:
    bucket = private.partition(".")[0]
    host = f"{bucket}.ci.ap-shanghai.myqcloud.com"

    def submit(url: str) -> Answer:
        document = (
            "<Request><Tag>PicProcess</Tag><Input><Object>base.png</Object></Input><Operation>"
            f"<PicProcess><ProcessRule>{mark(url)}</ProcessRule></PicProcess>"
            f"<Output><Region>ap-shanghai</Region><Bucket>{bucket}</Bucket><Object>job.png</Object></Output>"
            "</Operation></Request>"
        )
        return server.request("POST", "/jobs", document.encode(), host=host)

    assert told(submit("http://elsewhere.example/a/b.png")) == REFUSED
    assert told(submit(f"http://{private}/nothing.png")) == REFUSED
    answer = submit(f"http://{private}/mark.png")
    assert answer.status == 200, answer.body
    deadline = time.monotonic() + 60
    while server.request("HEAD", "/job.png", host=private).status != 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert corner(server.request("GET", "/job.png", host=private)) == RED


def test_a_mark_in_the_best_format(server: ServerProcess, private: str) -> None:
    target = f"/base.png?{mark(f'http://{private}/auto.png')}|imageMogr2/format/auto"
    for color in (RED, BLUE):
        put(server, private, "/auto.png", png((30, 30), color))
        seen = corner(server.request("GET", target, None, {"Accept": "image/webp"}, host=private))
        assert seen == pytest.approx(color, abs=12)
    server.request("DELETE", "/auto.png", host=private)
    assert told(server.request("GET", target, host=private)) == REFUSED
    kept = server.request("GET", f"{target}/ignore-error/1", host=private)
    assert kept.body == png(SIZE, (255, 255, 255))
