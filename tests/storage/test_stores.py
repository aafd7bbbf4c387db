"""Buckets of a gateway over a folder: what a back-end answers to reading, in the order and form of the embedded one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmogr.errors import NoSuchBucket, NoSuchKey
from openmogr.storage import Storage, StorageSettings, StorageUnusable, open_storage
from openmogr.storage.errors import (
    BucketAlreadyOwnedByYou,
    KeyTooLong,
    NoSuchUpload,
    ReadOnlyBucket,
    StoreUnavailable,
)
from openmogr.storage.interface import Acl, ObjectAttributes, ObjectList, Write
from openmogr.storage.stores import GatewaySettings, StoreBucket
from openmogr.storage.stores.listing import Entry, OutOfOrder, Page, list_page, sorted_scan
from openmogr.storage.stores.names import LAST, just_before, nameable

pytest.importorskip("obstore")
pytestmark = pytest.mark.anyio

BUCKET = "photos-1250000000"
OWN = "own-1250000000"
KEYS = ["a.jpg", "b/1.jpg", "b/2/3.jpg", "b/2/4.jpg", "b0.jpg", "c/1 %41#~.jpg", "c/图.jpg", "c.jpg", "z.jpg"]


def opened(tmp_path: Path, **buckets: str | StoreBucket) -> Storage:
    places = {
        name.replace("_", "-"): place if isinstance(place, StoreBucket) else StoreBucket(url=place)
        for name, place in buckets.items()
    }
    settings = StorageSettings(data=tmp_path / "data", chunk_bytes=4096)
    return open_storage(settings, GatewaySettings(buckets=places))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "store"
    for key in KEYS:
        place = made / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(key.encode())
    return made


@pytest.fixture
async def storage(tmp_path: Path, folder: Path) -> AsyncIterator[Storage]:
    """With a bucket of a folder, and one of its own that holds the same objects."""
    async with opened(tmp_path, photos_1250000000=folder.as_uri()) as storage:
        await storage.create_bucket(OWN, region="ap-beijing")
        for key in KEYS:
            async with storage.stage() as staged:
                await staged.write(key.encode())
                await storage.commit([Write(OWN, key, staged)])
        yield storage


def shown(page: ObjectList) -> tuple[list[str], list[str], bool, str | None]:
    return [info.key for info in page.objects], list(page.common_prefixes), page.truncated, page.next_marker


async def test_listings_are_those_of_the_embedded_storage(storage: Storage) -> None:
    prefixes = ["", "b", "b/", "b/2", "b/2/", "c", "c/", "none", "c/图"]
    markers = ["", "a", "a.jpg", "b/", "b/1.jpg", "b/2/", "c/1 %41#~.jpg", "zz"]
    for prefix, delimiter, marker, limit in product(prefixes, ["", "/", "."], markers, [1, 2, 3, 1000]):
        asked = {"prefix": prefix, "delimiter": delimiter, "marker": marker}
        pages = [await storage.list_objects(name, max_keys=limit, **asked) for name in (BUCKET, OWN)]
        assert shown(pages[0]) == shown(pages[1]), (asked, limit)
    assert shown(await storage.list_objects(BUCKET, max_keys=0)) == ([], [], False, None)


async def test_objects_are_read_whole_and_in_parts(storage: Storage, folder: Path) -> None:
    body = os.urandom(20_000)
    (folder / "long.bin").write_bytes(body)
    info = await storage.head_object(BUCKET, "long.bin")
    assert (info.bucket, info.key, info.size, info.attributes.headers.content_type) == (
        BUCKET,
        "long.bin",
        20_000,
        "application/octet-stream",
    )
    async with await storage.open_object(BUCKET, "long.bin") as reader:
        assert reader.info == info
        assert reader.path is None
        for start, stop in [(0, 0), (0, 1), (5, 4096), (4000, 9000), (19_999, 20_000), (20_000, 20_000)]:
            assert await reader.read(start, stop) == body[start:stop]
            await reader.prepare(start, stop)
            assert await reader.read(start, stop) == body[start:stop]
        assert max([len(chunk) async for chunk in reader.stream()]) <= 4096
        assert await reader.read() == body
        with pytest.raises(ValueError, match="20001"):
            await reader.read(0, 20_001)
    listed = (await storage.list_objects(BUCKET, prefix="long")).objects[0]
    assert (listed.etag, listed.size, listed.last_modified) == (info.etag, info.size, info.last_modified)


@pytest.mark.parametrize("key", KEYS)
async def test_keys_are_what_they_are(storage: Storage, key: str) -> None:
    async with await storage.open_object(BUCKET, key) as reader:
        assert await reader.read() == key.encode()


async def test_an_object_that_changes_is_another_and_is_not_read_on(storage: Storage, folder: Path) -> None:
    (folder / "a").write_bytes(bytes(10_000))
    async with await storage.open_object(BUCKET, "a") as reader:
        stream = reader.stream()
        assert len(await anext(aiter(stream))) == 4096
        other = folder / "other"
        other.write_bytes(bytes(range(100)) * 100)
        other.rename(folder / "a")
        with pytest.raises(StoreUnavailable, match="changed"):
            await reader.read(4096)
        again = await storage.head_object(BUCKET, "a")
        assert (again.origin, again.etag) != (reader.info.origin, reader.info.etag)
        await stream.aclose()  # type: ignore[attr-defined]  # it is a generator


@pytest.mark.parametrize(
    "key",
    [
        "none",
        "b",
        "b/",
        "/a.jpg",
        "a.jpg/",
        "b//1.jpg",
        "../secret",
        "b/../a.jpg",
        "./a.jpg",
        "a\n",
        "out/secret",
    ],
)
async def test_nothing_else_is_an_object(storage: Storage, folder: Path, key: str) -> None:
    (folder.parent / "secret").write_bytes(b"secret")
    (folder / "out").symlink_to(folder.parent)
    os.mkfifo(folder / "pipe")
    with pytest.raises(NoSuchKey):
        await storage.head_object(BUCKET, "pipe")
    with pytest.raises(NoSuchKey):
        await storage.head_object(BUCKET, key)
    with pytest.raises(NoSuchKey):
        await storage.open_object(BUCKET, key)
    with pytest.raises(KeyTooLong):
        await storage.open_object(BUCKET, "x" * 851)


async def test_every_write_is_refused(storage: Storage, folder: Path) -> None:
    before = await asyncio.to_thread(lambda: sorted(folder.rglob("*")))
    async with storage.stage() as staged, await storage.open_object(OWN, "a.jpg") as reader:
        attributes = ObjectAttributes()
        both = [Write(OWN, "new", staged), Write(BUCKET, "new", staged)]
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: storage.commit(both),
            lambda: storage.commit([Write(BUCKET, "a.jpg", reader)]),
            lambda: storage.append_object(BUCKET, "new", 0, staged, attributes),
            lambda: storage.delete_objects(BUCKET, ["a.jpg"]),
            lambda: storage.delete_bucket(BUCKET),
            lambda: storage.set_bucket_acl(BUCKET, Acl.PUBLIC_READ_WRITE),
            lambda: storage.set_object_acl(BUCKET, "a.jpg", Acl.PUBLIC_READ),
            lambda: storage.set_object_tags(BUCKET, "a.jpg", {}),
            lambda: storage.create_upload(BUCKET, "a.jpg", attributes),
            lambda: storage.put_part(BUCKET, "a.jpg", "id", 1, staged),
            lambda: storage.copy_part(BUCKET, "a.jpg", "id", 1, reader),
            lambda: storage.assemble(BUCKET, "a.jpg", "id", []),
            lambda: storage.abort_upload(BUCKET, "a.jpg", "id"),
            lambda: storage.put_bucket_document(BUCKET, "lifecycle", b""),
        ]
        for call in calls:
            with pytest.raises(ReadOnlyBucket):
                await call()
    assert await asyncio.to_thread(lambda: sorted(folder.rglob("*"))) == before
    with pytest.raises(NoSuchKey):
        await storage.head_object(OWN, "new")
    with pytest.raises(NoSuchUpload):
        await storage.list_parts(BUCKET, "a.jpg", "id")
    assert not (await storage.list_uploads(BUCKET)).uploads


async def test_copies_leave_the_store(storage: Storage, folder: Path) -> None:
    (folder / "long").write_bytes(body := os.urandom(10_000))
    async with await storage.open_object(BUCKET, "long") as reader:
        writes = [Write(OWN, key, reader) for key in ("one", "two")]
        infos = await storage.commit(writes)
        upload = await storage.create_upload(OWN, "three", ObjectAttributes())
        part = await storage.copy_part(OWN, "three", upload.upload_id, 1, reader, 5, 9000)
    assert [info.key for info in infos] == ["one", "two"]
    assert not infos[0].origin
    for key in ("one", "two"):
        async with await storage.open_object(OWN, key) as copied:
            assert await copied.read() == body
    assert part.size == 8995


async def test_buckets_and_their_documents_are_kept_here(tmp_path: Path, folder: Path) -> None:
    public = StoreBucket(url=folder.as_uri(), public=True)
    async with opened(tmp_path, photos_1250000000=public) as storage:
        assert storage.is_read_only(BUCKET)
        assert not storage.is_read_only(OWN)
        assert (await storage.head_bucket(BUCKET)).acl is Acl.PUBLIC_READ
        with pytest.raises(BucketAlreadyOwnedByYou):
            await storage.create_bucket(BUCKET, region="r")
        with pytest.raises(NoSuchBucket):
            await storage.head_bucket(OWN)
        await storage.put_bucket_document(BUCKET, "style", b"kept")
    async with opened(tmp_path, photos_1250000000=folder.as_uri()) as storage:
        assert (await storage.head_bucket(BUCKET)).acl is Acl.PRIVATE
        assert await storage.get_bucket_document(BUCKET, "style") == b"kept"
        assert [bucket.name for bucket in await storage.list_buckets()] == [BUCKET]


async def test_a_bucket_with_objects_of_its_own_is_not_hidden(tmp_path: Path, folder: Path) -> None:
    async with open_storage(StorageSettings(data=tmp_path / "data")) as storage:
        await storage.create_bucket(BUCKET, region="r")
        async with storage.stage() as staged:
            await storage.commit([Write(BUCKET, "kept", staged)])
    for _ in range(2):  # what was opened was closed again
        with pytest.raises(StorageUnusable, match="has objects or uploads of its own"):
            async with opened(tmp_path, photos_1250000000=folder.as_uri()):
                pass


async def test_a_store_that_cannot_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StorageUnusable, match=r"photos-1250000000: .*gone is no folder"):
        opened(tmp_path, photos_1250000000=(tmp_path / "gone").as_uri())
    with pytest.raises(StorageUnusable, match="leads elsewhere"):
        opened(tmp_path, photos_1250000000="s3://bucket/../other")
    for name in ("COS_SECRET_ID", "COS_SECRET_KEY", "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StorageUnusable, match="COS_SECRET_ID and COS_SECRET_KEY"):
        opened(tmp_path, photos_1250000000=StoreBucket(url="cos://b-1250000000", region="ap-shanghai"))


# The walk through a listing, page by page of a store's


def scan_of(keys: Sequence[str], page: int) -> Callable[[str], AsyncGenerator[Sequence[Entry]]]:
    """A store that lists so many keys at a time, in order, from behind a text on."""
    asked = [0]

    async def scan(after: str) -> AsyncGenerator[Sequence[Entry]]:
        left = [Entry(key, 1, "e", datetime.now(UTC)) for key in sorted(keys) if key > after]
        for start in range(0, len(left), page):
            asked[0] += 1
            assert asked[0] < 1000
            yield left[start : start + page]

    return scan


async def missing(key: str) -> bool:
    return False


_NAMES = st.text("ab/-\U0010fffe", min_size=1, max_size=6).filter(lambda text: not text.endswith("/"))


@given(
    st.sets(_NAMES, max_size=20),
    st.text("ab/", max_size=3),
    st.sampled_from(["", "/", "b"]),
    st.text("ab/", max_size=3),
    st.integers(1, 6),
)
async def test_a_walk_in_pages_is_one_of_everything(
    keys: set[str], prefix: str, delimiter: str, marker: str, limit: int
) -> None:
    expected = Page(prefix, delimiter, limit)
    entries = [Entry(key, 1, "e", datetime.now(UTC)) for key in keys]
    passed = delimiter and expected.group(marker) == marker
    for entry in sorted(entries, key=lambda entry: entry.key):
        skipped = entry.key <= marker or (passed and entry.key.startswith(marker))
        if not skipped and entry.key.startswith(prefix) and not expected.add(entry):
            break
    for scan in (scan_of(list(keys), 1), scan_of(list(keys), 3), sorted_scan(entries)):
        page = Page(prefix, delimiter, limit)
        await list_page(scan, missing, page, marker, 60)
        assert [entry.key for entry in page.items] == [entry.key for entry in expected.items]
        assert (page.prefixes, page.truncated, page.last) == (
            expected.prefixes,
            expected.truncated,
            expected.last,
        )


async def test_a_large_folder_costs_a_look_up_and_not_its_keys() -> None:
    keys = [f"{folder}/{number:05}" for folder in "abc" for number in range(10_000)]
    seen = 0

    async def scan(after: str) -> AsyncGenerator[Sequence[Entry]]:
        nonlocal seen
        async for entries in inner(after):
            seen += len(entries)
            yield entries

    inner = scan_of(keys, 100)
    page = Page("", "/", 1000)
    await list_page(scan, missing, page, "", 60)
    assert page.prefixes == ["a/", "b/", "c/"]
    assert seen <= 400


async def test_marks_of_folders_are_no_objects() -> None:
    now = datetime.now(UTC)
    # As the client tells "a-1", "a/" (without its slash), "a/1", "empty" and "mark/" (likewise).
    listed = [
        Entry(key, size, "e", now)
        for key, size in [("a-1", 1), ("a", 0), ("a/1", 1), ("empty", 0), ("mark", 0)]
    ]

    async def scan(after: str) -> AsyncGenerator[Sequence[Entry]]:
        yield listed

    async def exists(key: str) -> bool:
        return key == "empty"

    page = Page("", "", 1000)
    await list_page(scan, exists, page, "", 60)
    assert [entry.key for entry in page.items] == ["a-1", "a/1", "empty"]
    page = Page("", "/", 1000)
    await list_page(scan, exists, page, "", 60)
    assert ([entry.key for entry in page.items], page.prefixes) == (["a-1", "empty"], ["a/", "mark/"])


async def test_another_order_is_noticed_and_slowness_ends_a_page() -> None:
    now = datetime.now(UTC)

    async def disorder(after: str) -> AsyncGenerator[Sequence[Entry]]:
        yield [Entry("b", 1, "e", now), Entry("a", 1, "e", now)]

    with pytest.raises(OutOfOrder):
        await list_page(disorder, missing, Page("", "", 10), "", 60)
    with pytest.raises(StoreUnavailable, match="slowly"):
        await list_page(scan_of(["a", "b"], 1), missing, Page("", "", 10), "", -1)


def test_names() -> None:
    assert nameable("a/b.c") == "a/b.c"
    assert [nameable(text) for text in ["/a", "a//b", "a/", "a/./b", "a/../b", "a/b\nc", ".."]] == [
        "",
        *["a"] * 5,
        "",
    ]
    for text in ["a", "b/", "\ue000", "图"]:
        assert just_before(text) < text
    for lower, upper in pairwise(["a", "b", "c"]):
        assert lower + "x" < just_before(upper) or just_before(upper).startswith(lower + LAST)
    assert just_before("") == ""


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"url": "s3://key:hidden@bucket"}, "neither keys nor a query"),
        ({"url": "s3://bucket?sig=hidden"}, "neither keys nor a query"),
        ({"url": "ftp://bucket"}, "begins with none of"),
        ({"url": "s3:///folder"}, "names no bucket"),
        ({"url": "file://host/folder"}, "file:///absolute/path"),
        ({"url": "cos://b-1250000000"}, "needs a region"),
        ({"url": "gs://b", "region": "r"}, "gs:// takes no region"),
        ({"url": "file:///b", "endpoint": "http://a"}, "neither endpoint nor region"),
        ({"url": "s3://b", "endpoint": "localhost:9000"}, "no URL with http"),
        ({"url": "s3://b", "keys": "hidden"}, "Extra inputs"),
    ],
)
def test_settings_that_mean_nothing_are_refused(place: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        GatewaySettings.model_validate({"buckets": {BUCKET: place}})
    assert "hidden" not in str(caught.value)
    with pytest.raises(ValueError, match="cannot be a bucket"):
        GatewaySettings.model_validate({"buckets": {"photos": "s3://b"}})
