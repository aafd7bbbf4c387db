"""What a storage in a store is besides: seen by other tools, which change what it has, and one of several nodes."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from openmogr.errors import NoSuchBucket, NoSuchKey
from openmogr.storage import StorageUnusable
from openmogr.storage.errors import (
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    NoSuchUpload,
    ObjectAlreadyExists,
    ObjectChanged,
    PositionNotEqualToLength,
    StoreUnavailable,
    TooManyBuckets,
)
from openmogr.storage.interface import (
    Acl,
    CompletedPart,
    ObjectAttributes,
    ObjectHeaders,
    ObjectInfo,
    Write,
)
from openmogr.storage.shared.place import WHOLE
from tests.databases import PostgreSQLServer
from tests.storage.shared import Alone, AzureStores, GoogleStores, OurStores, S3Stores, SharedStores
from tests.versitygw import VersityGW

pytestmark = pytest.mark.anyio

BUCKET = "photos-1250000000"
FULL = ObjectAttributes(
    ObjectHeaders("image/png", "max-age=60", "inline", user={"maker": "us", "name": "图"}),
    Acl.PUBLIC_READ,
    "STANDARD_IA",
    {"t": "1"},
)


async def put(
    storage: Alone, key: str, body: bytes, attributes: ObjectAttributes = FULL, **conditions: Any
) -> ObjectInfo:
    async with storage.stage() as staged:
        for start in range(0, len(body), WHOLE):
            await staged.write(body[start : start + WHOLE])
        return (await storage.commit([Write(BUCKET, key, staged, attributes, **conditions)]))[0]


async def get(storage: Alone, key: str) -> bytes:
    async with await storage.open_object(BUCKET, key) as reader:
        return await reader.read()


# Other tools


@pytest.fixture(params=["memory", "s3", "azure", "google", "ours"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Alone]:
    pytest.importorskip("obstore")
    if request.param == "s3":
        stores: SharedStores = S3Stores(None, request.getfixturevalue("versitygw"))
    elif request.param == "azure":
        stores = AzureStores(None, request.getfixturevalue("azurite"))
    elif request.param == "google":
        stores = GoogleStores(None, request.getfixturevalue("google"))
    elif request.param == "ours":
        stores = OurStores(None, request.getfixturevalue("ours"))
    else:
        stores = SharedStores(None, in_memory=True)
    async with stores(tmp_path) as opened:
        await opened.create_bucket(BUCKET, region="ap-beijing")
        yield opened


async def elsewhere(storage: Alone, key: str, body: bytes, **attributes: str) -> None:
    """Write as another tool does."""
    import obstore

    place = storage.place
    await obstore.put_async(
        place._store,
        f"{place._base}{BUCKET}/{key}",
        body,
        attributes={"Content-Type": "text/plain", **attributes},
        use_multipart=False,
    )


async def test_what_others_replace_is_never_described_by_old_facts(storage: Alone) -> None:
    for body in (b"theirs", b"ours!!"):
        await put(storage, "a", b"ours!!")
        # Once with the same length, and once with the very same bytes.
        await elsewhere(storage, "a", body, maker="them")
        info = await storage.head_object(BUCKET, "a")
        assert info.origin
        assert (info.size, info.attributes.acl, info.attributes.tags) == (6, Acl.DEFAULT, {})
        assert info.attributes.headers.content_type == "text/plain"
        assert info.attributes.headers.user == {"maker": "them"}
        assert await get(storage, "a") == body
        (listed,) = (await storage.list_objects(BUCKET)).objects
        assert listed.etag == info.etag
    await put(storage, "a", b"ours again")
    assert (await storage.head_object(BUCKET, "a")).attributes == FULL


async def test_two_contents_of_others_differ_in_origin(storage: Alone) -> None:
    origins = set()
    for body in (b"one", b"two"):
        await elsewhere(storage, "a", body)
        origins.add((await storage.head_object(BUCKET, "a")).origin)
        assert await get(storage, "a") == body
    assert len(origins) == 2


async def test_acl_and_tags_of_what_others_wrote_last_until_it_is_replaced(storage: Alone) -> None:
    await elsewhere(storage, "a", b"1", maker="them")
    await storage.set_object_acl(BUCKET, "a", Acl.PUBLIC_READ)
    await storage.set_object_tags(BUCKET, "a", {"x": "y"})
    info = await storage.head_object(BUCKET, "a")
    assert (info.attributes.acl, info.attributes.tags) == (Acl.PUBLIC_READ, {"x": "y"})
    assert info.attributes.headers.user == {"maker": "them"}
    assert info.origin, "there is no CRC-64 of it"
    await elsewhere(storage, "a", b"2")
    assert (await storage.head_object(BUCKET, "a")).attributes.acl is Acl.DEFAULT


async def test_what_others_wrote_is_copied_with_a_digest(storage: Alone) -> None:
    await elsewhere(storage, "a", b"123456789", maker="them")
    async with await storage.open_object(BUCKET, "a") as reader:
        (info,) = await storage.commit([Write(BUCKET, "b", reader, reader.info.attributes)])
    assert info.crc64 == 0x995DC9BBDF1939FA
    assert await storage.head_object(BUCKET, "b") == info
    assert await get(storage, "b") == b"123456789"


async def test_others_see_types_and_metadata(storage: Alone) -> None:
    await put(storage, "b/图 1.png", b"body")
    found = await storage.place.head(f"{BUCKET}/b/图 1.png")
    assert (found.headers.content_type, found.headers.cache_control) == ("image/png", "max-age=60")
    assert found.headers.user == {"maker": "us"}, "what no header can hold is kept here"
    assert found.mark
    assert (await storage.head_object(BUCKET, "b/图 1.png")).attributes == FULL


async def test_names_of_metadata_that_the_store_refuses_are_kept(storage: Alone) -> None:
    told = ObjectAttributes(ObjectHeaders("image/png", user={"photo-by": "us", "2nd": "x", "plain_1": "y"}))
    info = await put(storage, "a", b"body", told)
    assert await storage.head_object(BUCKET, "a") == info
    assert info.attributes == told
    found = await storage.place.head(f"{BUCKET}/a")
    is_azure = storage.place._where.url.startswith("az:")
    assert found.headers.user == ({"plain_1": "y"} if is_azure else told.headers.user)


async def test_keys_that_a_store_takes_for_others_are_apart(storage: Alone) -> None:
    keys = ["a/b", "a\\b", "a./b", "a/b.", "a/b.."]
    for key in keys:
        await put(storage, key, key.encode())
    assert [await get(storage, key) for key in keys] == [key.encode() for key in keys]
    assert [info.key for info in (await storage.list_objects(BUCKET)).objects] == sorted(keys)
    if storage.place._where.url.startswith("az:"):
        assert (await storage.place.find(f"{BUCKET}/a/b.")) is None, "it lies hidden"


async def test_what_is_compressed_stays_so(storage: Alone) -> None:
    # Google decompresses for clients that do not say that they take gzip.
    body = gzip.compress(b"<svg/>" * 1000)
    headers = ObjectHeaders("image/svg+xml", content_encoding="gzip")
    await put(storage, "a.svg", body, ObjectAttributes(headers))
    await elsewhere(storage, "b.svg", body, **{"Content-Encoding": "gzip"})
    for key in ("a.svg", "b.svg"):
        info = await storage.head_object(BUCKET, key)
        assert (info.size, info.attributes.headers.content_encoding) == (len(body), "gzip")
        assert await get(storage, key) == body
        async with await storage.open_object(BUCKET, key) as reader:
            assert await reader.read(5, 15) == body[5:15]


@pytest.mark.parametrize("storage", ["google"], indirect=True)
async def test_googles_condition_is_the_generation(storage: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    etag = (await put(storage, "a", b"old")).etag
    place, written = storage.place, storage.place.put

    async def late(*args: Any, **options: Any) -> str:
        # After the look, and with the very same bytes: ETags of Google are digests, generations are not.
        await elsewhere(storage, "a", b"old")
        return await written(*args, **options)

    monkeypatch.setattr(place, "put", late)
    with pytest.raises(ObjectChanged):
        await put(storage, "a", b"new", if_match=etag)
    monkeypatch.undo()
    assert await get(storage, "a") == b"old"
    etag = (await storage.head_object(BUCKET, "a")).etag
    await put(storage, "a", b"new", if_match=etag)
    assert await get(storage, "a") == b"new"


async def test_of_many_that_are_removed_some_may_be_missing(storage: Alone) -> None:
    """Stores take so many in one request, and their clients stop at the first that is missing."""
    there = [f"k{number:04}" for number in range(0, 600, 2)]
    await asyncio.gather(*(elsewhere(storage, key, b"x") for key in there))
    await storage.delete_objects(BUCKET, [f"k{number:04}" for number in range(600)])
    assert (await storage.list_objects(BUCKET)).objects == []


async def test_removals_do_not_run_out_of_time_by_their_number(
    storage: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    import obstore

    delete_async = obstore.delete_async

    async def slow(*args: Any) -> None:
        await asyncio.sleep(0.03)
        await delete_async(*args)

    keys = [f"k{number:03}" for number in range(100)]
    await asyncio.gather(*(elsewhere(storage, key, b"x") for key in keys))
    monkeypatch.setattr(obstore, "delete_async", slow)
    limits = storage.place._limits
    monkeypatch.setattr(storage.place, "_limits", replace(limits, timeout=1.2, places=asyncio.Semaphore(2)))
    await storage.delete_objects(BUCKET, keys)
    assert (await storage.list_objects(BUCKET)).objects == []


async def test_a_bucket_has_what_lies_there_already(storage: Alone) -> None:
    import obstore

    place = storage.place
    await obstore.put_async(place._store, f"{place._base}other-1250000000/a", b"1")
    with pytest.raises(NoSuchBucket):
        await storage.head_object("other-1250000000", "a")
    await storage.create_bucket("other-1250000000", region="r")
    assert (await storage.head_object("other-1250000000", "a")).size == 1
    with pytest.raises(BucketNotEmpty):
        await storage.delete_bucket("other-1250000000")


async def test_a_bucket_that_others_emptied_can_be_removed(storage: Alone) -> None:
    import obstore

    await put(storage, "a", b"1")
    place = storage.place
    await obstore.delete_async(place._store, f"{place._base}{BUCKET}/a")
    with pytest.raises(NoSuchKey):
        await storage.head_object(BUCKET, "a")
    await storage.delete_bucket(BUCKET)


async def test_large_objects_go_in_pieces(storage: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        storage, "_settings", storage._settings.model_copy(update={"max_object_bytes": 3 * WHOLE})
    )
    body = os.urandom(2 * WHOLE + 5)
    info = await put(storage, "large", body)
    assert await storage.head_object(BUCKET, "large") == info
    async with await storage.open_object(BUCKET, "large") as reader:
        assert await reader.read(WHOLE - 5, WHOLE + 5) == body[WHOLE - 5 : WHOLE + 5]
        (copied,) = await storage.commit([Write(BUCKET, "copy", reader, reader.info.attributes)])
    assert (copied.etag, copied.crc64, copied.size) == (info.etag, info.crc64, info.size)
    with pytest.raises(ObjectAlreadyExists):
        await put(storage, "large", body, forbid_overwrite=True)
    with pytest.raises(ObjectChanged):
        await put(storage, "large", body, if_match="0" * 32)


async def give_up(storage: Alone, is_cancelled: bool) -> None:
    """A write of several parts whose source fails, or whose caller goes."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3 * WHOLE >> 20):
            yield bytes(1 << 20)
            await asyncio.sleep(0)
        if not is_cancelled:
            raise ConnectionError
        sent.set()
        await asyncio.sleep(0.2)
        yield b"x"

    sent = asyncio.Event()
    task = asyncio.create_task(storage.place.put_stream(f"{BUCKET}/a", 4 * WHOLE, chunks(), {}))
    if is_cancelled:
        await sent.wait()
        task.cancel()
    with pytest.raises(asyncio.CancelledError if is_cancelled else StoreUnavailable):
        await task


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_large_write_that_is_given_up_leaves_no_upload_of_the_store(
    storage: Alone, versitygw: VersityGW, is_cancelled: bool
) -> None:
    bucket = storage.place._where.url.split("/")[2]

    def uploads() -> object:
        return versitygw.client.list_multipart_uploads(Bucket=bucket).get("Uploads")

    for _ in range(10):
        await give_up(storage, is_cancelled)
        if not uploads():
            break
        # A part that was on its way may come to the store after its upload was ended, and brings it back, on a busy
        # machine more than once. So who writes looks again.
        async with asyncio.timeout(30):
            while uploads():
                await storage.place.clear(f"{BUCKET}/a", cut=True)
    else:
        pytest.fail("uploads are left every time")
    with pytest.raises(NoSuchKey):
        await storage.head_object(BUCKET, "a")


