"""Run by ``test_crash.py`` and killed in the middle: writes objects without end and says which are committed.

Prints ``commit <key> <number>`` after, and ``try <key> <number>`` before, each write of a version of a key, and
``append <key> <number>`` after one more append to a key that grows.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
from pathlib import Path

from openmogr.storage import EmbeddedStorage, StorageSettings
from openmogr.storage.interface import CompletedPart, ObjectAttributes, Write

BUCKET = "photos-1250000000"


def body(key: str, number: int) -> bytes:
    """The bytes of a version of a key; number 0 stands for no object."""
    seed = hashlib.sha256(f"{key} {number}".encode()).digest()
    return seed * (1 + int.from_bytes(seed[:2]) // 8)


def say(word: str, key: str, number: int) -> None:
    sys.stdout.write(f"{word} {key} {number}\n")
    sys.stdout.flush()


async def put_pair(storage: EmbeddedStorage, key: str, number: int) -> None:
    """Two objects in one commit."""
    async with storage.stage() as one, storage.stage() as two:
        await one.write(body(key, number))
        await two.write(body(key + ".result", number))
        await storage.commit([Write(BUCKET, key, one), Write(BUCKET, key + ".result", two)])


async def put_parts(storage: EmbeddedStorage, key: str, number: int) -> None:
    """A multipart upload, committed together with a result."""
    upload = await storage.create_upload(BUCKET, key, ObjectAttributes())
    data = body(key, number)
    parts = []
    for index, start in enumerate(range(0, len(data), 50_000), 1):
        async with storage.stage() as staged:
            await staged.write(data[start : start + 50_000])
            part = await storage.put_part(BUCKET, key, upload.upload_id, index, staged)
            parts.append(CompletedPart(part.number, part.etag))
    async with (
        await storage.assemble(BUCKET, key, upload.upload_id, parts) as assembly,
        storage.stage() as result,
    ):
        await result.write(body(key + ".result", number))
        await storage.commit([Write(BUCKET, key, assembly), Write(BUCKET, key + ".result", result)])


async def work(storage: EmbeddedStorage, key: str, number: int, chance: random.Random) -> None:
    while True:
        number += 1
        say("try", key, number)
        await (put_parts if chance.random() < 0.3 else put_pair)(storage, key, number)
        say("commit", key, number)


def piece(number: int) -> bytes:
    """The bytes of an append."""
    return b"%d %s\n" % (number, hashlib.sha256(str(number).encode()).hexdigest().encode() * 50)


async def grow(storage: EmbeddedStorage, key: str) -> None:
    """Append to what is there already."""
    page = await storage.list_objects(BUCKET, prefix=key)
    position = page.objects[0].size if page.objects else 0
    number = total = 0
    while total < position:
        total += len(piece(number))
        number += 1
    while True:
        async with storage.stage() as staged:
            await staged.write(piece(number))
            info = await storage.append_object(BUCKET, key, position, staged, ObjectAttributes())
        position = info.size
        say("append", key, number)
        number += 1


async def main(folder: str, begin: int, seed: int) -> None:
    async with EmbeddedStorage(
        StorageSettings(data=Path(folder), chunk_bytes=16_384, min_part_bytes=0)
    ) as storage:
        if not await storage.list_buckets():
            await storage.create_bucket(BUCKET, region="ap-beijing")
        chance = random.Random(seed)
        await asyncio.gather(
            *(work(storage, f"key-{index}", begin, chance) for index in range(12)), grow(storage, "growing")
        )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
