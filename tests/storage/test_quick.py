"""Look-ups on the event loop's thread, and when they leave it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from openmogr.errors import NoSuchBucket, NoSuchKey
from openmogr.storage.embedded import quick
from openmogr.storage.embedded.quick import NotNow, QuickReads
from openmogr.storage.embedded.storage import EmbeddedStorage
from openmogr.storage.interface import ObjectAttributes, ObjectHeaders, Write
from openmogr.storage.settings import StorageSettings

BUCKET = "photos-1250000000"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "index"
    with sqlite3.connect(path) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE numbers (number INTEGER)")
        writer.execute("INSERT INTO numbers VALUES (7)")
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def number(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT number FROM numbers").fetchone()[0])


class Clock:
    """Each look at it takes a while."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 100.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_a_read_that_waits_for_the_disk_sends_the_next_ones_away(
    index: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(0.05)
    reads = QuickReads(index, clock)
    monkeypatch.setattr(QuickReads, "_has_read_the_disk", lambda _: True)
    assert reads.read(number) == 7
    with pytest.raises(NotNow):
        reads.read(number)
    clock.now += 2
    assert reads.read(number) == 7


def test_a_busy_processor_sends_nobody_away(index: sqlite3.Connection) -> None:
    reads = QuickReads(index, Clock(0.05))
    assert [reads.read(number) for _ in range(3)] == [7, 7, 7]


def test_what_sqlite_says_is_left_to_those_who_may_wait(index: sqlite3.Connection) -> None:
    reads = QuickReads(index)
    with pytest.raises(NotNow):
        reads.read(lambda connection: connection.execute("SELECT nothing FROM nowhere"))
    with pytest.raises(NotNow):
        reads.read(lambda connection: connection.execute("DELETE FROM numbers"))
    assert reads.read(number) == 7


async def put(storage: EmbeddedStorage, key: str, data: bytes) -> None:
    async with storage.stage() as staged:
        await staged.write(data)
        attributes = ObjectAttributes(headers=ObjectHeaders(content_type="text/plain"))
        await storage.commit([Write(BUCKET, key, staged, attributes)])


@pytest.mark.anyio
async def test_look_ups_change_no_thread_and_see_the_last_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with EmbeddedStorage(StorageSettings(data=tmp_path / "data")) as storage:
        await storage.create_bucket(BUCKET, region="x")
        await storage.reclaimed()
        monkeypatch.setattr(storage, "_read", None)
        for text in (b"one", b"two", b""):
            await put(storage, "a", text)
            async with await storage.open_object(BUCKET, "a") as reader:
                await reader.verify()
                assert (reader.at_hand or b"") == text == await reader.read()
            assert (await storage.head_object(BUCKET, "a")).size == len(text)
        with pytest.raises(NoSuchKey):
            await storage.open_object(BUCKET, "b")
        with pytest.raises(NoSuchBucket):
            await storage.open_object("other", "a")


@pytest.mark.anyio
async def test_what_would_wait_is_looked_up_by_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with EmbeddedStorage(StorageSettings(data=tmp_path / "data")) as storage:
        await storage.create_bucket(BUCKET, region="x")
        await put(storage, "a", b"one")
        lock = storage._blobs.lock
        lock.acquire()
        threading.Timer(0.2, lock.release).start()
        async with await storage.open_object(BUCKET, "a") as reader:
            assert await reader.read() == b"one"

        def never(*_: object) -> None:
            raise NotNow

        monkeypatch.setattr(quick.QuickReads, "read", never)
        assert (await storage.head_object(BUCKET, "a")).size == 3
        assert (await storage.head_bucket(BUCKET)).name == BUCKET