async def test_a_write_whose_answer_is_lost_counts_if_it_was_done(
    storage: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = storage.place.put

    async def lost(*given: Any) -> str:
        await done(*given)
        raise StoreUnavailable

    monkeypatch.setattr(storage.place, "put", lost)
    info = await put(storage, "a", b"1")
    assert await storage.head_object(BUCKET, "a") == info

    async def failed(*given: Any) -> str:
        raise StoreUnavailable

    monkeypatch.setattr(storage.place, "put", failed)
    with pytest.raises(StoreUnavailable):
        await put(storage, "b", b"1")
    monkeypatch.setattr(storage.place, "put", done)
    with pytest.raises(NoSuchKey):
        await storage.head_object(BUCKET, "b")
    assert await storage.catalogue.left_behind() == []
    await put(storage, "b", b"1")


async def test_others_can_be_kept_from_being_overwritten(
    storage: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store itself refuses what was written after we looked."""
    look = storage._looking.look

    async def overtaken(bucket: str, key: str) -> Any:
        try:
            return await look(bucket, key)
        finally:
            await elsewhere(storage, key, b"theirs")

    info = await put(storage, "a", b"ours")
    monkeypatch.setattr(storage._looking, "look", overtaken)
    with pytest.raises(ObjectAlreadyExists):
        await put(storage, "new", b"ours", forbid_overwrite=True)
    with pytest.raises(ObjectChanged):
        await put(storage, "a", b"ours, too", if_match=info.etag)
    monkeypatch.undo()
    assert [await get(storage, key) for key in ("a", "new")] == [b"theirs", b"theirs"]


async def test_one_process_has_the_folder(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    stores = SharedStores(None, in_memory=True)
    async with stores(tmp_path) as first:
        second = stores(tmp_path)
        second.database = second._database = first.database
        with pytest.raises(StorageUnusable, match="in use"):
            await super(Alone, second).__aenter__()


# Several nodes


@pytest.fixture
async def nodes(
    postgresql: PostgreSQLServer, versitygw: VersityGW, tmp_path: Path
) -> AsyncIterator[list[Alone]]:
    """Two servers over one store and one database."""
    pytest.importorskip("obstore")
    stores = S3Stores(postgresql, versitygw)
    async with stores(tmp_path, "one") as one, stores(tmp_path, "two") as two:
        await one.create_bucket(BUCKET, region="r")
        yield [one, two]


async def outcomes(*calls: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


def kinds(done: list[Any]) -> list[str]:
    return sorted(type(item).__name__ for item in done)


async def test_nodes_agree_about_buckets(nodes: list[Alone]) -> None:
    one, two = nodes
    assert await one.head_bucket(BUCKET) == await two.head_bucket(BUCKET)
    done = await outcomes(*(node.create_bucket("new-1250000000", region="r") for node in nodes))
    assert kinds(done) == ["Bucket", "BucketAlreadyOwnedByYou"]
    await one.set_bucket_acl(BUCKET, Acl.PUBLIC_READ)
    assert (await two.head_bucket(BUCKET)).acl is Acl.PUBLIC_READ
    await two.put_bucket_document(BUCKET, "cors", b"x")
    assert await one.get_bucket_document(BUCKET, "cors") == b"x"
    # Five are allowed, and two are there.
    done = await outcomes(*(nodes[n % 2].create_bucket(f"b{n}-1250000000", region="r") for n in range(6)))
    assert sum(isinstance(item, TooManyBuckets) for item in done) == 3
    await two.delete_bucket("new-1250000000")
    with pytest.raises(NoSuchBucket):
        await one.head_bucket("new-1250000000")
    assert BucketAlreadyOwnedByYou.status == 409


async def test_nodes_agree_about_objects(nodes: list[Alone]) -> None:
    one, two = nodes
    for body in (b"first", b"second"):
        info = await put(one, "a", body)
        assert await two.head_object(BUCKET, "a") == info
        assert await get(two, "a") == body
    await two.set_object_tags(BUCKET, "a", {"x": "y"})
    assert (await one.head_object(BUCKET, "a")).attributes.tags == {"x": "y"}
    await two.delete_objects(BUCKET, ["a"])
    with pytest.raises(NoSuchKey):
        await get(one, "a")


async def test_of_conditional_writes_at_two_nodes_one_wins(nodes: list[Alone]) -> None:
    done = await outcomes(*(put(nodes[n % 2], "a", b"%d" % n, forbid_overwrite=True) for n in range(6)))
    assert kinds(done) == ["ObjectAlreadyExists"] * 5 + ["ObjectInfo"]
    etag = (await nodes[0].head_object(BUCKET, "a")).etag
    done = await outcomes(*(put(nodes[n % 2], "a", b"new %d" % n, if_match=etag) for n in range(6)))
    assert kinds(done) == ["ObjectChanged"] * 5 + ["ObjectInfo"]


async def test_plain_writes_at_two_nodes_leave_one_with_its_facts(nodes: list[Alone]) -> None:
    bodies = [b"%d" % n * (n + 1) for n in range(8)]
    infos = await asyncio.gather(*(put(nodes[n % 2], "a", body) for n, body in enumerate(bodies)))
    seen = [await node.head_object(BUCKET, "a") for node in nodes]
    assert seen[0] == seen[1]
    assert seen[0] in infos
    assert await get(nodes[0], "a") == bodies[infos.index(seen[0])]


async def test_of_appends_at_two_nodes_one_wins(nodes: list[Alone]) -> None:
    async def append(node: Alone, position: int, body: bytes) -> ObjectInfo:
        async with node.stage() as staged:
            await staged.write(body)
            return await node.append_object(BUCKET, "log", position, staged, FULL)

    done = await outcomes(*(append(node, 0, b"abc") for node in nodes))
    assert sum(isinstance(item, PositionNotEqualToLength) for item in done) == 1
    done = await outcomes(*(append(node, 3, b"def") for node in nodes))
    assert sum(isinstance(item, PositionNotEqualToLength) for item in done) == 1
    assert await get(nodes[0], "log") == b"abcdef"


async def test_an_upload_is_sent_to_both_and_completed_once(nodes: list[Alone]) -> None:
    one, two = nodes
    upload = await one.create_upload(BUCKET, "a", FULL)
    parts = []
    for number, node in enumerate(nodes, 1):
        async with node.stage() as staged:
            await staged.write(b"%d" % number * 1000)
            part = await node.put_part(BUCKET, "a", upload.upload_id, number, staged)
            parts.append(CompletedPart(part.number, part.etag))

    async def complete(node: Alone) -> ObjectInfo:
        async with await node.assemble(BUCKET, "a", upload.upload_id, parts) as assembly:
            return (await node.commit([Write(BUCKET, "a", assembly, assembly.info.attributes)]))[0]

    done = await outcomes(*(complete(node) for node in nodes))
    assert kinds(done) == ["NoSuchUpload", "ObjectInfo"]
    assert await get(two, "a") == b"1" * 1000 + b"2" * 1000
    assert (await two.head_object(BUCKET, "a")).attributes == FULL
    with pytest.raises(NoSuchUpload):
        await one.list_parts(BUCKET, "a", upload.upload_id)


async def test_another_node_ends_what_a_dead_one_began(
    nodes: list[Alone], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = nodes

    async def dies(*given: Any) -> None:
        raise Dead

    async with one.stage() as first, one.stage() as second:
        await first.write(b"1")
        await second.write(b"2")
        monkeypatch.setattr(one._recovery, "move", dies)
        with pytest.raises(Dead):
            await one.commit([Write(BUCKET, "a", first, FULL), Write(BUCKET, "b", second, FULL)])
    # It was decided: everybody sees both, though they lie hidden.
    assert [await get(node, key) for node in nodes for key in "ab"] == [b"1", b"2"] * 2
    assert [info.key for info in (await two.list_objects(BUCKET)).objects] == ["a", "b"]
    await two._recovery.look()
    assert len(await one.catalogue.left_behind()) == 2, "it is alive, as far as anybody knows"
    await one._catalogue.leave(one._catalogue.node)
    # Whoever writes one of the keys does not wait for anything, and the rest is ended now and then.
    await put(two, "a", b"3")
    await two._recovery.look()
    assert await two.catalogue.left_behind() == []
    assert [await get(two, key) for key in "ab"] == [b"3", b"2"]
    assert (await two.head_object(BUCKET, "b")).attributes == FULL


async def test_a_node_that_was_away_for_too_long_does_not_write(
    nodes: list[Alone], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = nodes
    monkeypatch.setattr(one._recovery, "_alive_until", 0.0)
    with pytest.raises(StoreUnavailable, match="too long"):
        await put(one, "a", b"1")
    monkeypatch.undo()
    with pytest.raises(NoSuchKey):
        await get(one, "a")


class Dead(BaseException):
    """The end of a process."""
