"""What every storage back-end does with objects that grow."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import pytest

from openmogr.errors import NoSuchBucket
from openmogr.storage import Storage
from openmogr.storage.embedded import crc64
from openmogr.storage.errors import (
    EntityTooLarge,
    ObjectNotAppendable,
    PositionNotEqualToLength,
    StoreUnavailable,
)
from openmogr.storage.interface import Acl, ObjectAttributes, ObjectHeaders, ObjectInfo, Write

pytestmark = pytest.mark.anyio

BUCKET = "photos-1250000000"
Put = Callable[..., Awaitable[ObjectInfo]]
Get = Callable[[str], Awaitable[bytes]]
MADE = ObjectAttributes(
    ObjectHeaders("text/plain", user={"a": "b"}), Acl.PUBLIC_READ, "STANDARD_IA", {"t": "1"}
)


async def append(
    storage: Storage, key: str, position: int, data: bytes, attributes: ObjectAttributes = MADE
) -> ObjectInfo:
    async with storage.stage() as staged:
        await staged.write(data)
        return await storage.append_object(BUCKET, key, position, staged, attributes)


async def test_an_object_grows(storage: Storage, get: Get) -> None:
    pieces = [b"one", b"two" * 3000, b"3"]
    whole = b""
    etags = set()
    for piece in pieces:
        info = await append(storage, "log", len(whole), piece)
        whole += piece
        assert (info.size, info.crc64, info.appendable) == (len(whole), crc64.update(0, whole), True)
        assert await get("log") == whole
        assert info == await storage.head_object(BUCKET, "log")
        etags.add(info.etag)
    assert len(etags) == 3
    assert hashlib.md5(b"one", usedforsecurity=False).hexdigest() in etags
    assert info.etag.endswith("-3")
    assert info.attributes == MADE
    (listed,) = (await storage.list_objects(BUCKET)).objects
    assert listed == info


async def test_attributes_are_those_of_the_first(storage: Storage) -> None:
    await append(storage, "log", 0, b"1")
    assert (await append(storage, "log", 1, b"2", ObjectAttributes())).attributes == MADE


@pytest.mark.parametrize("position", [0, 2, 4])
async def test_another_position_changes_nothing(storage: Storage, get: Get, position: int) -> None:
    before = await append(storage, "log", 0, b"abc")
    with pytest.raises(PositionNotEqualToLength) as caught:
        await append(storage, "log", position, b"x")
    assert caught.value.headers == {"x-cos-next-append-position": "3"}
    assert await storage.head_object(BUCKET, "log") == before
    assert await get("log") == b"abc"


async def test_a_missing_object_begins_at_0(storage: Storage) -> None:
    with pytest.raises(PositionNotEqualToLength):
        await append(storage, "log", 1, b"x")
    assert not (await storage.list_objects(BUCKET)).objects
    async with storage.stage() as staged:
        with pytest.raises(NoSuchBucket):
            await storage.append_object("none-1250000000", "log", 0, staged, MADE)


async def test_nothing_changes_nothing(storage: Storage, get: Get) -> None:
    empty = await append(storage, "log", 0, b"")
    assert (empty.size, empty.appendable) == (0, True)
    first = await append(storage, "log", 0, b"x")
    assert first.size == 1
    assert await append(storage, "log", 1, b"") == first
    assert await get("log") == b"x"


async def test_other_objects_are_not_appendable(storage: Storage, put: Put, get: Get) -> None:
    assert not (await put("plain", b"abc")).appendable
    for position in (0, 3):
        with pytest.raises(ObjectNotAppendable):
            await append(storage, "plain", position, b"x")
    assert await get("plain") == b"abc"


async def test_a_put_ends_it_and_a_copy_is_whole(storage: Storage, put: Put, get: Get) -> None:
    await append(storage, "log", 0, b"abc")
    await append(storage, "log", 3, b"def")
    async with await storage.open_object(BUCKET, "log") as reader:
        (copy,) = await storage.commit([Write(BUCKET, "copy", reader)])
    assert (copy.appendable, copy.etag) == (False, hashlib.md5(b"abcdef", usedforsecurity=False).hexdigest())
    await append(storage, "log", 6, b"ghi")
    assert await get("copy") == b"abcdef"
    assert not (await put("log", b"new")).appendable
    with pytest.raises(ObjectNotAppendable):
        await append(storage, "log", 3, b"x")
    assert await get("copy") == b"abcdef"
    await storage.delete_objects(BUCKET, ["log"])
    assert (await append(storage, "log", 0, b"anew")).size == 4
    assert await get("log") == b"anew"


async def test_a_reader_keeps_what_it_opened(storage: Storage) -> None:
    await append(storage, "log", 0, b"abc")
    async with await storage.open_object(BUCKET, "log") as reader:
        await append(storage, "log", 3, b"def")
        await storage.delete_objects(BUCKET, ["log"])
        if storage.promises.keeps_opened:
            assert await reader.read() == b"abc"
        else:
            with pytest.raises(StoreUnavailable):
                await reader.read()


async def test_of_those_at_one_position_one_wins(storage: Storage, get: Get) -> None:
    await append(storage, "log", 0, b"0")
    done = await asyncio.gather(
        *(append(storage, "log", 1, b"%d" % number) for number in range(8)), return_exceptions=True
    )
    assert sum(isinstance(item, ObjectInfo) for item in done) == 1
    assert sum(isinstance(item, PositionNotEqualToLength) for item in done) == 7
    assert len(await get("log")) == 2


async def test_it_does_not_outgrow_the_limit(storage: Storage, get: Get) -> None:
    await append(storage, "log", 0, b"x" * 60_000)
    with pytest.raises(EntityTooLarge):
        await append(storage, "log", 60_000, b"y" * 40_001)
    assert (await append(storage, "log", 60_000, b"y" * 40_000)).size == 100_000
    assert await get("log") == b"x" * 60_000 + b"y" * 40_000
