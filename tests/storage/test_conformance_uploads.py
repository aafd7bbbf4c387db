"""What every storage back-end does with multipart uploads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable

import pytest

from openmogr.errors import InvalidArgument, NoSuchBucket, NoSuchKey
from openmogr.storage import Storage
from openmogr.storage.errors import (
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    NoSuchUpload,
    StoreUnavailable,
)
from openmogr.storage.interface import (
    Acl,
    CompletedPart,
    ObjectAttributes,
    ObjectHeaders,
    ObjectInfo,
    Part,
    Upload,
    Write,
)

pytestmark = pytest.mark.anyio

BUCKET = "photos-1250000000"
KEY = "big/图.png"
ATTRIBUTES = ObjectAttributes(
    ObjectHeaders("image/png", user={"a": "b"}), Acl.PUBLIC_READ, "STANDARD_IA", {"t": "1"}
)
Put = Callable[..., Awaitable[ObjectInfo]]
Get = Callable[[str], Awaitable[bytes]]
PutPart = Callable[[str, str, int, bytes], Awaitable[Part]]


@pytest.fixture
async def upload(storage: Storage) -> Upload:
    return await storage.create_upload(BUCKET, KEY, ATTRIBUTES)


def completed(*parts: Part) -> list[CompletedPart]:
    return [CompletedPart(part.number, part.etag) for part in parts]


async def complete(storage: Storage, upload: Upload, *parts: Part) -> ObjectInfo:
    async with await storage.assemble(BUCKET, KEY, upload.upload_id, completed(*parts)) as assembly:
        return (await storage.commit([Write(BUCKET, KEY, assembly, assembly.info.attributes)]))[0]


async def test_parts_become_one_object(
    storage: Storage, upload: Upload, put: Put, put_part: PutPart, get: Get
) -> None:
    bodies = {1: os.urandom(5000), 3: os.urandom(1000), 10_000: b"end"}
    parts = [await put_part(KEY, upload.upload_id, number, body) for number, body in bodies.items()]
    assert [(part.number, part.size) for part in parts] == [(1, 5000), (3, 1000), (10_000, 3)]
    assert [part.etag for part in parts] == [hashlib.md5(body).hexdigest() for body in bodies.values()]
    with pytest.raises(NoSuchKey):
        await get(KEY)
    info = await complete(storage, upload, *parts)
    body = b"".join(bodies.values())
    whole = await put("whole", body)
    hashes = b"".join(hashlib.md5(part).digest() for part in bodies.values())
    assert info.etag == hashlib.md5(hashes).hexdigest() + "-3"
    assert (info.size, info.crc64, info.attributes) == (6003, whole.crc64, ATTRIBUTES)
    assert await get(KEY) == body
    async with await storage.open_object(BUCKET, KEY) as reader:
        for start, stop in [(4990, 5010), (5999, 6003), (0, 6003), (5000, 6000)]:
            assert await reader.read(start, stop) == body[start:stop]
    assert (await storage.list_uploads(BUCKET)).uploads == []
    with pytest.raises(NoSuchUpload):
        await storage.list_parts(BUCKET, KEY, upload.upload_id)


async def test_a_part_sent_twice_is_replaced(
    storage: Storage, upload: Upload, put_part: PutPart, get: Get
) -> None:
    old = await put_part(KEY, upload.upload_id, 1, b"old")
    new = await put_part(KEY, upload.upload_id, 1, b"newer")
    assert (await storage.list_parts(BUCKET, KEY, upload.upload_id)).parts == [new]
    with pytest.raises(InvalidPart, match="Part 1 has another ETag"):
        await complete(storage, upload, old)
    await complete(storage, upload, new)
    assert await get(KEY) == b"newer"


async def test_only_the_named_parts_are_used(
    storage: Storage, upload: Upload, put_part: PutPart, get: Get
) -> None:
    parts = [await put_part(KEY, upload.upload_id, number, bytes([number]) * 1000) for number in (1, 2, 3)]
    info = await complete(storage, upload, parts[1])
    assert await get(KEY) == bytes([2]) * 1000
    assert info.etag.endswith("-1")


async def test_an_empty_part_makes_an_empty_object(
    storage: Storage, upload: Upload, put_part: PutPart, get: Get
) -> None:
    await complete(storage, upload, await put_part(KEY, upload.upload_id, 1, b""))
    assert await get(KEY) == b""


async def test_etags_may_come_quoted_and_in_capitals(
    storage: Storage, upload: Upload, put_part: PutPart
) -> None:
    part = await put_part(KEY, upload.upload_id, 1, b"1")
    wanted = [CompletedPart(1, f'"{part.etag.upper()}"')]
    async with await storage.assemble(BUCKET, KEY, upload.upload_id, wanted) as assembly:
        assert await assembly.read() == b"1"


async def test_wrong_lists_of_parts_are_refused(
    storage: Storage, upload: Upload, put_part: PutPart, get: Get
) -> None:
    one, two, small, last = [
        await put_part(KEY, upload.upload_id, number, bytes(size))
        for number, size in [(1, 1000), (2, 1000), (3, 999), (4, 1)]
    ]
    cases: list[tuple[list[CompletedPart], type[Exception]]] = [
        ([], InvalidPart),
        (completed(two, one), InvalidPartOrder),
        (completed(one, one), InvalidPartOrder),
        ([CompletedPart(5, one.etag)], InvalidPart),
        ([CompletedPart(1, small.etag)], InvalidPart),
        ([CompletedPart(1, "")], InvalidPart),
        (completed(one, small, last), EntityTooSmall),
    ]
    for parts, error in cases:
        with pytest.raises(error):
            await storage.assemble(BUCKET, KEY, upload.upload_id, parts)
    with pytest.raises(NoSuchKey):
        await get(KEY)
    await complete(storage, upload, one, two, last)


@pytest.mark.parametrize("number", [-1, 0, 10_001])
async def test_part_numbers_have_bounds(
    storage: Storage, upload: Upload, put_part: PutPart, number: int
) -> None:
    with pytest.raises(InvalidArgument, match="10000"):
        await put_part(KEY, upload.upload_id, number, b"1")


async def test_unknown_uploads(storage: Storage, upload: Upload, put: Put, put_part: PutPart) -> None:
    await put("a", b"1")
    reader = await storage.open_object(BUCKET, "a")
    for key, upload_id in [(KEY, "none"), ("other", upload.upload_id), (KEY, "")]:
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda key=key, upload_id=upload_id: put_part(key, upload_id, 1, b"1"),  # type: ignore[misc]
            lambda key=key, upload_id=upload_id: storage.copy_part(BUCKET, key, upload_id, 1, reader),  # type: ignore[misc]
            lambda key=key, upload_id=upload_id: storage.list_parts(BUCKET, key, upload_id),  # type: ignore[misc]
            lambda key=key, upload_id=upload_id: storage.assemble(BUCKET, key, upload_id, []),  # type: ignore[misc]
            lambda key=key, upload_id=upload_id: storage.abort_upload(BUCKET, key, upload_id),  # type: ignore[misc]
        ]
        for call in calls:
            with pytest.raises(NoSuchUpload):
                await call()
    await reader.aclose()


async def test_an_aborted_upload_is_gone(storage: Storage, upload: Upload, put_part: PutPart) -> None:
    await put_part(KEY, upload.upload_id, 1, b"1")
    await storage.abort_upload(BUCKET, KEY, upload.upload_id)
    with pytest.raises(NoSuchUpload):
        await storage.abort_upload(BUCKET, KEY, upload.upload_id)
    assert (await storage.list_uploads(BUCKET)).uploads == []


async def test_uploads_of_one_key_do_not_mix(
    storage: Storage, upload: Upload, put_part: PutPart, get: Get
) -> None:
    second = await storage.create_upload(BUCKET, KEY, ObjectAttributes())
    first_part = await put_part(KEY, upload.upload_id, 1, b"first")
    second_part = await put_part(KEY, second.upload_id, 1, b"second")
    assert await complete(storage, second, second_part)
    assert await get(KEY) == b"second"
    assert await complete(storage, upload, first_part)
    assert await get(KEY) == b"first"


async def test_parts_are_listed_in_pages(storage: Storage, upload: Upload, put_part: PutPart) -> None:
    parts = [await put_part(KEY, upload.upload_id, number, b"1") for number in (1, 2, 5, 7)]
    page = await storage.list_parts(BUCKET, KEY, upload.upload_id, max_parts=3)
    assert (page.upload, page.parts, page.truncated, page.next_marker) == (upload, parts[:3], True, 5)
    page = await storage.list_parts(BUCKET, KEY, upload.upload_id, marker=5, max_parts=1)
    assert (page.parts, page.truncated, page.next_marker) == (parts[3:], False, 7)
    page = await storage.list_parts(BUCKET, KEY, upload.upload_id, marker=7)
    assert (page.parts, page.truncated, page.next_marker) == ([], False, 0)
    page = await storage.list_parts(BUCKET, KEY, upload.upload_id, max_parts=0)
    assert (page.parts, page.truncated) == ([], False)


async def test_parts_are_copied_from_ranges(storage: Storage, upload: Upload, put: Put, get: Get) -> None:
    body = os.urandom(20_000)
    await put("source", body)
    async with await storage.open_object(BUCKET, "source") as source:
        one = await storage.copy_part(BUCKET, KEY, upload.upload_id, 1, source, 3, 9000)
        two = await storage.copy_part(BUCKET, KEY, upload.upload_id, 2, source)
    assert (one.size, one.etag) == (8997, hashlib.md5(body[3:9000]).hexdigest())
    assert (two.size, two.etag) == (20_000, hashlib.md5(body).hexdigest())
    await storage.delete_objects(BUCKET, ["source"])
    info = await complete(storage, upload, one, two)
    assert await get(KEY) == body[3:9000] + body
    # A copy of what was made of parts: across the seam, and as a whole.
    again = await storage.create_upload(BUCKET, "again", ObjectAttributes())
    async with await storage.open_object(BUCKET, KEY) as source:
        seam = await storage.copy_part(BUCKET, "again", again.upload_id, 1, source, 8000, 10_000)
        (copied,) = await storage.commit([Write(BUCKET, "copy", source)])
    assert seam.etag == hashlib.md5((body[3:9000] + body)[8000:10_000]).hexdigest()
    assert copied.etag == hashlib.md5(body[3:9000] + body).hexdigest()
    assert copied.crc64 == info.crc64
    await storage.delete_objects(BUCKET, [KEY])
    assert await get("copy") == body[3:9000] + body


async def test_an_assembly_is_read_and_committed_with_its_results(
    storage: Storage, upload: Upload, put_part: PutPart, get: Get
) -> None:
    parts = [await put_part(KEY, upload.upload_id, number, bytes([number]) * 2000) for number in (1, 2)]
    async with (
        await storage.assemble(BUCKET, KEY, upload.upload_id, completed(*parts)) as assembly,
        storage.stage() as staged,
    ):
        assert assembly.upload == upload
        assert assembly.info.attributes == ATTRIBUTES
        source = await assembly.read()
        await staged.write(source[::-1])
        infos = await storage.commit(
            [Write(BUCKET, KEY, assembly, ATTRIBUTES), Write(BUCKET, "result", staged)]
        )
    assert infos[0].etag == assembly.info.etag
    assert await get(KEY) == source
    assert await get("result") == source[::-1]


async def test_a_failing_commit_leaves_the_upload_as_it_was(
    storage: Storage, upload: Upload, put_part: PutPart, get: Get
) -> None:
    part = await put_part(KEY, upload.upload_id, 1, b"1")
    async with (
        await storage.assemble(BUCKET, KEY, upload.upload_id, completed(part)) as assembly,
        storage.stage() as staged,
    ):
        with pytest.raises(NoSuchBucket):
            await storage.commit([Write(BUCKET, KEY, assembly), Write("other-1250000000", "a", staged)])
    with pytest.raises(NoSuchKey):
        await get(KEY)
    await complete(storage, upload, part)


async def test_an_upload_that_changed_meanwhile_is_not_completed(
    storage: Storage, upload: Upload, put_part: PutPart, get: Get
) -> None:
    part = await put_part(KEY, upload.upload_id, 1, b"1")
    wanted = completed(part)
    async with await storage.assemble(BUCKET, KEY, upload.upload_id, wanted) as assembly:
        await put_part(KEY, upload.upload_id, 1, b"2")
        with pytest.raises(InvalidPart):
            await storage.commit([Write(BUCKET, KEY, assembly)])
        await storage.abort_upload(BUCKET, KEY, upload.upload_id)
        with pytest.raises(NoSuchUpload):
            await storage.commit([Write(BUCKET, KEY, assembly)])
        if storage.promises.keeps_opened:
            assert await assembly.read() == b"1"
        else:
            with pytest.raises(StoreUnavailable):
                await assembly.read()
    with pytest.raises(NoSuchKey):
        await get(KEY)
