"""Writes to a store that keeps files, while folders above them come and go."""

from __future__ import annotations

import asyncio

import pytest

from openmogr.storage.shared.place import Place
from openmogr.storage.stores import StoreBucket
from openmogr.storage.stores.store import Limits
from tests.versitygw import VersityGW

pytest.importorskip("obstore")
pytestmark = pytest.mark.anyio

ROUNDS, WRITERS = 300, 12


async def test_folders_that_vanish_while_objects_are_written(versitygw: VersityGW) -> None:
    """Removing the last object of a folder removes the folder, below which another object may just be named."""
    versitygw.client.create_bucket(Bucket="vanishing")
    where = StoreBucket(url="s3://vanishing", endpoint=versitygw.endpoint, region="us-east-1")
    place = Place(where, Limits(10, asyncio.Semaphore(64), 4096))
    await place.put("source", b"x", {})

    async def write(number: int) -> None:
        for _ in range(ROUNDS):
            key = f"folder/{number % 3}/{number}"
            if number % 2:
                await place.put(key, b"x", {})
            else:
                await place.copy("source", key)
            await place.delete([key])

    await asyncio.gather(*map(write, range(WRITERS)))
