"""What only the embedded back-end promises: its files, its one owner, its event loop, a full disk."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from openmogr.errors import InternalError, NoSuchBucket
from openmogr.storage import EmbeddedStorage, StorageSettings, StorageUnusable
from openmogr.storage.errors import StorageFull, TooManyAppends
from openmogr.storage.interface import Checksum, CompletedPart, ObjectAttributes, ObjectInfo, Write

pytestmark = pytest.mark.anyio

BUCKET = "photos-1250000000"


@pytest.fixture
def settings(tmp_path: Path) -> StorageSettings:
    return StorageSettings(data=tmp_path / "data", chunk_bytes=4096, min_part_bytes=0, io_threads=4)


@pytest.fixture
async def storage(settings: StorageSettings) -> AsyncIterator[EmbeddedStorage]:
    async with EmbeddedStorage(settings) as opened:
        await opened.create_bucket(BUCKET, region="ap-beijing")
        yield opened


async def put(storage: EmbeddedStorage, key: str, body: bytes) -> ObjectInfo:
    async with storage.stage() as staged:
        await staged.write(body)
        return (await storage.commit([Write(BUCKET, key, staged)]))[0]


async def blobs(storage: EmbeddedStorage, settings: StorageSettings) -> Sequence[Path]:
    """The files of objects, once those that are not needed are gone."""
    await storage.reclaimed()
    return [path for path in (settings.data / "blobs").glob("*/*") if path.is_file()]


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def staged_files(settings: StorageSettings) -> Sequence[Path]:
    return list((settings.data / "staging").iterdir())


async def test_keys_never_become_paths(
    storage: EmbeddedStorage, settings: StorageSettings, tmp_path: Path
) -> None:
    for key in ["../../escape", "/etc/passwd", "a" * 850, "nul\x00"]:
        await put(storage, key, b"body")
    assert len(await blobs(storage, settings)) == 4
    assert all(set(path.name) <= set("0123456789abcdef") for path in await blobs(storage, settings))
    assert entries(tmp_path) == {"data"}
    assert entries(settings.data) - {"index.sqlite3-wal", "index.sqlite3-shm"} == {
        "blobs",
        "staging",
        "index.sqlite3",
        "keep",
        "lock",
        "reserve",
    }


async def test_no_file_outlives_its_object(storage: EmbeddedStorage, settings: StorageSettings) -> None:
    await put(storage, "a", b"1")
    await put(storage, "a", b"2")
    assert [path.read_bytes() for path in await blobs(storage, settings)] == [b"2"]
    await put(storage, "empty", b"")
    await storage.delete_objects(BUCKET, ["a", "empty"])
    assert await blobs(storage, settings) == []
    assert staged_files(settings) == []


async def test_a_copy_takes_no_space(storage: EmbeddedStorage, settings: StorageSettings) -> None:
    await put(storage, "a", bytes(50_000))
    async with await storage.open_object(BUCKET, "a") as reader:
        await storage.commit([Write(BUCKET, "b", reader), Write(BUCKET, "c", reader)])
    assert len(await blobs(storage, settings)) == 1
    await storage.delete_objects(BUCKET, ["a", "b"])
    assert len(await blobs(storage, settings)) == 1
    await storage.delete_objects(BUCKET, ["c"])
    assert await blobs(storage, settings) == []


async def test_completing_moves_no_bytes(storage: EmbeddedStorage, settings: StorageSettings) -> None:
    upload = await storage.create_upload(BUCKET, "big", ObjectAttributes())
    parts = []
    for number in range(1, 5):
        async with storage.stage() as staged:
            await staged.write(bytes([number]) * 10_000)
            parts.append(await storage.put_part(BUCKET, "big", upload.upload_id, number, staged))
    before = {path: path.stat().st_ino for path in await blobs(storage, settings)}
    wanted = [CompletedPart(part.number, part.etag) for part in parts[:3]]
    async with await storage.assemble(BUCKET, "big", upload.upload_id, wanted) as assembly:
        await storage.commit([Write(BUCKET, "big", assembly)])
    after = {path: path.stat().st_ino for path in await blobs(storage, settings)}
    assert len(after) == 3
    assert after.items() <= before.items()


async def test_the_bytes_go_with_the_last_reader(storage: EmbeddedStorage, settings: StorageSettings) -> None:
    await put(storage, "a", b"1")
    first = await storage.open_object(BUCKET, "a")
    second = await storage.open_object(BUCKET, "a")
    await storage.delete_objects(BUCKET, ["a"])
    await first.aclose()
    assert len(await blobs(storage, settings)) == 1
    assert await second.read() == b"1"
    await second.aclose()
    assert await blobs(storage, settings) == []


async def test_a_reader_that_nobody_closes_is_no_leak(
    storage: EmbeddedStorage, settings: StorageSettings
) -> None:
    await put(storage, "a", b"1")
    reader = await storage.open_object(BUCKET, "a")
    await storage.delete_objects(BUCKET, ["a"])
    assert len(await blobs(storage, settings)) == 1
    del reader
    gc.collect()
    await put(storage, "b", b"2")
    await put(storage, "b", b"3")
    assert [path.read_bytes() for path in await blobs(storage, settings)] == [b"3"]


async def test_what_a_crash_left_is_reclaimed(storage: EmbeddedStorage, settings: StorageSettings) -> None:
    await put(storage, "a", b"kept")
    kept = await blobs(storage, settings)
    await storage.__aexit__(None, None, None)
    (settings.data / "staging" / ("0" * 32)).write_bytes(b"half an upload")
    for folder in ("00", "ff", kept[0].parent.name):
        (settings.data / "blobs" / folder / ("1" * 30 + folder)).write_bytes(b"never committed")
    async with EmbeddedStorage(settings) as again:
        assert staged_files(settings) == []
        assert await blobs(again, settings) == kept
        async with await again.open_object(BUCKET, "a") as reader:
            assert await reader.read() == b"kept"


async def test_a_failed_commit_leaves_no_file(storage: EmbeddedStorage, settings: StorageSettings) -> None:
    async with storage.stage() as staged:
        await staged.write(b"1")
        with pytest.raises(NoSuchBucket):
            await storage.commit([Write("none-1", "a", staged)])
    assert await blobs(storage, settings) == []
    assert staged_files(settings) == []


async def test_cancelled_uploads_leave_all_or_nothing(
    storage: EmbeddedStorage, settings: StorageSettings
) -> None:
    body = os.urandom(30_000)
    for steps in range(40):
        task = asyncio.create_task(put(storage, f"key-{steps}", body))
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        task.cancel()
        await asyncio.wait([task])
    page = await storage.list_objects(BUCKET)
    assert len(await blobs(storage, settings)) == len(page.objects)
    assert staged_files(settings) == []
    for info in page.objects:
        async with await storage.open_object(BUCKET, info.key) as reader:
            assert await reader.read() == body


async def test_the_event_loop_goes_on_while_the_disk_is_slow(
    storage: EmbeddedStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticked = threading.Event()
    waited: list[bool] = []
    fsync = os.fsync

    def slow(descriptor: int) -> None:
        # Returns late and empty-handed if the loop, which is to set the event, is the one that waits here.
        waited.append(ticked.wait(10))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    task = asyncio.create_task(put(storage, "a", bytes(20_000)))
    for _ in range(20):
        await asyncio.sleep(0.005)
    ticked.set()
    await task
    assert waited == [True, True]


async def test_writers_do_not_wait_for_removals(
    storage: EmbeddedStorage, settings: StorageSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(storage, "a", b"1")
    removal = threading.Event()
    unlink = Path.unlink

    def slow(path: Path, missing_ok: bool = False) -> None:
        if path.parent.parent.name == "blobs":
            assert removal.wait(60)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", slow)
    for number in range(5):
        await asyncio.wait_for(put(storage, "a", bytes([number])), 30)
    removal.set()
    assert len(await blobs(storage, settings)) == 1


async def test_bytes_are_durable_before_they_are_indexed(
    storage: EmbeddedStorage, settings: StorageSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        folder, name = Path(f"/proc/self/fd/{descriptor}").readlink().parts[-2:]
        events.append("data" if folder == "staging" else "name" if folder == "blobs" else name)
        objects = sqlite3.connect(settings.data / "index.sqlite3")
        count = objects.execute("SELECT count(*) FROM objects").fetchone()[0]
        objects.close()
        assert count == 0
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    await put(storage, "a", bytes(20_000))
    assert events == ["data", "name"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_refuses_the_upload(
    storage: EmbeddedStorage, settings: StorageSettings, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    await put(storage, "a", b"old")
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageFull):
        await put(storage, "a", bytes(20_000))
    monkeypatch.setattr(os, "write", write)
    assert (await storage.head_object(BUCKET, "a")).size == 3
    assert len(await blobs(storage, settings)) == 1
    await put(storage, "a", b"newer")


async def test_a_full_index_refuses_the_write_and_recovers(
    storage: EmbeddedStorage, settings: StorageSettings
) -> None:
    writer = storage._index._connection
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages}")
    stored: list[str] = []

    async def fill() -> None:
        for number in range(200):
            await put(storage, f"{number:0800}", b"1")
            stored.append(f"{number:0800}")

    with pytest.raises(StorageFull):
        await fill()
    writer.execute("PRAGMA max_page_count = 100000")
    assert [info.key for info in (await storage.list_objects(BUCKET)).objects] == stored
    assert len(await blobs(storage, settings)) == len(stored)
    await put(storage, "a", b"1")


async def test_a_damaged_blob_is_our_fault_and_said_so(
    storage: EmbeddedStorage, settings: StorageSettings
) -> None:
    await put(storage, "a", bytes(10_000))
    os.truncate((await blobs(storage, settings))[0], 5000)
    async with await storage.open_object(BUCKET, "a") as reader:
        with pytest.raises(InternalError) as raised:
            await reader.read()
        assert "5000 bytes early" in raised.value.detail
    (await blobs(storage, settings))[0].unlink()
    async with await storage.open_object(BUCKET, "a") as reader:
        with pytest.raises(InternalError):
            await reader.read()


# The folder


async def test_a_folder_has_one_owner(storage: EmbeddedStorage, settings: StorageSettings) -> None:
    with pytest.raises(StorageUnusable, match="in use by another OpenMogr process"):
        await EmbeddedStorage(settings).__aenter__()
    program = (
        "import asyncio, pathlib, sys\n"
        "from openmogr.storage import EmbeddedStorage, StorageSettings\n"
        "asyncio.run(EmbeddedStorage(StorageSettings(data=pathlib.Path(sys.argv[1]))).__aenter__())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(settings.data), stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert b"in use by another OpenMogr process" in errors
    await put(storage, "a", b"still ours")


async def test_an_unusable_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageUnusable, match="file cannot be used: File exists"):
        await EmbeddedStorage(StorageSettings(data=tmp_path / "file")).__aenter__()
    with pytest.raises(StorageUnusable, match="Not a directory"):
        await EmbeddedStorage(StorageSettings(data=tmp_path / "file" / "data")).__aenter__()


async def test_a_damaged_index_is_explained(settings: StorageSettings) -> None:
    settings.data.mkdir()
    (settings.data / "index.sqlite3").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StorageUnusable, match="not a database"):
        await EmbeddedStorage(settings).__aenter__()


async def test_an_index_of_a_newer_version_is_left_alone(
    storage: EmbeddedStorage, settings: StorageSettings
) -> None:
    await storage.__aexit__(None, None, None)
    index = sqlite3.connect(settings.data / "index.sqlite3")
    index.execute("PRAGMA user_version = 99")
    index.close()
    with pytest.raises(StorageUnusable, match="newer OpenMogr"):
        await EmbeddedStorage(settings).__aenter__()


async def test_an_index_of_the_first_version_is_brought_up(settings: StorageSettings) -> None:
    """Version 2 keeps a checksum with each part, version 3 tells which objects are appendable."""
    async with EmbeddedStorage(settings) as storage:
        await storage.create_bucket("a-1250000000", region="r")
        async with storage.stage() as staged:
            await staged.write(b"plain")
            await storage.commit([Write("a-1250000000", "plain", staged)])
        upload = await storage.create_upload("a-1250000000", "k", ObjectAttributes())
        async with storage.stage() as staged:
            await staged.write(b"old")
            await storage.put_part("a-1250000000", "k", upload.upload_id, 1, staged)
    index = sqlite3.connect(settings.data / "index.sqlite3")
    index.executescript(
        "ALTER TABLE parts DROP COLUMN checksum; ALTER TABLE objects DROP COLUMN appends; PRAGMA user_version = 1;"
    )
    index.close()
    async with EmbeddedStorage(settings) as storage:
        (part,) = (await storage.list_parts("a-1250000000", "k", upload.upload_id)).parts
        assert (part.size, part.checksum) == (3, None)
        checksum = Checksum("CRC32", "AAAAAA==")
        async with storage.stage() as staged:
            await staged.write(b"new")
            part = await storage.put_part("a-1250000000", "k", upload.upload_id, 2, staged, checksum)
        assert part.checksum == checksum
        assert not (await storage.head_object("a-1250000000", "plain")).appendable


async def test_appends_are_limited(storage: EmbeddedStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a file; a copy is not appendable any more, and reads the same."""
    monkeypatch.setattr("openmogr.storage.embedded.objects._MAX_APPENDS", 3)
    for position in range(3):
        async with storage.stage() as staged:
            await staged.write(b"x")
            info = await storage.append_object(BUCKET, "log", position, staged, ObjectAttributes())
    async with storage.stage() as staged:
        await staged.write(b"y")
        with pytest.raises(TooManyAppends):
            await storage.append_object(BUCKET, "log", 3, staged, ObjectAttributes())
    assert await storage.head_object(BUCKET, "log") == info
    await storage.reclaimed()
    # Of the refused append nothing is left.
    assert len([path for path in (storage._settings.data / "blobs").glob("*/*") if path.is_file()]) == 3
