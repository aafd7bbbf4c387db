"""What every storage back-end answers to listings, checked against a model that is too simple to be wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openmogr.storage import Storage
from openmogr.storage.interface import ObjectAttributes, ObjectInfo, ObjectList, Upload, Write

BUCKET = "photos-1250000000"
Put = Callable[..., Awaitable[ObjectInfo]]


def possible(storage: Storage, keys: Iterable[str]) -> list[str]:
    """Those of some keys that the storage can have together: none is a folder of another, where it keeps files."""
    kept: list[str] = []
    for key in sorted(keys):
        folders = {key[:end] for end, char in enumerate(key) if char == "/"}
        if storage.promises.nests_keys or not folders & set(kept):
            kept.append(key)
    return kept


def shown(page: ObjectList) -> tuple[list[str], list[str], str | None]:
    return [info.key for info in page.objects], list(page.common_prefixes), page.next_marker


@pytest.fixture
async def tree(storage: Storage, put: Put) -> Storage:
    for key in ["a.jpg", "b/", "b/1.jpg", "b/2/3.jpg", "b0.jpg", "c/1.jpg", "z.jpg"]:
        await put(key, b"")
    return storage


@pytest.mark.anyio
async def test_prefix_and_delimiter(tree: Storage) -> None:
    assert shown(await tree.list_objects(BUCKET, delimiter="/")) == (
        ["a.jpg", "b0.jpg", "z.jpg"],
        ["b/", "c/"],
        None,
    )
    assert shown(await tree.list_objects(BUCKET, prefix="b/", delimiter="/")) == (
        ["b/", "b/1.jpg"],
        ["b/2/"],
        None,
    )
    assert shown(await tree.list_objects(BUCKET, prefix="b")) == (
        ["b/", "b/1.jpg", "b/2/3.jpg", "b0.jpg"],
        [],
        None,
    )
    assert shown(await tree.list_objects(BUCKET, prefix="none")) == ([], [], None)
    assert shown(await tree.list_objects(BUCKET, delimiter=".j")) == (
        ["b/"],
        ["a.j", "b/1.j", "b/2/3.j", "b0.j", "c/1.j", "z.j"],
        None,
    )


@pytest.mark.anyio
async def test_pages_and_markers(tree: Storage) -> None:
    assert shown(await tree.list_objects(BUCKET, max_keys=2)) == (["a.jpg", "b/"], [], "b/")
    assert shown(await tree.list_objects(BUCKET, max_keys=7)) == (
        ["a.jpg", "b/", "b/1.jpg", "b/2/3.jpg", "b0.jpg", "c/1.jpg", "z.jpg"],
        [],
        None,
    )
    page = await tree.list_objects(BUCKET, delimiter="/", max_keys=2)
    assert shown(page) == (["a.jpg"], ["b/"], "b/")
    assert page.truncated
    assert shown(await tree.list_objects(BUCKET, delimiter="/", marker="b/", max_keys=2)) == (
        ["b0.jpg"],
        ["c/"],
        "c/",
    )
    assert shown(await tree.list_objects(BUCKET, marker="b/1.jpg", max_keys=1)) == (
        ["b/2/3.jpg"],
        [],
        "b/2/3.jpg",
    )
    assert shown(await tree.list_objects(BUCKET, marker="zz")) == ([], [], None)
    assert shown(await tree.list_objects(BUCKET, prefix="c", marker="b")) == (["c/1.jpg"], [], None)
    assert shown(await tree.list_objects(BUCKET, prefix="b", marker="c")) == ([], [], None)


@pytest.mark.anyio
async def test_no_keys_wanted_none_given(tree: Storage) -> None:
    page = await tree.list_objects(BUCKET, max_keys=0)
    assert shown(page) == ([], [], None)
    assert not page.truncated


@pytest.mark.anyio
async def test_buckets_do_not_mix(tree: Storage, put: Put) -> None:
    await tree.create_bucket("other-1250000000", region="ap-beijing")
    await put("only", b"", bucket="other-1250000000")
    assert shown(await tree.list_objects("other-1250000000")) == (["only"], [], None)


# Properties

# A few letters make shared prefixes likely; the rest of Unicode keeps the byte order honest.
LETTERS = st.sampled_from(
    ["a", "b", "/", "//", "\x00", "\x7f", "ä", "\ud7ff", "\ue000", "\uffff", "\U0001f408"]
)
TEXT = st.lists(LETTERS | st.characters(exclude_categories=["Cs"]), max_size=6).map("".join)
KEYS = TEXT.filter(bool)


def model(keys: set[str], prefix: str, delimiter: str, marker: str) -> list[tuple[str, bool]]:
    """All entries of a listing in order: the text, and whether it is a common prefix."""
    entries: list[tuple[str, bool]] = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix) or key.encode() <= marker.encode():
            continue
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = (key, False) if end < 0 else (key[: end + len(delimiter)], True)
        if entry not in entries and entry != (marker, True):
            entries.append(entry)
    return entries


@pytest.fixture
def served(new_storage: Callable[[Path], Storage], memory: Path) -> Iterator[SimpleNamespace]:
    """A storage on its own loop, so that hypothesis can call it many times from an ordinary function."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(new_storage(memory)) as storage,
    ):
        yield SimpleNamespace(portal=portal, storage=storage)


