"""A node is killed while the store has half of a large object; another node, which runs, ends that upload."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.databases import PostgreSQLServer
from tests.storage.shared import S3Stores
from tests.versitygw import VersityGW

pytestmark = pytest.mark.anyio

# A node whose link to the store stands still in the middle of a large object.
_NODE = """
import asyncio, sys
from pathlib import Path
from pydantic import SecretStr
from openmogr.database import Database, DatabaseSettings
from openmogr.storage import StorageSettings
from openmogr.storage.interface import Write
from openmogr.storage.shared import SharedStorage
from openmogr.storage.shared.place import WHOLE, Place
from openmogr.storage.stores.settings import StoreBucket
from openmogr.storage.stores.store import Limits
from openmogr.transfer.unfinished import unfinished_uploads

class Stuck(Place):
    async def put_stream(self, path, size, chunks, attributes):
        async def some():
            sent = 0
            async for chunk in chunks:
                yield chunk
                sent += len(chunk)
                if sent > 2 * WHOLE:
                    await asyncio.sleep(3600)
        return await super().put_stream(path, size, some(), attributes)

async def main(url, endpoint, database, data):
    where = StoreBucket(url=url, endpoint=endpoint, region="us-east-1")
    settings = StorageSettings(data=Path(data), io_threads=4)
    place = Stuck(where, Limits(10, asyncio.Semaphore(64), settings.chunk_bytes), uploads=unfinished_uploads(where))
    database = Database(DatabaseSettings(url=SecretStr(database)), Path(data))
    await database.open()
    async with SharedStorage(settings, place, database) as storage, storage.stage() as staged:
        await staged.write(bytes(4 * WHOLE))
        await storage.commit([Write("photos-1250000000", "a", staged)])

asyncio.run(main(*sys.argv[1:]))
"""


def _killed_amid_an_upload(words: tuple[str, ...], client: Any, bucket: str) -> None:
    """Start that node, and kill it once the bucket has a second upload."""
    with subprocess.Popen([sys.executable, "-c", _NODE, *words]) as node:
        try:
            deadline = time.monotonic() + 20
            while len(client.list_multipart_uploads(Bucket=bucket)["Uploads"]) < 2:
                assert node.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            node.send_signal(signal.SIGKILL)


async def test_another_node_ends_what_a_killed_one_was_uploading(
    postgresql: PostgreSQLServer, versitygw: VersityGW, tmp_path: Path
) -> None:
    pytest.importorskip("obstore")
    stores = S3Stores(postgresql, versitygw)
    async with stores(tmp_path, "survivor") as storage:
        where, bucket = stores._stores[tmp_path], stores._name
        client = versitygw.client
        await storage.create_bucket("photos-1250000000", region="r")
        client.create_multipart_upload(Bucket=bucket, Key="of-another-program")
        database = postgresql.url(str(stores._database))
        words = (where, versitygw.endpoint, database, str(tmp_path / "killed"))
        await asyncio.to_thread(_killed_amid_an_upload, words, client, bucket)
        # As long as its lease lasts it may be alive.
        await storage._recovery.look()
        assert len(client.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 2
        async with storage.database.changing() as connection:
            await connection.execute(
                text("UPDATE store_nodes SET until = 0 WHERE id <> :own"), {"own": storage.catalogue.node}
            )
        await storage._recovery.look()
        left = client.list_multipart_uploads(Bucket=bucket)["Uploads"]
        assert [item["Key"] for item in left] == ["of-another-program"]
