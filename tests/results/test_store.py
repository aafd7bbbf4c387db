"""The result store: never stale, never too large, never wrong."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from openmogr.results import ResultStore, result_key
from openmogr.workers import HeldBytes

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def _store(
    folder: Path, max_bytes: int = 1 << 20, lock_timeout: float = 0.25
) -> AsyncIterator[ResultStore]:
    store = ResultStore(folder, max_bytes, lock_timeout=lock_timeout)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def _read(store: ResultStore, key: str) -> tuple[bytes, bytes] | None:
    entry = await store.get(key)
    if entry is None:
        return None
    with entry.file:
        data = entry.file.read()
    assert len(data) == entry.size
    return entry.head, data


async def _written(store: ResultStore) -> None:
    """Wait until what was handed over lies on the disk."""
    await store.statistics()


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and "index.sqlite3" not in file.name]


async def test_an_index_that_another_process_has_locked_holds_nobody_up(tmp_path: Path) -> None:
    async with _store(tmp_path, lock_timeout=2) as store:
        await store.put("before", b"", b"before")
        await _written(store)
        with contextlib.closing(sqlite3.connect(tmp_path / "index.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            started = time.monotonic()
            for number in range(20):
                await store.put(f"k{number}", b"", b"locked%d" % number)
                assert await _read(store, f"k{number}") is None
                assert await _read(store, "before") == (b"", b"before")
            # Not the 40 of one that waits for the lock each time.
            assert time.monotonic() - started < 30
            other.execute("ROLLBACK")
        assert len(_files(tmp_path)) == 1
        deadline = time.monotonic() + 60
        while await _read(store, "after") is None:
            assert time.monotonic() < deadline
            await store.put("after", b"", b"after")
        assert (await store.statistics()).entries == 2


def test_a_key_stands_for_all_parts_in_order() -> None:
    keys = {result_key(*parts) for parts in [("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""), ("a", 1)]}
    assert len(keys) == 5
    assert result_key("a", 1) == result_key("a", "1")


@pytest.mark.parametrize("size", [0, 1, 100_000])
async def test_what_was_kept_is_found_also_after_a_restart(tmp_path: Path, size: int) -> None:
    async with _store(tmp_path) as store:
        assert await _read(store, "k") is None
        await store.put("k", b"head", b"x" * size)
        assert await _read(store, "k") == (b"head", b"x" * size)
    async with _store(tmp_path) as store:
        assert await _read(store, "k") == (b"head", b"x" * size)
        statistics = await store.statistics()
    assert (statistics.entries, statistics.hits, statistics.misses) == (1, 1, 0)


async def test_a_file_is_kept_as_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    async with _store(tmp_path / "store") as store:
        held = HeldBytes((tmp_path / "file").open("rb"), 0, 10)
        await store.put("k", b"", held)
        await store.put("part", b"", HeldBytes(held, 3, 4))
        held.close()
        assert await _read(store, "k") == (b"", b"0123456789")
        assert await _read(store, "part") == (b"", b"3456")


async def test_equal_contents_lie_there_once(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        for key in "abc":
            await store.put(key, key.encode(), b"same" * 1000)
        await _written(store)
        assert len(_files(tmp_path)) == 1
        assert await _read(store, "b") == (b"b", b"same" * 1000)


async def test_the_size_is_bounded_and_the_longest_unused_goes(tmp_path: Path) -> None:
    rng = random.Random(1)
    async with _store(tmp_path, 100_000) as store:
        for number in range(40):
            await store.put(str(number), b"", rng.randbytes(10_000))
            assert await _read(store, "0") is not None, "used all the time"
            assert sum(file.stat().st_size for file in _files(tmp_path)) <= 100_000
        assert await _read(store, "39") is not None
        assert await _read(store, "1") is None
        assert (await store.statistics()).evicted > 25


async def test_what_would_crowd_out_the_rest_is_not_kept(tmp_path: Path) -> None:
    async with _store(tmp_path, 100_000) as store:
        await store.put("small", b"", b"x" * 1000)
        await store.put("large", b"", b"x" * 50_000)
        assert await _read(store, "large") is None
        assert await _read(store, "small") is not None


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone", "longer"])
async def test_a_damaged_file_is_not_served_but_made_again(tmp_path: Path, damage: str) -> None:
    async with _store(tmp_path) as store:
        await store.put("k", b"", b"x" * 5000)
        await store.put("other", b"", b"y" * 5000)
        await _written(store)
        (file,) = (file for file in _files(tmp_path) if file.read_bytes()[:1] == b"x")
        data = file.read_bytes()
        broken = {"flip": b"X" + data[1:], "cut": data[:-1], "empty": b"", "longer": data + b"x"}
        if damage == "gone":
            file.unlink()
        else:
            file.write_bytes(broken[damage])
        assert await _read(store, "k") is None
        assert (await store.statistics()).damaged == 1
        await store.put("k", b"", b"x" * 5000)
        assert await _read(store, "k") == (b"", b"x" * 5000)
        assert await _read(store, "other") is not None


@pytest.mark.parametrize("where", ["before", "while open"])
async def test_a_damaged_index_is_begun_anew(tmp_path: Path, where: str) -> None:
    index = tmp_path / "index.sqlite3"
    async with _store(tmp_path) as store:
        for number in range(200):
            await store.put(str(number), b"head", b"%d" % number)
        if where == "while open":
            with index.open("r+b") as file:
                file.write(b"\xff" * index.stat().st_size)
            for number in range(200):
                await _read(store, str(number))
    if where == "before":
        index.write_bytes(b"this is no database at all" * 100)
    async with _store(tmp_path) as store:
        assert await _read(store, "3") in (None, (b"head", b"3"))
        await store.put("new", b"", b"content")
        assert await _read(store, "new") == (b"", b"content")


async def test_files_without_an_entry_are_swept_at_the_start(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.put("k", b"", b"content")
    (stray,) = _files(tmp_path)
    (stray.parent / "stray.12ab").write_bytes(b"left by a crash")
    async with _store(tmp_path) as store:
        assert len(_files(tmp_path)) == 1
        assert await _read(store, "k") is not None


async def test_clearing_leaves_nothing(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        for number in range(5):
            await store.put(str(number), b"", b"%d" % number)
        assert await store.clear() == 5
        assert _files(tmp_path) == []
        assert (await store.statistics()).bytes == 0
        assert await _read(store, "3") is None


async def test_others_cannot_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    async with _store(folder) as store:
        await store.put("k", b"", b"content")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for file in folder.rglob("*"):
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 or file.parent == folder


async def test_a_folder_that_cannot_be_written_costs_only_the_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with _store(tmp_path) as store:
        (tmp_path / "ed").write_bytes(b"a file where a folder of contents belongs")
        # sha256(b"content") begins with ed.
        await store.put("k", b"", b"content")
        assert await _read(store, "k") is None
    assert "not remembered" in caplog.text
