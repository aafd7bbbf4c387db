"""Asynchronous jobs (``docs/spec/api/persistent-processing.md#8``), with a server of callbacks."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring
from xml.sax.saxutils import escape

import pytest
from PIL import Image

from openmogr.testing import Answer, ServerProcess

BUCKET = "jobs-1250000000"
COS = f"{BUCKET}.cos.ap-shanghai.myqcloud.com"
CI = f"{BUCKET}.ci.ap-shanghai.myqcloud.com"
RULE = "imageMogr2/thumbnail/60x/format/jpg"


class _Listener(HTTPServer):
    """Keeps what it is told; fails first where it is asked to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told: list[tuple[str, str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, _Listener)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((self.path, self.headers["Content-Type"], body))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", f"{self.server.url}/elsewhere")
        else:
            first = sum(path == self.path for path, *_ in self.server.told) == 1
            self.send_response(500 if self.path == "/late" and first else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def listener() -> Iterator[_Listener]:
    with _Listener() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs") / "data"


SETTINGS: dict[str, dict[str, object]] = {
    "jobs": {
        "callback_hosts": ["localhost", "*.example.com"],
        "callback_networks": ["127.0.0.0/8", "::1/128"],
    }
}


@pytest.fixture(scope="module")
def jobs(data: Path, photo: bytes) -> Iterator[ServerProcess]:
    with ServerProcess(data, SETTINGS) as server:
        assert server.request("PUT", "/", b"", host=COS).status == 200
        server.request("PUT", "/in/a.png", photo, host=COS)
        server.request("PUT", "/in/bad.png", b"text", host=COS)
        yield server


def body(
    rule: str = RULE, key: str = "in/a.png", output: str = "out/a.jpg", more: str = "", operation: str = ""
) -> bytes:
    process = f"<PicProcess><IsPicInfo>true</IsPicInfo><ProcessRule>{escape(rule)}</ProcessRule></PicProcess>"
    target = (
        f"<Output><Region>ap-shanghai</Region><Bucket>{BUCKET}</Bucket><Object>{output}</Object></Output>"
    )
    return (
        f"<Request><Tag>PicProcess</Tag><Input><Object>{key}</Object></Input>"
        f"<Operation>{operation or process}{target}<UserData>mine</UserData><JobLevel>1</JobLevel></Operation>"
        f"{more}</Request>"
    ).encode()


def job(answer: Answer) -> Element:
    assert answer.status == 200, answer.body
    detail = fromstring(answer.body).find("JobsDetail")
    assert detail is not None, answer.body
    return detail


def ended(server: ServerProcess, identifier: str, path: str = "jobs") -> Element:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        detail = job(server.request("GET", f"/{path}/{identifier}", host=CI))
        if detail.findtext("State") not in ("Submitted", "Running"):
            return detail
        time.sleep(0.1)
    raise AssertionError("the job does not end")


def submitted(server: ServerProcess, document: bytes, path: str = "jobs") -> str:
    return job(server.request("POST", f"/{path}", document, host=CI)).findtext("JobId") or ""


@pytest.mark.parametrize("path", ["jobs", "pic_jobs"])
def test_a_job(jobs: ServerProcess, path: str) -> None:
    first = job(jobs.request("POST", f"/{path}", body(output=f"out/{path}.jpg"), host=CI))
    assert first.findtext("State") == "Submitted"
    assert first.findtext("StartTime") == "-"
    identifier = first.findtext("JobId") or ""
    assert re.fullmatch("c[0-9a-f]{33}", identifier)
    detail = ended(jobs, identifier, path)
    assert (detail.findtext("State"), detail.findtext("Code")) == ("Success", "Success")
    for name in ("CreationTime", "StartTime", "EndTime"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0800", detail.findtext(name) or "")
    assert detail.findtext("Operation/UserData") == "mine"
    result = "Operation/PicProcessResult/UploadResult"
    assert detail.findtext(f"{result}/OriginalInfo/ImageInfo/Width") == "768"
    assert detail.findtext(f"{result}/ProcessResults/Object/Key") == f"out/{path}.jpg"
    assert detail.findtext(f"{result}/ProcessResults/Object/Width") == "60"
    with Image.open(io.BytesIO(jobs.request("GET", f"/out/{path}.jpg", host=COS).body)) as image:
        assert (image.format, image.size) == ("JPEG", (60, 40))


def test_what_fails_says_why(jobs: ServerProcess) -> None:
    for key, code in (("in/bad.png", "InvalidImageFormat"), ("in/none.png", "NoSuchKey")):
        detail = ended(jobs, submitted(jobs, body(key=key, output="out/none.jpg")))
        assert (detail.findtext("State"), detail.findtext("Code")) == ("Failed", code)
        assert detail.findtext("Message")
    assert jobs.request("HEAD", "/out/none.jpg", host=COS).status == 404


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        (body(rule="imageMogr2/thumbnail/none"), 400, "InvalidArgument"),
        (body(rule="style/none"), 400, "InvalidArgument"),
        (body(rule="imageMogr2/thumbnail/9x|imageInfo"), 400, "InvalidArgument"),
        (body(output="folder/"), 400, "InvalidArgument"),
        (body().replace(b"PicProcess</Tag>", b"Transcode</Tag>"), 400, "NotSupported"),
        (body().replace(BUCKET.encode(), b"missing-1250000000"), 404, "NoSuchBucket"),
        (body(more="<QueueId>p0123</QueueId>"), 404, "NoSuchQueue"),
        (body(operation="<TemplateId>t0123</TemplateId>"), 404, "NoSuchTemplate"),
        (body(operation="<PicProcess></PicProcess>"), 400, "MalformedXML"),
        (body(output=""), 400, "MalformedXML"),
        (body(key=""), 400, "MalformedXML"),
        (body().replace(b"mine", b"m" * 1025), 400, "InvalidArgument"),
        (body().replace(b">1</JobLevel", b">3</JobLevel"), 400, "InvalidArgument"),
        (body(more="<CallBack>http://evil.test/</CallBack>"), 400, "InvalidArgument"),
        (body(more="<CallBack>http://a.b.example.com/</CallBack>"), 400, "InvalidArgument"),
        (body(more="<CallBack>ftp://localhost/</CallBack>"), 400, "InvalidArgument"),
        (body(more="<CallBack>http://user@localhost/</CallBack>"), 400, "InvalidArgument"),
        (body(more="<CallBackType>TDMQ</CallBackType>"), 400, "NotSupported"),
        (b"<Other/>", 400, "MalformedXML"),
    ],
)
def test_what_is_refused(jobs: ServerProcess, document: bytes, status: int, code: str) -> None:
    before = len(jobs.request("GET", "/jobs?size=100", host=CI).body)
    answer = jobs.request("POST", "/jobs", document, host=CI)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert len(jobs.request("GET", "/jobs?size=100", host=CI).body) == before


def test_only_the_owner(jobs: ServerProcess) -> None:
    for method, path in (
        *(
            ("POST", "/jobs"),
            ("GET", "/jobs"),
            ("GET", "/queue"),
            ("GET", "/template"),
            ("POST", "/template"),
        ),
        *(("GET", "/picbucket"), ("PUT", f"/jobs/c{'0' * 33}?cancel")),
    ):
        assert jobs.request(method, path, body(), host=CI, signed=False).status == 403


def test_listing(jobs: ServerProcess) -> None:
    ids = [submitted(jobs, body(output=f"out/l{number}.jpg")) for number in range(3)]
    for identifier in ids:
        ended(jobs, identifier)
    first = fromstring(jobs.request("GET", "/jobs?tag=PicProcess&size=2", host=CI).body)
    listed = [item.findtext("JobId") for item in first.iter("JobsDetail")]
    assert listed == [ids[2], ids[1]]
    token = first.findtext("NextToken")
    second = fromstring(jobs.request("GET", f"/jobs?size=2&nextToken={token}", host=CI).body)
    assert second.findtext("JobsDetail/JobId") == ids[0]
    several = fromstring(jobs.request("GET", f"/jobs/{ids[0]},{ids[1]},c{'0' * 33}", host=CI).body)
    assert [item.findtext("JobId") for item in several.iter("JobsDetail")] == ids[:2]
    assert several.findtext("NonExistJobIds") == f"c{'0' * 33}"
    none = jobs.request("GET", "/jobs?startCreationTime=2100-01-01T00:00:00%2B0800", host=CI)
    assert b"JobsDetail" not in none.body
    for query in ("states=Done", "orderByTime=Up", "nextToken=x", "endCreationTime=yesterday", "tag=Other"):
        assert jobs.request("GET", f"/jobs?{query}", host=CI).status == 400, query


def test_queue_and_cancel(jobs: ServerProcess) -> None:
    for path, query in (("queue", "category=PicProcessing"), ("picqueue", "state=Active")):
        listed = fromstring(jobs.request("GET", f"/{path}?{query}", host=CI).body)
        assert listed.findtext("TotalCount") == "1"
    queue = listed.findtext("QueueList/QueueId")
    missing = fromstring(jobs.request("GET", "/queue?queueIds=p0,p1", host=CI).body)
    assert [item.text for item in missing.iter("QueueID")] == ["p0", "p1"]
    paused = b"<Request><Name>n</Name><State>Paused</State></Request>"
    assert b">Paused<" in jobs.request("PUT", f"/picqueue/{queue}", paused, host=CI).body
    identifier = submitted(jobs, body(output="out/q.jpg", more=f"<QueueId>{queue}</QueueId>"))
    time.sleep(0.5)
    assert job(jobs.request("GET", f"/jobs/{identifier}", host=CI)).findtext("State") == "Submitted"
    assert job(jobs.request("PUT", f"/jobs/{identifier}?cancel", b"", host=CI)).findtext("State") == "Cancel"
    active = paused.replace(b"Paused", b"Active")
    assert jobs.request("PUT", f"/queue/{queue}", active, host=CI).status == 200
    assert jobs.request("PUT", "/queue/p0", active, host=CI).status == 404
    assert jobs.request("PUT", f"/queue/{queue}", active.replace(b"Active", b"Off"), host=CI).status == 400
    other = submitted(jobs, body(output="out/q2.jpg"))
    assert ended(jobs, other).findtext("State") == "Success"
    assert job(jobs.request("PUT", f"/jobs/{other}?cancel", b"", host=CI)).findtext("State") == "Success"
    assert jobs.request("HEAD", "/out/q.jpg", host=COS).status == 404


def test_templates(jobs: ServerProcess) -> None:
    document = (
        f"<Request><Tag>PicProcess</Tag><Name>t1</Name><PicProcess><ProcessRule>{RULE}</ProcessRule></PicProcess></Request>"
    ).encode()
    made = fromstring(jobs.request("POST", "/template", document, host=CI).body)
    identifier = made.findtext("Template/TemplateId") or ""
    assert re.fullmatch("t[0-9a-f]{33}", identifier)
    other = body(rule="imageMogr2/format/webp").replace(
        b"<Operation>", f"<Operation><TemplateId>{identifier}</TemplateId>".encode()
    )
    detail = ended(jobs, submitted(jobs, other))
    assert detail.findtext("Operation/TemplateName") == "t1"
    assert detail.findtext("Operation/PicProcess/ProcessRule") == RULE
    changed = document.replace(b"60x", b"30x").replace(b"t1", b"t2")
    assert b">t2<" in jobs.request("PUT", f"/template/{identifier}", changed, host=CI).body
    assert b"30x" in jobs.request("GET", f"/template?tag=PicProcess&ids={identifier}", host=CI).body
    assert b"<TotalCount>0<" in jobs.request("GET", "/template?name=x", host=CI).body
    wrong = document.replace(b"thumbnail", b"thumb")
    assert jobs.request("POST", "/template", wrong.replace(b"60x/format/jpg", b"-/-"), host=CI).status in (
        200,
        400,
    )
    assert jobs.request("DELETE", f"/template/{identifier}", host=CI).status == 200
    assert jobs.request("DELETE", f"/template/{identifier}", host=CI).status == 404


def test_buckets(jobs: ServerProcess) -> None:
    assert BUCKET.encode() in jobs.request("GET", f"/picbucket?bucketName={BUCKET[:4]}", host=CI).body
    assert b"<TotalCount>0<" in jobs.request("GET", "/picbucket?bucketNames=x", host=CI).body
    assert jobs.request("POST", "/picbucket", b"", host=CI).status == 200


@pytest.mark.parametrize("form", ["XML", "JSON"])
def test_callback(jobs: ServerProcess, listener: _Listener, form: str) -> None:
    url = f"{listener.url}/{form}?a=1"
    more = f"<CallBack>{escape(url)}</CallBack><CallBackFormat>{form}</CallBackFormat>"
    identifier = submitted(jobs, body(output=f"out/{form}.jpg", more=more))
    _, kind, told = _told(listener, f"/{form}?a=1", 1)[0]
    if form == "XML":
        root = fromstring(told)
        assert (kind, root.findtext("EventName")) == ("application/xml", "TaskFinish")
        assert root.findtext("JobsDetail/JobId") == identifier
        assert root.findtext("JobsDetail/State") == "Success"
    else:
        document = json.loads(told)
        assert (kind, document["EventName"]) == ("application/json", "TaskFinish")
        detail = document["JobsDetail"]
        assert (detail["JobId"], detail["State"]) == (identifier, "Success")
        assert (
            detail["Operation"]["PicProcessResult"]["UploadResult"]["ProcessResults"]["Object"]["Width"] == 60
        )


def _told(listener: _Listener, path: str, count: int) -> list[tuple[str, str, bytes]]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [item for item in listener.told if item[0] == path]
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing came to {path}: {listener.told}")


def test_a_callback_is_tried_again_and_never_led_away(jobs: ServerProcess, listener: _Listener) -> None:
    for path, count in (("/late", 2), ("/moved", 3)):
        submitted(jobs, body(output="out/c.jpg", more=f"<CallBack>{listener.url}{path}</CallBack>"))
        assert len(_told(listener, path, count)) == count
    assert not [item for item in listener.told if item[0] == "/elsewhere"]


def test_objects_at_a_ci_host(jobs: ServerProcess) -> None:
    """Only the services' own names are theirs."""
    for key in ("/jobs/a/b.txt", "/queue/a.txt", "/template/a.txt"):
        assert jobs.request("PUT", key, b"1", host=COS).status == 200
        assert jobs.request("GET", key, host=CI).body == b"1"
        assert jobs.request("PUT", key, b"2", host=CI).status in (400, 404, 405)
        assert jobs.request("GET", key, host=COS).body == b"1"


def test_jobs_survive_a_crash(tmp_path: Path, photo: bytes) -> None:
    data = tmp_path / "data"
    with ServerProcess(data, SETTINGS) as server:
        server.request("PUT", "/", b"", host=COS)
        server.request("PUT", "/in/a.png", photo, host=COS)
        ids = [submitted(server, body(output=f"out/{number}.jpg")) for number in range(5)]
        server.kill()
    with ServerProcess(data, SETTINGS) as server:
        for number, identifier in enumerate(ids):
            assert ended(server, identifier).findtext("State") == "Success"
            assert server.request("HEAD", f"/out/{number}.jpg", host=COS).status == 200
