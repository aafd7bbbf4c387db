"""Bytes that changed on the disk are never handed out for what was stored."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from openmogr.errors import InternalError
from openmogr.storage import EmbeddedStorage, StorageSettings
from openmogr.storage.embedded import integrity
from openmogr.storage.interface import CompletedPart, ObjectAttributes, Write
from openmogr.storage.settings import Verify

pytestmark = pytest.mark.anyio

BUCKET = "photos-1250000000"
SMALL = b"0123456789" * 2000
LARGE = bytes(range(256)) * 8192  # 2 MiB


@asynccontextmanager
async def opened(data: Path, verify: Verify = Verify.SAMPLED) -> AsyncIterator[EmbeddedStorage]:
    async with EmbeddedStorage(StorageSettings(data=data, min_part_bytes=0, verify=verify)) as storage:
        yield storage


async def put(storage: EmbeddedStorage, key: str, body: bytes) -> Path:
    """Stores an object; gives the file of its bytes."""
    if BUCKET not in [bucket.name for bucket in await storage.list_buckets()]:
        await storage.create_bucket(BUCKET, region="ap-beijing")
    async with storage.stage() as staged:
        await staged.write(body)
        await storage.commit([Write(BUCKET, key, staged)])
    async with await storage.open_object(BUCKET, key) as reader:
        assert reader.path is not None
        return reader.path


def rot(path: Path, position: int = 1234) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize("verify", [Verify.SAMPLED, Verify.FULL])
async def test_a_small_object_is_refused_before_any_byte(
    tmp_path: Path, verify: Verify, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path / "data", verify) as storage:
        rot(await put(storage, "a.txt", SMALL))
        async with await storage.open_object(BUCKET, "a.txt") as reader:
            with pytest.raises(InternalError, match="internal error"), caplog.at_level(logging.ERROR):
                await reader.verify()
        assert f"{BUCKET}/a.txt is damaged" in caplog.text


async def test_without_the_setting_nothing_is_checked(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", Verify.OFF) as storage:
        rot(await put(storage, "a.txt", SMALL))
        async with await storage.open_object(BUCKET, "a.txt") as reader:
            await reader.verify(whole=True)
            assert len(await reader.read()) == len(SMALL)


async def test_a_sound_object_reads_alike_checked_or_not(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as storage:
        for key, body in (("s", SMALL), ("m", SMALL * 20), ("l", LARGE), ("e", b"")):
            if body:
                await put(storage, key, body)
            else:
                async with storage.stage() as staged:
                    await storage.commit([Write(BUCKET, key, staged)])
            async with await storage.open_object(BUCKET, key) as reader:
                await reader.verify()
                assert await reader.read() == body
                assert await reader.read(0, 0) == b""
                half = len(body) // 2
                assert await reader.read(half) == body[half:]
                assert await reader.read(half // 2, half) == body[half // 2 : half]


async def test_a_long_object_is_refused_before_its_last_chunk(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as storage:
        rot(await put(storage, "big", LARGE))
        got = b""
        async with await storage.open_object(BUCKET, "big") as reader:
            await reader.verify()
            with pytest.raises(InternalError):  # noqa: PT012 - what came before it counts
                async for chunk in reader.stream():
                    got += chunk
        assert len(got) < len(LARGE)
        # From now on it is known.
        async with await storage.open_object(BUCKET, "big") as reader:
            with pytest.raises(InternalError):
                await reader.verify()


async def test_full_reads_a_long_object_before_its_parts(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", Verify.FULL) as storage:
        path = await put(storage, "big", LARGE)
        async with await storage.open_object(BUCKET, "big") as reader:
            await reader.verify()
            rot(path)
            await reader.verify()  # trusted for an hour
        async with opened(tmp_path / "other", Verify.FULL) as other:
            rot(await put(other, "big", LARGE))
            async with await other.open_object(BUCKET, "big") as reader:
                with pytest.raises(InternalError):
                    await reader.verify()


async def test_parts_of_long_objects_have_the_whole_checked_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "_ONE_IN", 1)
    async with opened(tmp_path / "data") as storage:
        rot(await put(storage, "big", LARGE), position=2_000_000)
        async with await storage.open_object(BUCKET, "big") as reader:
            await reader.verify()
            assert await reader.read(0, 10) == LARGE[:10]
        assert storage._checking is not None
        await storage._checking
        async with await storage.open_object(BUCKET, "big") as reader:
            with pytest.raises(InternalError):
                await reader.verify()


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "long"])
@pytest.mark.parametrize("lost", ["missing", "short"])
async def test_a_lost_file_is_told_before_any_byte(
    tmp_path: Path, body: bytes, lost: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path / "data") as storage:
        path = await put(storage, "a", body)
        if lost == "missing":
            path.unlink()
        else:
            path.write_bytes(body[:-1])
        async with await storage.open_object(BUCKET, "a") as reader:
            with pytest.raises(InternalError):
                await reader.verify()
        assert f"{BUCKET}/a is damaged" in caplog.text


async def test_objects_of_several_parts_are_checked(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as storage:
        await storage.create_bucket(BUCKET, region="ap-beijing")
        upload = await storage.create_upload(BUCKET, "whole", ObjectAttributes())
        parts = []
        for number in (1, 2):
            async with storage.stage() as staged:
                await staged.write(SMALL)
                part = await storage.put_part(BUCKET, "whole", upload.upload_id, number, staged)
                parts.append(CompletedPart(number, part.etag))
        async with await storage.assemble(BUCKET, "whole", upload.upload_id, parts) as assembly:
            await storage.commit([Write(BUCKET, "whole", assembly)])
        async with await storage.open_object(BUCKET, "whole") as reader:
            await reader.verify()
            assert await reader.read() == SMALL * 2
        await storage.reclaimed()
        rot(next((tmp_path / "data" / "blobs").glob("*/*")))
        async with await storage.open_object(BUCKET, "whole") as reader:
            with pytest.raises(InternalError):
                await reader.verify()
