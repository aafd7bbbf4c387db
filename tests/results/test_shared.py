"""Results that nodes have in common: found by others, never wrong, never in the way, never too many."""

# ruff: noqa: ASYNC240 - a few small files

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from openmogr.database import Database
from openmogr.results import ResultSettings, ResultStore, result_key
from openmogr.results.shared import SharedResults
from openmogr.results.tables import SHARED_RESULTS
from openmogr.workers import HeldBytes
from tests.database.conftest import settings_of

pytestmark = pytest.mark.anyio
pytest.importorskip("obstore")

KEY = result_key("source", "pipeline")


@pytest.fixture
async def database(database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(settings_of(database_url), tmp_path) as opened:
        yield opened


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "common"
    folder.mkdir()
    return folder


@contextlib.asynccontextmanager
async def node(folder: Path, place: Path, database: Database, **more: Any) -> AsyncIterator[SharedResults]:
    from obstore.store import LocalStore

    settings = ResultSettings.model_validate({"shared": place.as_uri(), **more})
    shared = SharedResults(ResultStore(folder, 1 << 20), LocalStore(place), settings, database)
    await shared.open()
    try:
        yield shared
    finally:
        await shared.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - in another task
            await asyncio.sleep(0.01)


async def read(results: SharedResults, key: str = KEY) -> tuple[bytes, bytes] | None:
    entry = await results.get(key)
    if entry is None:
        return None
    with entry.file:
        entry.file.seek(0)
        content = entry.file.read()
    assert len(content) == entry.size
    return entry.head, content


async def put(results: SharedResults, content: bytes = b"content", key: str = KEY) -> None:
    before = results.counts["put"]
    await results.put(key, b"head", content)
    await until(lambda: results.counts["put"] > before)


async def test_what_one_made_the_other_has(tmp_path: Path, place: Path, database: Database) -> None:
    async with (
        node(tmp_path / "one", place, database) as one,
        node(tmp_path / "other", place, database) as other,
    ):
        assert await read(other) is None
        await put(one)
        for _ in range(2):
            assert await read(other) == (b"head", b"content")
        # Then it has it itself.
        assert other.counts["hit"] == 1
        assert other.counts["miss"] == 1
        assert await read(one) == (b"head", b"content")
        assert one.counts["hit"] == one.counts["miss"] == 0


async def test_empty_and_long_ones(tmp_path: Path, place: Path, database: Database) -> None:
    content = bytes(range(256)) * 4000  # more than the other's own results take
    async with (
        node(tmp_path / "one", place, database) as one,
        node(tmp_path / "other", place, database) as other,
    ):
        await put(one, b"", result_key("empty"))
        assert await read(other, result_key("empty")) == (b"head", b"")
        with (tmp_path / "long").open("w+b") as file:
            file.write(content)
            file.flush()
            before = one.counts["put"]
            await one.put(KEY, b"head", HeldBytes(file, 0, len(content)))
            await until(lambda: one.counts["put"] > before)
        assert await read(other) == (b"head", content)


@pytest.mark.parametrize("change", ["cut", "bit", "other key", "empty", "text"])
async def test_what_is_damaged_is_missing(
    change: str, tmp_path: Path, place: Path, database: Database
) -> None:
    async with (
        node(tmp_path / "one", place, database) as one,
        node(tmp_path / "other", place, database) as other,
    ):
        await put(one)
        await put(one, b"another", result_key("b"))
        file, another = (place / key[:2] / key for key in (KEY, result_key("b")))
        data = file.read_bytes()
        changed = {
            "cut": data[:-1],
            "bit": data[:-1] + bytes([data[-1] ^ 1]),
            "other key": another.read_bytes(),
            "empty": b"",
            "text": b"<Error/>",
        }[change]
        file.write_bytes(changed)
        assert await read(other) is None
        assert other.counts["damaged"] == 1
        # It is made again, and then whole.
        await put(other)
        assert file.read_bytes() == data


async def test_a_store_that_fails_is_a_miss_and_left_alone(
    tmp_path: Path, place: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    import obstore

    asked = 0

    async def hang(*_: object) -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(60)

    async with node(tmp_path / "one", place, database, shared_timeout=0.2) as one:
        with monkeypatch.context() as patch:
            patch.setattr(obstore, "get_async", hang)
            started = time.monotonic()
            for number in range(5):
                assert await read(one, result_key(str(number))) is None
                await one.put(result_key(str(number)), b"head", b"mine")
                assert await read(one, result_key(str(number))) == (b"head", b"mine")
            assert time.monotonic() - started < 30
        assert asked == 1
        assert one.counts["failed"] == 1
        one._asked_again_at = 0.0
        await put(one)


async def test_a_database_that_is_lost_shares_nothing_and_harms_nothing(
    tmp_path: Path, place: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openmogr.database import DatabaseUnavailable

    def lost() -> None:
        raise DatabaseUnavailable(detail="lost")

    async with node(tmp_path / "one", place, database) as one:
        with monkeypatch.context() as patch:
            patch.setattr(database, "changing", lost)
            await one.put(KEY, b"head", b"content")
            await until(lambda: not one._waiting)
        assert list(place.iterdir()) == []
        assert await read(one) == (b"head", b"content")


async def test_the_longest_unused_go_first(tmp_path: Path, place: Path, database: Database) -> None:
    keys = [result_key(str(number)) for number in range(10)]
    async with node(tmp_path / "one", place, database, shared_max_bytes=10_000) as one:
        for key in keys:
            await put(one, bytes(800), key)
        assert await one.sweep() == 0
        async with database.changing() as connection:
            for number, key in enumerate(keys):
                used = int(time.time()) - (10 - number if number else 0)
                values = sa.update(SHARED_RESULTS).where(SHARED_RESULTS.c.key == key).values(used=used)
                await connection.execute(values)
        await put(one, bytes(3000), KEY)
        assert await one.sweep() == 4
        assert {path.name for path in place.rglob("*") if path.is_file()} == {keys[0], KEY, *keys[5:]}
        assert await one.sweep() == 0


async def test_what_nobody_asked_for_goes(tmp_path: Path, place: Path, database: Database) -> None:
    async with (
        node(tmp_path / "one", place, database, shared_keep=7200) as one,
        node(tmp_path / "other", place, database) as other,
    ):
        for name in ("old", "used", "gone"):
            await put(one, key=result_key(name))
        async with database.changing() as connection:
            await connection.execute(sa.update(SHARED_RESULTS).values(used=int(time.time()) - 8000))
        (place / result_key("gone")[:2] / result_key("gone")).unlink()
        assert await read(other, result_key("used"))
        await until(lambda: len(other._tasks) == 1)  # the use is noted
        assert await one.sweep() == 2
        assert {path.name for path in place.rglob("*") if path.is_file()} == {result_key("used")}


@pytest.mark.parametrize("url", ["s3://key:secret@bucket/a", "s3://bucket/a?sig=secret", "ftp://bucket"])
def test_places_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="shared") as caught:
        ResultSettings(shared=url)
    assert "secret" not in str(caught.value)
