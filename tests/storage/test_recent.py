"""What is remembered of the index is what the index would say (``openmogr.storage.embedded.recent``)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

import pytest

from openmogr.errors import NoSuchKey
from openmogr.storage.embedded.recent import Found, RecentObjects
from openmogr.storage.embedded.records import Segment, moment
from openmogr.storage.embedded.storage import EmbeddedStorage
from openmogr.storage.interface import Acl, ObjectAttributes, ObjectInfo, Write
from openmogr.storage.settings import StorageSettings

BUCKET = "recent-1250000000"
T = TypeVar("T")


def found(pieces: int = 1) -> Found:
    info = ObjectInfo(BUCKET, "key", 3, "0" * 32, 0, moment(0), ObjectAttributes())
    return info, [Segment("blob", 0, 3)] * pieces


class Changes:
    number = 0

    def __call__(self) -> int:
        return self.number


def test_an_answer_holds_until_something_changes() -> None:
    changes = Changes()
    recent = RecentObjects(changes)
    answer = found()
    assert recent.find(BUCKET, b"key") is None
    assert recent.looked_up(BUCKET, b"key", lambda: answer) is answer
    assert recent.find(BUCKET, b"key") is answer
    for changes.number in (1, 2):  # under way, and done
        assert recent.find(BUCKET, b"key") is None
    other = found()
    recent.looked_up(BUCKET, b"other", lambda: other)
    assert recent.find(BUCKET, b"other") is other
    assert recent.find(BUCKET, b"key") is None


@pytest.mark.parametrize("before", [0, 1, 2])
def test_what_changed_while_it_was_looked_up_is_not_remembered(before: int) -> None:
    changes = Changes()
    recent = RecentObjects(changes)
    changes.number = before

    def look_up() -> Found:
        changes.number += 1 if before % 2 else 2
        return found()

    recent.looked_up(BUCKET, b"key", look_up)
    assert recent.find(BUCKET, b"key") is None


def test_a_look_up_amid_a_change_is_not_remembered() -> None:
    changes = Changes()
    recent = RecentObjects(changes)
    changes.number = 1
    recent.looked_up(BUCKET, b"key", found)
    assert recent.find(BUCKET, b"key") is None


def test_objects_of_many_pieces_and_errors_are_not_remembered() -> None:
    recent = RecentObjects(Changes())
    recent.looked_up(BUCKET, b"many", lambda: found(5))

    def missing() -> Found:
        raise NoSuchKey()

    with pytest.raises(NoSuchKey):
        recent.looked_up(BUCKET, b"none", missing)
    assert recent.find(BUCKET, b"many") is recent.find(BUCKET, b"none") is None


def test_no_more_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openmogr.storage.embedded.recent._MOST", 3)
    recent = RecentObjects(Changes())
    for number in range(10):
        recent.looked_up(BUCKET, b"%d" % number, found)
    assert sum(recent.find(BUCKET, b"%d" % number) is not None for number in range(10)) <= 3


async def put(storage: EmbeddedStorage, key: str, data: bytes) -> None:
    async with storage.stage() as staged:
        await staged.write(data)
        await storage.commit([Write(BUCKET, key, staged, ObjectAttributes())])


async def read(storage: EmbeddedStorage, key: str) -> bytes:
    async with await storage.open_object(BUCKET, key) as reader:
        await reader.verify()
        return await reader.read()


def test_the_index_is_asked_once_until_something_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with EmbeddedStorage(StorageSettings(data=tmp_path)) as storage:
            await storage.create_bucket(BUCKET, region="ap-shanghai")
            await put(storage, "a", b"first")
            asked = 0
            ask = storage._index.read_here

            def counted(work: Callable[[Connection], T]) -> T:
                nonlocal asked
                asked += 1
                return ask(work)

            monkeypatch.setattr(storage._index, "read_here", counted)
            for _ in range(3):
                assert await read(storage, "a") == b"first"
                assert (await storage.head_object(BUCKET, "a")).size == 5
            assert asked == 1
            await put(storage, "a", b"other bytes")
            assert await read(storage, "a") == b"other bytes"
            assert asked == 2
            await storage.set_object_acl(BUCKET, "a", Acl.PUBLIC_READ)
            assert (await storage.head_object(BUCKET, "a")).attributes.acl is Acl.PUBLIC_READ
            assert await read(storage, "a") == b"other bytes"
            await storage.delete_objects(BUCKET, ["a"])
            for look in (storage.head_object, storage.open_object):
                with pytest.raises(NoSuchKey):
                    await look(BUCKET, "a")

    asyncio.run(run())


def test_readers_amid_changes_see_one_version_whole(tmp_path: Path) -> None:
    """Blobs that a remembered answer names are not removed before they are pinned: reading them would fail."""

    async def run() -> None:
        async with EmbeddedStorage(StorageSettings(data=tmp_path)) as storage:
            await storage.create_bucket(BUCKET, region="ap-shanghai")
            await put(storage, "a", b"0" * 1000)
            written, done = 0, False

            async def change() -> None:
                nonlocal written, done
                for number in range(1, 60):
                    await put(storage, "a", b"%d" % number * 1000)
                    written = number
                done = True

            async def look() -> None:
                last = 0
                while not done:
                    least = written
                    data = await read(storage, "a")
                    number = int(data[: len(data) // 1000])
                    assert data == b"%d" % number * 1000
                    assert number >= max(last, least)
                    last = number
                    await asyncio.sleep(0)

            await asyncio.gather(change(), *(look() for _ in range(4)))

    asyncio.run(run())
