"""Results are made once: remembered, and joined while they are made."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from openmogr.api.observing import Observer
from openmogr.api.results import Results, Work, settings_of_results
from openmogr.api.settings import ServerSettings
from openmogr.api.sources import OpenSource
from openmogr.engine import ImagePool
from openmogr.errors import CosError
from openmogr.image import ImageSettings, parse_operation
from openmogr.observe import Metrics
from openmogr.results import ResultStore
from openmogr.storage import EmbeddedStorage, StorageSettings
from openmogr.testing import Answer, ServerProcess

CACHE, AGE = "X-Openmogr-Cache", "X-Openmogr-Age"
_widths = itertools.count(40)


@pytest.fixture
def operation() -> str:
    """One that no other test has used."""
    return f"imageMogr2/thumbnail/{next(_widths)}x/format/webp/quality/77"


@pytest.fixture
def stored(server: ServerProcess, module_public: str, photo: bytes) -> str:
    assert server.request("PUT", "/a.png", photo, host=module_public).status == 200
    return module_public


def lookups(server: ServerProcess) -> dict[str, float]:
    """Results wanted so far, by outcome."""
    text = server.request("GET", "/-/metrics", signed=False).body.decode()
    return {
        sample.labels["outcome"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "openmogr_results_total"
    }


def memory(answer: Answer) -> str | None:
    found = {name.lower(): value for name, value in answer.headers}
    assert answer.status in (200, 206), answer.body
    assert (found.get("x-openmogr-cache") == "hit") == ("x-openmogr-age" in found)
    assert found.get("age", found.get("x-openmogr-age")) == found.get("x-openmogr-age")
    return found.get("x-openmogr-cache")


def test_the_second_request_finds_what_the_first_made(
    server: ServerProcess, stored: str, operation: str
) -> None:
    first = server.request("GET", f"/a.png?{operation}", host=stored)
    second = server.request("GET", f"/a.png?{operation}", host=stored, signed=False)
    assert (memory(first), memory(second)) == ("miss", "hit")
    assert first.body == second.body
    unlike = {
        "Age",
        "Date",
        CACHE,
        AGE,
        "x-cos-request-id",
        "X-Cos-Request-Id",
        "x-openmogr-cache",
        "x-openmogr-age",
    }
    assert [item for item in first.headers if item[0] not in unlike] == [
        item for item in second.headers if item[0] not in unlike
    ]


def test_the_age_counts_from_the_making_and_from_each_validation(
    server: ServerProcess, stored: str, operation: str
) -> None:
    target = f"/a.png?{operation}"
    made = time.time()
    tag = dict(server.request("GET", target, host=stored).headers)["ETag"]
    time.sleep(1.1)
    for method in ("GET", "HEAD"):
        answer = server.request(method, target, host=stored)
        told = dict(answer.headers)["Age"]
        assert told.isdigit()
        assert 1 <= int(told) <= time.time() - made + 1
        validated = server.request(method, target, None, {"If-None-Match": tag}, host=stored)
        assert (validated.status, dict(validated.headers)["Age"]) == (304, "0")
    assert "Age" not in dict(server.request("GET", "/a.png", host=stored).headers)


def test_head_makes_what_get_finds(server: ServerProcess, stored: str, operation: str) -> None:
    head = server.request("HEAD", f"/a.png?{operation}", host=stored)
    get = server.request("GET", f"/a.png?{operation}", host=stored)
    assert (memory(head), memory(get)) == ("miss", "hit")
    assert (head.body, head.header("Content-Length")) == (b"", str(len(get.body)))


def test_ranges_and_conditions_of_what_is_remembered(
    server: ServerProcess, stored: str, operation: str
) -> None:
    whole = server.request("GET", f"/a.png?{operation}", host=stored)
    etag = whole.header("ETag") or ""
    part = server.request("GET", f"/a.png?{operation}", None, {"Range": "bytes=10-19"}, host=stored)
    assert (part.status, part.body, memory(part)) == (206, whole.body[10:20], "hit")
    assert part.header("Content-Range") == f"bytes 10-19/{len(whole.body)}"
    before = lookups(server)
    unchanged = server.request("GET", f"/a.png?{operation}", None, {"If-None-Match": etag}, host=stored)
    failed = server.request("GET", f"/a.png?{operation}", None, {"If-Match": '"x"'}, host=stored)
    assert (unchanged.status, failed.status) == (304, 412)
    assert lookups(server) == before
    beyond = server.request("GET", f"/a.png?{operation}", None, {"Range": "bytes=9999999-"}, host=stored)
    assert beyond.status == 416


def test_content_counts_and_not_the_name(
    server: ServerProcess, stored: str, photo: bytes, operation: str
) -> None:
    server.request("PUT", "/b.png", photo, host=stored)
    first = server.request("GET", f"/a.png?{operation}", host=stored)
    assert memory(server.request("GET", f"/b.png?{operation}", host=stored)) == "hit"
    server.request("PUT", "/b.png", first.body, host=stored)
    other = server.request("GET", f"/b.png?{operation}", host=stored)
    assert memory(other) == "miss"
    assert other.header("ETag") != first.header("ETag")


def test_documents_are_remembered_too(server: ServerProcess, stored: str, operation: str) -> None:
    target = f"/a.png?{operation}%7CimageInfo"
    first, second = (server.request("GET", target, host=stored) for _ in range(2))
    assert (memory(first), memory(second)) == ("miss", "hit")
    assert json.loads(first.body) == json.loads(second.body)
    assert second.header("Content-Type") == "application/json"


def rules(operation: str, name: str) -> dict[str, str]:
    document = {"is_pic_info": 1, "rules": [{"fileid": f"/out/{name}", "rule": operation}]}
    return {"Pic-Operations": json.dumps(document)}


def test_downloads_uploads_and_stored_data_share_results(
    server: ServerProcess, stored: str, photo: bytes, operation: str
) -> None:
    first = server.request("GET", f"/a.png?{operation}", host=stored)
    put = server.request("PUT", "/p.png", photo, rules(operation, "put"), host=stored)
    # What is known of the picture may not have been wanted before.
    before = lookups(server)
    put = server.request("PUT", "/p.png", photo, rules(operation, "put"), host=stored)
    post = server.request("POST", "/a.png?image_process", b"", rules(operation, "post"), host=stored)
    assert (memory(put), memory(post)) == ("hit", "hit")
    assert lookups(server)["miss"] == before["miss"]
    for name in ("put", "post"):
        assert server.request("GET", f"/out/{name}", host=stored).body == first.body
    assert b"<Ave>" in put.body
    assert b"<Ave>" in post.body


def test_what_a_rule_made_a_download_finds(
    server: ServerProcess, stored: str, photo: bytes, operation: str
) -> None:
    put = server.request("PUT", "/p.png", photo, rules(operation, "made"), host=stored)
    assert memory(put) == "miss"
    assert memory(server.request("GET", f"/a.png?{operation}", host=stored)) == "hit"


def test_equal_requests_at_once_are_one_job(server: ServerProcess, stored: str, photo: bytes) -> None:
    operation = f"imageMogr2/rotate/{next(_widths)}/format/avif"
    before = lookups(server).get("miss", 0)

    def send(number: int) -> Answer:
        match number % 3:
            case 0:
                return server.request("GET", f"/a.png?{operation}", host=stored)
            case 1:
                headers = {
                    "Pic-Operations": rules(operation, f"at{number}")["Pic-Operations"].replace("1,", "0,", 1)
                }
                return server.request("PUT", f"/n{number}.png", photo, headers, host=stored)
            case _:
                headers = {
                    "Pic-Operations": rules(operation, f"at{number}")["Pic-Operations"].replace("1,", "0,", 1)
                }
                return server.request("POST", "/a.png?image_process", b"", headers, host=stored)

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(send, range(12)))
    assert {answer.status for answer in answers} == {200}
    assert lookups(server)["miss"] == before + 1
    made = server.request("GET", f"/a.png?{operation}", host=stored).body
    assert server.request("GET", "/out/at1", host=stored).body == made
    assert server.request("GET", "/out/at2", host=stored).body == made


def test_failures_are_not_remembered(server: ServerProcess, stored: str) -> None:
    server.request("PUT", "/bad.png", b"\x89PNG\r\n\x1a\n broken", host=stored)
    before = lookups(server).get("miss", 0)
    target = "/bad.png?imageMogr2/format/webp"
    assert [server.request("GET", target, host=stored).status for _ in range(2)] == [400, 400]
    for _ in range(2):
        kept = server.request("GET", target + "/ignore-error/1", host=stored)
        assert (memory(kept), kept.body) == ("miss", b"\x89PNG\r\n\x1a\n broken")
    assert lookups(server)["miss"] == before + 4


def test_a_kept_source_is_remembered_without_its_bytes(
    server: ServerProcess, stored: str, photo: bytes
) -> None:
    first, second = (server.request("GET", "/a.png?imageMogr2", host=stored) for _ in range(2))
    assert first.body == second.body == photo
    assert memory(second) == "hit"
    part = server.request("GET", "/a.png?imageMogr2", None, {"Range": "bytes=-5"}, host=stored)
    assert part.body == photo[-5:]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_results_outlive_the_server_and_damage_is_noticed(data: Path, photo: bytes) -> None:
    settings = {"results": {"cache_control": "max-age=60"}}
    target = "/b-1250000000/a.png?imageMogr2/thumbnail/80x/format/webp"
    with ServerProcess(data, settings) as server:
        server.request("PUT", "/b-1250000000", b"")
        server.request("PUT", "/b-1250000000/a.png", photo)
        server.request("PUT", "/b-1250000000/own.png", photo, {"Cache-Control": "no-cache"})
        made = server.request("GET", target)
        assert made.header("Cache-Control") == "max-age=60"
        own = server.request("GET", target.replace("a.png", "own.png"))
        assert (memory(own), own.header("Cache-Control")) == ("hit", "no-cache")
        assert server.request("GET", "/b-1250000000/a.png").header("Cache-Control") is None
    (file,) = (path for path in (data / "results").glob("??/*") if path.read_bytes() == made.body)
    with ServerProcess(data, settings) as server:
        assert memory(server.request("GET", target)) == "hit"
    file.write_bytes(b"rotten")
    with ServerProcess(data, settings) as server:
        again = server.request("GET", target)
        assert (memory(again), again.body) == ("miss", made.body)


def test_nothing_is_remembered_where_that_is_switched_off(data: Path, photo: bytes) -> None:
    with ServerProcess(data, {"results": {"max_bytes": 0}}) as server:
        server.request("PUT", "/b-1250000000", b"")
        server.request("PUT", "/b-1250000000/a.png", photo)
        for _ in range(2):
            answer = server.request("GET", "/b-1250000000/a.png?imageMogr2/thumbnail/80x")
            assert memory(answer) is None
    assert not (data / "results").exists()


def test_settings_that_bound_the_work_alone_are_no_part_of_a_result() -> None:
    first, second = ImageSettings(workers=1, queue=2), ImageSettings(workers=3, queue=4)
    assert settings_of_results(first) == settings_of_results(second)
    assert settings_of_results(first) != settings_of_results(ImageSettings(max_parameter=10))


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_a_failure_beside_it_does_not_reach_who_joined(
    loop: asyncio.Runner, data: Path, photo: bytes
) -> None:
    good = parse_operation("imageMogr2/thumbnail/90x/format/webp")
    bad = parse_operation("imageMogr2/cut/10x10x9999x9999")

    async def scenario() -> None:
        pool = ImagePool(ImageSettings(workers=1))
        await pool.start()
        results = Results(
            pool, ResultStore(data / "results", 1 << 20), ["1"], Observer(Metrics(), ServerSettings())
        )
        async with EmbeddedStorage(StorageSettings(data=data)) as storage, results, storage.stage() as staged:
            await staged.write(photo)
            digest = await staged.finish()
            source = OpenSource(staged, digest.size, digest.etag, digest.crc64)
            both = asyncio.create_task(results.get(Work(source, [good, bad])))
            alone = asyncio.create_task(results.get(Work(source, [good])))
            found = await asyncio.gather(both, alone, return_exceptions=True)
            assert isinstance(found[0], CosError)
            assert not isinstance(found[1], BaseException), found[1]
            assert found[1][0].result is not None
            assert found[1][0].result.data[:4] == b"RIFF"
            (made,) = await results.get(Work(source, [good]))
            assert made.age is not None
        await pool.close()

    loop.run(scenario())


def test_work_whose_only_waiter_left_is_done_for_who_comes_to_need_it(
    loop: asyncio.Runner, data: Path, photo: bytes
) -> None:
    slow = parse_operation("imageMogr2/thumbnail/700x/format/avif")
    other = parse_operation("imageMogr2/thumbnail/91x/format/webp")

    async def scenario() -> None:
        pool = ImagePool(ImageSettings(workers=2))
        await pool.start()
        results = Results(pool, None, ["1"], Observer(Metrics(), ServerSettings()))
        async with EmbeddedStorage(StorageSettings(data=data)) as storage, storage.stage() as staged:
            await staged.write(photo)
            digest = await staged.finish()
            source = OpenSource(staged, digest.size, digest.etag, digest.crc64)
            first = asyncio.create_task(results.get(Work(source, [slow])))
            await asyncio.sleep(0.01)
            both = asyncio.create_task(results.get(Work(source, [other, slow])))
            await asyncio.sleep(0)
            first.cancel()
            made = await both
            assert [item.result.format for item in made if item.result] == ["webp", "avif"]
            assert first.cancelled()
            last = asyncio.create_task(results.get(Work(source, [slow])))
            await asyncio.sleep(0.01)
            last.cancel()
            with pytest.raises(asyncio.CancelledError):
                await last
        await pool.close()

    loop.run(scenario())
