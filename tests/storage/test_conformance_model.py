"""Long random histories of a storage, compared with dictionaries after every step."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from openmogr.storage import EmbeddedStorage, Storage
from openmogr.storage.interface import CompletedPart, ObjectAttributes, ObjectReader, Write

T = TypeVar("T")

BUCKET = "photos-1250000000"
KEYS = st.sampled_from(["a", "a/", "a/b", "ä", "../x"])
BODIES = st.builds(
    lambda fill, size: bytes([fill]) * size, st.integers(0, 255), st.sampled_from([0, 1, 999, 9000])
)


def pick(items: Sequence[str], index: int) -> str:
    return items[index % len(items)]


class History(RuleBasedStateMachine):
    """Objects, open readers and uploads, as the storage has them and as the model does."""

    new_storage: Callable[[Path], Storage]
    memory: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(dir=type(self).memory)
        self.runner = asyncio.Runner()
        self.objects: dict[str, bytes] = {}
        self.readers: list[tuple[ObjectReader, bytes]] = []
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.start()
        self.run(self.storage.create_bucket(BUCKET, region="ap-beijing"))

    def possible(self, keys: Sequence[str]) -> list[str]:
        """Keys of which none is a folder of another, where the storage keeps files."""
        return list(keys) if self.storage.promises.nests_keys else [key.replace("a/b", "b/b") for key in keys]

    def gone(self, keys: Iterable[str]) -> None:
        """Readers of keys that were written or removed; what they say then is another test's."""
        if not self.storage.promises.keeps_opened:
            left = set(keys)
            self.readers = [(reader, body) for reader, body in self.readers if reader.info.key not in left]

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(call)

    def start(self) -> None:
        self.storage = type(self).new_storage(Path(self.folder.name))
        self.run(self.storage.__aenter__())

    def stop(self) -> None:
        for reader, _ in self.readers:
            self.run(reader.aclose())
        self.readers.clear()
        self.run(self.storage.__aexit__(None, None, None))

    @rule(keys=st.lists(KEYS, min_size=1, max_size=3), body=BODIES, other=BODIES)
    def put(self, keys: list[str], body: bytes, other: bytes) -> None:
        async def commit() -> None:
            async with self.storage.stage() as one, self.storage.stage() as two:
                await one.write(body)
                await two.write(other)
                contents = [one, two, one]
                await self.storage.commit(
                    [Write(BUCKET, key, content) for key, content in zip(keys, contents, strict=False)]
                )

        keys = self.possible(keys)
        self.run(commit())
        self.gone(keys)
        self.objects.update(zip(keys, [body, other, body], strict=False))

    @rule(keys=st.lists(KEYS, max_size=3))
    def delete(self, keys: list[str]) -> None:
        self.run(self.storage.delete_objects(BUCKET, keys))
        self.gone(keys)
        for key in keys:
            self.objects.pop(key, None)

    @precondition(lambda self: self.objects)
    @rule(source=st.integers(0, 9))
    def open(self, source: int) -> None:
        key = pick(sorted(self.objects), source)
        reader = self.run(self.storage.open_object(BUCKET, key))
        self.readers.append((reader, self.objects[key]))

    @precondition(lambda self: self.readers)
    @rule(index=st.integers(0, 9), key=KEYS)
    def copy(self, index: int, key: str) -> None:
        reader, body = self.readers[index % len(self.readers)]
        (key,) = self.possible([key])
        self.run(self.storage.commit([Write(BUCKET, key, reader)]))
        self.gone([key])
        self.objects[key] = body

    @precondition(lambda self: self.readers)
    @rule(index=st.integers(0, 9))
    def close(self, index: int) -> None:
        reader, body = self.readers.pop(index % len(self.readers))
        assert self.run(reader.read()) == body
        self.run(reader.aclose())

    @rule(key=KEYS)
    def initiate(self, key: str) -> None:
        (key,) = self.possible([key])
        upload = self.run(self.storage.create_upload(BUCKET, key, ObjectAttributes()))
        self.uploads[upload.upload_id] = (key, {})

    @precondition(lambda self: self.uploads)
    @rule(index=st.integers(0, 9), number=st.integers(1, 4), body=BODIES)
    def send_part(self, index: int, number: int, body: bytes) -> None:
        upload_id = pick(sorted(self.uploads), index)
        key, parts = self.uploads[upload_id]

        async def send() -> None:
            async with self.storage.stage() as staged:
                await staged.write(body)
                await self.storage.put_part(BUCKET, key, upload_id, number, staged)

        self.run(send())
        parts[number] = body

    @precondition(lambda self: self.uploads and self.readers)
    @rule(
        index=st.integers(0, 9),
        number=st.integers(1, 4),
        start=st.integers(0, 900),
        length=st.integers(0, 8000),
    )
    def copy_part(self, index: int, number: int, start: int, length: int) -> None:
        upload_id = pick(sorted(self.uploads), index)
        key, parts = self.uploads[upload_id]
        reader, body = self.readers[index % len(self.readers)]
        start = min(start, len(body))
        stop = min(start + length, len(body))
        self.run(self.storage.copy_part(BUCKET, key, upload_id, number, reader, start, stop))
        parts[number] = body[start:stop]

    @precondition(lambda self: any(parts for _, parts in self.uploads.values()))
    @rule(index=st.integers(0, 9))
    def complete(self, index: int) -> None:
        ready = sorted(upload_id for upload_id, (_, parts) in self.uploads.items() if parts)
        upload_id = pick(ready, index)
        key, parts = self.uploads[upload_id]
        # The suite's storages refuse parts below 1000 bytes, except as the last one.
        numbers = [number for number in sorted(parts) if len(parts[number]) >= 1000] or [min(parts)]
        wanted = [CompletedPart(number, hashlib.md5(parts[number]).hexdigest()) for number in numbers]

        async def finish() -> None:
            async with await self.storage.assemble(BUCKET, key, upload_id, wanted) as assembly:
                await self.storage.commit([Write(BUCKET, key, assembly)])

        self.run(finish())
        self.gone([key])
        del self.uploads[upload_id]
        self.objects[key] = b"".join(parts[number] for number in numbers)

    @precondition(lambda self: self.uploads)
    @rule(index=st.integers(0, 9))
    def abort(self, index: int) -> None:
        upload_id = pick(sorted(self.uploads), index)
        key, _ = self.uploads.pop(upload_id)
        self.run(self.storage.abort_upload(BUCKET, key, upload_id))

    @rule()
    def restart(self) -> None:
        self.stop()
        self.start()

    @invariant()
    def agrees(self) -> None:
        async def read() -> dict[str, bytes]:
            found = {}
            for info in (await self.storage.list_objects(BUCKET)).objects:
                async with await self.storage.open_object(BUCKET, info.key) as reader:
                    assert reader.info == info
                    found[info.key] = await reader.read()
                    assert len(found[info.key]) == info.size
            return found

        assert self.run(read()) == self.objects
        page = self.run(self.storage.list_uploads(BUCKET))
        assert {upload.upload_id: upload.key for upload in page.uploads} == {
            upload_id: key for upload_id, (key, _) in self.uploads.items()
        }

    def teardown(self) -> None:
        for reader, body in self.readers:
            assert self.run(reader.read()) == body
        self.stop()
        if isinstance(self.storage, EmbeddedStorage):
            self.check_files()
        self.runner.close()
        self.folder.cleanup()

    def check_files(self) -> None:
        """Nothing lies around: without objects and uploads there are no files."""
        self.start()
        keys = list(self.objects)
        self.run(self.storage.delete_objects(BUCKET, keys))
        for upload_id, (key, _) in self.uploads.items():
            self.run(self.storage.abort_upload(BUCKET, key, upload_id))
        assert isinstance(self.storage, EmbeddedStorage)
        self.run(self.storage.reclaimed())
        data = Path(self.folder.name) / "data"
        assert [*(data / "blobs").glob("*/*"), *(data / "staging").iterdir()] == []
        self.stop()


def test_histories(new_storage: Callable[[Path], Storage], memory: Path) -> None:
    machine = type("BackendHistory", (History,), {"new_storage": staticmethod(new_storage), "memory": memory})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25 // getattr(new_storage, "cost", 1),
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
        ),
    )
