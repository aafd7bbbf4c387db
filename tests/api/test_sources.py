"""Sources of image work that do not lie in one file; and that the API leaves the storage's files alone."""

from __future__ import annotations

import ast
import asyncio
import os
from pathlib import Path
from typing import cast

import pytest

import openmogr.api
from openmogr.api.sources import OpenSource
from openmogr.engine import ImagePool
from openmogr.errors import SlowDown
from openmogr.image import ImageSettings
from openmogr.storage import EmbeddedStorage, StorageSettings
from openmogr.storage.interface import CompletedPart, ObjectAttributes, ObjectReader

PART = 1024 * 1024


@pytest.mark.parametrize("tail", [100, PART])
@pytest.mark.parametrize("parts", [1, 2])
def test_an_assembly_of_several_files_is_copied_once(tmp_path: Path, parts: int, tail: int) -> None:
    async def scenario() -> None:
        async with EmbeddedStorage(StorageSettings(data=tmp_path, min_part_bytes=0)) as storage:
            await storage.create_bucket("b-1", region="r")
            upload = await storage.create_upload("b-1", "k", ObjectAttributes())
            whole, done = b"", []
            for number in range(1, parts + 1):
                data = os.urandom(tail if number == parts else PART)
                whole += data
                async with storage.stage() as staged:
                    await staged.write(data)
                    part = await storage.put_part("b-1", "k", upload.upload_id, number, staged)
                done.append(CompletedPart(number, part.etag))
            async with await storage.assemble("b-1", "k", upload.upload_id, done) as assembly:
                source = OpenSource.of(assembly)
                taken = await source.get()
                assert await source.get() is taken
                assert taken.read() == whole
                path = taken.path
                assert (path is None) == (parts > 1 and len(whole) <= PART)
                await source.aclose()
                if path is not None:
                    assert path.exists() == (parts == 1), "what was copied is removed, and nothing else"

    asyncio.run(scenario())


class Elsewhere:
    """An upload of a back-end without files."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.path = None

    async def stream(self):  # type: ignore[no-untyped-def]
        for start in range(0, len(self._data), 100_000):
            yield self._data[start : start + 100_000]


@pytest.mark.parametrize("size", [0, 10, 3 * PART])
def test_an_upload_that_is_no_file(size: int) -> None:
    async def scenario() -> None:
        data = os.urandom(size)
        source = OpenSource(Elsewhere(data), size, "e", 1)  # type: ignore[arg-type]
        taken = await source.get()
        assert taken.read() == data
        assert (taken.path is not None) == (size > PART)
        await source.aclose()
        assert taken.path is None or not taken.path.exists()

    asyncio.run(scenario())


def test_a_staged_upload_can_be_read_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = StorageSettings(data=tmp_path, chunk_bytes=4096)
        async with EmbeddedStorage(settings) as storage, storage.stage() as staged:
            data = os.urandom(10_000)
            await staged.write(data)
            await staged.finish()
            assert b"".join([chunk async for chunk in staged.stream()]) == data
        async with EmbeddedStorage(settings) as storage, storage.stage() as empty:
            assert [chunk async for chunk in empty.stream()] == []

    asyncio.run(scenario())


def test_the_api_opens_no_file_of_the_storage() -> None:
    """One helper takes the path of a file, to hand it on; nothing opens one."""
    for file in sorted(Path(openmogr.api.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("open", "os.open"), f"{file.name} line {node.lineno}"
            if isinstance(node, ast.Attribute) and node.attr == "path" and file.name != "sources.py":
                owner = ast.unparse(node.value)
                assert owner in ("request", "self", "seen", "os"), (
                    f"{file.name} line {node.lineno}: {owner}.path"
                )


def test_copies_of_sources_have_bounded_room(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = ImagePool(ImageSettings(workers=1, spool_bytes=100, patience=0.05), tmp_path)
        async with pool.room(70), pool.room(0), pool.room(30):
            with pytest.raises(SlowDown, match="short of space for sources"):
                async with pool.room(1):
                    pass
        async with pool.room(1000):  # alone
            pass
        source = OpenSource(cast(ObjectReader, Elsewhere(bytes(3 * PART))), 3 * PART, "e", 1)
        assert source.to_copy == 3 * PART
        path = (await source.get(pool.folder)).path
        assert path is not None
        assert path.name in await asyncio.to_thread(os.listdir, tmp_path)
        assert source.to_copy == 0
        left = tmp_path / "openmogr-left"
        await asyncio.to_thread(left.write_bytes, b"by a server that was killed")
        await source.aclose()
        await pool.start()
        await pool.close()
        left_over = await asyncio.to_thread(os.listdir, tmp_path)
        assert not [name for name in left_over if name.startswith("openmogr-")]

    asyncio.run(scenario())