async def fill(storage: Storage, keys: set[str]) -> None:
    await storage.create_bucket(BUCKET, region="ap-beijing")
    async with storage.stage() as staged:
        await staged.write(b"x")
        await storage.commit([Write(BUCKET, key, staged) for key in keys])


async def clear(storage: Storage) -> None:
    for upload in (await storage.list_uploads(BUCKET)).uploads:
        await storage.abort_upload(BUCKET, upload.key, upload.upload_id)
    page = await storage.list_objects(BUCKET)
    await storage.delete_objects(BUCKET, [info.key for info in page.objects])
    await storage.delete_bucket(BUCKET)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    keys=st.sets(KEYS, max_size=25),
    prefix=TEXT | st.just(""),
    delimiter=LETTERS | st.just(""),
    marker=TEXT | st.just(""),
    limit=st.integers(1, 30),
)
def test_listing_agrees_with_the_model(
    served: SimpleNamespace, keys: set[str], prefix: str, delimiter: str, marker: str, limit: int
) -> None:
    portal: BlockingPortal = served.portal
    storage: Storage = served.storage

    async def pages() -> list[tuple[str, bool]]:
        found: list[tuple[str, bool]] = []
        position = marker
        while True:
            page = await storage.list_objects(
                BUCKET, prefix=prefix, delimiter=delimiter, marker=position, max_keys=limit
            )
            entries = [(info.key, False) for info in page.objects]
            entries += [(text, True) for text in page.common_prefixes]
            entries.sort(key=lambda entry: entry[0].encode())
            assert len(entries) <= limit
            found += entries
            assert page.truncated == (page.next_marker is not None)
            if page.next_marker is None:
                return found
            assert entries[-1][0] == page.next_marker
            assert len(entries) == limit
            position = page.next_marker

    keys = set(possible(storage, keys))
    portal.call(fill, storage, keys)
    try:
        assert portal.call(pages) == model(keys, prefix, delimiter, marker)
    finally:
        portal.call(clear, storage)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    keys=st.lists(KEYS, max_size=12),
    prefix=TEXT | st.just(""),
    delimiter=LETTERS | st.just(""),
    limit=st.integers(1, 15),
)
def test_pages_of_uploads_name_each_upload_once(
    served: SimpleNamespace, keys: list[str], prefix: str, delimiter: str, limit: int
) -> None:
    portal: BlockingPortal = served.portal
    storage: Storage = served.storage

    async def scenario() -> None:
        await storage.create_bucket(BUCKET, region="ap-beijing")
        made = [await storage.create_upload(BUCKET, key, ObjectAttributes()) for key in keys + keys[:3]]
        expected = [text for text, is_prefix in model(set(keys), prefix, delimiter, "") if is_prefix]
        uploads: list[Upload] = []
        prefixes: list[str] = []
        markers = ("", "")
        while True:
            page = await storage.list_uploads(
                BUCKET,
                prefix=prefix,
                delimiter=delimiter,
                key_marker=markers[0],
                upload_id_marker=markers[1],
                max_uploads=limit,
            )
            assert len(page.uploads) + len(page.common_prefixes) <= limit
            uploads += page.uploads
            prefixes += page.common_prefixes
            assert page.truncated == (page.next_key_marker is not None)
            if page.next_key_marker is None:
                break
            markers = page.next_key_marker, page.next_upload_id_marker or ""
        assert prefixes == expected
        wanted = {
            upload.upload_id
            for upload in made
            if upload.key.startswith(prefix) and not (delimiter and delimiter in upload.key[len(prefix) :])
        }
        assert len(uploads) == len(wanted)
        assert {upload.upload_id for upload in uploads} == wanted
        order = [(upload.key.encode(), upload.upload_id) for upload in uploads]
        assert order == sorted(order)
        await clear(storage)

    portal.call(scenario)
