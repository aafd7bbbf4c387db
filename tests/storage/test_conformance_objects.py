"""What every storage back-end does with buckets and objects."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Awaitable, Callable

import pytest

from openmogr.errors import NoSuchBucket, NoSuchKey
from openmogr.storage import Storage
from openmogr.storage.errors import (
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    EntityTooLarge,
    InvalidBucketName,
    InvalidObjectName,
    KeyTooLong,
    ObjectAlreadyExists,
    ObjectChanged,
    StoreUnavailable,
    TooManyBuckets,
)
from openmogr.storage.interface import Acl, Checksum, ObjectAttributes, ObjectHeaders, ObjectInfo, Write

pytestmark = pytest.mark.anyio

BUCKET = "photos-1250000000"
OTHER = "other-1250000000"
Put = Callable[..., Awaitable[ObjectInfo]]
Get = Callable[[str], Awaitable[bytes]]


async def keys(storage: Storage, bucket: str = BUCKET) -> list[str]:
    return [info.key for info in (await storage.list_objects(bucket)).objects]


# Buckets


async def test_a_bucket_is_found_and_listed(storage: Storage) -> None:
    made = await storage.create_bucket("album-1250000000", region="ap-shanghai", acl=Acl.PUBLIC_READ)
    assert (made.name, made.region, made.acl) == ("album-1250000000", "ap-shanghai", Acl.PUBLIC_READ)
    assert await storage.head_bucket("album-1250000000") == made
    assert [bucket.name for bucket in await storage.list_buckets()] == ["album-1250000000", BUCKET]
    assert (await storage.head_bucket(BUCKET)).acl is Acl.PRIVATE


async def test_a_bucket_is_made_once(storage: Storage) -> None:
    with pytest.raises(BucketAlreadyOwnedByYou):
        await storage.create_bucket(BUCKET, region="ap-beijing")


@pytest.mark.parametrize("name", ["", "a" * 61, "Photos-1", "-a", "a-", "a_b", "a/b", "..", "ä-1", "a\n"])
async def test_a_bad_bucket_name_is_refused(storage: Storage, name: str) -> None:
    with pytest.raises(InvalidBucketName):
        await storage.create_bucket(name, region="ap-beijing")


async def test_the_number_of_buckets_is_limited(storage: Storage) -> None:
    for number in range(4):
        await storage.create_bucket(f"b{number}-1", region="ap-beijing")
    with pytest.raises(TooManyBuckets, match="5"):
        await storage.create_bucket("b5-1", region="ap-beijing")


async def test_an_empty_bucket_is_deleted(storage: Storage) -> None:
    await storage.put_bucket_document(BUCKET, "cors", b"<CORSConfiguration/>")
    await storage.delete_bucket(BUCKET)
    with pytest.raises(NoSuchBucket):
        await storage.head_bucket(BUCKET)
    await storage.create_bucket(BUCKET, region="ap-beijing")
    assert await storage.get_bucket_document(BUCKET, "cors") is None


async def test_a_bucket_in_use_is_not_deleted(storage: Storage, put: Put) -> None:
    await put("a", b"1")
    with pytest.raises(BucketNotEmpty):
        await storage.delete_bucket(BUCKET)
    await storage.delete_objects(BUCKET, ["a"])
    upload = await storage.create_upload(BUCKET, "a", ObjectAttributes())
    with pytest.raises(BucketNotEmpty):
        await storage.delete_bucket(BUCKET)
    await storage.abort_upload(BUCKET, "a", upload.upload_id)
    await storage.delete_bucket(BUCKET)


async def test_bucket_acl_and_documents_are_replaced(storage: Storage) -> None:
    await storage.set_bucket_acl(BUCKET, Acl.PUBLIC_READ_WRITE)
    assert (await storage.head_bucket(BUCKET)).acl is Acl.PUBLIC_READ_WRITE
    assert await storage.get_bucket_document(BUCKET, "tagging") is None
    await storage.put_bucket_document(BUCKET, "tagging", b"one")
    await storage.put_bucket_document(BUCKET, "tagging", b"\x00two")
    assert await storage.get_bucket_document(BUCKET, "tagging") == b"\x00two"
    await storage.put_bucket_document(BUCKET, "tagging", None)
    assert await storage.get_bucket_document(BUCKET, "tagging") is None


async def test_every_call_names_a_missing_bucket(storage: Storage, put: Put) -> None:
    await put("a", b"1")
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: storage.head_bucket(OTHER),
        lambda: storage.delete_bucket(OTHER),
        lambda: storage.set_bucket_acl(OTHER, Acl.PRIVATE),
        lambda: storage.get_bucket_document(OTHER, "cors"),
        lambda: storage.put_bucket_document(OTHER, "cors", b""),
        lambda: put("a", b"", bucket=OTHER),
        lambda: storage.head_object(OTHER, "a"),
        lambda: storage.open_object(OTHER, "a"),
        lambda: storage.delete_objects(OTHER, ["a"]),
        lambda: storage.set_object_acl(OTHER, "a", Acl.PRIVATE),
        lambda: storage.set_object_tags(OTHER, "a", {}),
        lambda: storage.list_objects(OTHER),
        lambda: storage.list_uploads(OTHER),
        lambda: storage.create_upload(OTHER, "a", ObjectAttributes()),
    ]
    for call in calls:
        with pytest.raises(NoSuchBucket):
            await call()


# Objects


async def test_an_object_comes_back_as_it_was_put(storage: Storage, put: Put, get: Get) -> None:
    attributes = ObjectAttributes(
        ObjectHeaders(
            content_type="image/png",
            cache_control="max-age=60",
            content_disposition='attachment; filename="ä.png"',
            content_encoding="identity",
            content_language="de",
            expires="Thu, 01 Dec 2033 16:00:00 GMT",
            user={"origin": "kamera", "note": "süß"},
        ),
        acl=Acl.PUBLIC_READ,
        storage_class="STANDARD_IA",
        tags={"a b": "c=d", "ü": ""},
    )
    info = await put("a/b.png", b"123456789", attributes)
    assert (info.bucket, info.key, info.size) == (BUCKET, "a/b.png", 9)
    assert info.etag == "25f9e794323b453885f5181f1b624d0b"
    assert info.crc64 == 0x995DC9BBDF1939FA
    assert info.attributes == attributes
    assert info.last_modified.utcoffset() is not None
    assert info.last_modified.microsecond % 1000 == 0
    assert await storage.head_object(BUCKET, "a/b.png") == info
    assert (await storage.list_objects(BUCKET)).objects == [info]
    assert await get("a/b.png") == b"123456789"


async def test_plain_attributes_are_the_default(put: Put) -> None:
    assert (await put("a", b"")).attributes == ObjectAttributes()


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 50_000, 100_000])
async def test_every_size_is_kept(storage: Storage, put: Put, get: Get, size: int) -> None:
    body = os.urandom(size)
    info = await put("a", body)
    assert info.size == size
    assert info.etag == hashlib.md5(body).hexdigest()
    assert await get("a") == body


async def test_what_exceeds_the_limit_is_refused_and_leaves_nothing(storage: Storage, put: Put) -> None:
    with pytest.raises(EntityTooLarge, match="100000"):
        await put("a", bytes(100_001))
    assert await keys(storage) == []


async def test_ranges_of_an_object(storage: Storage, put: Put) -> None:
    body = os.urandom(10_000)
    await put("a", body)
    async with await storage.open_object(BUCKET, "a") as reader:
        for start, stop in [(0, 0), (0, 1), (5, 4096), (4000, 9000), (9999, 10_000), (10_000, 10_000)]:
            assert await reader.read(start, stop) == body[start:stop]
        assert await reader.read(7) == body[7:]
        assert max([len(chunk) async for chunk in reader.stream()]) <= 4096
        with pytest.raises(ValueError, match="10001"):
            await reader.read(0, 10_001)
        path = reader.path
        assert path is None or path.read_bytes() == body


async def test_missing_objects(storage: Storage) -> None:
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: storage.head_object(BUCKET, "a"),
        lambda: storage.open_object(BUCKET, "a"),
        lambda: storage.set_object_acl(BUCKET, "a", Acl.PRIVATE),
        lambda: storage.set_object_tags(BUCKET, "a", {}),
    ]
    for call in calls:
        with pytest.raises(NoSuchKey):
            await call()


ODD_KEYS = [
    "/",
    "//",
    "a//b",
    "../../etc/passwd",
    "./.",
    "a/../b",
    "%2F",
    "C:\\x",
    "a\x00b",
    "\n",
    " ",
    "+",
    "?a=b&c",
    "ä",
    "a\u0308",
    "图片/猫.jpg",
    "\U0001f408",
    "\uffff",
    "\U0010ffff",
    "k" * 850,
    "猫" * 283,
]


async def test_odd_keys_are_kept_apart_as_they_are(storage: Storage, put: Put, get: Get) -> None:
    kept = []
    for key in ODD_KEYS:
        try:
            await put(key, key.encode())
            kept.append(key)
        except KeyTooLong:
            # Of a store that keeps files, which says so itself.
            assert not storage.promises.nests_keys
            assert len(key.encode()) > 255
    for key in kept:
        assert await get(key) == key.encode()
    assert await keys(storage) == sorted(kept, key=str.encode)
    await storage.delete_objects(BUCKET, kept[:-1])
    assert await keys(storage) == kept[-1:]


async def test_a_key_below_another_is_kept_or_refused(storage: Storage, put: Put, get: Get) -> None:
    await put("a", b"1")
    if not storage.promises.nests_keys:
        with pytest.raises(InvalidObjectName, match="files"):
            await put("a/b", b"2")
        assert await keys(storage) == ["a"]
        await storage.delete_objects(BUCKET, ["a"])
        await put("a/b", b"2")
        with pytest.raises(InvalidObjectName, match="files"):
            await put("a", b"1")
        return
    await put("a/b", b"2")
    assert await keys(storage) == ["a", "a/b"]
    assert [await get("a"), await get("a/b")] == [b"1", b"2"]


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("", InvalidObjectName),
        ("\ud800", InvalidObjectName),
        ("k" * 851, KeyTooLong),
        ("猫" * 284, KeyTooLong),
    ],
)
async def test_impossible_keys_are_refused(
    storage: Storage, put: Put, key: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await put(key, b"1")
    with pytest.raises(error):
        await storage.create_upload(BUCKET, key, ObjectAttributes())
    assert await keys(storage) == []


async def test_deleting_is_quiet_about_missing_keys(storage: Storage, put: Put) -> None:
    for key in "abc":
        await put(key, b"1")
    await storage.delete_objects(BUCKET, ["a", "none", "c", "a"])
    assert await keys(storage) == ["b"]


async def test_acl_and_tags_change_without_touching_the_object(storage: Storage, put: Put) -> None:
    before = await put("a", b"1", ObjectAttributes(tags={"x": "1"}))
    await storage.set_object_acl(BUCKET, "a", Acl.PUBLIC_READ)
    await storage.set_object_tags(BUCKET, "a", {"y": "2"})
    after = await storage.head_object(BUCKET, "a")
    assert (after.attributes.acl, after.attributes.tags) == (Acl.PUBLIC_READ, {"y": "2"})
    assert (after.etag, after.last_modified) == (before.etag, before.last_modified)


async def test_an_open_object_keeps_its_bytes(storage: Storage, put: Put, get: Get) -> None:
    old, new = os.urandom(20_000), os.urandom(30_000)
    await put("a", old)
    async with await storage.open_object(BUCKET, "a") as reader:
        stream = reader.stream()
        begin = await anext(aiter(stream))
        await put("a", new)
        if not storage.promises.keeps_opened:
            # A piece may have been on its way.
            with contextlib.suppress(StoreUnavailable):
                async for chunk in stream:
                    assert chunk in old
                pytest.fail("a mixture was read")
            with pytest.raises(StoreUnavailable):
                await reader.read()
            return
        assert begin + b"".join([chunk async for chunk in stream]) == old
        await storage.delete_objects(BUCKET, ["a"])
        assert await reader.read() == old
    with pytest.raises(NoSuchKey):
        await get("a")


async def test_a_closed_object_cannot_be_read(storage: Storage, put: Put) -> None:
    await put("a", b"1")
    reader = await storage.open_object(BUCKET, "a")
    await reader.aclose()
    await reader.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await reader.read()


async def test_readers_see_one_version_while_writers_race(storage: Storage, put: Put) -> None:
    bodies = {bytes([number]) * (5000 + number) for number in range(20)}
    await put("a", min(bodies))
    seen: list[bytes] = []

    async def read() -> None:
        for _ in range(20):
            async with await storage.open_object(BUCKET, "a") as reader:
                with contextlib.nullcontext() if promised else contextlib.suppress(StoreUnavailable):
                    body = await reader.read()
                    assert len(body) == reader.info.size
                    assert hashlib.md5(body).hexdigest() == reader.info.etag
                    seen.append(body)

    promised = storage.promises.keeps_opened
    await asyncio.gather(*(put("a", body) for body in bodies), *(read() for _ in range(5)))
    await read()
    assert set(seen) <= bodies
    assert len(seen) == 120 if promised else len(seen) >= 20


# Staging and committing


async def test_staged_bytes_can_be_read_before_they_are_visible(storage: Storage) -> None:
    body = os.urandom(9000)
    async with storage.stage() as staged:
        await staged.write(body[:100])
        await staged.write(body[100:])
        digest = await staged.finish()
        assert await staged.finish() == digest
        assert (digest.size, digest.etag) == (9000, hashlib.md5(body).hexdigest())
        for _ in range(2):
            assert b"".join([chunk async for chunk in staged.stream()]) == body
        # A back-end may have no files.
        path = staged.path
        assert path is None or path.read_bytes() == body
        assert await keys(storage) == []
    assert path is None or not path.exists()
    assert await keys(storage) == []


async def test_an_interrupted_upload_leaves_nothing(storage: Storage) -> None:
    paths = []

    async def upload() -> None:
        async with storage.stage() as staged:
            await staged.write(bytes(10_000))
            paths.append(staged.path)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await upload()
    assert paths[0] is None or not paths[0].exists()
    assert await keys(storage) == []


async def test_several_objects_are_committed_together(storage: Storage, get: Get) -> None:
    await storage.create_bucket(OTHER, region="ap-beijing")
    async with storage.stage() as original, storage.stage() as result:
        await original.write(b"original")
        await result.write(b"result")
        infos = await storage.commit(
            [
                Write(BUCKET, "a.png", original),
                Write(OTHER, "a.webp", result),
                Write(BUCKET, "copy.png", original),
            ]
        )
    assert [(info.bucket, info.key, info.size) for info in infos] == [
        (BUCKET, "a.png", 8),
        (OTHER, "a.webp", 6),
        (BUCKET, "copy.png", 8),
    ]
    await storage.delete_objects(BUCKET, ["a.png"])
    assert await get("copy.png") == b"original"
    assert await keys(storage, OTHER) == ["a.webp"]


async def test_a_failing_commit_changes_nothing(storage: Storage, put: Put, get: Get) -> None:
    await put("a", b"old")
    async with storage.stage() as original, storage.stage() as result:
        await original.write(b"new")
        await result.write(b"result")
        with pytest.raises(NoSuchBucket):
            await storage.commit([Write(BUCKET, "a", original), Write(OTHER, "b", result)])
        assert await get("a") == b"old"
        with pytest.raises(KeyTooLong):
            await storage.commit([Write(BUCKET, "a", original), Write(BUCKET, "b" * 851, result)])
        assert await get("a") == b"old"
        await storage.commit([Write(BUCKET, "a", original)])
    assert await get("a") == b"new"
    assert await keys(storage) == ["a"]


async def test_of_a_key_written_twice_the_last_stays(storage: Storage, get: Get) -> None:
    async with storage.stage() as original, storage.stage() as result:
        await original.write(b"original")
        await result.write(b"result")
        await storage.commit([Write(BUCKET, "a", original), Write(BUCKET, "a", result)])
    assert await get("a") == b"result"
    assert await keys(storage) == ["a"]


async def test_a_content_that_is_overwritten_and_written_again_stays(storage: Storage, get: Get) -> None:
    async with storage.stage() as original, storage.stage() as result:
        await original.write(b"original")
        await result.write(b"result")
        await storage.commit([Write(BUCKET, "a", content) for content in (original, result, original)])
    assert await get("a") == b"original"


async def test_overwriting_can_be_forbidden(storage: Storage, put: Put, get: Get) -> None:
    async with storage.stage() as staged:
        await staged.write(b"1")
        await storage.commit([Write(BUCKET, "a", staged, forbid_overwrite=True)])
    async with storage.stage() as staged:
        await staged.write(b"2")
        with pytest.raises(ObjectAlreadyExists):
            await storage.commit(
                [Write(BUCKET, "b", staged), Write(BUCKET, "a", staged, forbid_overwrite=True)]
            )
    assert await get("a") == b"1"
    assert await keys(storage) == ["a"]


async def test_of_racing_writers_that_forbid_overwriting_one_wins(storage: Storage) -> None:
    async def attempt(number: int) -> bool:
        async with storage.stage() as staged:
            await staged.write(bytes([number]))
            try:
                await storage.commit([Write(BUCKET, "a", staged, forbid_overwrite=True)])
            except ObjectAlreadyExists:
                return False
            return True

    assert sum(await asyncio.gather(*(attempt(number) for number in range(20)))) == 1


# Copies


async def test_a_copy_lives_on_its_own(storage: Storage, put: Put, get: Get) -> None:
    body = os.urandom(10_000)
    source = await put("a", body, ObjectAttributes(tags={"x": "1"}))
    async with await storage.open_object(BUCKET, "a") as reader:
        (copied,) = await storage.commit([Write(BUCKET, "b", reader, reader.info.attributes)])
    assert (copied.size, copied.etag, copied.crc64) == (source.size, source.etag, source.crc64)
    assert copied.attributes == source.attributes
    await storage.delete_objects(BUCKET, ["a"])
    assert await get("b") == body
    await put("b", b"other")
    assert await get("b") == b"other"


async def test_an_object_is_copied_onto_itself(storage: Storage, put: Put, get: Get) -> None:
    await put("a", b"body")
    async with await storage.open_object(BUCKET, "a") as reader:
        await storage.commit([Write(BUCKET, "a", reader, ObjectAttributes(ObjectHeaders("text/plain")))])
    assert await get("a") == b"body"
    assert (await storage.head_object(BUCKET, "a")).attributes.headers.content_type == "text/plain"


async def test_what_is_open_can_be_copied_after_its_key_is_gone(storage: Storage, put: Put, get: Get) -> None:
    body = os.urandom(10_000)
    await put("a", body)
    async with await storage.open_object(BUCKET, "a") as reader:
        await storage.delete_objects(BUCKET, ["a"])
        if not storage.promises.keeps_opened:
            with pytest.raises(StoreUnavailable):
                await storage.commit([Write(BUCKET, "b", reader)])
            assert await keys(storage) == []
            return
        await storage.commit([Write(BUCKET, "b", reader)])
    assert await get("b") == body
    assert await keys(storage) == ["b"]


# Durability


async def test_all_is_there_after_a_restart(new_storage: Callable[..., Storage], tmp_path: object) -> None:
    body = os.urandom(10_000)
    async with new_storage(tmp_path) as storage:
        bucket = await storage.create_bucket(BUCKET, region="ap-beijing")
        async with storage.stage() as staged:
            await staged.write(body)
            (info,) = await storage.commit([Write(BUCKET, "a", staged)])
    async with new_storage(tmp_path) as storage:
        assert await storage.list_buckets() == [bucket]
        assert await storage.head_object(BUCKET, "a") == info
        async with await storage.open_object(BUCKET, "a") as reader:
            assert await reader.read() == body


async def test_checksums_are_kept(storage: Storage, put: Put) -> None:
    for checksum in (Checksum("CRC32", "AAAAAA=="), Checksum("SHA256", "AAAA-3", composite=True), None):
        await put("a", b"body", ObjectAttributes(checksum=checksum))
        assert (await storage.head_object(BUCKET, "a")).attributes.checksum == checksum
        await storage.set_object_tags(BUCKET, "a", {"k": "v"})
        assert (await storage.head_object(BUCKET, "a")).attributes.checksum == checksum


async def test_replacing_a_known_object_only(storage: Storage, put: Put) -> None:
    async def replace(etag: str) -> None:
        async with storage.stage() as staged:
            await staged.write(b"new")
            await storage.commit([Write(BUCKET, "a", staged, if_match=etag)])

    with pytest.raises(NoSuchKey):
        await replace("0" * 32)
    info = await put("a", b"old")
    with pytest.raises(ObjectChanged):
        await replace("0" * 32)
    assert (await storage.head_object(BUCKET, "a")).etag == info.etag
    await replace(info.etag)
    assert (await storage.head_object(BUCKET, "a")).size == 3


async def test_what_is_known_of_a_bucket_is_never_old(storage: Storage) -> None:
    """Each change is seen by whoever asks after it, also by those who asked before."""
    name = "changing-1250000000"
    for _ in range(2):
        with pytest.raises(NoSuchBucket):
            await storage.head_bucket(name)
        await storage.create_bucket(name, region="ap-shanghai")
        assert (await storage.head_bucket(name)).acl is Acl.PRIVATE
        for acl in (Acl.PUBLIC_READ, Acl.PRIVATE, Acl.PUBLIC_READ_WRITE):
            await storage.set_bucket_acl(name, acl)
            assert (await storage.head_bucket(name)).acl is acl
        await storage.delete_bucket(name)


async def test_a_cancelled_change_of_a_bucket_is_seen_too(storage: Storage) -> None:
    await storage.head_bucket(BUCKET)
    change = asyncio.ensure_future(storage.set_bucket_acl(BUCKET, Acl.PUBLIC_READ_WRITE))
    await asyncio.sleep(0)
    change.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await change
    listed = {bucket.name: bucket.acl for bucket in await storage.list_buckets()}
    assert (await storage.head_bucket(BUCKET)).acl is listed[BUCKET]
