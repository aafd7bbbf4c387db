"""Lifecycles: their rules, and what is removed when."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openmogr.api.lifecycle import sweep
from openmogr.api.services import Services
from openmogr.app import create_app
from openmogr.settings import load_settings
from openmogr.storage.interface import ObjectAttributes, Write
from openmogr.testing import ServerProcess

NOW = datetime.now(UTC)


def document(*rules: str) -> bytes:
    return f"<LifecycleConfiguration>{''.join(rules)}</LifecycleConfiguration>".encode()


def rule(body: str, chosen: str = "<Filter><Prefix>logs/</Prefix></Filter>", status: str = "Enabled") -> str:
    return f"<Rule><ID>r</ID>{chosen}<Status>{status}</Status>{body}</Rule>"


DAYS = "<Expiration><Days>2</Days></Expiration>"


def test_configuration(server: ServerProcess, bucket: str) -> None:
    assert server.request("GET", "/?lifecycle", host=bucket).code == "NoSuchLifecycleConfiguration"
    given = document(rule(DAYS))
    assert server.request("PUT", "/?lifecycle", given, host=bucket).status == 200
    assert server.request("GET", "/?lifecycle", host=bucket).body == given
    server.request("PUT", "/logs/a", b"1", host=bucket)
    server.request("PUT", "/other", b"1", host=bucket)
    for method in ("GET", "HEAD"):
        told = server.request(method, "/logs/a", host=bucket).header("x-cos-expiration") or ""
        assert 'rule-id="r"' in told
        assert "00:00:00 GMT" in told
        assert server.request(method, "/other", host=bucket).header("x-cos-expiration") is None
    assert server.request("DELETE", "/?lifecycle", host=bucket).status == 204
    assert server.request("GET", "/?lifecycle", host=bucket).status == 404
    assert server.request("GET", "/?lifecycle", host=bucket, signed=False).status == 403


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (document(), "MalformedXML"),
        (b"<Other/>", "MalformedXML"),
        (document(rule("")), "MalformedXML"),
        (document(rule(DAYS, status="On")), "MalformedXML"),
        (document(rule("<Expiration/>")), "MalformedXML"),
        (document(rule("<Expiration><Days>0</Days></Expiration>")), "InvalidArgument"),
        (document(rule("<Expiration><Days>-1</Days></Expiration>")), "InvalidArgument"),
        (document(rule("<Expiration><Date>soon</Date></Expiration>")), "MalformedXML"),
        (document(rule("<Expiration><Days>1</Days><Date>2027-01-01</Date></Expiration>")), "MalformedXML"),
        (document(rule("<Transition><Days>1</Days></Transition>")), "NotSupported"),
        (document(rule("<NoncurrentVersionExpiration/>")), "NotSupported"),
        (document(rule("<Expiration><ExpiredObjectDeleteMarker/></Expiration>")), "NotSupported"),
        (document(rule(DAYS, "<Filter><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></Filter>")), "NotSupported"),
        (document(rule(DAYS, "<Filter><Tag><Value>v</Value></Tag></Filter>")), "MalformedXML"),
        (document(rule("<AbortIncompleteMultipartUpload/>")), "InvalidArgument"),
        (document(rule(DAYS, status="Disabled").replace(">2<", ">x<")), "InvalidArgument"),
    ],
)  # fmt: skip
def test_what_is_refused(server: ServerProcess, bucket: str, given: bytes, code: str) -> None:
    answer = server.request("PUT", "/?lifecycle", given, host=bucket)
    assert (answer.status, answer.code) == (400, code), answer.body
    assert server.request("GET", "/?lifecycle", host=bucket).status == 404


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    app = create_app(load_settings(overrides={"storage": {"data": str(tmp_path / "data")}}))
    async with app.running():
        await app._services.storage.create_bucket("b-1250000000", region="r")
        yield app._services


async def put(services: Services, key: str, tags: dict[str, str] | None = None) -> None:
    async with services.storage.stage() as staged:
        await staged.write(b"1")
        await staged.finish()
        attributes = ObjectAttributes(tags=tags or {})
        await services.storage.commit([Write("b-1250000000", key, staged, attributes)])


async def keys(services: Services) -> list[str]:
    return [info.key for info in (await services.storage.list_objects("b-1250000000")).objects]


async def configure(services: Services, given: bytes) -> None:
    await services.configurations.change("b-1250000000", "lifecycle", lambda _: given)


@pytest.mark.anyio
async def test_days_end_at_midnight(services: Services) -> None:
    await put(services, "logs/a")
    await put(services, "logs2")
    await configure(services, document(rule(DAYS)))
    midnight = (NOW + timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert await sweep(services, midnight - timedelta(seconds=1)) == (0, 0)
    assert await sweep(services, midnight + timedelta(seconds=1)) == (1, 0)
    assert await keys(services) == ["logs2"]


@pytest.mark.anyio
async def test_what_a_rule_chooses(services: Services) -> None:
    for key, tags in (("a/1", {"t": "v"}), ("a/2", {"t": "w"}), ("a/3", {}), ("b/1", {"t": "v"})):
        await put(services, key, tags)
    both = "<Filter><And><Prefix>a/</Prefix><Tag><Key>t</Key><Value>v</Value></Tag></And></Filter>"
    past = "<Expiration><Date>2020-01-01T00:00:00+00:00</Date></Expiration>"
    future = past.replace("2020", "2990")
    await configure(services, document(rule(past, both), rule(future, ""), rule(past, "", "Disabled")))
    assert await sweep(services, NOW) == (1, 0)
    assert await keys(services) == ["a/2", "a/3", "b/1"]
    await configure(services, document(rule(past, "<Prefix>b/</Prefix>")))
    assert await sweep(services, NOW) == (1, 0)
    assert await keys(services) == ["a/2", "a/3"]


@pytest.mark.anyio
async def test_appendable_objects_take_no_part(services: Services) -> None:
    await put(services, "logs/a")
    async with services.storage.stage() as staged:
        await staged.write(b"1")
        await services.storage.append_object("b-1250000000", "logs/b", 0, staged, ObjectAttributes())
    await configure(services, document(rule("<Expiration><Date>2020-01-01</Date></Expiration>")))
    assert await sweep(services, NOW) == (1, 0)
    assert await keys(services) == ["logs/b"]


@pytest.mark.anyio
async def test_many_objects(services: Services) -> None:
    async with services.storage.stage() as staged:
        await staged.write(b"1")
        await staged.finish()
        names = [f"logs/{number:04}" for number in range(2100)]
        await services.storage.commit([Write("b-1250000000", name, staged) for name in names])
    await put(services, "stays")
    await configure(services, document(rule("<Expiration><Date>2020-01-01</Date></Expiration>")))
    assert await sweep(services, NOW) == (2100, 0)
    assert await keys(services) == ["stays"]


@pytest.mark.anyio
async def test_uploads(services: Services) -> None:
    for key in ("logs/a", "logs/b", "other"):
        await services.storage.create_upload("b-1250000000", key, ObjectAttributes())
    days = "<DaysAfterInitiation>1</DaysAfterInitiation>"
    abort = f"<AbortIncompleteMultipartUpload>{days}</AbortIncompleteMultipartUpload>"
    await configure(services, document(rule(abort)))
    assert await sweep(services, NOW) == (0, 0)
    assert await sweep(services, NOW + timedelta(days=3)) == (0, 2)
    left = (await services.storage.list_uploads("b-1250000000")).uploads
    assert [upload.key for upload in left] == ["other"]


@pytest.mark.anyio
async def test_what_was_written_after_the_listing_stays(services: Services) -> None:
    await put(services, "a")
    before = (await services.storage.head_object("b-1250000000", "a")).last_modified
    time.sleep(0.01)  # noqa: ASYNC251 - the clock is what is waited for
    await put(services, "a")
    await services.storage.delete_objects("b-1250000000", ["a"], modified_until=before)
    assert await keys(services) == ["a"]
    now = (await services.storage.head_object("b-1250000000", "a")).last_modified
    await services.storage.delete_objects("b-1250000000", ["a"], modified_until=now)
    assert await keys(services) == []


def test_a_server_carries_lifecycles_out(tmp_path: Path) -> None:
    host = "b-1250000000.cos.ap-shanghai.myqcloud.com"
    settings: dict[str, dict[str, object]] = {"server": {"lifecycle_interval": 0.2}}
    with ServerProcess(tmp_path / "data", settings) as server:
        server.request("PUT", "/", b"", host=host)
        server.request("PUT", "/logs/a", b"1", host=host)
        server.request("PUT", "/b", b"1", host=host)
        past = "<Expiration><Date>2020-01-01T00:00:00+08:00</Date></Expiration>"
        assert server.request("PUT", "/?lifecycle", document(rule(past)), host=host).status == 200
        deadline = time.monotonic() + 30
        while server.request("HEAD", "/logs/a", host=host).status == 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert server.request("HEAD", "/b", host=host).status == 200
