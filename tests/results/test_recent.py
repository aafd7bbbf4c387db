"""Results in memory, and that a clearing elsewhere reaches them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from openmogr.results import Recent, ResultStore


def test_what_was_used_longest_ago_goes_first() -> None:
    recent: Recent[str] = Recent(max_bytes=100, max_value=60)
    for name in "abc":
        recent.put(name, name.upper(), 30)
    assert recent.get("a") == "A"
    recent.put("d", "D", 30)
    assert [recent.get(name) for name in "abcd"] == ["A", None, "C", "D"]


def test_the_bound_holds_whatever_is_put() -> None:
    recent: Recent[int] = Recent(max_bytes=100, max_value=60)
    recent.put("long", 1, 61)
    assert recent.get("long") is None
    for _ in range(10):
        recent.put("same", 2, 60)
    recent.put("other", 3, 40)
    assert (recent.get("same"), recent.get("other")) == (2, 3)
    recent.clear()
    recent.put("new", 4, 60)
    recent.put("more", 5, 40)
    assert (recent.get("same"), recent.get("new"), recent.get("more")) == (None, 4, 5)


def test_clearing_by_another_process_is_seen(tmp_path: Path) -> None:
    async def scenario() -> None:
        store, other = ResultStore(tmp_path / "r", 1 << 20), ResultStore(tmp_path / "r", 1 << 20)
        await store.open()
        await other.open()
        before = store.generation
        await store.put("k", b"{}", b"content")
        assert store.generation == before
        assert (await store.statistics()).entries == 1
        assert await other.clear() == 1
        assert store.generation != before
        assert await store.get("k") is None
        await store.close()
        await other.close()

    asyncio.run(scenario())


def test_uses_of_what_lies_in_memory_keep_it_on_the_disk(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = ResultStore(tmp_path / "r", 8 * 10_000)
        await store.open()
        for number in range(7):
            await store.put(f"k{number}", b"{}", bytes([number]) * 9_000)
        for _ in range(300):
            store.touch("k0")
        for number in range(300):
            store.touch(f"x{number}")
        assert (await store.statistics()).hits >= 256
        await store.put("late", b"{}", b"x" * 18_000)
        kept = await store.get("k0")
        assert kept is not None
        kept.file.close()
        assert await store.get("k1") is None
        await store.close()

    asyncio.run(scenario())


def test_an_index_that_cannot_be_opened_is_tried_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        (tmp_path / "index.sqlite3").mkdir()  # as good as a disk that takes nothing
        (tmp_path / "index.sqlite3" / "in the way").touch()
        store = ResultStore(tmp_path, 1 << 20)
        await store.open()
        await store.put("k", b"{}", b"content")
        assert await store.get("k") is None
        assert (await store.statistics()).entries == 0
        (tmp_path / "index.sqlite3" / "in the way").unlink()
        (tmp_path / "index.sqlite3").rmdir()
        assert await store.get("k") is None
        assert not (tmp_path / "index.sqlite3").exists(), "not at every request"
        monkeypatch.setattr("openmogr.results.store._RETRY_SECONDS", 0.0)
        store._retry_at = 0.0
        await store.put("k", b"{}", b"content")
        entry = await store.get("k")
        assert entry is not None
        entry.file.close()
        await store.close()

    asyncio.run(scenario())
